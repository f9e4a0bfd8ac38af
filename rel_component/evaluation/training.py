"""Repeated training: over folds, seeds and growing portions of the data."""

import io
import statistics
import tempfile
from pathlib import Path
from typing import (
    Any,
    Callable,
    Dict,
    Iterable,
    Iterator,
    List,
    Mapping,
    Optional,
    Sequence,
    Tuple,
    TypeVar,
)

import srsly
from spacy import util
from spacy.language import Language
from spacy.tokens import Doc
from spacy.training.initialize import init_nlp
from spacy.training.loop import train as train_nlp
from thinc.api import Config, require_gpu

from ..corpus.docbin import NAMES
from ..pipe.loading import load_pipeline
from ..scorer import ScoredDoc, score_relations
from ..wording import hint_at, plural
from .folds import Fold, grow, make_folds, pool_docs, write_docs
from .intervals import get_intervals
from .predictions import predict_on_gold_entities, read_examples
from .tables import METRICS

Number = TypeVar("Number", int, float)
# no model selection and no early stopping
TO_THE_END = {"training.eval_frequency": 10**6, "training.patience": 0}
# minimum gain of a learning curve's last step; below, the curve is flat
LEAST_GAIN = 0.01


def parse_override(item: str) -> Tuple[str, Any]:
    """Parse an override of a config.

    item (str): an override such as `training.max_steps=800`, with a value in JSON or a
        string.
    RETURNS (Tuple[str, Any]): name and value.
    RAISES (ValueError): if `=` or the dotted name is missing.
    """
    name, is_there, value = item.partition("=")
    if not is_there or "." not in name:
        raise ValueError(
            f"--set {item}: expected dotted.name=value, such as training.max_steps=800."
        )
    try:
        return name, srsly.json_loads(value)
    except ValueError:
        return name, value


def parse_numbers(
    option: str, text: str, kind: Callable[[str], Number]
) -> List[Number]:
    """Parse the numbers of an option.

    option (str): the option's name, such as `--seeds`.
    text (str): numbers separated by commas.
    kind (Callable): `int` or `float`.
    RETURNS (List[int | float]): the numbers.
    RAISES (ValueError): if the text contains anything else.
    """
    try:
        return [kind(part) for part in text.split(",")]
    except ValueError:
        raise ValueError(
            f"{option} {text}: expected numbers separated by commas, such as "
            f"{'0,1,2' if kind is int else '0.5,1'}."
        ) from None


def train_pipeline(
    config: Path,
    train: Sequence[Doc],
    dev: Sequence[Doc],
    overrides: Dict[str, Any],
    *,
    use_gpu: int = -1,
) -> Language:
    """Train for `training.max_steps` steps, without output.

    config (Path): the config.
    train (Sequence[Doc]), dev (Sequence[Doc]): documents with relations; `dev` is
        not used for model selection.
    overrides (Dict[str, Any]): overrides by dotted name.
    use_gpu (int): GPU ID, or -1 for CPU.
    RETURNS (Language): the last model.
    RAISES (ValueError): if the config can't be read or trained, sets no number of
        steps, or there is no GPU.
    """
    for name in TO_THE_END:
        if name in overrides:
            raise ValueError(f"{name} can't be set: all steps are trained.")
    with tempfile.TemporaryDirectory() as folder:
        paths = {
            f"paths.{name}": str(write_docs(docs, Path(folder) / f"{name}.spacy"))
            for name, docs in (("train", train), ("dev", dev))
        }
        settings = {**overrides, **TO_THE_END, **paths}
        try:
            if use_gpu >= 0:
                require_gpu(use_gpu)
            loaded = util.load_config(config, overrides=settings, interpolate=False)
            nlp = init_nlp(loaded, use_gpu=use_gpu)
        except (OSError, ValueError) as error:
            raise ValueError(f"{config} can't be trained: {error}") from error
        check_known(overrides, nlp.config)
        training = nlp.config.interpolate()["training"]
        if max(training["max_steps"], training["max_epochs"]) < 1:
            raise ValueError(
                f"{config}: training.max_steps and max_epochs are 0, so training "
                f"doesn't end. Use --set training.max_steps=800, for example."
            )
        output = Path(folder) / "model"
        output.mkdir()
        silence = io.StringIO()
        train_nlp(nlp, output, use_gpu=use_gpu, stdout=silence, stderr=silence)
        return load_pipeline(output / "model-last")


def check_known(overrides: Mapping[str, Any], config: Config) -> None:
    """Check that a pipeline has the overridden settings: spaCy ignores unknown ones in
    `[training]`.

    overrides (Mapping[str, Any]): overrides by dotted name.
    config (Config): the pipeline's config.
    RAISES (ValueError): if there is no such setting.
    """
    for name in overrides:
        section: Any = config
        for key in name.split("."):
            if key not in section:
                hint = hint_at(key, list(section))
                raise ValueError(
                    f"--set {name}: the pipeline has no such setting.{hint}"
                )
            section = section[key]


def predict_held_out(nlp: Language, golds: Iterable[Doc]) -> List[ScoredDoc]:
    """RETURNS (List[ScoredDoc]): predictions with gold entities."""
    return read_examples(nlp, predict_on_gold_entities(nlp, golds))


def cross_validate(
    config: Path,
    folds: Sequence[Fold],
    overrides: Dict[str, Any],
    *,
    use_gpu: int = -1,
    on_fold: Optional[Callable[[int, float], None]] = None,
) -> Dict[str, Any]:
    """Predict each document with a model that was not trained on its text.

    config (Path): the config to train.
    folds (Sequence[Fold]): see `folds.make_folds`.
    overrides (Dict[str, Any]): overrides by dotted name, including `system.seed`.
    use_gpu (int): GPU ID, or -1 for CPU.
    on_fold (Optional[Callable[[int, float], None]]): called with the number of folds
        done and the micro F so far.
    RETURNS (Dict[str, Any]): `micro_p`, `micro_r`, `micro_f` and `macro_f` over the
        relations of all documents, `intervals`, and `folds` with the same per fold.
    """
    docs: List[ScoredDoc] = []
    rows = []
    for i, (train, held_out) in enumerate(folds):
        nlp = train_pipeline(config, train, held_out, overrides, use_gpu=use_gpu)
        found = predict_held_out(nlp, held_out)
        docs += found
        rows.append({"documents": len(found), **_get_metrics(found)})
        if on_fold is not None:
            on_fold(i + 1, _get_metrics(docs)["micro_f"] or 0.0)
    return {**_get_metrics(docs), "intervals": get_intervals(docs), "folds": rows}


def cross_validate_files(
    config: Path,
    data: Path,
    overrides: Dict[str, Any],
    *,
    names: Iterable[str] = NAMES,
    n_folds: int = 5,
    fold_seed: int = 0,
    seeds: Sequence[int] = (0,),
    use_gpu: int = -1,
    on_fold: Optional[Callable[[int, float], None]] = None,
) -> Iterator[Dict[str, Any]]:
    """Cross-validate a config on the documents of several files.

    config (Path), overrides (Dict[str, Any]), use_gpu (int), on_fold (Optional): see
        `cross_validate`.
    data (Path): folder of the files.
    names (Iterable[str]): names of the `.spacy` files to pool.
    n_folds (int): number of folds.
    fold_seed (int): random seed of the folds.
    seeds (Sequence[int]): training seeds.
    YIELDS (Dict[str, Any]): after each seed the `runs` so far, their `summary`, and
        `config`, `folds` and `documents`.
    RAISES (ValueError): if a file can't be read, or the config can't be trained.
    """
    docs = pool_docs(data, names)
    folds = make_folds(docs, n_folds, seed=fold_seed)
    runs: List[Dict[str, Any]] = []
    for seed in seeds:
        settings = {**overrides, "system.seed": seed}
        found = cross_validate(
            config, folds, settings, use_gpu=use_gpu, on_fold=on_fold
        )
        runs.append({"seed": seed, **found})
        yield {
            "config": str(config),
            "folds": n_folds,
            "documents": len(docs),
            "runs": runs,
            "summary": summarize_runs(runs),
        }


def summarize_runs(runs: Sequence[Dict[str, Any]]) -> Dict[str, Dict[str, Any]]:
    """Compute mean and standard deviation of a cross-validation.

    runs (Sequence[Dict[str, Any]]): the output of `cross_validate` for each seed.
    RETURNS (Dict[str, Dict[str, Any]]): for each metric the `mean` over seeds, `sd`
        over seeds and `sd_folds` over the folds of all; None for fewer than two.
    """
    summary = {}
    for name in METRICS:
        values = [run[name] for run in runs if run[name] is not None]
        folds = [x[name] for run in runs for x in run["folds"] if x[name] is not None]
        summary[name] = {
            "mean": statistics.mean(values) if values else None,
            "sd": statistics.stdev(values) if len(values) > 1 else None,
            "sd_folds": statistics.stdev(folds) if len(folds) > 1 else None,
        }
    return summary


def get_learning_curve(
    config: Path,
    train: Sequence[Doc],
    held_out: Sequence[Doc],
    overrides: Dict[str, Any],
    *,
    shares: Sequence[float] = (0.125, 0.25, 0.5, 1.0),
    seeds: Sequence[int] = (0, 1, 2),
    use_gpu: int = -1,
    on_point: Optional[Callable[[int, int, float], None]] = None,
) -> Dict[str, Any]:
    """Train on growing portions of the data.

    config (Path): the config to train.
    train (Sequence[Doc]): all training documents.
    held_out (Sequence[Doc]): the documents to evaluate on.
    overrides (Dict[str, Any]): overrides by dotted name.
    shares (Sequence[float]): increasing proportions of the training documents.
    seeds (Sequence[int]): seeds; each selects different documents and trains again.
    use_gpu (int): GPU ID, or -1 for CPU.
    on_point (Optional[Callable]): called with seed, number of documents and micro F of
        each training.
    RETURNS (Dict[str, Any]): `points`, each with `share`, `documents` (for the first
        seed), `scores` (micro F for each seed) and `mean`; `seeds`, `advice`.
    """
    scores: List[List[float]] = [[] for _ in shares]
    sizes: List[int] = []
    for seed in seeds:
        parts = grow(train, shares, seed=seed)
        sizes = sizes or [len(part) for part in parts]
        for part, found in zip(parts, scores):
            settings = {**overrides, "system.seed": seed}
            nlp = train_pipeline(config, part, held_out, settings, use_gpu=use_gpu)
            score = _get_metrics(predict_held_out(nlp, held_out))["micro_f"] or 0.0
            found.append(score)
            if on_point is not None:
                on_point(seed, len(part), score)
    points = [
        {
            "share": share,
            "documents": n,
            "scores": found,
            "mean": statistics.mean(found),
        }
        for share, n, found in zip(shares, sizes, scores)
    ]
    return {"points": points, "seeds": list(seeds), "advice": advise(points)}


def advise(points: Sequence[Dict[str, Any]]) -> str:
    """Advise whether to annotate more.

    points (Sequence[Dict[str, Any]]): the points of a learning curve.
    RETURNS (str): the gain of the last step, and its variation over seeds.
    """
    if len(points) < 2:
        return "A curve needs several points: set more --shares."
    before, last = points[-2], points[-1]
    gains = [b - a for a, b in zip(before["scores"], last["scores"])]
    gain = statistics.mean(gains)
    said = (
        f"From {before['documents']} to {last['documents']} training documents, F "
        f"changed by {100 * gain:+.1f} points on average over "
        f"{plural(len(gains), 'seed')} ({100 * before['mean']:.1f} to "
        f"{100 * last['mean']:.1f})"
    )
    if len(gains) < 2:
        return f"{said}. Use several seeds to distinguish a gain from noise."
    error = statistics.stdev(gains) / len(gains) ** 0.5
    said += f", standard error {100 * error:.1f}. "
    if gain > max(2 * error, LEAST_GAIN):
        return said + "The curve is still rising: annotate more."
    if gain + 2 * error < LEAST_GAIN:
        return (
            said + "The curve is flat: more documents of this kind would help little."
        )
    return said + "The gain may be noise: try more seeds."


def _get_metrics(docs: Sequence[ScoredDoc]) -> Dict[str, Any]:
    scores = score_relations(docs)
    return {name: scores[f"rel_{name}"] for name in METRICS}

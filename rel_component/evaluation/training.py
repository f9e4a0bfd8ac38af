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
from spacy.training import Example
from spacy.training.initialize import init_nlp
from spacy.training.loop import train as train_nlp
from thinc.api import Config, require_gpu

from ..corpus.docbin import NAMES
from ..pipe.loading import find_spans_key, list_entity_finders, load_pipeline
from ..scorer import ScoredDoc, score_relations
from ..wording import hint_at, plural
from .entities import score_entities
from .folds import Fold, grow, make_folds, pool_docs, write_docs
from .intervals import get_intervals
from .predictions import (
    predict_end_to_end,
    predict_on_gold_entities,
    read_examples,
)
from .tables import METRICS, TEXT_METRICS

Number = TypeVar("Number", int, float)
# no model selection and no early stopping
TO_THE_END = {"training.eval_frequency": 10**6, "training.patience": 0}
# minimum gain of a learning curve's last step; below, the curve is flat
LEAST_GAIN = 0.01
# maximum characters of another error in a message
MAX_REASON = 500


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
            reason = str(error)
            if len(reason) > MAX_REASON:  # spaCy quotes the whole file
                reason = f"{reason[:MAX_REASON]}…"
            raise ValueError(f"{config} can't be trained: {reason}") from error
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


class HeldOut:
    """Predictions on held-out documents, of one pipeline or of several.

    with_entities (List[ScoredDoc]): relations between gold entities.
    from_text (List[ScoredDoc]): relations from the text alone; empty if the pipelines
        don't predict entities.
    examples (List[Example]): the documents of `from_text`, with their entities.
    """

    def __init__(self) -> None:
        self.with_entities: List[ScoredDoc] = []
        self.from_text: List[ScoredDoc] = []
        self.examples: List[Example] = []
        self.spans_key: Optional[str] = None

    def predict(self, nlp: Language, golds: Sequence[Doc]) -> None:
        """Add the predictions of a pipeline.

        nlp (Language): the pipeline.
        golds (Sequence[Doc]): documents with relations, not from its training data.
        """
        self.with_entities += read_examples(nlp, predict_on_gold_entities(nlp, golds))
        if list_entity_finders(nlp):
            found = predict_end_to_end(nlp, golds)
            self.examples += found
            self.from_text += read_examples(nlp, found)
            self.spans_key = find_spans_key(nlp)

    def extend(self, other: "HeldOut") -> None:
        """Add the predictions of another pipeline with the same components."""
        self.with_entities += other.with_entities
        self.from_text += other.from_text
        self.examples += other.examples
        self.spans_key = other.spans_key

    def score(self) -> Dict[str, Any]:
        """RETURNS (Dict[str, Any]): `METRICS`, with gold entities; if the pipelines
        predict entities, also those of `TEXT_METRICS`, from the text alone."""
        scores = score_relations(self.with_entities)
        metrics = {name: scores[f"rel_{name}"] for name in METRICS}
        if self.from_text:
            entities = score_entities(self.examples, self.spans_key)
            metrics["entities_f"] = entities["ents_micro_f"]
            metrics["strict_f"] = score_relations(self.from_text)["rel_strict_f"]
        return metrics


def get_main_score(metrics: Mapping[str, Any]) -> Tuple[str, float]:
    """RETURNS (Tuple[str, float]): what the score is, and its value: strict F if the
    pipeline predicts entities, otherwise micro F with gold entities.

    metrics (Mapping[str, Any]): see `HeldOut.score`.
    """
    if "strict_f" in metrics:
        return "strict F from the text alone", metrics["strict_f"] or 0.0
    return "F with gold entities", metrics["micro_f"] or 0.0


def cross_validate(
    config: Path,
    folds: Sequence[Fold],
    overrides: Dict[str, Any],
    *,
    use_gpu: int = -1,
    on_fold: Optional[Callable[[int, str, float], None]] = None,
) -> Dict[str, Any]:
    """Predict each document with a model that was not trained on its text.

    config (Path): the config to train.
    folds (Sequence[Fold]): see `folds.make_folds`.
    overrides (Dict[str, Any]): overrides by dotted name, including `system.seed`.
    use_gpu (int): GPU ID, or -1 for CPU.
    on_fold (Optional[Callable[[int, str, float], None]]): called with the number of
        folds done, and the main score so far.
    RETURNS (Dict[str, Any]): see `HeldOut.score`, over all documents; `intervals` with
        gold entities, `text_intervals` from the text alone, if the pipeline predicts
        entities; and `folds` with the scores of each.
    """
    everything = HeldOut()
    rows = []
    for i, (train, golds) in enumerate(folds):
        nlp = train_pipeline(config, train, golds, overrides, use_gpu=use_gpu)
        held_out = HeldOut()
        held_out.predict(nlp, golds)
        everything.extend(held_out)
        rows.append({"documents": len(golds), **held_out.score()})
        if on_fold is not None:
            on_fold(i + 1, *get_main_score(everything.score()))
    intervals = {"intervals": get_intervals(everything.with_entities)}
    if everything.from_text:
        intervals["text_intervals"] = get_intervals(everything.from_text)
    return {**everything.score(), **intervals, "folds": rows}


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
    on_fold: Optional[Callable[[int, str, float], None]] = None,
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
    RETURNS (Dict[str, Dict[str, Any]]): for each score the `mean` over seeds, `sd`
        over seeds and `sd_folds` over the folds of all; None for fewer than two.
    """
    summary = {}
    for name in [x for x in (*METRICS, *TEXT_METRICS) if x in runs[0]]:
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
    on_point: Optional[Callable[[int, int, str, float], None]] = None,
) -> Dict[str, Any]:
    """Train on growing portions of the data.

    config (Path): the config to train.
    train (Sequence[Doc]): all training documents.
    held_out (Sequence[Doc]): the documents to evaluate on.
    overrides (Dict[str, Any]): overrides by dotted name.
    shares (Sequence[float]): increasing proportions of the training documents.
    seeds (Sequence[int]): seeds; each selects different documents and trains again.
    use_gpu (int): GPU ID, or -1 for CPU.
    on_point (Optional[Callable]): called with seed, number of documents and main score
        of each training.
    RETURNS (Dict[str, Any]): `points`, each with `share`, `documents` (for the first
        seed), `scores` (for each seed) and `mean`; `score`, what they are; `seeds`,
        `advice`.
    """
    scores: List[List[float]] = [[] for _ in shares]
    sizes: List[int] = []
    for seed in seeds:
        parts = grow(train, shares, seed=seed)
        sizes = sizes or [len(part) for part in parts]
        for part, found in zip(parts, scores):
            settings = {**overrides, "system.seed": seed}
            nlp = train_pipeline(config, part, held_out, settings, use_gpu=use_gpu)
            predicted = HeldOut()
            predicted.predict(nlp, held_out)
            name, score = get_main_score(predicted.score())
            found.append(score)
            if on_point is not None:
                on_point(seed, len(part), name, score)
    points = [
        {
            "share": share,
            "documents": n,
            "scores": found,
            "mean": statistics.mean(found),
        }
        for share, n, found in zip(shares, sizes, scores)
    ]
    return {
        "points": points,
        "score": name,
        "seeds": list(seeds),
        "advice": advise(points),
    }


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

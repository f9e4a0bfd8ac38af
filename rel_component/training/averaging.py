"""Average the weights of pipelines that were trained from the same initial weights."""

from pathlib import Path
from typing import Any, Dict, Sequence

import spacy
from spacy.language import Language
from spacy.schemas import ConfigSchemaTraining
from spacy.training.initialize import init_nlp
from spacy.training.loop import create_evaluation_callback
from spacy.training.loop import train as train_nlp
from spacy.util import load_config, registry, resolve_dot_names
from thinc.api import Model, PyTorchShim, require_gpu

from ..pipe.extractor import RelationExtractor


def train_seeds(
    config: Path,
    overrides: Dict[str, Any],
    output: Path,
    seeds: Sequence[int],
    *,
    use_gpu: int = -1,
) -> Dict[str, Path]:
    """Train a config several times from the same initial weights, each time with
    another order of the documents and other dropout.

    config (Path): the config; its `training.seed` is that of the initial weights.
    overrides (Dict[str, Any]): overrides by dotted name, such as `paths.train`.
    output (Path): folder in which each training has a subfolder, `seed-0` and so on.
    seeds (Sequence[int]): seeds of the trainings.
    use_gpu (int): GPU ID, or -1 for CPU.
    RETURNS (Dict[str, Path]): the best pipeline of each training, by subfolder.
    RAISES (ValueError): if the config can't be read or trained, or there is no GPU.
    """
    paths = {}
    for seed in seeds:
        folder = output / f"seed-{seed}"
        try:
            if use_gpu >= 0:
                require_gpu(use_gpu)
            loaded = load_config(config, overrides=overrides, interpolate=False)
            nlp = init_nlp(loaded, use_gpu=use_gpu)
        except (OSError, ValueError) as error:
            raise ValueError(f"{config} can't be trained: {error}") from error
        nlp.config["training"]["seed"] = seed
        folder.mkdir(parents=True, exist_ok=True)
        train_nlp(nlp, folder, use_gpu=use_gpu)
        paths[folder.name] = folder / "model-best"
    return paths


def evaluate_on_dev(nlp: Language) -> Dict[str, Any]:
    """Evaluate a pipeline on the development documents of its config, as in training.

    nlp (Language): the trained pipeline; the scores are stored in its meta.
    RETURNS (Dict[str, Any]): the scores of `training.score_weights`, and their weighted
        sum as `score`.
    """
    config = nlp.config.interpolate()
    training = registry.resolve(config["training"], schema=ConfigSchemaTraining)
    (dev_corpus,) = resolve_dot_names(config, [training["dev_corpus"]])
    weights = training["score_weights"]
    score, scores = create_evaluation_callback(nlp, dev_corpus, weights)()
    nlp.meta["performance"] = {key: scores.get(key, 0.0) for key in weights}
    return {"score": score, **nlp.meta["performance"]}


def average_pipelines(paths: Sequence[Path]) -> Language:
    """Average the weights of trained pipelines.

    paths (Sequence[Path]): pipelines that were trained from the same initial weights;
        the average of others is useless.
    RETURNS (Language): the first pipeline with the average weights, and without
        thresholds and calibration, which were tuned for its own weights.
    RAISES (ValueError): if components, labels, or the shapes of weights differ.

    Source: Wortsman et al. (2022), Model soups: averaging weights of multiple
    fine-tuned models improves accuracy without increasing inference time.
    """
    average = spacy.load(paths[0])
    for _, pipe in average.pipeline:
        if isinstance(pipe, RelationExtractor):
            pipe.cfg.update(thresholds={}, calibration={}, max_distances={})
    for n, path in enumerate(paths[1:], 2):
        try:
            mix_pipelines(average, spacy.load(path), 1 / n)
        except ValueError as error:
            raise ValueError(
                f"{path} and {paths[0]} can't be averaged: {error} Train both with the "
                f"same config and data."
            ) from error
    return average


def mix_pipelines(nlp: Language, other: Language, share: float) -> None:
    """Move the weights of a pipeline towards those of another.

    nlp (Language): the pipeline, modified in place.
    other (Language): the other pipeline.
    share (float): share of the other's weights in the result.
    RAISES (ValueError): if components, labels, or the shapes of weights differ.
    """
    if nlp.pipe_names != other.pipe_names or nlp.pipe_labels != other.pipe_labels:
        raise ValueError("their components or labels differ.")
    for name, pipe in nlp.pipeline:
        model = getattr(pipe, "model", None)
        if isinstance(model, Model):
            its: Any = other.get_pipe(name)
            mix_models(model, its.model, share)


def mix_models(model: Model, other: Model, share: float) -> None:
    """Like `mix_pipelines`, for the models of a component."""
    nodes, others = list(model.walk()), list(other.walk())
    if [node.name for node in nodes] != [node.name for node in others]:
        raise ValueError("their layers differ.")
    for node, there in zip(nodes, others):
        for name in node.param_names:
            if node.has_param(name):
                mixed = _mix(name, node.get_param(name), there.get_param(name), share)
                node.set_param(name, mixed)
        for shim, its in zip(node.shims, there.shims):
            if isinstance(shim, PyTorchShim):
                _mix_torch(shim, its, share)


def _mix_torch(shim: Any, other: Any, share: float) -> None:
    states = other._model.state_dict()
    for name, weights in shim._model.state_dict().items():
        if weights.is_floating_point():
            weights.copy_(_mix(name, weights, states[name], share))


def _mix(name: str, weights: Any, others: Any, share: float) -> Any:
    if weights.shape != others.shape:
        raise ValueError(
            f"{name} has the shape {tuple(weights.shape)} in one and "
            f"{tuple(others.shape)} in the other."
        )
    return weights + share * (others - weights)

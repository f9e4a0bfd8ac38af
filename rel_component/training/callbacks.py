"""What happens before and after a pipeline is initialized for training."""

from pathlib import Path
from typing import Callable, Optional, Type

import spacy
from spacy.language import Language
from spacy.util import registry, resolve_dot_names

from ..pipe.extractor import RelationExtractor

# what the config and the training data decide, not the pipeline that was trained
OF_CONFIG = ("threshold", "symmetric", "schema")


@registry.callbacks("rel_component.ContinueFrom.v1")
def create_continue_from(path: Optional[Path] = None) -> Callable[[Language], Language]:
    """Start training from the weights of a trained pipeline.

    For `[initialize.after_init]`. The optimizer starts anew: what it knew is not saved.

    path (Optional[Path]): the pipeline's folder, such as training/model-last; None:
        training starts from nothing.
    RETURNS (Callable[[Language], Language]): the callback.
    """

    def load_weights(nlp: Language) -> Language:
        return nlp if path is None else continue_from(nlp, Path(path))

    return load_weights


def continue_from(nlp: Language, path: Path) -> Language:
    """Give an initialized pipeline the weights of a trained one.

    nlp (Language): the pipeline.
    path (Path): folder of the trained one.
    RETURNS (Language): the pipeline.
    RAISES (ValueError): if their components or their labels are not the same.
    """
    try:
        trained = spacy.load(path)
    except (OSError, ValueError) as error:
        raise ValueError(f"Can't continue from {path}: {error}") from error
    if trained.pipe_names != nlp.pipe_names:
        raise ValueError(
            f"Can't continue from {path}: it has the components {trained.pipe_names}; "
            f"expected {nlp.pipe_names}, as the config has."
        )
    for name in nlp.pipe_names:
        has, wanted = (set(x.pipe_labels.get(name, ())) for x in (trained, nlp))
        if has != wanted:
            raise ValueError(
                f"Can't continue from {path}: its {name} has the labels {sorted(has)}; "
                f"expected {sorted(wanted)}, as the training data has. Train anew, or "
                f"name the labels in [initialize.components.{name}]."
            )
    extractors = [
        pipe for _, pipe in nlp.pipeline if isinstance(pipe, RelationExtractor)
    ]
    settings = [{name: pipe.cfg[name] for name in OF_CONFIG} for pipe in extractors]
    nlp.from_disk(path, exclude=["config"])  # the training's own settings stay
    for pipe, own in zip(extractors, settings):
        # thresholds and calibration were fitted to weights that will change
        pipe.cfg.update({**own, "thresholds": {}, "calibration": {}})
    return nlp


@registry.callbacks("rel_component.StepsFromEpochs.v1")
def create_steps_from_epochs(
    epochs: int = 20, min_steps: int = 500
) -> Callable[[Language], Language]:
    """Let the size of the training data decide the number of steps.

    For `[initialize.before_init]`. A learning rate that falls to 0 needs to know the
    number of steps; the right one is so many passes over the data. It is written to
    `training.max_steps` where that is 0; any other number is kept.

    epochs (int): passes over the training documents; `training.max_epochs`, if it is
        set, goes before.
    min_steps (int): at least so many steps, however few the documents.
    RETURNS (Callable[[Language], Language]): the callback.
    """

    def set_max_steps(nlp: Language) -> Language:
        training = nlp.config["training"]
        if training["max_steps"] == 0:
            n_epochs, least = training["max_epochs"], 1
            if n_epochs < 0:
                raise ValueError(
                    "training.max_steps is 0, which takes the number of steps from "
                    "that of the documents, but training.max_epochs is -1, which "
                    "reads them as a stream. Set training.max_steps."
                )
            if n_epochs == 0:
                n_epochs, least = epochs, min_steps
            training["max_steps"] = max(n_epochs * count_batches(nlp), least)
        return nlp

    return set_max_steps


def count_batches(nlp: Language) -> int:
    """RETURNS (int): batches in one pass over the training documents; 0 where the
    config names none, as of a pipeline that is trained by code of one's own."""
    config = nlp.config.interpolate()
    if (config.get("paths") or {}).get("train") is None:
        return 0
    training = config["training"]
    (corpus,) = resolve_dot_names(config, [training["train_corpus"]])
    batcher = registry.resolve({"batcher": training["batcher"]})["batcher"]
    return sum(1 for _ in batcher(list(corpus(nlp))))


@registry.callbacks("rel_component.RequireTransformers.v1")
def create_require_transformers() -> Callable[[Type[Language]], Type[Language]]:
    """Say clearly if what a transformer needs is not installed.

    For `[nlp.before_creation]`: before spaCy looks for the factory `transformer`.

    RETURNS (Callable[[Type[Language]], Type[Language]]): the callback; raises
        CheckpointError.
    """

    def check(lang_cls: Type[Language]) -> Type[Language]:
        from ..model.transformer.checkpoint import require_libraries

        require_libraries()
        return lang_cls

    return check

"""Callbacks for the initialization of a pipeline."""

import warnings
from itertools import chain, islice
from pathlib import Path
from typing import Callable, Iterator, List, Optional, Type

import spacy
from spacy.language import Language
from spacy.pipeline import TrainablePipe
from spacy.schemas import ConfigSchemaTraining
from spacy.training import Example
from spacy.util import registry, resolve_dot_names

from ..pipe.extractor import RelationExtractor
from ..pipe.relation_pipes import list_known_types
from ..wording import list_some, plural

# settings taken from the config and the training data, not from the trained pipeline
OF_CONFIG = ("threshold", "symmetric", "schema")


@registry.callbacks("rel_component.ContinueFrom.v1")
def create_continue_from(path: Optional[Path] = None) -> Callable[[Language], Language]:
    """Start training from the weights of a trained pipeline.

    For `[initialize.after_init]`. The optimizer's state is not restored.

    path (Optional[Path]): the pipeline's folder, such as training/model-last, or None.
    RETURNS (Callable[[Language], Language]): the callback.
    """

    def load_weights(nlp: Language) -> Language:
        return nlp if path is None else continue_from(nlp, Path(path))

    return load_weights


def continue_from(nlp: Language, path: Path) -> Language:
    """Load the weights of a trained pipeline into an initialized one.

    nlp (Language): the initialized pipeline.
    path (Path): folder of the trained pipeline.
    RETURNS (Language): the pipeline.
    RAISES (ValueError): if components or labels differ.
    """
    try:
        trained = spacy.load(path)
    except (OSError, ValueError) as error:
        raise ValueError(f"Can't continue from {path}: {error}") from error
    # frozen components are disabled while spaCy initializes the others
    if trained.component_names != nlp.component_names:
        raise ValueError(
            f"Can't continue from {path}: it has the components "
            f"{trained.component_names}; expected {nlp.component_names}, as in the "
            "config."
        )
    for name in nlp.pipe_names:
        has, wanted = (set(x.pipe_labels.get(name, ())) for x in (trained, nlp))
        if has != wanted:
            raise ValueError(
                f"Can't continue from {path}: its {name} has the labels {sorted(has)}; "
                f"expected {sorted(wanted)}, as in the training data. Train from "
                f"scratch, or set the labels in [initialize.components.{name}]."
            )
    extractors = [
        pipe for _, pipe in nlp.pipeline if isinstance(pipe, RelationExtractor)
    ]
    for pipe in extractors:
        old = trained.get_pipe(pipe.name)
        known = list_known_types(old) if isinstance(old, RelationExtractor) else []
        new = sorted(set(list_known_types(pipe)) - set(known)) if known else []
        if new:
            raise ValueError(
                f"Can't continue from {path}: its {pipe.name} knows the entity types "
                f"{list_some(known)}; the training data also have {list_some(new)}. "
                f"Train from scratch, or rename the types when you convert "
                f"(--map-entity)."
            )
    settings = [{name: pipe.cfg[name] for name in OF_CONFIG} for pipe in extractors]
    # keep the settings and the rules of this training
    rules = [x for x, pipe in nlp.pipeline if not isinstance(pipe, TrainablePipe)]
    nlp.from_disk(path, exclude=["config", *rules])
    for pipe, own in zip(extractors, settings):
        # they were tuned for weights that will change
        pipe.cfg.update(own, thresholds={}, calibration={}, max_distances={})
    return nlp


@registry.callbacks("rel_component.StepsByEpochs.v1")
def create_steps_by_epochs(
    epochs: int = 20, at_least: int = 500, at_most: Optional[int] = None
) -> Callable[[Language], Language]:
    """Set `training.max_steps` to the size of the training data, if it is 0, so that
    the learning rate falls to 0 after a number of epochs.

    For `[initialize.before_init]`.

    epochs (int): passes over the training data.
    at_least (int), at_most (Optional[int]): limits of the number of steps. Training
        doesn't exceed `training.max_epochs` either, if set.
    RETURNS (Callable[[Language], Language]): the callback.
    """

    def set_steps(nlp: Language) -> Language:
        training = nlp.config.interpolate()["training"]
        max_epochs = training["max_epochs"]
        if training["max_steps"] == 0:
            try:
                steps = count_steps(nlp, epochs, at_most)
                if steps == at_most:
                    _warn_of_limit(nlp, epochs, at_most)
                steps = max(steps, at_least)
                if max_epochs > 0:
                    steps = min(steps, count_steps(nlp, max_epochs, steps))
            except ValueError:  # no corpus in the config: initialized from Python
                return nlp
            nlp.config["training"]["max_steps"] = min(steps, at_most or steps)
        return nlp

    return set_steps


def _warn_of_limit(nlp: Language, epochs: int, at_most: int) -> None:
    """Warn if the limit of steps is less than nine tenths of the epochs."""
    share = at_most / count_steps(nlp, 1, at_most)
    if 1 < share < 0.9 * epochs:
        text = f"{share:.1f} of {plural(epochs, 'epoch')}"
    elif share <= 1:
        text = "at most one epoch"
    else:
        return
    warnings.warn(
        f"Training stops at at_most = {at_most:,} steps, which are {text}. To train "
        "longer, increase at_most in [initialize.before_init], or set "
        "training.max_steps.",
        stacklevel=2,
    )


def count_steps(nlp: Language, epochs: int, at_most: Optional[int] = None) -> int:
    """Count the training steps, also if the size of batches is a schedule.

    nlp (Language): the pipeline, for its config.
    epochs (int): passes over the training data.
    at_most (Optional[int]): where to stop, for a corpus without an end.
    RETURNS (int): the number of steps.
    """
    config = nlp.config.interpolate()
    training = registry.resolve(config["training"], schema=ConfigSchemaTraining)
    (corpus,) = resolve_dot_names(config, [training["train_corpus"]])
    examples: List[Example] = []

    def read() -> Iterator[Example]:
        for example in corpus(nlp):
            examples.append(example)
            yield example

    passes = (read() if number == 0 else examples for number in range(epochs))
    batches = chain.from_iterable(map(training["batcher"], passes))
    return sum(1 for _ in islice(batches, at_most))


@registry.callbacks("rel_component.RequireTransformers.v1")
def create_require_transformers() -> Callable[[Type[Language]], Type[Language]]:
    """Check that the packages required for transformers are installed.

    For `[nlp.before_creation]`, before spaCy looks up the factory `transformer`.

    RETURNS (Callable[[Type[Language]], Type[Language]]): the callback; raises
        CheckpointError.
    """

    def check(lang_cls: Type[Language]) -> Type[Language]:
        from ..model.transformer.checkpoint import require_libraries

        require_libraries()
        return lang_cls

    return check

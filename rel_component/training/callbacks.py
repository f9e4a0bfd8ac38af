"""Training that goes on from a trained pipeline."""

from pathlib import Path
from typing import Callable, Optional, Type

import spacy
from spacy.language import Language
from spacy.util import registry

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
    nlp.from_disk(path)
    for pipe, own in zip(extractors, settings):
        # thresholds and calibration were fitted to weights that will change
        pipe.cfg.update({**own, "thresholds": {}, "calibration": {}})
    return nlp


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

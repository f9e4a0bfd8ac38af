"""Trained pipelines: loading them, their relation extractor, what finds entities."""

from pathlib import Path
from typing import List, Optional

import spacy
from spacy.language import Language

from .extractor import RelationExtractor

# what a component may assign that is given where entities are gold
ENTITY_ATTRS = {"doc.ents", "doc.spans", "token.ent_iob", "token.ent_type"}


def list_entity_finders(nlp: Language) -> List[str]:
    """RETURNS (List[str]): the components of a pipeline that find entities."""
    return [
        name
        for name in nlp.pipe_names
        if ENTITY_ATTRS & set(nlp.get_pipe_meta(name).assigns)
    ]


def load_pipeline(path: Path) -> Language:
    """Load a trained pipeline.

    path (Path): its folder.
    RETURNS (Language): the pipeline.
    RAISES (ValueError): if it can't be loaded.
    """
    try:
        return spacy.load(path)
    except (OSError, ValueError) as error:
        if not Path(path).exists():
            raise ValueError(
                f"There is no pipeline {path}. Check the path (the working directory "
                f"is {Path.cwd()}), or train one first."
            ) from error
        raise ValueError(f"Can't load a pipeline from {path}: {error}") from error


def find_extractor(nlp: Language) -> RelationExtractor:
    """RETURNS (RelationExtractor): of a pipeline.

    RAISES (ValueError): if there is none.
    """
    for _, pipe in nlp.pipeline:
        if isinstance(pipe, RelationExtractor):
            return pipe
    advice = "Train one with configs/rel_tok2vec.cfg"
    if list_entity_finders(nlp):
        advice += (
            ", and join both with scripts/assemble.py; scripts/evaluate_ner.py scores "
            "entities alone"
        )
    raise ValueError(
        f"The pipeline ({', '.join(nlp.pipe_names) or 'empty'}) has no relation "
        f"extractor. {advice}."
    )


def get_spans_key(extractor: RelationExtractor) -> Optional[str]:
    """RETURNS (Optional[str]): the group of `doc.spans` in which a relation extractor
    looks for entities; None for `doc.ents`."""
    return getattr(extractor.model.attrs["get_instances"], "spans_key", None)


def find_spans_key(nlp: Language) -> Optional[str]:
    """RETURNS (Optional[str]): that of a pipeline's relation extractor; None also
    without an extractor."""
    for _, pipe in nlp.pipeline:
        if isinstance(pipe, RelationExtractor):
            return get_spans_key(pipe)
    return None

"""Pipelines: loading them, their components that find relations and entities."""

from pathlib import Path
from typing import Dict, List, Optional

import spacy
from spacy.language import Language
from thinc.api import Model, NumpyOps

from .extractor import RelationExtractor
from .relation_pipes import RelationPipes, list_relation_pipes

# what a component may assign that is given where entities are gold
ENTITY_ATTRS = {"doc.ents", "doc.spans", "token.ent_iob", "token.ent_type"}


def list_entity_finders(nlp: Language) -> List[str]:
    """RETURNS (List[str]): the components of a pipeline that find entities."""
    return [
        name
        for name in nlp.pipe_names
        if ENTITY_ATTRS & set(nlp.get_pipe_meta(name).assigns)
    ]


def list_finders_to_skip(nlp: Language) -> List[str]:
    """RETURNS (List[str]): the components that are left out where entities are given:
    those that find entities only. One that finds relations too has to keep entities
    that are there."""
    relation_pipes = list_relation_pipes(nlp)
    return [name for name in list_entity_finders(nlp) if name not in relation_pipes]


def list_entity_labels(nlp: Language) -> List[str]:
    """RETURNS (List[str]): types of the entities that a pipeline finds."""
    labels: Dict[str, None] = {}
    for name in list_entity_finders(nlp):
        pipe = nlp.get_pipe(name)
        field = "entity_types" if name in list_relation_pipes(nlp) else "labels"
        labels.update(dict.fromkeys(getattr(pipe, field, ())))
    return list(labels)


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


def use_numpy_products(nlp: Language) -> None:
    """Multiply matrices with numpy's library in place of BLIS, which Thinc takes: on
    processors with AVX-512 it is three times as fast. Scores may differ in the last
    digit. Nothing changes on a GPU, nor with Apple's library.

    nlp (Language): is changed.
    """
    ops = NumpyOps(use_blis=False)
    for _, pipe in nlp.pipeline:
        model = getattr(pipe, "model", None)
        for node in model.walk() if isinstance(model, Model) else ():
            if type(node.ops) is NumpyOps:
                node.ops = ops


def find_extractor(nlp: Language) -> RelationExtractor:
    """RETURNS (RelationExtractor): of a pipeline.

    RAISES (ValueError): if there is none.
    """
    for _, pipe in nlp.pipeline:
        if isinstance(pipe, RelationExtractor):
            return pipe
    others = list_relation_pipes(nlp)
    if others:
        raise ValueError(
            f"The pipeline ({', '.join(nlp.pipe_names)}) has no relation extractor "
            f"that was trained; relations come from {', '.join(others)}."
        )
    raise _no_relations(nlp)


def find_relation_pipes(nlp: Language) -> RelationPipes:
    """RETURNS (RelationPipes): the components of a pipeline that find relations.

    RAISES (ValueError): if there are none.
    """
    if not list_relation_pipes(nlp):
        raise _no_relations(nlp)
    return RelationPipes(nlp)


def _no_relations(nlp: Language) -> ValueError:
    advice = (
        "Train one with configs/rel_tok2vec.cfg, or write patterns for a relation_ruler"
    )
    if list_entity_finders(nlp):
        advice += (
            "; join two pipelines with scripts/assemble.py; scripts/evaluate_ner.py "
            "scores entities alone"
        )
    return ValueError(
        f"The pipeline ({', '.join(nlp.pipe_names) or 'empty'}) has no relation "
        f"extractor, and no other component that finds relations. {advice}."
    )


def find_spans_key(nlp: Language) -> Optional[str]:
    """RETURNS (Optional[str]): that of the components that find relations; None also
    where there are none."""
    return RelationPipes(nlp).spans_key if list_relation_pipes(nlp) else None

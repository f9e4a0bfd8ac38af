"""Load pipelines, and find their components for relations and entities."""

from pathlib import Path
from typing import Dict, List, Optional

import spacy
from spacy.language import Language

from ..wording import join_names, name_place
from .extractor import RelationExtractor
from .relation_pipes import RelationPipes, list_relation_pipes

# attributes that don't need to be predicted if entities are given
ENTITY_ATTRS = {"doc.ents", "doc.spans", "token.ent_iob", "token.ent_type"}


def list_entity_finders(nlp: Language) -> List[str]:
    """RETURNS (List[str]): the components of a pipeline that predict entities."""
    return [
        name
        for name in nlp.pipe_names
        if ENTITY_ATTRS & set(nlp.get_pipe_meta(name).assigns)
    ]


def list_entity_places(nlp: Language) -> Optional[List[Optional[str]]]:
    """List where the components of a pipeline write entities.

    nlp (Language): the pipeline.
    RETURNS (Optional[List[Optional[str]]]): keys of `doc.spans`, and None for
        `doc.ents`; None if a component of one's own doesn't say.
    """
    places: Dict[Optional[str], None] = {}
    relation_pipes = list_relation_pipes(nlp)
    for name in nlp.pipe_names:
        pipe, assigned = nlp.get_pipe(name), set(nlp.get_pipe_meta(name).assigns)
        if not assigned:
            return None
        if not assigned & ENTITY_ATTRS:
            continue
        # spaCy's components name it differently
        key = getattr(pipe, "key", None) or getattr(pipe, "spans_key", None)
        if isinstance(key, str):
            places[key] = None
        elif "doc.spans" in assigned:
            return None
        is_both = getattr(pipe, "annotate_ents", False)  # of spaCy's span_ruler
        in_ents = assigned & ENTITY_ATTRS - {"doc.spans"}
        if is_both or (in_ents and not (name in relation_pipes and key)):
            places[None] = None
    return list(places)


def choose_entity_place(
    ner_pipeline: Language, spans_key: Optional[str] = None
) -> Optional[str]:
    """Choose the entities of another pipeline.

    ner_pipeline (Language): the pipeline.
    spans_key (Optional[str]): the key of `doc.spans` from which relations take
        entities; None: `doc.ents`.
    RETURNS (Optional[str]): the key of `doc.spans`, or None for `doc.ents`: the same
        place if possible or if components don't say, else `doc.ents`, else the only
        group of spans.
    RAISES (ValueError): if the pipeline predicts no entities, or has several groups.
    """
    places = list_entity_places(ner_pipeline)
    names = ", ".join(ner_pipeline.pipe_names) or "empty"
    if places == []:
        raise ValueError(
            f"The pipeline for entities ({names}) doesn't predict any; expected a "
            "component such as entity_tagger, ner or spancat."
        )
    if places is None or spans_key in places:
        return spans_key
    if None in places:
        return None
    if len(places) > 1:
        raise ValueError(
            f"The pipeline for entities ({names}) writes them to several groups, "
            f"{join_names([*map(name_place, places)])}, but not to "
            f"{name_place(spans_key)}, from which relations take them. Give one of its "
            "components this spans_key."
        )
    return places[0]


def list_finders_to_skip(nlp: Language) -> List[str]:
    """RETURNS (List[str]): the components to skip if entities are given: those that
    predict entities only. A component that also predicts relations has to keep existing
    entities."""
    relation_pipes = list_relation_pipes(nlp)
    return [name for name in list_entity_finders(nlp) if name not in relation_pipes]


def list_entity_labels(nlp: Language) -> List[str]:
    """RETURNS (List[str]): the entity types that a pipeline predicts."""
    labels: Dict[str, None] = {}
    for name in list_entity_finders(nlp):
        pipe = nlp.get_pipe(name)
        field = "entity_types" if name in list_relation_pipes(nlp) else "labels"
        labels.update(dict.fromkeys(getattr(pipe, field, ())))
    return list(labels)


def load_pipeline(path: Path) -> Language:
    """Load a trained pipeline.

    path (Path): the pipeline's folder, or the name of an installed package.
    RETURNS (Language): the pipeline.
    RAISES (ValueError): if it can't be loaded.
    """
    try:
        return spacy.load(path if Path(path).exists() else str(path))
    except (OSError, ValueError) as error:
        if not Path(path).exists():
            raise ValueError(
                f"Pipeline {path} doesn't exist. Check the path (the working "
                f"directory is {Path.cwd()}), train one first, or install its package."
            ) from error
        if not (Path(path) / "config.cfg").exists():
            raise ValueError(
                f"{path} is not a pipeline: expected a folder with a config.cfg, such "
                f"as training/joint/model-best."
            ) from error
        raise ValueError(f"Can't load a pipeline from {path}: {error}") from error


def save_pipeline(nlp: Language, path: Path) -> None:
    """Save a pipeline.

    nlp (Language): the pipeline.
    path (Path): its folder; parent folders are created.
    """
    path.mkdir(parents=True, exist_ok=True)
    nlp.to_disk(path)


def find_extractor(nlp: Language) -> RelationExtractor:
    """RETURNS (RelationExtractor): the pipeline's relation extractor.

    RAISES (ValueError): if the pipeline has no relation extractor.
    """
    for _, pipe in nlp.pipeline:
        if isinstance(pipe, RelationExtractor):
            return pipe
    others = list_relation_pipes(nlp)
    if others:
        raise ValueError(
            f"The pipeline ({', '.join(nlp.pipe_names)}) has no trained relation "
            f"extractor; its relations come from {', '.join(others)}."
        )
    raise _no_relations(nlp)


def find_relation_pipes(nlp: Language) -> RelationPipes:
    """RETURNS (RelationPipes): the components of a pipeline that predict relations.

    RAISES (ValueError): if no such component is found.
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
            "evaluates entities only"
        )
    return ValueError(
        f"The pipeline ({', '.join(nlp.pipe_names) or 'empty'}) has no relation "
        f"extractor or other component that predicts relations. {advice}."
    )


def find_spans_key(nlp: Language) -> Optional[str]:
    """RETURNS (Optional[str]): the spans key of the components that predict relations;
    None for `doc.ents`, or if there are no such components."""
    return RelationPipes(nlp).spans_key if list_relation_pipes(nlp) else None

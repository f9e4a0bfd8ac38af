"""Pipelines of patterns: entities by spaCy's entity ruler, relations by ours."""

import re
from pathlib import Path
from typing import Any, Optional

import spacy
from spacy.language import Language
from spacy.pipeline import EntityRuler

from ..pipe.relation_pipes import RelationPipes, list_relation_pipes
from ..pipe.relation_ruler import read_patterns
from ..wording import name_place

SENTENCES = {"doc.sents", "token.is_sent_start"}
EXAMPLE = '{"label": "ORG", "pattern": "Acme"}'


def make_blank(lang: str) -> Language:
    """RETURNS (Language): a pipeline without components.

    lang (str): language code.
    RAISES (ValueError): if spaCy has no such language.
    """
    try:
        return spacy.blank(lang)
    except ImportError as error:
        raise ValueError(
            f"spaCy has no language {lang!r}, or it needs a package that is not "
            f"installed; expected a code such as 'en' ({error})."
        ) from error


def add_rules(
    nlp: Language, relations: Path, entities: Optional[Path] = None
) -> Language:
    """Add patterns to a pipeline, which may be a blank one.

    Entities that the pipeline finds itself are kept, and so are its relations: patterns
    add to them.

    nlp (Language): the pipeline, which is changed.
    relations (Path): patterns of the relation ruler, JSON lines.
    entities (Optional[Path]): patterns of spaCy's entity ruler, JSON lines.
    RETURNS (Language): the same.
    RAISES (ValueError): if a file can't be read, or a pattern is wrong.
    """
    pipes = RelationPipes(nlp)
    before = next(iter(list_relation_pipes(nlp)), None)
    if entities is not None and pipes.spans_key is not None:
        raise ValueError(
            f"{entities}: spaCy's entity ruler writes doc.ents, but the pipeline's "
            f"relations are between entities in {name_place(pipes.spans_key)}; "
            "expected patterns of relations only."
        )
    if not any(SENTENCES & set(nlp.get_pipe_meta(x).assigns) for x in nlp.pipe_names):
        nlp.add_pipe("sentencizer", first=True)  # `max_sentences` needs them
    if entities is not None:
        # phrases match whatever their case
        config = {"phrase_matcher_attr": "LOWER", "validate": True}
        ruler = _add_pipe(nlp, "entity_ruler", before=before, config=config)
        _add_entity_patterns(ruler, entities)
    # entities and directions like those of the pipeline's own relations
    config = {"spans_key": pipes.spans_key, "symmetric": sorted(pipes.symmetric)}
    ruler = _add_pipe(nlp, "relation_ruler", config=config).from_disk(relations)
    if not ruler.labels:
        raise ValueError(f"{relations} contains no patterns; expected one per line.")
    return nlp


def _add_pipe(nlp: Language, factory: str, **options: Any) -> Any:
    if factory in nlp.pipe_names:
        raise ValueError(
            f"The pipeline has a component {factory!r} already; add patterns to its "
            f"file in the pipeline's folder."
        )
    return nlp.add_pipe(factory, **options)


def _add_entity_patterns(ruler: EntityRuler, path: Path) -> None:
    """One at a time, to name the line of a wrong one."""
    lines, patterns = read_patterns(path)
    if not patterns:
        raise ValueError(f"{path} contains no patterns; expected one per line.")
    for line, pattern in zip(lines, patterns):
        try:
            is_known = isinstance(pattern["pattern"], (str, list))
            if not is_known or not (
                isinstance(pattern["label"], str) and pattern["pattern"]
            ):
                raise ValueError(f"found {pattern}")
            ruler.add_patterns([pattern])
        except (ValueError, KeyError, TypeError, re.error) as error:
            raise ValueError(
                f"{path}, line {line}: no pattern of spaCy's entity ruler "
                f"({error}); expected a label and a pattern, such as {EXAMPLE}."
            ) from error

"""Convert Docs to plain data for tables and JSON lines."""

import itertools
from typing import Any, Dict, List, Optional, Sequence

from spacy.tokens import Doc, Span

from ..relations import (
    EntityKey,
    Relation,
    get_entity_key,
    get_relation_data,
    get_relations,
)
from .given import GIVEN_KEY


def to_row(
    doc: Doc,
    meta: Optional[Dict[str, Any]] = None,
    relations: Optional[Sequence[Relation]] = None,
    *,
    text: Optional[str] = None,
    entities: Optional[Sequence[Span]] = None,
) -> Dict[str, Any]:
    """Convert a Doc's entities and relations to plain data.

    doc (Doc): the document.
    meta (Optional[Dict[str, Any]]): additional fields.
    relations (Optional[Sequence[Relation]]): relations to include; None for all.
    text (Optional[str]): the Doc's text, if already known, since `doc.text` has to join
        the tokens.
    entities (Optional[Sequence[Span]]): the entities; None for `list_entities(doc)`.
    RETURNS (Dict[str, Any]): `text`, `entities` (start, end, label, text; characters)
        and `relations` (label, score, and `head` and `tail` like entities).
    """
    text = doc.text if text is None else text
    entities = list_entities(doc) if entities is None else entities
    return {
        **(meta or {}),
        "text": text,
        "entities": [to_entity(span, text) for span in entities],
        "relations": [
            {
                "label": label,
                "score": score,
                "head": to_entity(head, text),
                "tail": to_entity(tail, text),
            }
            for head, label, tail, score in _pick(doc, relations)
        ],
    }


def to_spert(
    doc: Doc,
    meta: Optional[Dict[str, Any]] = None,
    relations: Optional[Sequence[Relation]] = None,
    *,
    entities: Optional[Sequence[Span]] = None,
) -> Dict[str, Any]:
    """Convert a Doc's entities and relations to SpERT's format.

    doc (Doc): the document.
    meta (Optional[Dict[str, Any]]): additional fields.
    relations (Optional[Sequence[Relation]]): relations to include; None for all.
    entities (Optional[Sequence[Span]]): the entities; None for `list_entities(doc)`.
    RETURNS (Dict[str, Any]): `tokens`; `entities`, with `type`, `start` and exclusive
        `end` in tokens; and `relations`, with `type`, and `head` and `tail` as indices
        of entities.
    """
    entities = list_entities(doc) if entities is None else entities
    number = {get_entity_key(span): i for i, span in enumerate(entities)}
    return {
        **(meta or {}),
        "tokens": [token.text for token in doc],
        "entities": [
            {"type": span.label_, "start": span.start, "end": span.end}
            for span in entities
        ],
        "relations": [
            {
                "type": label,
                "head": number[get_entity_key(head)],
                "tail": number[get_entity_key(tail)],
            }
            for head, label, tail, _ in _pick(doc, relations)
        ],
    }


def list_entities(doc: Doc, spans_keys: Sequence[str] = ()) -> List[Span]:
    """List the entities of a Doc. Other groups of spans aren't entities.

    doc (Doc): the document.
    spans_keys (Sequence[str]): the keys of `doc.spans` that the pipeline's components
        for relations use, see `RelationPipes.spans_keys`.
    RETURNS (List[Span]): the distinct entities in `doc.ents`, in these groups, in
        `doc.spans["entities"]`, and those scored for relations, in the order of the
        text.
    """
    groups = [doc.spans[key] for key in (GIVEN_KEY, *spans_keys) if key in doc.spans]
    spans: Dict[EntityKey, Span] = {}
    for span in itertools.chain(doc.ents, *groups):
        if len(span):
            spans.setdefault(get_entity_key(span), span)
    data = get_relation_data(doc)
    for key in [] if data is None else data.entities:
        if key not in spans:
            spans[key] = Span(doc, *key)
    return [spans[key] for key in sorted(spans)]


def _pick(doc: Doc, relations: Optional[Sequence[Relation]]) -> Sequence[Relation]:
    return get_relations(doc) if relations is None else relations


def to_entity(span: Span, text: str) -> Dict[str, Any]:
    """RETURNS (Dict[str, Any]): start and end in characters, label and text."""
    start, end = span.start_char, span.end_char
    return {"start": start, "end": end, "label": span.label_, "text": text[start:end]}

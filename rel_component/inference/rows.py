"""Convert Docs to plain data for tables and JSON lines."""

from typing import Any, Dict, List, Optional, Sequence

from spacy.tokens import Doc, Span

from ..relations import EntityKey, Relation, get_relations


def to_row(
    doc: Doc,
    meta: Optional[Dict[str, Any]] = None,
    relations: Optional[Sequence[Relation]] = None,
    *,
    text: Optional[str] = None,
) -> Dict[str, Any]:
    """Convert a Doc's entities and relations to plain data.

    doc (Doc): the document.
    meta (Optional[Dict[str, Any]]): additional fields.
    relations (Optional[Sequence[Relation]]): relations to include; None for all.
    text (Optional[str]): the Doc's text, if already known, since `doc.text` has to join
        the tokens.
    RETURNS (Dict[str, Any]): `text`, `entities` (start, end, label, text; characters)
        and `relations` (label, score, and `head` and `tail` like entities).
    """
    text = doc.text if text is None else text
    return {
        **(meta or {}),
        "text": text,
        "entities": [_to_entity(span, text) for span in list_entities(doc)],
        "relations": [
            {
                "label": label,
                "score": score,
                "head": _to_entity(head, text),
                "tail": _to_entity(tail, text),
            }
            for head, label, tail, score in _pick(doc, relations)
        ],
    }


def to_spert(
    doc: Doc,
    meta: Optional[Dict[str, Any]] = None,
    relations: Optional[Sequence[Relation]] = None,
) -> Dict[str, Any]:
    """Convert a Doc's entities and relations to SpERT's format.

    doc (Doc): the document.
    meta (Optional[Dict[str, Any]]): additional fields.
    relations (Optional[Sequence[Relation]]): relations to include; None for all.
    RETURNS (Dict[str, Any]): `tokens`; `entities`, with `type`, `start` and exclusive
        `end` in tokens; and `relations`, with `type`, and `head` and `tail` as indices
        of entities.
    """
    entities = list_entities(doc)
    number = {_key(span): i for i, span in enumerate(entities)}
    return {
        **(meta or {}),
        "tokens": [token.text for token in doc],
        "entities": [
            {"type": span.label_, "start": span.start, "end": span.end}
            for span in entities
        ],
        "relations": [
            {"type": label, "head": number[_key(head)], "tail": number[_key(tail)]}
            for head, label, tail, _ in _pick(doc, relations)
        ],
    }


def list_entities(doc: Doc) -> List[Span]:
    """RETURNS (List[Span]): the distinct entities in `doc.ents`,
    `doc.spans["entities"]` and the relations, in order."""
    group = doc.spans["entities"] if "entities" in doc.spans else ()
    relations = get_relations(doc)
    ends = (end for relation in relations for end in (relation.head, relation.tail))
    spans: Dict[Any, Span] = {}
    for span in (*doc.ents, *group, *ends):
        spans.setdefault(_key(span), span)
    return [spans[key] for key in sorted(spans)]


def _pick(doc: Doc, relations: Optional[Sequence[Relation]]) -> Sequence[Relation]:
    return get_relations(doc) if relations is None else relations


def _key(span: Span) -> EntityKey:
    return (span.start, span.end, span.label_)


def _to_entity(span: Span, text: str) -> Dict[str, Any]:
    start, end = span.start_char, span.end_char
    return {"start": start, "end": end, "label": span.label_, "text": text[start:end]}

"""Convert Docs to records, for all formats: the inverse of `to_doc`."""

from typing import Any, Dict, Iterable, List, Optional, Tuple

from spacy.tokens import Doc, Span

from ..relations import (
    SOURCE_KEY,
    EntityKey,
    RelationData,
    get_entity_key,
    get_relation_data,
    get_relations,
)
from .record import EntityRecord, Offsets, Record, RelationRecord, Source

SCORE = "score"
KB_ID = "kb_id"


def from_doc(
    doc: Doc,
    *,
    spans_key: Optional[str] = "entities",
    scores: bool = False,
    source: Optional[Source] = None,
) -> Record:
    """Convert an annotated Doc to a record.

    doc (Doc): the Doc, with gold or predicted entities and relations.
    spans_key (Optional[str]): key of `doc.spans` with the entities, including
        overlapping ones; without this key, `doc.ents` is used. The entities of
        relations and candidate pairs are always included.
    scores (bool): include the scores of relations, as `attrs["score"]`; not useful for
        gold relations, since all are 1.
    source (Optional[Source]): source of the Doc if it doesn't contain it.
    RETURNS (Record): the record, with the Doc's tokens, and its sentences if set. It's
        incomplete if relations are not annotated.
    """
    data = get_relation_data(doc)
    related = [] if data is None else _make_spans(doc, data)
    entities = _make_entities([*_find_spans(doc, spans_key), *related])
    ids = [entities[get_entity_key(span)].id for span in related]
    origin: Dict[str, Any] = doc.user_data.get(SOURCE_KEY, {})
    return Record(
        doc.text,
        _make_source(origin) or source or Source("document"),
        list(entities.values()),
        [
            RelationRecord(
                label,
                entities[get_entity_key(head)].id,
                entities[get_entity_key(tail)].id,
                f"relations[{i}]",
                attrs={SCORE: score} if scores else {},
            )
            for i, (head, label, tail, score) in enumerate(get_relations(doc))
        ],
        tokens=[(token.idx, token.idx + len(token)) for token in doc],
        sentences=_find_sentences(doc),
        negatives=[(ids[head], ids[tail]) for head, tail in _find_negatives(data)],
        complete=data is not None and data.complete,
        group=origin.get("group"),
    )


def _find_spans(doc: Doc, spans_key: Optional[str]) -> Iterable[Span]:
    if spans_key is not None and spans_key in doc.spans:
        return doc.spans[spans_key]
    return doc.ents


def _make_entities(spans: Iterable[Span]) -> Dict[EntityKey, EntityRecord]:
    """Create entities without duplicates, in text order."""
    # spans of relations have no KB ids, so keep the span that has one
    ordered = sorted(spans, key=lambda span: (*get_entity_key(span), bool(span.kb_id_)))
    found = {get_entity_key(span): span for span in ordered}
    return {
        key: EntityRecord(
            str(i),
            span.label_,
            [(span.start_char, span.end_char)],
            span.text,
            f"entities[{i}]",
            {KB_ID: span.kb_id_} if span.kb_id_ else {},
        )
        for i, (key, span) in enumerate(found.items())
    }


def _make_spans(doc: Doc, data: RelationData) -> List[Span]:
    rows = zip(data.spans.tolist(), data.types)
    return [Span(doc, start, end, label=type_) for (start, end), type_ in rows]


def _find_negatives(data: Optional[RelationData]) -> List[Tuple[int, int]]:
    """Find pairs known to be unrelated, as rows of entities; not needed if the Doc is
    complete."""
    if data is None or data.complete:
        return []
    related = set(data.decided[:, 0].tolist())
    return [
        (head, tail)
        for row, (head, tail) in enumerate(data.pairs.tolist())
        if row not in related and not data.scores[row].any()  # NaN: not known
    ]


def _make_source(origin: Dict[str, Any]) -> Optional[Source]:
    if not origin:
        return None
    line, index, id_ = (origin.get(key) for key in ("line", "index", "id"))
    return Source(str(origin.get("file")), line, index, id_)


def _find_sentences(doc: Doc) -> Optional[List[Offsets]]:
    if not len(doc) or not doc.has_annotation("SENT_START"):
        return None
    return [(sent.start_char, sent.end_char) for sent in doc.sents]

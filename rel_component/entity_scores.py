"""Scores of a Doc's entities, which `doc.ents` can't store; span groups can.

Plain columns in `doc.user_data`, so that they survive `Doc.to_bytes`,
`DocBin(store_user_data=True)` and `nlp.pipe(n_process=2)`. As for relations, their key
has two character offsets, which `Span.as_doc` and `Doc.from_docs` shift: the first is
the offset of the text.
"""

from typing import Any, Dict, Iterable, Mapping, Optional, Sequence, Tuple

import numpy
from spacy.tokens import Doc, Span, SpanGroup

from .relations import EntityKey, get_entity_key
from .relations.storage import find_keys

USER_DATA_PREFIX = ("._.", "rel_component_entities")


def set_entity_scores(doc: Doc, scores: Mapping[Span, float]) -> None:
    """Store scores of entities, replacing existing ones.

    doc (Doc): the document.
    scores (Mapping[Span, float]): probabilities of some of its entities.
    """
    for key in find_keys(doc, USER_DATA_PREFIX):
        del doc.user_data[key]
    place: Any = (*USER_DATA_PREFIX, 0, 0)
    doc.user_data[place] = {
        "spans": numpy.asarray(
            [(span.start, span.end) for span in scores], dtype="int32"
        ).reshape(-1, 2),
        "chars": numpy.asarray(
            [(span.start_char, span.end_char) for span in scores], dtype="int32"
        ).reshape(-1, 2),
        "types": [span.label_ for span in scores],
        "scores": numpy.asarray(list(scores.values()), dtype="float32"),
    }


def copy_entity_scores(source: Doc, target: Doc) -> None:
    """Copy the scores of entities to another Doc with the same tokens.

    source (Doc): the Doc whose entities were scored, if any.
    target (Doc): the other Doc.
    """
    for key in find_keys(source, USER_DATA_PREFIX):
        target.user_data[key] = source.user_data[key]


def get_entity_scores(
    doc: Doc, spans_keys: Iterable[str] = ()
) -> Dict[EntityKey, float]:
    """Get the scores of a Doc's entities.

    doc (Doc): the document.
    spans_keys (Iterable[str]): keys of `doc.spans` with entities whose scores spaCy's
        `spancat` has stored there; the first one wins.
    RETURNS (Dict[Tuple[int, int, str], float]): scores in [0, 1] by token start,
        exclusive end and type; empty if no component scored them.
    """
    found: Dict[EntityKey, float] = {}
    for key in find_keys(doc, USER_DATA_PREFIX):
        data = doc.user_data[key]
        rows = zip(_locate(doc, data, key[2]), data["types"], data["scores"].tolist())
        for span, type_, score in rows:
            if span is not None:
                start, end = span
                found[start, end, type_] = score
    for spans_key in reversed(list(spans_keys)):
        if spans_key in doc.spans:
            found.update(_read_group(doc.spans[spans_key]))
    return found


def _locate(
    doc: Doc, data: Mapping[str, Any], offset: int
) -> Sequence[Optional[Tuple[int, int]]]:
    """RETURNS (Sequence[Optional[Tuple[int, int]]]): token start and exclusive end of
    each scored entity, by its characters, since tokens may have been merged or split,
    and Docs joined; None if it isn't there any more."""
    spans, chars = data["spans"].tolist(), (data["chars"] + offset).tolist()
    n_tokens = len(doc)
    if all(
        b <= n_tokens and [doc[a].idx, doc[b - 1].idx + len(doc[b - 1])] == place
        for (a, b), place in zip(spans, chars)
    ):
        return spans
    starts = {token.idx: token.i for token in doc}
    ends = {token.idx + len(token): token.i + 1 for token in doc}
    spans = [(starts.get(a), ends.get(b)) for a, b in chars]
    return [(a, b) if a is not None and b is not None else None for a, b in spans]


def get_all_scores(doc: Doc) -> Dict[EntityKey, float]:
    """RETURNS (Dict[Tuple[int, int, str], float]): the scores of entities in `doc.ents`
    and of those in any group of `doc.spans`."""
    return {**get_entity_scores(doc, doc.spans), **get_entity_scores(doc)}


def _read_group(group: SpanGroup) -> Dict[EntityKey, float]:
    """RETURNS (Dict[Tuple[int, int, str], float]): the scores of `spancat`; empty if
    these aren't probabilities of the spans. If a group is edited in place, they are
    not moved with its spans; assign a new group instead."""
    try:
        scores = numpy.asarray(group.attrs.get("scores"), dtype="float64").ravel()
    except (TypeError, ValueError):
        return {}
    if len(scores) != len(group) or not ((scores >= 0) & (scores <= 1)).all():
        return {}
    return dict(zip(map(get_entity_key, group), scores.tolist()))


def get_entity_score(span: Span) -> Optional[float]:
    """RETURNS (Optional[float]): the probability of an entity, also of one in a group
    of `doc.spans`; None if it wasn't scored, e.g. gold entities."""
    return get_all_scores(span.doc).get(get_entity_key(span))


def register_extension() -> None:
    """Register `ent._.entity_score`."""
    Span.set_extension("entity_score", getter=get_entity_score, force=True)

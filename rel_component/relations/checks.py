"""Validate relations."""

from collections.abc import Iterable, Mapping
from numbers import Integral, Real
from typing import Any, Optional, Tuple

from spacy.tokens import Doc, Span

from .data import EntityKey, get_entity_key


def check_list(values: Any, name: str) -> Iterable[Any]:
    """RETURNS (Iterable): the values. RAISES (ValueError): if they are not a list."""
    if isinstance(values, Iterable) and not isinstance(values, (str, Mapping)):
        return values
    raise ValueError(f"{name} is {values!r}; expected a list.")


def check_relation(
    doc: Doc, relation: Any, i: int
) -> Tuple[EntityKey, str, EntityKey, float]:
    """Check a relation before it's set.

    doc (Doc): the document.
    relation (Any): the relation.
    i (int): its index in the list, for messages.
    RETURNS (Tuple[EntityKey, str, EntityKey, float]): head, label, tail and score.
    RAISES (ValueError): if it's not a relation between two entities of the Doc.
    """
    if not isinstance(relation, tuple) or len(relation) != 4:
        raise ValueError(
            f"relations[{i}] is {relation!r}; expected Relation(head, label, tail, "
            f"score), with two Spans of the Doc."
        )
    head, label, tail, score = relation
    ends = (
        check_entity(doc, head, "relations", i, "head"),
        check_entity(doc, tail, "relations", i, "tail"),
    )
    check_label(label, "relations", i)
    return ends[0], label, ends[1], check_score(score, "relations", i)


def check_pair(doc: Doc, pair: Any, i: int) -> Tuple[EntityKey, EntityKey]:
    """Like `check_relation`, for a pair without a relation."""
    if not isinstance(pair, (tuple, list)) or len(pair) != 2:
        raise ValueError(
            f"negatives[{i}] is {pair!r}; expected two Spans of the Doc, head and tail."
        )
    head, tail = pair
    return (
        check_entity(doc, head, "negatives", i, "head"),
        check_entity(doc, tail, "negatives", i, "tail"),
    )


def check_entity(doc: Doc, span: Any, name: str, i: int, role: str) -> EntityKey:
    """Check the head or tail of a relation.

    doc (Doc): the document.
    span (Any): the head or tail.
    name (str), i (int), role (str): the list, its index, and head or tail, for
        messages.
    RETURNS (Tuple[int, int, str]): start, end and type.
    RAISES (ValueError): if it's not a Span of the Doc, or empty.
    """
    if not isinstance(span, Span):
        found = f"is {span!r}, of type {type(span).__name__}"
        expected = "a Span of the Doc, such as doc[3:4]"
    elif span.doc is not doc:
        found = f"{span.text!r} is a Span of another Doc"
        expected = f"one of this Doc: doc.char_span({span.start_char}, {span.end_char})"
    elif span.start >= span.end:
        found = f"is empty, from token {span.start} to {span.end}"
        expected = "a Span with at least one token"
    elif _get_chars(doc, span) != (span.start_char, span.end_char):
        # a Span knows its characters, and spaCy leaves its tokens as they were
        found = "was made before the tokens of the document were merged or split"
        expected = f"doc.char_span({span.start_char}, {span.end_char}) in its place"
    else:
        return get_entity_key(span)
    raise ValueError(f"{name}[{i}]: the {role} {found}; expected {expected}.")


def _get_chars(doc: Doc, span: Span) -> Optional[Tuple[int, int]]:
    """RETURNS (Optional[Tuple[int, int]]): first and exclusive last character of the
    tokens that a Span now has; None if there are not so many."""
    if span.end > len(doc):
        return None
    last = doc[span.end - 1]
    return doc[span.start].idx, last.idx + len(last)


def check_label(label: Any, name: str, place: Any) -> str:
    """RETURNS (str): the label. RAISES (ValueError): if it's not a string."""
    if isinstance(label, str) and label.strip():
        # half a character, which no file can hold
        if not any("\ud800" <= character <= "\udfff" for character in label):
            return label
    raise ValueError(
        f"{name}[{place}]: the label is {label!r}; expected a string that is not empty."
    )


def check_score(score: Any, name: str, place: Any) -> float:
    """RETURNS (float): the score. RAISES (ValueError): if it's not in [0, 1]."""
    if isinstance(score, Real) and 0.0 <= float(score) <= 1.0:
        return float(score)
    raise ValueError(
        f"{name}[{place}]: the score is {score!r}; expected a number from 0 to 1."
    )


def check_items(items: Iterable[Any]) -> None:
    """RAISES (ValueError): if an item is not of spacy-llm's REL task."""
    for i, item in enumerate(items):
        ends = (getattr(item, "dep", None), getattr(item, "dest", None))
        is_label = isinstance(getattr(item, "relation", None), str)
        if not is_label or not all(isinstance(end, int) for end in ends):
            raise ValueError(
                f"doc._.rel[{i}] is {item!r}; expected a RelationItem of spacy-llm. "
                "Otherwise, doc._.rel is a dict such as {(0, 5): {'LABEL': 1.0}}."
            )


def check_cells(rel: Any) -> None:
    """Check scores in the tutorial's form.

    rel (Any): the value of `doc._.rel`.
    RAISES (ValueError): if it's not a dict of pairs of token starts to dicts of scores.
    """
    if not isinstance(rel, Mapping):
        raise ValueError(
            f"doc._.rel is {rel!r}; expected a dict such as "
            f"{{(0, 5): {{'LABEL': 1.0}}}}."
        )
    for key, cells in rel.items():
        is_pair = isinstance(key, tuple) and len(key) == 2
        if not is_pair or not all(isinstance(start, Integral) for start in key):
            raise ValueError(
                f"doc._.rel has the key {key!r}; expected (head.start, tail.start), "
                f"such as (0, 5). For JSON, use doc._.relations_json."
            )
        if not isinstance(cells, Mapping):
            raise ValueError(
                f"doc._.rel[{key}] is {cells!r}; expected a dict such as "
                f"{{'LABEL': 1.0}}."
            )
        for label, score in cells.items():
            check_label(label, "doc._.rel", key)
            check_score(score, "doc._.rel", key)

"""Convert Docs to rows of Parquet or JSON lines; see docs/batch.md for the fields."""

import datetime
import json
import math
import re
from numbers import Real
from typing import Any, Dict, List, Optional, Sequence, Tuple, TypedDict

from spacy.tokens import Doc

from ...parquet import Int32
from ...wording import make_writable
from ..rows import list_entities, to_row
from .sources.item import EXCERPT, Item

# raise it if the fields of `Row` change: a run is not resumed with other fields
VERSION = 1
METADATA = {"rel_component.rows": str(VERSION)}
DIGITS = 4
# maximum nesting depth of other fields of a document
MAX_DEPTH = 200
# for pipelines without sentences: good enough to show a relation's context
BREAKS = re.compile(r"(?<=[.!?…。！？])\s+|(?<!\s)\s*\n\s*")


class Stretch(TypedDict):
    """Characters of the text, with exclusive end."""

    start: Int32
    end: Int32


class EntityCell(Stretch):
    """An entity."""

    label: str
    text: str


class RelationCell(TypedDict):
    """A relation and its sentences."""

    label: str
    score: float
    head: EntityCell
    tail: EntityCell
    sentence: Stretch


class Row(TypedDict):
    """The results of one document: the columns of Parquet, the fields of JSON lines."""

    id: str
    source: str
    row: int
    text: Optional[str]
    meta: str
    entities: List[EntityCell]
    relations: List[RelationCell]


def make_row(
    item: Item,
    doc: Doc,
    source: str,
    *,
    spans_keys: Sequence[str] = (),
    keep_text: bool = True,
) -> Row:
    """Create the row of a document.

    item (Item): the document in the input.
    doc (Doc): the predicted Doc.
    source (str): the file.
    spans_keys (Sequence[str]): see `list_entities`.
    keep_text (bool): whether to include the text.
    RETURNS (Row): the row, with rounded scores and offsets in characters.
    """
    text = item.get_text(doc)
    found = to_row(doc, text=text, entities=list_entities(doc, spans_keys))
    breaks = _find_breaks(doc, text) if found["relations"] else []
    for relation in found["relations"]:
        relation["score"] = round(relation["score"], DIGITS)
        relation["sentence"] = _find_sentence(relation, breaks, len(text))
    meta = item.task.meta if item.task else {}
    return {
        "id": make_writable(make_id(item, source)),
        "source": make_writable(source),
        "row": item.place.number,
        "text": text if keep_text else None,
        "meta": dump_meta(meta) if meta else "{}",
        "entities": found["entities"],
        "relations": found["relations"],
    }


def dump_meta(meta: Dict[str, Any]) -> str:
    """The other fields of a document as JSON.

    meta (Dict[str, Any]): values of any type, e.g. from the columns of a table.
    RETURNS (str): a JSON object. NaN and infinity become null, times ISO 8601, bytes
        text, decimals and other types strings.
    """
    options: Dict[str, Any] = {"ensure_ascii": False, "separators": (",", ":")}
    try:
        text = json.dumps(meta, allow_nan=False, **options)
    except (TypeError, ValueError, RecursionError):
        text = json.dumps(make_plain(meta), **options)
    return make_writable(text)


def make_plain(value: Any, depth: int = 0) -> Any:
    """RETURNS (Any): the value as JSON can hold it, see `dump_meta`."""
    if value is None or isinstance(value, (str, int)):
        return value
    if isinstance(value, Real):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, (dict, list, tuple)) and depth == MAX_DEPTH:
        return "<nested too deeply>"
    if isinstance(value, dict):
        return {str(name): make_plain(x, depth + 1) for name, x in value.items()}
    if isinstance(value, (list, tuple)):
        return [make_plain(x, depth + 1) for x in value]
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.decode("utf8", "backslashreplace")
    return str(value)


def make_id(item: Item, source: str) -> str:
    """RETURNS (str): the document's id, or its file and number."""
    return f"{source}:{item.place.number}" if item.id is None else item.id


def make_letter(item: Item, source: str) -> Dict[str, Any]:
    """Create the dead letter of a document without a row.

    item (Item): the document.
    source (str): the file.
    RETURNS (Dict[str, Any]): its position, the reason, and its beginning.
    """
    text = item.task.text if item.task else ""
    return {
        "id": make_writable(make_id(item, source)),
        "source": make_writable(source),
        "row": item.place.number,
        "start": item.place.start,
        "stop": item.place.stop,
        "kind": item.kind,
        "reason": make_writable(item.reason or ""),
        "excerpt": make_writable(item.excerpt or text[:EXCERPT]),
    }


def _find_breaks(doc: Doc, text: str) -> List[Tuple[int, int]]:
    """RETURNS (List[Tuple[int, int]]): start and end of the sentences."""
    if doc.has_annotation("SENT_START"):
        return [(sent.start_char, sent.end_char) for sent in doc.sents]
    start, sentences = 0, []
    for match in BREAKS.finditer(text):
        sentences.append((start, match.start()))
        start = match.end()
    return [*sentences, (start, len(text))]


def _find_sentence(
    relation: Dict[str, Any], sentences: List[Tuple[int, int]], length: int
) -> Dict[str, int]:
    """RETURNS (Dict[str, int]): from the start of the first entity's sentence to the
    end of the second one's."""
    first = min(relation["head"]["start"], relation["tail"]["start"])
    last = max(relation["head"]["end"], relation["tail"]["end"])
    start = max((s for s, _ in sentences if s <= first), default=0)
    end = min((e for _, e in sentences if e >= last), default=length)
    return {"start": start, "end": end}

"""A Doc as one row: the schema of Parquet and of JSON lines, see docs/batch.md."""

import re
from typing import Any, Dict, List, Tuple

import srsly
from spacy.tokens import Doc

from ..rows import to_row
from .sources.item import EXCERPT, Item

DIGITS = 4
# where no component finds sentences: evidence for a reader, no analysis
BREAKS = re.compile(r"(?<=[.!?…。！？])\s+|\s*\n\s*")


def make_row(
    item: Item, doc: Doc, source: str, *, keep_text: bool = True
) -> Dict[str, Any]:
    """What was found in a document.

    item (Item): the document of the input.
    doc (Doc): what the pipeline made of it.
    source (str): the file.
    keep_text (bool): whether the row has the text.
    RETURNS (Dict[str, Any]): one row. Scores are rounded; offsets are characters.
    """
    text = item.get_text(doc)
    found = to_row(doc, text=text)
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
        "meta": srsly.json_dumps(meta) if meta else "{}",
        "entities": found["entities"],
        "relations": found["relations"],
    }


def make_id(item: Item, source: str) -> str:
    """RETURNS (str): the document's own, or file and number."""
    return f"{source}:{item.place.number}" if item.id is None else item.id


def make_writable(text: str) -> str:
    """RETURNS (str): the text with what UTF-8 can't hold, half a pair of surrogates,
    written out."""
    return text.encode("utf8", "backslashreplace").decode("utf8")


def make_letter(item: Item, source: str) -> Dict[str, Any]:
    """What is said of a document that has no row.

    item (Item): the document.
    source (str): the file.
    RETURNS (Dict[str, Any]): where it stands, the reason, the beginning of it.
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
    """From the beginning of the sentence of the one entity to the end of that of the
    other."""
    first = min(relation["head"]["start"], relation["tail"]["start"])
    last = max(relation["head"]["end"], relation["tail"]["end"])
    start = max((s for s, _ in sentences if s <= first), default=0)
    end = min((e for _, e in sentences if e >= last), default=length)
    return {"start": start, "end": end}

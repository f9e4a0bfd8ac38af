"""GLiREL training data: `{"tokenized_text", "ner", "relations"}` per line.

Like GLiNER's, but entities include their text, and relations contain the words and
types of their entities.
"""

from pathlib import Path
from typing import Any, Dict, Iterable

from ...files import write_lines
from ..record import Record
from ..report import Report
from .base import WriteOptions, Writer
from .details import META, TOKENS
from .gliner import list_entities, pick_fields
from .tokens import Words


def write(
    records: Iterable[Record], path: Path, options: WriteOptions, report: Report
) -> None:
    """Write data to train GLiREL.

    records (Iterable[Record]): the records.
    path (Path): the file.
    options (WriteOptions): `lang` for tokenization.
    report (Report): counts documents with lost whitespace.
    """
    write_lines(path, (_to_item(record, options, report) for record in records))


def _to_item(record: Record, options: WriteOptions, report: Report) -> Dict[str, Any]:
    words = Words(record, options, report)
    ner = [
        [first, last, label, " ".join(words.words[first : last + 1])]
        for first, last, label in list_entities(record, words)
    ]
    ends = {
        entity.id: {"mention": text, "position": [first, last], "type": label}
        for entity, (first, last, label, text) in zip(record.entities, ner)
    }
    return {
        "tokenized_text": words.words,
        "ner": ner,
        "relations": [
            {
                "head": ends[relation.head],
                "tail": ends[relation.tail],
                "relation_text": relation.label,
            }
            for relation in record.relations
        ],
        **pick_fields(record, report),
    }


WRITER = Writer(
    "glirel",
    "GLiREL training data (JSONL)",
    ".jsonl",
    write,
    holds=frozenset({META, TOKENS}),
)

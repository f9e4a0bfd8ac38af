"""GLiNER training data: a list of `{"tokenized_text", "ner", "relations"}`.

Texts are lists of words, without whitespace. Entities have inclusive ends; relations
contain the indices of their entities in `ner`, and can't be marked as symmetric.
"""

from pathlib import Path
from typing import Any, Dict, Iterable, List

from ...files import write_array
from ..record import Record
from ..report import Report
from .base import WriteOptions, Writer
from .details import META, TOKENS, pick_meta
from .tokens import Words

FIELDS = ("tokenized_text", "ner", "relations", "id")


def write(
    records: Iterable[Record], path: Path, options: WriteOptions, report: Report
) -> None:
    """Write data to train GLiNER, including its models for relations.

    records (Iterable[Record]): the records.
    path (Path): the file.
    options (WriteOptions): `lang` for tokenization.
    report (Report): counts documents with lost whitespace.
    """
    write_array(path, (_to_item(record, options, report) for record in records))


def _to_item(record: Record, options: WriteOptions, report: Report) -> Dict[str, Any]:
    words = Words(record, options, report)
    index = {entity.id: i for i, entity in enumerate(record.entities)}
    return {
        "tokenized_text": words.words,
        "ner": list_entities(record, words),
        "relations": [
            [index[relation.head], index[relation.tail], relation.label]
            for relation in record.relations
        ],
        **pick_fields(record, report),
    }


def list_entities(record: Record, words: Words) -> List[List[Any]]:
    """RETURNS (List[List[Any]]): first word, last word and type of each entity."""
    extents = [words.find(entity) for entity in record.entities]
    return [
        [start, end - 1, entity.label]
        for entity, (start, end) in zip(record.entities, extents)
    ]


def pick_fields(record: Record, report: Report) -> Dict[str, Any]:
    """RETURNS (Dict[str, Any]): other fields of an item, and its id."""
    id_ = record.source.id
    return {
        **pick_meta(record, FIELDS, report),
        **({} if id_ is None else {"id": id_}),
    }


WRITER = Writer(
    "gliner",
    "GLiNER training data (JSON)",
    ".json",
    write,
    holds=frozenset({META, TOKENS}),
)

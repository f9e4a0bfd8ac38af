"""SpERT JSON: a list of `{"tokens", "entities", "relations"}`, and its types file.

Texts are lists of words, so whitespace is lost. Each document becomes one item, even
with several sentences. Relations can only be symmetric by label.
"""

from pathlib import Path
from typing import Any, Dict, Iterable

from ...files import write_array, write_json
from ..record import Record
from ..report import Report
from .base import WriteOptions, Writer
from .details import META, SYMMETRIC, TOKENS, pick_meta
from .labels import Labels
from .tokens import Words

FIELDS = ("tokens", "entities", "relations", "orig_id")


def write(
    records: Iterable[Record], path: Path, options: WriteOptions, report: Report
) -> None:
    """Write a data set, and `NAME_types.json` next to it.

    records (Iterable[Record]): the records.
    path (Path): the file.
    options (WriteOptions): additional labels for the types; `lang` for tokenization.
    report (Report): counts symmetric relations that can't be marked.
    """
    labels = Labels(options)
    watched = labels.watch(records)
    write_array(path, (_to_item(record, options, report) for record in watched))
    labels.count_lost_marks(report)
    types = path.with_name(f"{path.stem}_types.json")
    write_json(types, _to_types(labels))


def _to_item(record: Record, options: WriteOptions, report: Report) -> Dict[str, Any]:
    id_ = record.source.id
    return {
        **to_sentence(record, options, report),
        **pick_meta(record, FIELDS, report),
        **({} if id_ is None else {"orig_id": id_}),
    }


def to_sentence(
    record: Record, options: WriteOptions, report: Report
) -> Dict[str, Any]:
    """Get the words, entities and relations of a record.

    record (Record): the record.
    options (WriteOptions): `lang` for tokenization.
    report (Report): counts documents with lost whitespace.
    RETURNS (Dict[str, Any]): `tokens`, `entities` and `relations`.
    """
    words = Words(record, options, report)
    index = {entity.id: i for i, entity in enumerate(record.entities)}
    extents = [words.find(entity) for entity in record.entities]
    return {
        "tokens": words.words,
        "entities": [
            {"type": entity.label, "start": start, "end": end}
            for entity, (start, end) in zip(record.entities, extents)
        ],
        "relations": [
            {
                "type": relation.label,
                "head": index[relation.head],
                "tail": index[relation.tail],
            }
            for relation in record.relations
        ],
    }


def _to_types(labels: Labels) -> Dict[str, Any]:
    symmetric = labels.symmetric
    return {
        "entities": {
            type_: {"short": type_, "verbose": type_} for type_ in labels.entities
        },
        "relations": {
            label: {
                "short": label,
                "verbose": label,
                "symmetric": label in symmetric,
            }
            for label in labels.pairs
        },
    }


WRITER = Writer(
    "spert",
    "SpERT data set with its types file (JSON)",
    ".json",
    write,
    holds=frozenset({META, SYMMETRIC, TOKENS}),
)

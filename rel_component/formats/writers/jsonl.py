"""Plain JSON lines: one document per line, with all details of records.

The same format is read and written by `scripts/predict.py`: entities with `start`,
`end` (in characters, exclusive) and `label`, relations with `label`, `head` and `tail`,
which contain the entities. Other fields are only written if not empty.
"""

from pathlib import Path
from typing import Any, Dict, Iterable

from ...files import write_lines
from ..record import EntityRecord, Record, RelationRecord
from ..report import Report
from ..tools.jsonl import ENTITY_FIELDS, FIELDS, RELATION_FIELDS
from .base import WriteOptions, Writer
from .details import ATTRS, EVERYTHING, VERSIONS, pick_meta


def write(
    records: Iterable[Record], path: Path, options: WriteOptions, report: Report
) -> None:
    """Write records as plain JSON lines.

    records (Iterable[Record]): the records.
    path (Path): the file.
    options (WriteOptions): not used.
    report (Report): counts fields that can't be written due to their name.
    """
    write_lines(path, (_to_row(record, report) for record in records))


def _to_row(record: Record, report: Report) -> Dict[str, Any]:
    ends = {entity.id: _to_end(entity, record) for entity in record.entities}
    optional = {
        "id": record.source.id,
        "group": record.group,
        "tokens": record.tokens,
        "sentences": record.sentences,
        "negatives": [{"head": ends[h], "tail": ends[t]} for h, t in record.negatives],
    }
    return {
        **pick_meta(record, FIELDS, report),
        "text": record.text,
        "entities": [
            {**ends[entity.id], **_pick_attrs(entity, ENTITY_FIELDS, report)}
            for entity in record.entities
        ],
        "relations": [
            {
                "label": relation.label,
                "head": ends[relation.head],
                "tail": ends[relation.tail],
                **({"symmetric": True} if relation.symmetric else {}),
                **_pick_attrs(relation, RELATION_FIELDS, report),
            }
            for relation in record.relations
        ],
        "complete": record.complete,
        **{key: value for key, value in optional.items() if value not in (None, [])},
    }


def _to_end(entity: EntityRecord, record: Record) -> Dict[str, Any]:
    pieces = {"fragments": entity.fragments} if len(entity.fragments) > 1 else {}
    return {
        "start": entity.start,
        "end": entity.end,
        "label": entity.label,
        "text": " ".join(record.text[start:end] for start, end in entity.fragments),
        **pieces,
    }


def _pick_attrs(
    item: EntityRecord | RelationRecord, taken: Iterable[str], report: Report
) -> Dict[str, Any]:
    attrs = {key: value for key, value in item.attrs.items() if key not in taken}
    report.ignored(ATTRS, len(item.attrs) - len(attrs))
    return attrs


WRITER = Writer(
    "jsonl",
    "plain JSON lines: text, entities, relations (JSONL)",
    ".jsonl",
    write,
    holds=EVERYTHING - {VERSIONS},
)

"""doccano JSONL: one example per line, with `entities` and `relations`.

Relations can't be marked as symmetric. Unless a project allows overlapping entities,
doccano skips them on import without a message.
"""

from itertools import count
from pathlib import Path
from typing import Any, Dict, Iterable, Iterator, Optional, Set, Tuple

from ...files import write_lines
from ..record import Record
from ..report import Report
from ..tools.doccano import KNOWN
from .base import WriteOptions, Writer
from .details import META, pick_meta
from .labels import Labels

FIELDS = {*KNOWN, "id"}


def write(
    records: Iterable[Record], path: Path, options: WriteOptions, report: Report
) -> None:
    """Write examples for doccano's import as `JSONL(Relation)`.

    records (Iterable[Record]): the records.
    path (Path): the file.
    options (WriteOptions): not used.
    report (Report): gives advice on overlapping entities.
    """
    labels = Labels(options)
    # doccano's entity ids are unique in the project
    ids, links = count(1), count(1)
    watched = labels.watch(records)
    seen: Set[Tuple[Optional[str], str]] = set()
    write_lines(path, (_to_example(x, ids, links, seen, report) for x in watched))
    if labels.has_overlaps:
        report.hint(
            "some entities overlap; allow this in the settings of the doccano "
            "project before the import, or they are skipped"
        )


def _to_example(
    record: Record,
    ids: Iterator[int],
    links: Iterator[int],
    seen: Set[Tuple[Optional[str], str]],
    report: Report,
) -> Dict[str, Any]:
    numbers = {entity.id: next(ids) for entity in record.entities}
    id_, number = record.source.id, 1
    while (id_, record.text) in seen:  # they would be read as one example
        number += 1
        id_ = f"{record.source.id or 'document'}-{number}"
    seen.add((id_, record.text))
    return {
        **({} if id_ is None else {"id": id_}),
        "text": record.text,
        **pick_meta(record, FIELDS, report),
        "entities": [
            {
                "id": numbers[entity.id],
                "label": entity.label,
                "start_offset": entity.start,
                "end_offset": entity.end,
            }
            for entity in record.entities
        ],
        "relations": [
            {
                "id": next(links),
                "from_id": numbers[relation.head],
                "to_id": numbers[relation.tail],
                "type": relation.label,
            }
            for relation in record.relations
        ],
        "Comments": [],
    }


WRITER = Writer(
    "doccano",
    "doccano sequence labelling with relations (JSONL)",
    ".jsonl",
    write,
    holds=frozenset({META}),
)

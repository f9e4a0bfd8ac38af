"""doccano JSONL: one example per line, with `entities` and `relations`.

Relations can't be marked as symmetric. Unless a project allows overlapping entities,
doccano skips them on import without a message.
"""

from collections import Counter
from itertools import count
from pathlib import Path
from typing import Any, Dict, Iterable, Iterator, Optional, Tuple
from typing import Counter as CounterType

from ...files import write_lines
from ..record import Record
from ..report import Report
from ..tools.doccano import KNOWN
from .base import WriteOptions, Writer
from .details import META, pick_meta
from .labels import Labels

FIELDS = {*KNOWN, "id"}
# examples by id and text
Seen = CounterType[Tuple[Optional[str], str]]


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
    seen: Seen = Counter()
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
    seen: Seen,
    report: Report,
) -> Dict[str, Any]:
    numbers = {entity.id: next(ids) for entity in record.entities}
    id_ = record.source.id
    seen[id_, record.text] += 1
    if seen[id_, record.text] > 1:  # they would be read as one example
        id_ = f"{id_ or 'document'}-{seen[id_, record.text]}"
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

"""Data sets of pairs, with items of a sentence, two entities and their relation."""

from typing import Dict, Iterable, Iterator, Optional, Set, Tuple

from .base import Option, Options
from .record import Record
from .report import DOCUMENTS, Report

MERGE_PAIRS = Option(
    "merge_pairs", False, "combine all pairs of a sentence in one document"
)
Key = Tuple[str, Optional[str]]


def join_pairs(
    records: Iterable[Record], options: Options, report: Report
) -> Iterator[Record]:
    """Combine the pairs of a sentence, if enabled.

    records (Iterable[Record]): one record per pair.
    options (Options): `merge_pairs`.
    report (Report): counts merged records, or gives advice on the option.
    YIELDS (Record): one record per pair, or per sentence of a group.
    """
    if options[MERGE_PAIRS]:
        yield from _merge(records, report)
        return
    seen: Set[int] = set()
    for record in records:
        key = hash(_key(record))
        if key in seen:
            report.hint(
                "sentences are repeated with other pairs of entities; use "
                "--merge-pairs to combine the pairs of a sentence in one document"
            )
        seen.add(key)
        yield record


def _merge(records: Iterable[Record], report: Report) -> Iterator[Record]:
    """Merge the records of each sentence; all are kept in memory."""
    merged: Dict[Key, Record] = {}
    for record in records:
        record.losses |= report.take_losses()
        first = merged.setdefault(_key(record), record)
        if first is record:
            continue
        first.losses |= record.losses
        report.merged(DOCUMENTS, "pairs of one sentence")
        # make ids unique, and include the item in messages
        prefix = len(first.entities)
        for entity in record.entities:
            entity.id = f"{prefix}.{entity.id}"
            entity.source = record.source
        for relation in record.relations:
            relation.head = f"{prefix}.{relation.head}"
            relation.tail = f"{prefix}.{relation.tail}"
            relation.source = record.source
        first.entities += record.entities
        first.relations += record.relations
    yield from merged.values()


def _key(record: Record) -> Key:
    return record.text, record.group

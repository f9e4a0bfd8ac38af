"""Prodigy `rel.manual` JSONL: one task per line.

Prodigy doesn't support overlapping spans: only the longest one is written, and the
first in case of a tie. Relations can't be marked as symmetric.
"""

from bisect import bisect_left
from pathlib import Path
from typing import Any, Dict, Iterable, List, Tuple

from ...files import write_lines
from ..from_doc import SCORE
from ..record import EntityRecord, Record, RelationRecord
from ..report import Report
from .base import WriteOptions, Writer
from .details import META, SCORES, TOKENS, UNCERTAINTY, pick_meta
from .prepare import drop_entities
from .tokens import Tokens

# hashes of the original task, which Prodigy computes again
STALE = ("text", "tokens", "spans", "relations", "answer", "_task_hash")


def write(
    records: Iterable[Record], path: Path, options: WriteOptions, report: Report
) -> None:
    """Write tasks, as accepted or unanswered.

    records (Iterable[Record]): records without overlapping entities.
    path (Path): the file.
    options (WriteOptions): `predictions` for tasks without answer; `lang` for
        tokenization.
    report (Report): counts split tokens.
    """
    write_lines(path, (_to_task(record, options, report) for record in records))


def fit(record: Record, report: Report) -> Record:
    """Leave out entities that overlap longer ones."""
    taken: List[Tuple[int, int]] = []  # sorted, since they do not overlap
    problems: Dict[str, str] = {}
    for entity in sorted(record.entities, key=lambda e: (e.start - e.end, e.start)):
        at = bisect_left(taken, (entity.end, 0))  # the last one starts before
        if at and entity.start < taken[at - 1][1]:
            problems[entity.id] = "overlaps another entity, and Prodigy shows only one"
        else:
            taken.insert(at, (entity.start, entity.end))
    return drop_entities(record, problems, "overlaps another entity", report)


def _to_task(record: Record, options: WriteOptions, report: Report) -> Dict[str, Any]:
    tokens = Tokens(record, options, report)
    spans = {entity.id: _to_span(entity, tokens) for entity in record.entities}
    task = pick_meta(record, STALE, report)
    uncertainty = task.pop(UNCERTAINTY, None)
    shown = {"id": record.source.id, UNCERTAINTY: uncertainty}
    meta = {key: value for key, value in shown.items() if value is not None}
    if meta and isinstance(task.get("meta", {}), dict):
        task["meta"] = {**meta, **task.get("meta", {})}
    return {
        "text": record.text,
        **task,
        "tokens": [
            {
                "text": token.text,
                "start": token.idx,
                "end": token.idx + len(token),
                "id": token.i,
                "ws": bool(token.whitespace_),
                "disabled": False,
            }
            for token in tokens.doc
        ],
        "spans": [
            {**spans[e.id], "text": record.text[e.start : e.end], **_to_score(e)}
            for e in record.entities
        ],
        "relations": [
            {
                "head": spans[relation.head]["token_end"],
                "child": spans[relation.tail]["token_end"],
                "head_span": spans[relation.head],
                "child_span": spans[relation.tail],
                "label": relation.label,
                **_to_score(relation),
            }
            for relation in record.relations
        ],
        **({} if options.predictions else {"answer": "accept"}),
    }


def _to_span(entity: EntityRecord, tokens: Tokens) -> Dict[str, Any]:
    first, last = tokens.find(entity)
    return {
        "start": entity.start,
        "end": entity.end,
        "token_start": first,
        "token_end": last,
        "label": entity.label,
    }


def _to_score(item: EntityRecord | RelationRecord) -> Dict[str, Any]:
    return {SCORE: item.attrs[SCORE]} if SCORE in item.attrs else {}


WRITER = Writer(
    "prodigy",
    "Prodigy rel.manual tasks (JSONL)",
    ".jsonl",
    write,
    holds=frozenset({META, SCORES, TOKENS}),
    fit=fit,
)

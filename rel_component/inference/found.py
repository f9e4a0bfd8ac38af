"""Predictions for tasks, and their form as JSON or CSV."""

import csv
import io
import json
from typing import Any, Iterable, List, NamedTuple

import srsly
from spacy.tokens import Doc, Span

from ..relations import Relation
from .rows import to_row, to_spert
from .tasks import Task

TABLE_COLUMNS = ("id", "head", "head_type", "relation", "tail", "tail_type", "score")


class Found(NamedTuple):
    """The prediction for a task.

    task (Task): the text.
    doc (Doc): the Doc with entities and relations.
    relations (List[Relation]): the selected relations.
    entities (List[Span]): the entities, given or predicted, see `rows.list_entities`.
    """

    task: Task
    doc: Doc
    relations: List[Relation]
    entities: List[Span]


def dump_found(results: Iterable[Found], format_: str) -> str:
    """Convert predictions to JSON or CSV.

    results (Iterable[Found]): the predictions.
    format_ (str): `jsonl`; `spert` for SpERT's format; or `csv`, with a row per
        relation, whose `id` is the text's id, or its number from 1.
    RETURNS (str): JSON lines, an array, or a table.
    """
    if format_ == "csv":
        return _dump_table(results)
    convert = to_spert if format_ == "spert" else to_row
    rows = [
        convert(x.doc, x.task.meta, x.relations, entities=x.entities) for x in results
    ]
    return _dump(rows) if format_ == "spert" else "\n".join(map(_dump, rows))


def _dump_table(results: Iterable[Found]) -> str:
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(TABLE_COLUMNS)
    for number, found in enumerate(results, 1):
        id_ = found.task.meta.get("id", number)
        for head, label, tail, score in found.relations:
            ends = head.text, head.label_, label, tail.text, tail.label_
            writer.writerow([id_, *ends, f"{score:.4f}"])
    return file.getvalue().rstrip("\n")


def _dump(data: Any) -> str:
    try:
        return srsly.json_dumps(data)
    except OverflowError:  # NaN in a metadata field
        return json.dumps(data, ensure_ascii=False, separators=(",", ":"))

"""Predictions for tasks, and their form as JSON or CSV."""

import csv
import io
import json
from typing import Any, Dict, Iterable, List, NamedTuple

from spacy.tokens import Doc, Span

from ..entity_scores import get_all_scores
from ..relations import Relation, get_entity_key
from ..wording import make_writable
from .rows import to_row, to_spert
from .tasks import Task

END_COLUMNS = ("", "_type", "_start", "_end")
TABLE_COLUMNS = (
    "id",
    *(f"head{name}" for name in END_COLUMNS),
    "relation",
    *(f"tail{name}" for name in END_COLUMNS),
    "score",
)


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
        relation, whose `id` is the text's id, or its number from 1; starts and ends are
        in characters.
    RETURNS (str): JSON lines, an array, or a table.
    """
    if format_ == "csv":
        return _dump_table(results)
    if format_ == "spert":
        return _dump(
            [
                to_spert(x.doc, x.task.meta, x.relations, entities=x.entities)
                for x in results
            ]
        )
    return "\n".join(_dump(_to_row(found)) for found in results)


def _to_row(found: Found) -> Dict[str, Any]:
    """RETURNS (Dict[str, Any]): `to_row`, with scores of entities if there are any."""
    doc, entities = found.doc, found.entities
    row = to_row(doc, found.task.meta, found.relations, entities=entities)
    scores = get_all_scores(doc)
    for span, entity in zip(entities, row["entities"]):
        score = scores.get(get_entity_key(span))
        if score is not None:
            entity["score"] = score
    return row


def _dump_table(results: Iterable[Found]) -> str:
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow(TABLE_COLUMNS)
    for number, found in enumerate(results, 1):
        id_ = found.task.meta.get("id")
        id_ = number if id_ is None else make_writable(str(id_))
        for head, label, tail, score in found.relations:
            ends = (
                (end.text, end.label_, end.start_char, end.end_char)
                for end in (head, tail)
            )
            writer.writerow([id_, *next(ends), label, *next(ends), f"{score:.4f}"])
    return file.getvalue().rstrip("\r\n")


def _dump(data: Any) -> str:
    options: Dict[str, Any] = {"separators": (",", ":"), "allow_nan": False}
    try:
        text = json.dumps(data, ensure_ascii=False, **options)
        text.encode()
    except UnicodeEncodeError:  # a lone surrogate in a metadata field
        return json.dumps(data, **options)
    except ValueError:  # NaN or infinity in one, which JSON doesn't have
        from .batch.rows import make_plain

        return _dump(make_plain(data))
    return text

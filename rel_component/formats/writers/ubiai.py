"""UBIAI JSON: a list of `{"document", "tokens", "relations"}`.

Relations refer to the first token of their entities, so they are ambiguous if two
entities start with the same token. They can't be marked as symmetric.
"""

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any, Dict, Iterable

from ...files import write_array
from ..fields import show
from ..record import EntityRecord, Record
from ..report import Report
from .base import WriteOptions, Writer
from .details import META, pick_meta
from .prepare import lose_relation
from .tokens import Tokens

FIELDS = ("document", "tokens", "relations", "id")


def write(
    records: Iterable[Record], path: Path, options: WriteOptions, report: Report
) -> None:
    """Write documents in the format of UBIAI's exports.

    records (Iterable[Record]): records without ambiguous relations.
    path (Path): the file.
    options (WriteOptions): `lang` for tokenization of records without tokens.
    report (Report): counts split tokens.
    """
    write_array(path, (_to_document(record, options, report) for record in records))


def fit(record: Record, report: Report) -> Record:
    """Leave out relations of entities that start with the same token as another."""
    entities = {entity.id: entity for entity in record.entities}
    counts = Counter(entity.start for entity in record.entities)
    kept = []
    for relation in record.relations:
        ends = {"head": entities[relation.head], "tail": entities[relation.tail]}
        shared = [side for side, end in ends.items() if counts[end.start] > 1]
        if not shared:
            kept.append(relation)
            continue
        end = ends[shared[0]]
        problem = (
            f"its {shared[0]} {show(record.text[end.start : end.end])} starts with the "
            f"same token as another entity, and UBIAI only refers to the first token"
        )
        lose_relation(record, relation, problem, "ambiguous first token", report)
    return replace(record, relations=kept)


def _to_document(
    record: Record, options: WriteOptions, report: Report
) -> Dict[str, Any]:
    tokens = Tokens(record, options, report)
    found = {entity.id: _to_token(entity, record, tokens) for entity in record.entities}
    id_ = record.source.id
    return {
        **({} if id_ is None else {"id": id_}),
        **pick_meta(record, FIELDS, report),
        "document": record.text,
        "tokens": list(found.values()),
        "relations": [
            {
                "head": found[relation.head]["token_start"],
                "child": found[relation.tail]["token_start"],
                "relationLabel": relation.label,
            }
            for relation in record.relations
        ],
    }


def _to_token(entity: EntityRecord, record: Record, tokens: Tokens) -> Dict[str, Any]:
    first, last = tokens.find(entity)
    return {
        "text": record.text[entity.start : entity.end],
        "start": entity.start,
        "end": entity.end,
        "token_start": first,
        "token_end": last,
        "entityLabel": entity.label,
    }


WRITER = Writer(
    "ubiai",
    "UBIAI relations (JSON)",
    ".json",
    write,
    holds=frozenset({META}),
    fit=fit,
)

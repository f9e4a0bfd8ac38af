"""Rows of a Hugging Face data set: `tokens`, `entities`, `relations`, `orig_id`.

Columns and types are the same as in DFKI-SLT/conll04 and SpERT: words without
whitespace. Load the file with `datasets.load_dataset("parquet", data_files=...)`.
"""

from pathlib import Path
from typing import Any, Dict, Iterable, List, Optional, TypedDict

from ...files import write_lines
from ...parquet import Int32, import_pyarrow, make_schema, write_parquet
from ..record import Record
from ..report import Report
from .base import WriteOptions, Writer
from .details import TOKENS
from .spert import to_sentence


class Entity(TypedDict):
    """An entity, in words, with exclusive end."""

    type: str
    start: Int32
    end: Int32


class Relation(TypedDict):
    """A relation, with the indices of its entities."""

    type: str
    head: Int32
    tail: Int32


class Row(TypedDict):
    """The columns of the table."""

    tokens: List[str]
    entities: List[Entity]
    relations: List[Relation]
    orig_id: Optional[str]


def write(
    records: Iterable[Record], path: Path, options: WriteOptions, report: Report
) -> None:
    """Write a table.

    records (Iterable[Record]): the records.
    path (Path): Parquet file, or JSON lines if its suffix is `.jsonl`.
    options (WriteOptions): `lang` for tokenization.
    report (Report): counts documents with lost whitespace.
    RAISES (ValueError): if a package required for Parquet is not installed.
    """
    rows = (_to_row(record, options, report) for record in records)
    if path.suffix == ".jsonl":
        write_lines(path, rows)
    else:
        import_pyarrow("Or write JSON lines: an --output that ends in .jsonl.")
        write_parquet(path, rows, make_schema(Row))


def _to_row(record: Record, options: WriteOptions, report: Report) -> Dict[str, Any]:
    return {**to_sentence(record, options, report), "orig_id": record.source.id}


WRITER = Writer(
    "huggingface",
    "Hugging Face data set (Parquet, or JSONL)",
    ".parquet",
    write,
    holds=frozenset({TOKENS}),
)

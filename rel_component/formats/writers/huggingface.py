"""Rows of a Hugging Face data set: `tokens`, `entities`, `relations`, `orig_id`.

Columns and types are those of DFKI-SLT/conll04, which are SpERT's: words and no text.
`datasets.load_dataset("parquet", data_files=...)` reads the file.
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
    """Words, the end exclusive."""

    type: str
    start: Int32
    end: Int32


class Relation(TypedDict):
    """Positions of its ends among the entities."""

    type: str
    head: Int32
    tail: Int32


class Row(TypedDict):
    """Columns of the table."""

    tokens: List[str]
    entities: List[Entity]
    relations: List[Relation]
    orig_id: Optional[str]


def write(
    records: Iterable[Record], path: Path, options: WriteOptions, report: Report
) -> None:
    """Write a table.

    records (Iterable[Record]): any.
    path (Path): Parquet, unless its suffix is `.jsonl`.
    options (WriteOptions): `lang` makes tokens.
    report (Report): counts documents whose spacing is lost.
    RAISES (ValueError): if Parquet needs a package that is not installed.
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

"""Rows as Parquet; pyarrow is imported only here, and only when it is needed."""

import json
from pathlib import Path
from typing import IO, Any, Dict, List

from ...wording import get_command

VERSION = 1
# fsync is the caller's
COMPRESSION = "zstd"


def import_pyarrow() -> Any:
    """RETURNS (Any): the module. RAISES (ValueError): if it is not installed."""
    try:
        import pyarrow
    except ImportError as error:
        raise ValueError(
            f"Parquet needs pyarrow, which is not installed: {get_command('batch')}. "
            f"Or write JSON lines only (--format jsonl)."
        ) from error
    return pyarrow


def make_schema() -> Any:
    """RETURNS (pyarrow.Schema): of the rows that `rows.make_row` makes; docs/batch.md
    describes it."""
    pa = import_pyarrow()

    def fields(*columns: Any) -> Any:
        return [pa.field(name, type_, nullable=False) for name, type_ in columns]

    offsets = (("start", pa.int32()), ("end", pa.int32()))
    words = (("label", pa.string()), ("text", pa.string()))
    entity = pa.struct(fields(*offsets, *words))
    relation = pa.struct(
        fields(
            ("label", pa.string()),
            ("score", pa.float64()),
            ("head", entity),
            ("tail", entity),
            ("sentence", pa.struct(fields(*offsets))),
        )
    )
    columns = [
        *fields(("id", pa.string()), ("source", pa.string()), ("row", pa.int64())),
        pa.field("text", pa.string()),
        *fields(("meta", pa.string())),
        *fields(("entities", pa.list_(entity)), ("relations", pa.list_(relation))),
    ]
    return pa.schema(columns, metadata={"rel_component.rows": str(VERSION)})


def write_parquet(rows: List[Dict[str, Any]], file: IO[bytes]) -> None:
    """Write rows.

    rows (List[Dict[str, Any]]): of `rows.make_row`.
    file (IO[bytes]): open for writing.
    """
    pa = import_pyarrow()
    from pyarrow import parquet

    table = pa.Table.from_pylist(rows, schema=make_schema())
    parquet.write_table(table, file, compression=COMPRESSION)


def read_parquet(path: Path) -> List[Dict[str, Any]]:
    """RETURNS (List[Dict[str, Any]]): the rows of a part."""
    import_pyarrow()
    from pyarrow import parquet

    return parquet.ParquetFile(path).read().to_pylist()


def plain(value: Any) -> Any:
    """RETURNS (Any): a value as JSON has it; what it has not becomes a string."""
    return json.loads(json.dumps(value, default=str))

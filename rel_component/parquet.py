"""Write rows as Parquet, with pyarrow as a lazy import."""

from itertools import islice
from pathlib import Path
from typing import (
    Annotated,
    Any,
    Dict,
    Iterable,
    List,
    Mapping,
    Optional,
    Union,
    get_args,
    get_origin,
    get_type_hints,
    is_typeddict,
)

from .files import replace_file
from .wording import get_command

# fields stored in four bytes
Int32 = Annotated[int, "int32"]
COMPRESSION = "zstd"
# rows per row group, which is held in memory
GROUP = 10_000


def import_pyarrow(advice: str = "Or write JSON lines only (--format jsonl).") -> Any:
    """The package that reads and writes Parquet.

    advice (str): another way, for the message.
    RETURNS (Any): the module. RAISES (ValueError): if it's not installed.
    """
    try:
        import pyarrow
    except ImportError as error:
        raise ValueError(
            f"Parquet needs pyarrow, which is not installed: {get_command('batch')}. "
            f"{advice}"
        ) from error
    return pyarrow


def make_schema(columns: Any, metadata: Optional[Dict[str, str]] = None) -> Any:
    """Create the Parquet schema from a TypedDict, so that no field can be missing.

    columns (Any): a TypedDict of the fields: strings, numbers, lists and TypedDicts;
        Optional fields are nullable.
    metadata (Optional[Dict[str, str]]): the schema's metadata.
    RETURNS (pyarrow.Schema): a schema with one column per field.
    """
    pa = import_pyarrow()
    return pa.schema(_make_fields(pa, columns), metadata=metadata)


def _make_fields(pa: Any, columns: Any) -> List[Any]:
    hints = get_type_hints(columns, include_extras=True)
    return [_make_field(pa, name, hint) for name, hint in hints.items()]


def _make_field(pa: Any, name: str, hint: Any) -> Any:
    is_nullable = get_origin(hint) is Union
    if is_nullable:
        (hint,) = (x for x in get_args(hint) if x is not type(None))
    return pa.field(name, _make_type(pa, hint), nullable=is_nullable)


def _make_type(pa: Any, hint: Any) -> Any:
    if is_typeddict(hint):
        return pa.struct(_make_fields(pa, hint))
    if get_origin(hint) is list:
        return pa.list_(_make_type(pa, *get_args(hint)))
    types = {
        str: pa.string(),
        int: pa.int64(),
        Int32: pa.int32(),
        float: pa.float64(),
    }
    return types[hint]


def write_parquet(path: Path, rows: Iterable[Mapping[str, Any]], schema: Any) -> None:
    """Write a table atomically.

    path (Path): the file.
    rows (Iterable[Mapping[str, Any]]): the rows, written in groups of GROUP.
    schema (pyarrow.Schema): the output of `make_schema`.
    """
    pa = import_pyarrow()
    from pyarrow import parquet

    rows = iter(rows)
    with replace_file(path) as file:
        options = {"compression": COMPRESSION}
        with parquet.ParquetWriter(file, schema, **options) as writer:
            while group := list(islice(rows, GROUP)):
                writer.write_batch(pa.RecordBatch.from_pylist(group, schema=schema))

"""Parquet files with one document per row; requires pyarrow (extra `batch`)."""

from pathlib import Path
from typing import Any, Dict, Iterator, List

from ....parquet import import_pyarrow
from ...tasks import Task
from ..settings import ExtractSettings
from .item import (
    MALFORMED,
    Item,
    Place,
    SourceError,
    check_column,
    decode,
    make_unique,
    read_id,
    refuse,
)

BATCH = 1000


def scan(path: Path, settings: ExtractSettings) -> Iterator[Place]:
    """YIELDS (Place): the position of each row.

    RAISES (SourceError): if the file can't be read, or has no text column.
    """
    file = _open(path)
    check_column(file.schema_arrow.names, settings.text_field)
    for row in range(file.metadata.num_rows):
        yield Place(row, row + 1, row)


def read(
    path: Path, start: int, stop: int, first: int, settings: ExtractSettings
) -> Iterator[Item]:
    """YIELDS (Item): each row, with other columns as meta."""
    file = _open(path)
    offset = 0
    for group in range(file.num_row_groups):
        n_rows = file.metadata.row_group(group).num_rows
        if offset < stop and offset + n_rows > start:
            yield from _read_group(file, group, offset, start, stop, settings)
        offset += n_rows


def _read_group(
    file: Any, group: int, offset: int, start: int, stop: int, settings: ExtractSettings
) -> Iterator[Item]:
    """Read the rows of a row group from `start` to `stop`; damaged ones become dead
    letters."""
    pyarrow = import_pyarrow()
    n_read = max(start, offset)
    last = min(stop, offset + file.metadata.row_group(group).num_rows)
    try:
        for item in _read_batches(file, group, offset, start, stop, settings):
            n_read += 1
            yield item
    except (pyarrow.ArrowException, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # a disk error, which may be temporary
        reason = f"row group {group} of the file can't be read: {error}"
        for row in range(n_read, last):
            yield refuse(Place(row, row + 1, row), MALFORMED, reason)


def _read_batches(
    file: Any, group: int, offset: int, start: int, stop: int, settings: ExtractSettings
) -> Iterator[Item]:
    for batch in file.iter_batches(batch_size=BATCH, row_groups=[group]):
        begin, end = max(start - offset, 0), min(stop - offset, len(batch))
        for i, row in enumerate(_list_rows(batch.slice(begin, max(end - begin, 0)))):
            number = offset + begin + i
            yield _make_item(Place(number, number + 1, number), row, settings)
        offset += len(batch)
        if offset >= stop:
            break


def _list_rows(batch: Any) -> Iterator[Dict[str, Any]]:
    """YIELDS (Dict[str, Any]): the values of each row, by the name of the column."""
    names = make_unique(batch.schema.names)
    for values in zip(*map(_list_values, batch.columns)):
        yield dict(zip(names, values))


def _list_values(column: Any) -> List[Any]:
    """RETURNS (List[Any]): the values of a column. Values that Python can't represent,
    e.g. a time in the year 30,000, become strings."""
    pyarrow = import_pyarrow()
    try:
        return column.to_pylist()
    except (pyarrow.ArrowException, ArithmeticError, LookupError, ValueError):
        pass  # a LookupError: with pytz, an unknown time zone
    try:
        return column.cast(pyarrow.string()).to_pylist()
    except (pyarrow.ArrowException, ValueError):
        return [_to_python(x) for x in column]


def _to_python(value: Any) -> Any:
    """RETURNS (Any): a value of which others in its column can't be represented; bytes
    for a string that isn't UTF-8."""
    pyarrow = import_pyarrow()
    try:
        return value.as_py()
    except UnicodeDecodeError:
        return value.as_buffer().to_pybytes()
    except (pyarrow.ArrowException, ArithmeticError, LookupError, ValueError):
        return f"<{value.type}>"


def _make_item(place: Place, row: Any, settings: ExtractSettings) -> Item:
    text = row.pop(settings.text_field)
    id_ = row.pop(settings.id_field, None)
    if isinstance(id_, bytes):
        id_ = id_.decode("utf8", "backslashreplace")
    if isinstance(text, bytes):
        text = decode(text, place)
    if isinstance(text, Item):
        return text
    if not isinstance(text, str):
        found = "null" if text is None else repr(text)[:40]
        reason = f"{settings.text_field} is {found}; expected a string"
        return refuse(place, MALFORMED, reason, text)
    meta = {key: value for key, value in row.items() if value is not None}
    return Item(place, Task(text, meta=meta), read_id(id_))


def _open(path: Path) -> Any:
    pyarrow = import_pyarrow()
    from pyarrow import parquet

    try:
        return parquet.ParquetFile(path)
    except UnicodeEncodeError:
        reason = "pyarrow can't open files whose name isn't UTF-8: rename it"
        raise SourceError(reason) from None
    except (pyarrow.ArrowException, OSError) as error:
        raise SourceError(f"not a Parquet file: {error}") from error

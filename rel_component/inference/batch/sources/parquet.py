"""Parquet: a document in each row; needs pyarrow (extra `batch`)."""

from pathlib import Path
from typing import Any, Iterator

from ...tasks import Task
from ..settings import ExtractSettings
from ..tables import import_pyarrow, plain
from .item import MALFORMED, Item, Place, SourceError, refuse

BATCH = 1000


def scan(path: Path, settings: ExtractSettings) -> Iterator[Place]:
    """YIELDS (Place): of each row.

    RAISES (ValueError): if there is no column of texts.
    """
    file = _open(path)
    names = file.schema_arrow.names
    if settings.text_field not in names:
        raise ValueError(
            f"{path}: found the columns {', '.join(names)[:200]}; expected one with "
            f"the name {settings.text_field}. Name the column with the text "
            f"(--text-field)."
        )
    for row in range(file.metadata.num_rows):
        yield Place(row, row + 1, row)


def read(
    path: Path, start: int, stop: int, first: int, settings: ExtractSettings
) -> Iterator[Item]:
    """YIELDS (Item): of each row; other columns are its meta."""
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
    """Rows of a row group from `start` to `stop`; what is damaged is refused."""
    pyarrow = import_pyarrow()
    n_read = max(start, offset)
    last = min(stop, offset + file.metadata.row_group(group).num_rows)
    try:
        for item in _read_batches(file, group, offset, start, stop, settings):
            n_read += 1
            yield item
    except (pyarrow.ArrowException, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # of the disk, which may be well again
        reason = f"row group {group} of the file can't be read: {error}"
        for row in range(n_read, last):
            yield refuse(Place(row, row + 1, row), MALFORMED, reason)


def _read_batches(
    file: Any, group: int, offset: int, start: int, stop: int, settings: ExtractSettings
) -> Iterator[Item]:
    for batch in file.iter_batches(batch_size=BATCH, row_groups=[group]):
        begin, end = max(start - offset, 0), min(stop - offset, len(batch))
        for i, row in enumerate(batch.slice(begin, max(end - begin, 0)).to_pylist()):
            number = offset + begin + i
            yield _make_item(Place(number, number + 1, number), row, settings)
        offset += len(batch)
        if offset >= stop:
            break


def _make_item(place: Place, row: Any, settings: ExtractSettings) -> Item:
    text = row.pop(settings.text_field)
    id_ = row.pop(settings.id_field, None)
    if not isinstance(text, str):
        reason = f"{settings.text_field} is {type(text).__name__}; expected a string"
        return refuse(place, MALFORMED, reason, text)
    meta = {key: plain(value) for key, value in row.items() if value is not None}
    return Item(place, Task(text, meta=meta), None if id_ is None else str(id_))


def _open(path: Path) -> Any:
    pyarrow = import_pyarrow()
    from pyarrow import parquet

    try:
        return parquet.ParquetFile(path)
    except (pyarrow.ArrowException, OSError) as error:
        raise SourceError(f"not a Parquet file: {error}") from error

"""Tables of values separated by commas (.csv) or tabs (.tsv), with a header."""

import csv
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional, Tuple

from ...texts import Task
from ..settings import Settings
from .item import MALFORMED, MAX_BYTES, UNDECODABLE, Item, Place, SourceError, refuse
from .lines import BOM, SKIP

Record = Tuple[Place, Optional[List[str]], str]


def scan(path: Path, settings: Settings) -> Iterator[Place]:
    """YIELDS (Place): of each record.

    RAISES (ValueError): if the header lacks the text field.
    """
    records = _iter_records(path)
    _find_columns(path, next(records, None), settings)
    for place, _, _ in records:
        yield place


def read(
    path: Path, start: int, stop: int, first: int, settings: Settings
) -> Iterator[Item]:
    """YIELDS (Item): of each record; other columns are its meta."""
    header = _find_columns(path, next(_iter_records(path), None), settings)
    for place, cells, error in _iter_records(path, start, stop, first):
        yield _make_item(place, header, cells, error, settings)


def _make_item(
    place: Place,
    header: List[str],
    cells: Optional[List[str]],
    error: str,
    settings: Settings,
) -> Item:
    if cells is None:
        return refuse(place, MALFORMED, error)
    if len(cells) != len(header):
        reason = (
            f"the record has {len(cells)} values; expected {len(header)}, as the header"
        )
        return refuse(place, MALFORMED, reason, cells)
    if any("\udc80" <= x <= "\udcff" for cell in cells for x in cell):
        data = " ".join(cells).encode("utf8", "surrogateescape")
        reason = "the record is not UTF-8; save the file as UTF-8"
        return refuse(place, UNDECODABLE, reason, data)
    row: Dict[str, Any] = dict(zip(header, cells))
    text, id_ = row.pop(settings.text_field), row.pop(settings.id_field, None)
    return Item(place, Task(text, meta=row), id_ or None)


def _find_columns(path: Path, head: Optional[Record], settings: Settings) -> List[str]:
    if head is None or head[1] is None:
        raise SourceError("the file is empty; expected a header and records")
    if settings.text_field not in head[1]:
        raise ValueError(
            f"{path}: found the columns {', '.join(head[1])[:200]}; expected one with "
            f"the name {settings.text_field}. Name the column with the text "
            f"(--text-field)."
        )
    return head[1]


def _iter_records(
    path: Path, start: int = 0, stop: Optional[int] = None, first: int = 1
) -> Iterator[Record]:
    """Records with the bytes and the line where they begin."""
    csv.field_size_limit(MAX_BYTES)
    delimiter = "\t" if path.suffix.lower() == ".tsv" else ","
    lines = _Lines(path, start, first)
    with lines.file:
        while stop is None or lines.offset < stop:
            begin, number = lines.offset, lines.number
            # a reader takes no line more than the record has
            try:
                cells = next(csv.reader(lines, delimiter=delimiter), None)
                error = ""
            except csv.Error as problem:
                cells, error = None, f"not a record: {problem}"
            if cells is None and not error:
                break
            if cells != []:
                yield Place(begin, lines.offset, number), cells, error


class _Lines:
    """Lines as csv takes them, counted."""

    def __init__(self, path: Path, start: int, first: int) -> None:
        self.file = path.open("rb")
        self.file.seek(start)
        self.offset, self.number = start, first

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        # in parts, so that csv meets its limit before the memory is full
        line = self.file.readline(SKIP)
        if not line:
            raise StopIteration
        is_first = self.offset == 0
        self.offset += len(line)
        self.number += line.endswith(b"\n")
        line = line.removeprefix(BOM) if is_first else line
        return line.decode("utf8", "surrogateescape")

"""CSV (.csv) and TSV (.tsv) files with a header."""

import csv
from pathlib import Path
from typing import Any, BinaryIO, Dict, Iterator, List, NamedTuple, Optional, Tuple

from ....wording import plural
from ...tasks import Task
from ..settings import ExtractSettings
from .item import (
    EXCERPT,
    MALFORMED,
    TOO_LONG,
    UNDECODABLE,
    Item,
    Place,
    SourceError,
    check_column,
    make_unique,
    refuse,
)
from .lines import BOM, skip_line


class CsvRow(NamedTuple):
    """A record, or the reason why it can't be read.

    place (Place): its position.
    cells (Optional[List[str]]): its values; None if it can't be read.
    kind, reason (str): the reason, with the lines of a multi-line record.
    excerpt (bytes): its beginning.
    """

    place: Place
    cells: Optional[List[str]]
    kind: str
    reason: str
    excerpt: bytes


def scan(path: Path, settings: ExtractSettings) -> Iterator[Place]:
    """YIELDS (Place): the position of each record.

    RAISES (SourceError): if the header can't be read, or lacks the text field.
    """
    records = _iter_records(path, settings.max_bytes)
    _find_columns(next(records, None), settings)
    for record in records:
        yield record.place


def read(
    path: Path, start: int, stop: int, first: int, settings: ExtractSettings
) -> Iterator[Item]:
    """YIELDS (Item): each record, with other columns as meta."""
    head = next(_iter_records(path, settings.max_bytes), None)
    header = _find_columns(head, settings)
    for record in _iter_records(path, settings.max_bytes, start, stop, first):
        yield _make_item(record, header, settings)


def _make_item(record: CsvRow, header: List[str], settings: ExtractSettings) -> Item:
    place, cells = record.place, record.cells
    if cells is None:
        return refuse(place, record.kind, record.reason, record.excerpt)
    if len(cells) != len(header):
        reason = (
            f"the record has {plural(len(cells), 'value')}; expected {len(header)}, "
            f"like the header{record.reason}"
        )
        return refuse(place, MALFORMED, reason, cells)
    if any("\udc80" <= x <= "\udcff" for cell in cells for x in cell):
        data = " ".join(cells).encode("utf8", "surrogateescape")
        reason = "the record is not UTF-8; save the file as UTF-8"
        return refuse(place, UNDECODABLE, reason, data)
    row: Dict[str, Any] = dict(zip(header, cells))
    text, id_ = row.pop(settings.text_field), row.pop(settings.id_field, None)
    return Item(place, Task(text, meta=row), id_ or None)


def _find_columns(head: Optional[CsvRow], settings: ExtractSettings) -> List[str]:
    if head is None:
        raise SourceError("the file is empty; expected a header and records")
    if head.cells is None:
        raise SourceError(f"the header can't be read: {head.reason}")
    check_column(head.cells, settings.text_field)
    return make_unique(head.cells)


def _iter_records(
    path: Path,
    max_bytes: int,
    start: int = 0,
    stop: Optional[int] = None,
    first: int = 1,
) -> Iterator[CsvRow]:
    """Iterate over records with their byte and line positions.

    If the end of a record is unclear, e.g. because a quote is not closed, it ends with
    its first line, since the following ones may be valid.
    """
    csv.field_size_limit(max_bytes)
    delimiter = "\t" if path.suffix.lower() == ".tsv" else ","
    with path.open("rb") as file:
        lines = _Lines(file, max_bytes, start, first)
        while stop is None or lines.offset < stop:
            begin, number = lines.begin_record()
            # a reader only consumes the lines of the record
            rows = csv.reader(lines, delimiter=delimiter, strict=True)
            cells, kind, reason = None, MALFORMED, ""
            try:
                cells = next(rows, None)
            except _TooLong:
                kind = TOO_LONG
                reason = f"the record has more than {max_bytes:,} bytes (--max-bytes)"
            except csv.Error as error:
                reason = _explain(error)
            if lines.offset == begin:
                break
            if lines.number > number + 1:
                reason += f" (lines {number} to {lines.number - 1})"
            if cells is None:
                lines.go_back()
            if lines.nul is not None:
                cells, kind = None, MALFORMED
                reason = f"found a NUL character in line {lines.nul}; expected UTF-8"
            if cells != []:
                place = Place(begin, lines.offset, number)
                yield CsvRow(place, cells, kind, reason, lines.excerpt)


def _explain(error: csv.Error) -> str:
    if "new-line character" in str(error):
        return (
            "found a carriage return within an unquoted value; expected lines that "
            "end with a line feed. Save the file with Unix or Windows line endings, "
            "or quote the value"
        )
    return (
        f"not a record: {error}; quotes around a value must be closed, those within "
        f"it doubled"
    )


class _TooLong(ValueError):
    """A record is too long."""


class _Lines:
    """The lines of a record for a csv.reader, counted and limited."""

    def __init__(self, file: BinaryIO, max_bytes: int, start: int, first: int) -> None:
        self.file, self.max_bytes = file, max_bytes
        self.file.seek(start)
        self.offset, self.number = start, first
        self.begin_record()

    def begin_record(self) -> Tuple[int, int]:
        """RETURNS (Tuple[int, int]): byte and line of the start of the next record."""
        self.begin = self.offset, self.number
        # end of its first line
        self.first: Optional[Tuple[int, int]] = None
        # the line with a NUL character
        self.nul: Optional[int] = None
        self.excerpt = b""
        return self.begin

    def go_back(self) -> None:
        """Go back to the end of the record's first line."""
        if self.first is not None:
            self.offset, self.number = self.first
            self.file.seek(self.offset)
        if self.nul != self.begin[1]:
            self.nul = None

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        room = self.max_bytes - (self.offset - self.begin[0])
        line = self.file.readline(room + 1)
        if not line:
            raise StopIteration
        is_long = len(line) > room
        skipped = skip_line(self.file) if is_long and line[-1:] != b"\n" else 0
        is_first = self.offset == 0
        self.offset += len(line) + skipped
        self.number += 1
        if self.first is None:
            self.first = self.offset, self.number
            self.excerpt = line[: 4 * EXCERPT]
        if is_long:
            raise _TooLong
        # csv rejected them before Python 3.11, but accepts them since
        if b"\0" in line:
            self.nul = self.nul or self.number - 1
            line = line.replace(b"\0", b"")
        line = line.removeprefix(BOM) if is_first else line
        return line.decode("utf8", "surrogateescape")

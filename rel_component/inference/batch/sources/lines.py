"""Iterate over the lines of a file of any size, with bounded memory."""

from pathlib import Path
from typing import BinaryIO, Iterator, Optional, Tuple

from .item import Place

BOM = b"\xef\xbb\xbf"
SKIP = 1 << 20


def iter_lines(
    path: Path,
    max_bytes: int,
    start: int = 0,
    stop: Optional[int] = None,
    first: int = 1,
) -> Iterator[Tuple[Place, Optional[bytes]]]:
    """Iterate over the lines of a file.

    path (Path): the file.
    max_bytes (int): maximum bytes of a line.
    start, stop (int): positions of line starts in bytes; None for the end of the file.
    first (int): number of the first line.
    YIELDS (Tuple[Place, Optional[bytes]]): a line's position, and its bytes without
        line ending or BOM; None if it's too long. Blank lines are skipped.
    """
    with path.open("rb") as file:
        file.seek(start)
        offset, number = start, first
        while stop is None or offset < stop:
            line = file.readline(max_bytes)
            if not line:
                break
            length = len(line)
            is_whole = line.endswith(b"\n") or length < max_bytes
            if not is_whole:
                length += skip_line(file)
            place = Place(offset, offset + length, number)
            line = line.removeprefix(BOM) if not offset else line
            if not is_whole:
                yield place, None
            elif line.strip():
                yield place, line.rstrip(b"\r\n")
            offset, number = offset + length, number + 1


def skip_line(file: BinaryIO) -> int:
    """RETURNS (int): number of bytes up to the end of the line."""
    length = 0
    while block := file.readline(SKIP):
        length += len(block)
        if block.endswith(b"\n"):
            break
    return length

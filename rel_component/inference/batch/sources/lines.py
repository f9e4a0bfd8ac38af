"""Lines of a file of any size; a line without an end does not fill the memory."""

from pathlib import Path
from typing import BinaryIO, Iterator, Optional, Tuple

from .item import MAX_BYTES, Place

BOM = b"\xef\xbb\xbf"
SKIP = 1 << 20


def iter_lines(
    path: Path, start: int = 0, stop: Optional[int] = None, first: int = 1
) -> Iterator[Tuple[Place, Optional[bytes]]]:
    """Lines of a file.

    path (Path): the file.
    start, stop (int): bytes, where lines begin; None is the end.
    first (int): number of the first line.
    YIELDS (Tuple[Place, Optional[bytes]]): where it stands and its bytes, without the
        end of the line and a BOM; None if it is longer than MAX_BYTES. Blank lines are
        left out.
    """
    with path.open("rb") as file:
        file.seek(start)
        offset, number = start, first
        while stop is None or offset < stop:
            line = file.readline(MAX_BYTES)
            if not line:
                break
            length = len(line)
            is_whole = line.endswith(b"\n") or length < MAX_BYTES
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
    """RETURNS (int): bytes up to the end of the line."""
    length = 0
    while block := file.readline(SKIP):
        length += len(block)
        if block.endswith(b"\n"):
            break
    return length

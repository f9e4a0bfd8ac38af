"""Texts split into passages with offsets."""

from itertools import chain
from typing import Dict, List, NamedTuple, Optional, Sequence, Tuple

from .offsets import UNITS, map_offsets
from .record import Offsets

CODE_POINTS = "characters"
# maximum gap; longer ones are not missing text, but due to another way of counting
LONGEST_GAP = 1000


class Piece(NamedTuple):
    """A part of a text.

    offset (int): its start, in the unit of the file.
    text (str): the part.
    """

    offset: int
    text: str


class JoinedText:
    """Concatenated pieces, with spaces for the gaps between them.

    text (str): the whole text.
    bases (List[int]): start of each piece in the text.
    n_overlaps (int): number of pieces that overlap with the previous one.
    """

    def __init__(
        self,
        pieces: Sequence[Piece],
        unit: str = CODE_POINTS,
        *,
        separator: str = " ",
    ) -> None:
        """
        pieces (Sequence[Piece]): the pieces, in text order.
        unit (str): unit of the offsets: `CODE_POINTS` or one of `UNITS`.
        separator (str): the first character between pieces, followed by spaces.
        """
        self.bases: List[int] = []
        self.n_overlaps = 0
        self._ends: List[int] = []
        self._tables: List[Optional[Dict[int, int]]] = []
        self._pieces = pieces
        self._separator = separator
        parts: List[str] = []
        length = 0
        for piece in pieces:
            blanks = self._gap(piece, parts)
            parts += [blanks, piece.text]
            self.bases.append(length + len(blanks))
            length += len(blanks) + len(piece.text)
            table, size = None, len(piece.text)
            if unit != CODE_POINTS and not piece.text.isascii():
                table, size = map_offsets(piece.text, UNITS[unit])
            self._tables.append(table)
            self._ends.append(piece.offset + size)
        self.text = "".join(parts)

    def _gap(self, piece: Piece, parts: List[str]) -> str:
        if not self._ends:
            return ""
        gap = piece.offset - self._ends[-1]
        if gap < 0:
            self.n_overlaps += 1
        is_open = bool(parts[-1]) and not parts[-1][-1].isspace()
        if 0 < gap <= LONGEST_GAP:
            return self._separator + " " * (gap - 1)
        return self._separator if gap and is_open else ""

    def find(
        self, start: int, end: int, home: Optional[int] = None
    ) -> Optional[Offsets]:
        """Find a span in the whole text.

        start (int): its start, in the unit of the file.
        end (int): its exclusive end, which may be in a later piece.
        home (Optional[int]): the piece to try first.
        RETURNS (Optional[Tuple[int, int]]): its offsets; None if not found.
        """
        first = self._position(start, home, is_end=False)
        if end <= start:  # empty, to be reported by the caller
            return None if first is None else (first, first + end - start)
        last = self._position(end, home, is_end=True)
        return None if first is None or last is None else (first, last)

    def _position(
        self, offset: int, home: Optional[int], *, is_end: bool
    ) -> Optional[int]:
        homes = () if home is None else (home,)
        for i in chain(homes, range(len(self._pieces))):
            begin, end = self._pieces[i].offset, self._ends[i]
            if begin < offset <= end if is_end else begin <= offset < end:
                table = self._tables[i]
                at = offset - begin if table is None else table.get(offset - begin)
                if at is not None:
                    return self.bases[i] + at
        return None

    def stretch(self, i: int) -> Tuple[int, int]:
        """RETURNS (Tuple[int, int]): start and end of a piece in the whole text."""
        return self.bases[i], self.bases[i] + len(self._pieces[i].text)

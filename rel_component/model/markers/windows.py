"""Assign a window of word pieces to each pair, without truncation."""

from dataclasses import dataclass
from typing import Tuple

import numpy

# special pieces around a window: [CLS], [SEP]
N_SPECIAL = 2


@dataclass
class Pieces:
    """The word pieces of a text.

    ids, starts, ends (Ints1d): (n_pieces,), id, and start and exclusive end in
        characters.
    """

    ids: numpy.ndarray
    starts: numpy.ndarray
    ends: numpy.ndarray

    def __len__(self) -> int:
        return len(self.ids)

    def locate(self, chars: numpy.ndarray) -> numpy.ndarray:
        """Get the pieces that overlap with character spans, at least one.

        chars (Ints2d): (n_spans, 2), start and end in characters.
        RETURNS (Ints2d): (n_spans, 2), start and end in pieces; 0 and 1 if the text is
            empty.
        """
        first = numpy.searchsorted(self.ends, chars[:, 0], side="right")
        first = numpy.clip(first, 0, max(len(self) - 1, 0))
        end = numpy.searchsorted(self.starts, chars[:, 1], side="left")
        return numpy.stack([first, numpy.maximum(end, first + 1)], axis=1)


@dataclass
class Placement:
    """The window of each pair of a text.

    runs (Ints2d): (n_pairs, 4), the window's pieces: start and end of a run, and of a
        second one after a gap, which is usually empty.
    is_second (Bools2d): (n_pairs, 2), whether head and tail are in the second run.
    """

    runs: numpy.ndarray
    is_second: numpy.ndarray


def place_pairs(
    heads: numpy.ndarray, tails: numpy.ndarray, n_pieces: int, window: int, stride: int
) -> Placement:
    """Assign to each pair the window with most context.

    If no window contains both entities, it consists of two runs of half the length, one
    around each entity. Entities longer than their run are truncated.

    heads, tails (Ints2d): (n_pairs, 2), start and end in pieces.
    n_pieces (int): length of the text.
    window, stride (int): length and stride of the windows, in pieces.
    RETURNS (Placement): the windows.
    """
    runs = numpy.zeros((len(heads), 4), dtype="int64")
    is_second = numpy.zeros((len(heads), 2), dtype=bool)
    if n_pieces <= window:
        runs[:, 1] = n_pieces
        return Placement(runs, is_second)
    first = numpy.minimum(heads[:, 0], tails[:, 0])
    end = numpy.maximum(heads[:, 1], tails[:, 1])
    starts = _get_starts(first, end, n_pieces, window, stride)
    runs[:, 0], runs[:, 1] = starts, starts + window
    apart = numpy.flatnonzero((starts > first) | (starts + window < end))
    if len(apart):
        runs[apart], is_second[apart] = _join_halves(
            heads[apart, 0], tails[apart, 0], heads[apart, 1], tails[apart, 1],
            n_pieces, window // 2,
        )  # fmt: skip
    return Placement(runs, is_second)


def _join_halves(
    head_starts: numpy.ndarray,
    tail_starts: numpy.ndarray,
    head_ends: numpy.ndarray,
    tail_ends: numpy.ndarray,
    n_pieces: int,
    half: int,
) -> Tuple[numpy.ndarray, numpy.ndarray]:
    """Join two half windows, as one run if they touch; see `Placement`."""
    # few distinct ones, so that many pairs share a window
    stride = max(half // 2, 1)
    heads, tails = (
        _get_starts(start, numpy.minimum(end, start + half), n_pieces, half, stride)
        for start, end in ((head_starts, head_ends), (tail_starts, tail_ends))
    )
    first, second = numpy.minimum(heads, tails), numpy.maximum(heads, tails)
    touch = second <= first + half
    runs = numpy.stack([first, first + half, second, second + half], axis=1)
    runs[touch, 1] = runs[touch, 3]
    runs[touch, 2:] = 0
    is_second = numpy.stack([heads > tails, tails > heads], axis=1) & ~touch[:, None]
    return runs, is_second


def _get_starts(
    first: numpy.ndarray, end: numpy.ndarray, n_pieces: int, window: int, stride: int
) -> numpy.ndarray:
    """RETURNS (Ints1d): start of the window in which the span is most central; it
    contains at least its first piece, and all of it if possible."""
    last = -(-(n_pieces - window) // stride)
    number = numpy.rint((first + end - window) / 2 / stride).astype("int64")
    number = numpy.maximum(number, -(-(end - window) // stride))
    number = numpy.clip(numpy.minimum(number, first // stride), 0, last)
    return numpy.minimum(number * stride, n_pieces - window)


def get_positions(
    runs: numpy.ndarray, at: numpy.ndarray, is_second: numpy.ndarray, n_positions: int
) -> numpy.ndarray:
    """Get the positions of pieces in their windows, after [CLS] at 0.

    The second run has the same distance from the first as in the text, up to the number
    of positions.

    runs (Ints2d): (n, 4), the windows, see `Placement`.
    at (Ints1d): (n,), pieces, clipped to their run.
    is_second (Bools1d): (n,), whether they are in the second run.
    n_positions (int): number of positions of the transformer.
    RETURNS (Ints1d): (n,), the positions.
    """
    room = n_positions - N_SPECIAL - (runs[:, 3] - runs[:, 2])
    gap = numpy.minimum(runs[:, 2] - runs[:, 0], room) - (runs[:, 1] - runs[:, 0])
    return get_rows(runs, at, is_second) + numpy.where(is_second, gap, 0)


def get_rows(
    runs: numpy.ndarray, at: numpy.ndarray, is_second: numpy.ndarray
) -> numpy.ndarray:
    """Get the rows of pieces in their windows, after [CLS]; see `get_positions`.

    RETURNS (Ints1d): (n,), the rows.
    """
    start = numpy.where(is_second, runs[:, 2], runs[:, 0])
    end = numpy.where(is_second, runs[:, 3], runs[:, 1])
    local = numpy.clip(at, start, numpy.maximum(end - 1, start)) - start
    return 1 + local + numpy.where(is_second, runs[:, 1] - runs[:, 0], 0)

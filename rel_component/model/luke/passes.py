"""Split long texts into passes, so that each pair is scored once."""

import warnings
from dataclasses import dataclass
from typing import Dict, List, Sequence, Tuple

import numpy

from .pieces import Slice


@dataclass
class Pass:
    """One pass of the encoder.

    slices (List[Tuple[int, int]]): slices of word pieces.
    entities (List[int]): rows of the entities that get a vector.
    """

    slices: List[Slice]
    entities: List[int]


def read_pair(spans: numpy.ndarray, n_pieces: int, limit: int) -> List[Slice]:
    """Get the context of a pair, up to a limit.

    spans (Ints2d): (2, 2), first and exclusive last piece of both entities.
    n_pieces (int): length of the text.
    limit (int): maximum number of pieces.
    RETURNS (List[Tuple[int, int]]): one slice with both entities centred; or one around
        each if they are too far apart.
    """
    start, end = int(spans.min()), int(spans.max())
    if end - start <= limit:
        return read_around((start, end), n_pieces, limit)
    around = (read_around(span, n_pieces, limit // 2) for span in spans.tolist())
    return merge([slice_ for slices in around for slice_ in slices])


def read_around(span: Sequence[int], n_pieces: int, limit: int) -> List[Slice]:
    """Get the context of a span, or both ends of a span that is too long."""
    start, end = span
    spare = limit - (end - start)
    if spare < 0:
        warnings.warn(
            f"An entity has {end - start} word pieces, but the transformer's limit is "
            f"{limit}: only the first and last {limit // 2} are used.",
            stacklevel=2,
        )
        return [(start, start + limit // 2), (end - limit // 2, end)]
    first = min(max(start - spare // 2, 0), max(n_pieces - limit, 0))
    return [(first, min(first + limit, n_pieces))]


def merge(slices: Sequence[Slice]) -> List[Slice]:
    """RETURNS (List[Tuple[int, int]]): the same pieces, sorted and disjoint."""
    merged: List[Slice] = []
    for start, end in sorted(slices):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def get_windows(n_pieces: int, window: int, stride: int) -> numpy.ndarray:
    """Get the windows of a text; the last one is full, too.

    RETURNS (Ints2d): (n_windows, 2), first and exclusive last piece of each.
    """
    last = max(n_pieces - window, 0)
    starts = numpy.append(numpy.arange(0, last, stride), last)
    return numpy.stack([starts, numpy.minimum(starts + window, n_pieces)], axis=1)


def find_windows(
    extents: numpy.ndarray, windows: numpy.ndarray, n_pieces: int
) -> numpy.ndarray:
    """Find the window with most context on both sides.

    extents (Ints2d): (n, 2), first and exclusive last piece to contain.
    windows (Ints2d): (n_windows, 2).
    n_pieces (int): length of the text.
    RETURNS (Ints1d): (n,), index of the window; -1 if none contains it.
    """
    best = numpy.full(len(extents), -1)
    most = numpy.full(len(extents), -1)
    for i, (start, end) in enumerate(windows.tolist()):
        left = extents[:, 0] - start
        right = end - extents[:, 1]
        fits = (left >= 0) & (right >= 0)
        left = numpy.where(start == 0, n_pieces, left)
        right = numpy.where(end == n_pieces, n_pieces, right)
        context = numpy.minimum(left, right)
        is_better = fits & (context > most)
        best[is_better], most[is_better] = i, context[is_better]
    return best


def plan_windows(
    spans: numpy.ndarray,
    pairs: numpy.ndarray,
    n_pieces: int,
    window: int,
    stride: int,
) -> Tuple[List[Pass], numpy.ndarray]:
    """Plan the passes over a text to score all its pairs.

    A pair is scored in the window with most context. If no window contains both
    entities, it's scored in a pass of two half windows, one around each, shared with
    other pairs of these positions.

    spans (Ints2d): (n_entities, 2), pieces of its entities.
    pairs (Ints2d): (n_pairs, 2), rows of `spans`.
    n_pieces (int): length of the text.
    window (int): maximum number of pieces.
    stride (int): stride of the windows in pieces.
    RETURNS (Tuple[List[Pass], Ints1d]): the passes, and the pass of each pair.
    """
    windows = get_windows(n_pieces, window, stride)
    starts, ends = spans[pairs, 0].min(axis=1), spans[pairs, 1].max(axis=1)
    chosen = find_windows(numpy.stack([starts, ends], axis=1), windows, n_pieces)
    passes: List[Pass] = []
    number = numpy.full(len(pairs), -1)
    for i in numpy.unique(chosen[chosen >= 0]).tolist():
        start, end = windows[i].tolist()
        inside = (spans[:, 0] >= start) & (spans[:, 1] <= end)
        number[chosen == i] = len(passes)
        passes.append(Pass([(start, end)], numpy.flatnonzero(inside).tolist()))
    far = numpy.flatnonzero(chosen < 0)
    if len(far):
        places = _get_places(spans, pairs[far], n_pieces, window // 2)
        shared: Dict[Tuple[Slice, ...], int] = {}
        seen: Dict[int, Dict[int, None]] = {}
        for row in far.tolist():
            head, tail = pairs[row].tolist()
            key = tuple(merge(places[head] + places[tail]))
            i = number[row] = shared.setdefault(key, len(passes) + len(shared))
            seen.setdefault(i, {}).update({head: None, tail: None})
        passes += [Pass(list(key), [*seen[i]]) for key, i in shared.items()]
    return passes, number


def _get_places(
    spans: numpy.ndarray, pairs: numpy.ndarray, n_pieces: int, size: int
) -> Dict[int, List[Slice]]:
    """Get the half window of each entity in some pairs."""
    used = numpy.unique(pairs)
    windows = get_windows(n_pieces, size, max(size // 2, 1))
    chosen = find_windows(spans[used], windows, n_pieces)
    return {
        row: [tuple(windows[i].tolist())]
        if i >= 0
        else read_around(spans[row].tolist(), n_pieces, size)
        for row, i in zip(used.tolist(), chosen.tolist())
    }

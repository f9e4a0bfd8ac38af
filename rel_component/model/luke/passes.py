"""Which parts of long texts are read together, so that each pair is seen once."""

import warnings
from dataclasses import dataclass
from typing import Dict, List, Sequence, Tuple

import numpy

from .pieces import Slice


@dataclass
class Pass:
    """One pass of the encoder.

    slices (List[Tuple[int, int]]): the word pieces that are read.
    entities (List[int]): rows of the entities that get a vector.
    """

    slices: List[Slice]
    entities: List[int]


def read_pair(spans: numpy.ndarray, n_pieces: int, limit: int) -> List[Slice]:
    """The surroundings of a pair, as much as fits.

    spans (Ints2d): (2, 2), first and exclusive last piece of both entities.
    n_pieces (int): length of the text.
    limit (int): most pieces to read.
    RETURNS (List[Tuple[int, int]]): one slice that holds both, with as much text on
        the left as on the right; or, where they are too far apart, one around each.
    """
    start, end = int(spans.min()), int(spans.max())
    if end - start <= limit:
        return read_around((start, end), n_pieces, limit)
    around = (read_around(span, n_pieces, limit // 2) for span in spans.tolist())
    return merge([slice_ for slices in around for slice_ in slices])


def read_around(span: Sequence[int], n_pieces: int, limit: int) -> List[Slice]:
    """The surroundings of a span; of one that is too long, its two ends."""
    start, end = span
    spare = limit - (end - start)
    if spare < 0:
        warnings.warn(
            f"An entity has {end - start} word pieces: where the transformer has room "
            f"for {limit}, only the first and the last {limit // 2} are read.",
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
    """Windows of a text, the last one full too.

    RETURNS (Ints2d): (n_windows, 2), first and exclusive last piece of each.
    """
    last = max(n_pieces - window, 0)
    starts = numpy.append(numpy.arange(0, last, stride), last)
    return numpy.stack([starts, numpy.minimum(starts + window, n_pieces)], axis=1)


def find_windows(
    extents: numpy.ndarray, windows: numpy.ndarray, n_pieces: int
) -> numpy.ndarray:
    """The window that shows most of the text on both sides.

    extents (Ints2d): (n, 2), first and exclusive last piece of what to see whole.
    windows (Ints2d): (n_windows, 2).
    n_pieces (int): length of the text, at whose ends nothing is hidden.
    RETURNS (Ints1d): (n,), number of the window; -1 if none holds it.
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
    """Passes over a text in which all its pairs are seen.

    A pair is scored in the window that shows most of the text around it. Pairs whose
    entities no window holds together are seen in two half windows, one around each,
    which they share with the other pairs of these two places.

    spans (Ints2d): (n_entities, 2), pieces of its entities.
    pairs (Ints2d): (n_pairs, 2), rows of `spans`.
    n_pieces (int): length of the text.
    window (int): most pieces to read at a time.
    stride (int): pieces from window to window.
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
    """The half window of each entity in some pairs."""
    used = numpy.unique(pairs)
    windows = get_windows(n_pieces, size, max(size // 2, 1))
    chosen = find_windows(spans[used], windows, n_pieces)
    return {
        row: [tuple(windows[i].tolist())]
        if i >= 0
        else read_around(spans[row].tolist(), n_pieces, size)
        for row, i in zip(used.tolist(), chosen.tolist())
    }

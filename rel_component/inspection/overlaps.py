"""Find overlapping entities: nested, crossing, or with the same span."""

from collections import Counter
from typing import Counter as CounterType
from typing import List, Sequence, Tuple

import numpy

from ..relations import EntityKey


def count_overlaps(entities: Sequence[EntityKey]) -> CounterType[str]:
    """Count the overlapping entities of a document.

    entities (Sequence[Tuple[int, int, str]]): distinct start, end and type.
    RETURNS (Counter): number of entities `nested` in a longer one, `crossing` another,
        or with the `same span` as one of a different type.
    """
    spans = numpy.asarray([key[:2] for key in entities], dtype="int64").reshape(-1, 2)
    unique, n_types = numpy.unique(spans, axis=0, return_counts=True)
    is_crossing = numpy.zeros(len(unique), dtype=bool)
    is_crossing[_find_crossing(unique)] = True
    return Counter(
        {
            "nested": int(n_types[_find_nested(unique)].sum()),
            "crossing": int(n_types[is_crossing].sum()),
            "same span": int(n_types[n_types > 1].sum()),
        }
    )


def find_crossing(
    entities: Sequence[EntityKey],
) -> List[Tuple[EntityKey, EntityKey]]:
    """RETURNS (List[Tuple[EntityKey, EntityKey]]): pairs of entities that partially
    overlap, ordered by start."""
    ordered = sorted(entities)
    spans = numpy.asarray([key[:2] for key in ordered], dtype="int64").reshape(-1, 2)
    return [(ordered[a], ordered[b]) for a, b in _find_crossing(spans).tolist()]


def _find_nested(spans: numpy.ndarray) -> numpy.ndarray:
    """spans (Ints2d): distinct spans. RETURNS (Bools1d): mask of nested ones."""
    order = numpy.lexsort((-spans[:, 1], spans[:, 0]))
    ends = spans[order, 1]
    furthest = numpy.concatenate(([-1], numpy.maximum.accumulate(ends)[:-1]))
    is_nested = numpy.zeros(len(spans), dtype=bool)
    # previous spans start earlier, or at the same token and are longer
    is_nested[order] = furthest[: len(spans)] >= ends
    return is_nested


def _find_crossing(spans: numpy.ndarray) -> numpy.ndarray:
    """spans (Ints2d): sorted by start. RETURNS (Ints2d): rows of crossing pairs."""
    starts, ends = spans[:, 0], spans[:, 1]
    # others that start inside, after its start
    first = numpy.searchsorted(starts, starts, side="right")
    last = numpy.maximum(numpy.searchsorted(starts, ends, side="left"), first)
    counts = last - first
    a = numpy.repeat(numpy.arange(len(spans)), counts)
    shift = numpy.cumsum(counts) - counts
    b = numpy.arange(len(a)) - numpy.repeat(shift - first, counts)
    is_crossing = ends[b] > ends[a]
    return numpy.stack([a[is_crossing], b[is_crossing]], axis=1)

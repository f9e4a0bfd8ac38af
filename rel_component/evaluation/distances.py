"""Learn from a pipeline's scores how far apart head and tail of a relation are at most,
by their types."""

from typing import Dict, Iterable, Mapping, Optional

import numpy
from spacy.tokens import Doc

from ..model.pairs.features import DISTANCES
from ..pipe.distances import MaxDistances
from ..relations import RelationData, get_relation_data

# scores below this share of their label's threshold are far from a relation
MARGIN = 0.1
# minimum number of pairs seen beyond a limit
MIN_PAIRS = 100


def learn_max_distances(
    docs: Iterable[Doc],
    thresholds: Mapping[str, float],
    *,
    margin: float = MARGIN,
    min_pairs: int = MIN_PAIRS,
) -> MaxDistances:
    """Learn maximum distances from predictions.

    Beyond a limit, no relation is predicted, no score reaches `margin` times the
    label's threshold, and there are at least `min_pairs` pairs. Limits are borders of
    the pair model's buckets for distances.

    docs (Iterable[Doc]): documents with the scores of all pairs.
    thresholds (Mapping[str, float]): the threshold of each label.
    margin (float), min_pairs (int): see above.
    RETURNS (MaxDistances): the limits; without types that have none.
    """
    predicted = [data for data in map(get_relation_data, docs) if data is not None]
    names = sorted({name for data in predicted for name in data.types})
    rows = {name: row for row, name in enumerate(names)}
    shape = (len(names), len(names), 2, len(DISTANCES) + 1)
    n_pairs, n_near = numpy.zeros(shape, dtype=int), numpy.zeros(shape, dtype=int)
    for data in predicted:
        least = [margin * thresholds.get(x, numpy.inf) for x in data.labels]
        is_near = numpy.any(data.scores >= least, axis=1)
        is_near |= numpy.isin(numpy.arange(len(is_near)), data.decided[:, 0])
        cells = _get_cells(data, rows)
        numpy.add.at(n_pairs, tuple(cells), 1)
        numpy.add.at(n_near, tuple(cells[:, is_near]), 1)
    found: MaxDistances = {}
    for head, tail in numpy.ndindex(shape[:2]):
        cell = zip(n_pairs[head, tail], n_near[head, tail])
        limits = [_find_limit(*counts, min_pairs) for counts in cell]
        if limits != [None, None]:
            found.setdefault(names[head], {})[names[tail]] = limits
    return found


def _get_cells(data: RelationData, rows: Dict[str, int]) -> numpy.ndarray:
    """RETURNS (Ints2d): (4, n_pairs), the types of head and tail, whether the tail
    precedes, and the bucket of the distance."""
    heads, tails = data.pairs.T
    types = numpy.asarray([rows[name] for name in data.types], dtype=int)
    starts, ends = data.spans.T
    distance = numpy.maximum(starts[heads], starts[tails])
    distance = distance - numpy.minimum(ends[heads], ends[tails])
    bucket = numpy.searchsorted(DISTANCES, distance, side="right")
    is_backward = starts[tails] < starts[heads]
    return numpy.stack([types[heads], types[tails], is_backward, bucket])


def _find_limit(
    n_pairs: numpy.ndarray, n_near: numpy.ndarray, min_pairs: int
) -> Optional[int]:
    """RETURNS (Optional[int]): the limit, -1 for no pair, None for no limit.

    n_pairs (Ints1d), n_near (Ints1d): (n_buckets,), number of pairs by distance, and of
        those that must be within the limit.
    """
    n_kept = int(numpy.flatnonzero(n_near).max(initial=-1)) + 1
    if n_pairs[n_kept:].sum() < min_pairs:
        return None
    return DISTANCES[n_kept - 1] - 1 if n_kept else -1

"""Constraints on the relations of one label in a document."""

from typing import AbstractSet, Mapping, NamedTuple, Optional

import numpy

from .data import RelationData
from .matching import Reach, choose_by_weight, choose_within_limits

# scores are compared as log odds, to six decimals
LEAST, UNITS = 1e-7, 1e6
# distances from this number of tokens are equal
FAR = 1000


class LabelConstraints(NamedTuple):
    """Constraints on the relations of one label in a document.

    max_tails (Optional[int]): maximum number of tails of a head; None: any.
    max_heads (Optional[int]): maximum number of heads of a tail; None: any.
    acyclic (bool): no cycles.
    transitive (bool): a → b and b → c imply a → c.
    """

    max_tails: Optional[int] = None
    max_heads: Optional[int] = None
    acyclic: bool = False
    transitive: bool = False


def apply_constraints(
    data: RelationData,
    constraints: Mapping[str, LabelConstraints],
    thresholds: Mapping[str, float],
    *,
    symmetric: AbstractSet[str] = frozenset(),
    single_label: bool = False,
) -> RelationData:
    """Choose the relations of a Doc that satisfy the constraints, with the highest sum
    of log odds above the threshold, and add those that they imply. If scores are equal,
    the closest entities win.

    data (RelationData): the relations and scores of all pairs.
    constraints (Mapping[str, LabelConstraints]): the constraints by label.
    thresholds (Mapping[str, float]): the threshold of each label.
    symmetric (AbstractSet[str]): labels without a direction.
    single_label (bool): add nothing to a pair that has another label.
    RETURNS (RelationData): the chosen and implied relations in `decided`; only the
        scores of implied ones differ.
    """
    decided, scores = data.decided, data.scores
    for column, label in enumerate(data.labels):
        if label not in constraints:
            continue
        own, is_symmetric = constraints[label], label in symmetric
        is_own = decided[:, 1] == column
        rows, others = decided[is_own, 0], decided[~is_own]
        rows = _choose(data, column, rows, own, thresholds[label], is_symmetric)
        if own.transitive:
            implied = _find_implied(data, column, rows)
            if single_label:
                implied[others[:, 0]] = 0.0
            rows = numpy.union1d(rows, numpy.flatnonzero(implied))
            scores = scores.copy()  # may be a view of the scores of the batch
            scores[:, column] = numpy.maximum(scores[:, column], implied)
        cells = numpy.stack([rows, numpy.full_like(rows, column)], axis=1)
        decided = numpy.concatenate([others, cells])
    order = numpy.lexsort(decided.T[::-1])
    return data.replace(decided=decided[order].astype("int32"), scores=scores)


def _choose(
    data: RelationData,
    column: int,
    rows: numpy.ndarray,
    constraints: LabelConstraints,
    threshold: float,
    is_symmetric: bool,
) -> numpy.ndarray:
    """RETURNS (Ints1d): the rows that satisfy the constraints."""
    if not len(rows):
        return rows
    ends = data.pairs[rows]
    if is_symmetric:  # both directions are one relation
        ends = numpy.sort(ends, axis=1)
    edges, at = numpy.unique(ends, axis=0, return_inverse=True)
    at = at.reshape(-1)
    scores = numpy.zeros(len(edges))
    numpy.maximum.at(scores, at, data.scores[rows, column])
    weights = _weigh(scores, threshold, _measure_gaps(data.spans[edges]))
    return rows[_choose_edges(edges, weights, constraints, is_symmetric)[at]]


def _weigh(
    scores: numpy.ndarray, threshold: float, gaps: numpy.ndarray
) -> numpy.ndarray:
    """RETURNS (Ints1d): (n,), log odds above the threshold, with ties broken by
    distance; integers, so that sums are exact."""
    p = numpy.clip([*scores, threshold], LEAST, 1 - LEAST)
    odds = numpy.log(p / (1 - p))
    units = numpy.round(UNITS * numpy.maximum(odds[:-1] - odds[-1], 0))
    near = FAR + 1 - numpy.minimum(gaps, FAR)
    return units.astype("int64") * (near.sum() + 1) + near


def _measure_gaps(spans: numpy.ndarray) -> numpy.ndarray:
    """RETURNS (Ints1d): (n,), tokens between the spans of each pair; 0 if they
    overlap."""
    gaps = spans[:, :, 0].max(axis=1) - spans[:, :, 1].min(axis=1)
    return numpy.maximum(gaps, 0).astype("int64")


def _choose_edges(
    edges: numpy.ndarray,
    weights: numpy.ndarray,
    constraints: LabelConstraints,
    is_symmetric: bool,
) -> numpy.ndarray:
    """RETURNS (Bools1d): (n,), the relations to keep. Limits are an assignment problem
    and solved exactly; cycles (NP-hard) and odd rings of symmetric labels greedily."""
    heads, tails = edges.T
    max_tails, max_heads = constraints.max_tails, constraints.max_heads
    if is_symmetric:  # a partner is head and tail
        limits = [limit for limit in (max_tails, max_heads) if limit is not None]
        max_tails = max_heads = min(limits, default=None)
        first, second = (
            numpy.concatenate(ends) for ends in ((heads, tails), (tails, heads))
        )
        found = choose_within_limits(
            first, second, numpy.tile(weights, 2), max_tails, max_heads
        )
        best = found[: len(edges)] & found[len(edges) :]
    else:
        best = choose_within_limits(heads, tails, weights, max_tails, max_heads)
    if not (constraints.acyclic or is_symmetric):
        return best
    return choose_by_weight(
        heads,
        tails,
        numpy.lexsort((-weights, ~best)),
        max_tails=max_tails,
        max_heads=max_heads,
        acyclic=constraints.acyclic,
        symmetric=is_symmetric,
    )


def _find_implied(
    data: RelationData, column: int, rows: numpy.ndarray
) -> numpy.ndarray:
    """RETURNS (Floats1d): (n_pairs,), the scores of candidates that the rows imply: the
    best one of the head's or the tail's relations, whichever is lower; else 0."""
    ends, at = numpy.unique(data.pairs[rows], return_inverse=True)
    heads, tails = at.reshape(-1, 2).T
    reach = Reach(len(ends))
    for head, tail in zip(heads.tolist(), tails.tolist()):
        reach.add(head, tail)
    best = numpy.zeros((2, len(ends)), dtype="float32")
    for i, found in enumerate((heads, tails)):
        numpy.maximum.at(best[i], found, data.scores[rows, column])
    number = numpy.full(len(data.spans), -1)
    number[ends] = numpy.arange(len(ends))
    first, second = number[data.pairs].T
    is_open = (first >= 0) & (second >= 0) & (first != second)
    is_open &= ~numpy.isnan(data.scores[:, column])
    is_open[rows] = False
    first, second = first[is_open], second[is_open]
    implied = numpy.zeros(len(data.pairs), dtype="float32")
    scores = numpy.minimum(best[0, first], best[1, second])
    implied[is_open] = numpy.where(reach.has(first, second), scores, 0.0)
    return implied

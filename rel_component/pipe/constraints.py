"""Symmetric labels: scored once, for the pair whose head stands first."""

from dataclasses import replace
from typing import List, Tuple

import numpy

from ..model.candidates import Candidates


def add_canonical(candidates: Candidates) -> Tuple[Candidates, numpy.ndarray]:
    """Add the pair whose head stands first where there is only the other direction.

    candidates (Candidates): pairs in any order within each Doc.
    RETURNS (Tuple[Candidates, Bools1d]): with the added ones last in their Doc, and
        which those are, (n_pairs,).
    """
    pairs, n = candidates.pairs.astype("int64"), len(candidates.entities)
    mirrored = candidates.pairs[pairs[:, 0] > pairs[:, 1], ::-1]
    keys = pairs[:, 0] * n + pairs[:, 1]
    wanted = mirrored[:, 0].astype("int64") * n + mirrored[:, 1]
    added = mirrored[~numpy.isin(wanted, keys)]
    is_added = numpy.repeat([False, True], [len(pairs), len(added)])
    if not len(added):
        return candidates, is_added
    found, order = _sort_by_doc(
        candidates, numpy.concatenate([candidates.pairs, added])
    )
    return found, is_added[order]


def add_mirrored(
    candidates: Candidates, scores: numpy.ndarray, columns: List[int]
) -> Tuple[Candidates, numpy.ndarray]:
    """Write the scores of symmetric labels in both directions.

    candidates (Candidates): pairs, of which the second direction may be missing.
    scores (Floats2d): (n_pairs, n_labels).
    columns (List[int]): the symmetric labels.
    RETURNS (Tuple[Candidates, Floats2d]): both directions, with equal scores of the
        symmetric labels; labels with a direction score 0 where a pair was added.
    """
    if not columns or not len(candidates):
        return candidates, scores
    n = len(candidates.entities)
    pairs = candidates.pairs.astype("int64")
    keys = pairs[:, 0] * n + pairs[:, 1]
    first = numpy.flatnonzero(pairs[:, 0] < pairs[:, 1])
    mirrored = pairs[first, 1] * n + pairs[first, 0]
    order = numpy.argsort(keys, kind="stable")
    at = numpy.minimum(numpy.searchsorted(keys, mirrored, sorter=order), len(keys) - 1)
    is_there = keys[order[at]] == mirrored
    scores = scores.copy()
    there = numpy.ix_(order[at[is_there]], columns)
    scores[there] = scores[numpy.ix_(first[is_there], columns)]
    added = first[~is_there]
    if not len(added):
        return candidates, scores
    added_scores = numpy.zeros((len(added), scores.shape[1]), dtype=scores.dtype)
    added_scores[:, columns] = scores[numpy.ix_(added, columns)]
    pairs = numpy.concatenate([candidates.pairs, candidates.pairs[added, ::-1]])
    sorted_, order = _sort_by_doc(candidates, pairs)
    return sorted_, numpy.concatenate([scores, added_scores])[order]


def _sort_by_doc(
    candidates: Candidates, pairs: numpy.ndarray
) -> Tuple[Candidates, numpy.ndarray]:
    """RETURNS (Tuple[Candidates, Ints1d]): candidates with these pairs, their order."""
    docs = candidates.entities.docs[pairs[:, 0]]
    order = numpy.argsort(docs, kind="stable")
    counts = numpy.bincount(docs, minlength=len(candidates.offsets) - 1)
    offsets = numpy.concatenate(([0], numpy.cumsum(counts)))
    return replace(candidates, pairs=pairs[order], offsets=offsets), order

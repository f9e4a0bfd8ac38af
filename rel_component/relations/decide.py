"""From scores to relations: thresholds, and the best label of a pair."""

from typing import Optional, Sequence

import numpy


def keep_best(
    scores: numpy.ndarray, groups: Optional[Sequence[Sequence[int]]] = None
) -> numpy.ndarray:
    """Keep only the best score of each pair.

    scores (Floats2d): (n_pairs, n_labels).
    groups (Optional[Sequence[Sequence[int]]]): groups of columns of which the best is
        kept, all others stay; None for one group of all.
    RETURNS (Floats2d): the scores that aren't kept are -1, below any threshold.
    """
    kept = scores.copy()
    for group in [range(scores.shape[1])] if groups is None else groups:
        columns = numpy.asarray(group, dtype="int64")
        if scores.size and columns.size:
            rows = numpy.arange(len(scores))
            best = numpy.nan_to_num(scores[:, columns], nan=-1.0).argmax(axis=1)
            kept[:, columns] = -1.0
            kept[rows, columns[best]] = scores[rows, columns[best]]
    return kept


def find_decided(
    scores: numpy.ndarray, thresholds: numpy.ndarray, single_label: bool = False
) -> numpy.ndarray:
    """Find the relations that reach the threshold of their label.

    scores (Floats2d): (n_pairs, n_labels); NaN never reaches one.
    thresholds (Floats1d): (n_labels,).
    single_label (bool): only the best label of each pair.
    RETURNS (Ints2d): (n_relations, 2), int32, pair and label, sorted.
    """
    if single_label:
        scores = keep_best(scores)
    thresholds = thresholds.astype(scores.dtype)
    # flat, since numpy compares and finds the cells of a matrix many times slower
    cells = numpy.flatnonzero(scores.ravel() >= thresholds.min(initial=numpy.inf))
    columns = cells % max(scores.shape[1], 1)
    cells = cells[scores.ravel()[cells] >= thresholds[columns]]
    return numpy.stack(divmod(cells, max(scores.shape[1], 1)), axis=1).astype("int32")

"""From scores to relations: thresholds, and the best label of a pair."""

import numpy


def keep_best(scores: numpy.ndarray) -> numpy.ndarray:
    """Keep only the best score of each pair.

    scores (Floats2d): (n_pairs, n_labels).
    RETURNS (Floats2d): all other scores are -1, below any threshold.
    """
    best = numpy.full_like(scores, -1.0)
    if scores.size:
        rows = numpy.arange(len(scores))
        columns = numpy.nan_to_num(scores, nan=-1.0).argmax(axis=1)
        best[rows, columns] = scores[rows, columns]
    return best


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
    # flat, since numpy finds the cells of a matrix many times slower
    cells = numpy.flatnonzero((scores >= thresholds.astype(scores.dtype)).ravel())
    return numpy.stack(divmod(cells, max(scores.shape[1], 1)), axis=1).astype("int32")

"""Calibrate scores by a linear function of the log odds, for each label.

A slope alone is temperature scaling (Guo et al. 2017, 1/T), slope and intercept are
Platt scaling (Platt 1999). Slopes are positive, so the order of scores is kept.
`evaluation.reliability` fits them.
"""

from typing import Mapping, Sequence, Tuple

import numpy

# slope and intercept
Line = Tuple[float, float]
# minimum distance of scores from 0 and 1: float32 can represent 1 - 2**-24
LEAST = 2.0**-24


def calibrate(
    scores: numpy.ndarray, labels: Sequence[str], lines: Mapping[str, Sequence[float]]
) -> numpy.ndarray:
    """Calibrate scores.

    scores (Floats2d): (n_pairs, n_labels), in [0, 1]; NaN stays NaN.
    labels (Sequence[str]): (n_labels,).
    lines (Mapping[str, Tuple[float, float]]): slope and intercept by label; scores of
        other labels are not changed.
    RETURNS (Floats2d): calibrated scores, with the shape and type of `scores`.
    """
    if not lines:
        return scores
    calibrated = scores.copy()
    for column, label in enumerate(labels):
        if label in lines:
            slope, intercept = lines[label]
            odds = slope * get_log_odds(scores[:, column]) + intercept
            calibrated[:, column] = sigmoid(odds)
    return calibrated


def get_log_odds(scores: numpy.ndarray) -> numpy.ndarray:
    """RETURNS (Floats1d): float64, finite; NaN stays NaN."""
    scores = numpy.clip(scores.astype("float64"), LEAST, 1 - LEAST)
    return numpy.log(scores) - numpy.log1p(-scores)


def sigmoid(odds: numpy.ndarray) -> numpy.ndarray:
    """RETURNS (Floats1d): in [0, 1], without overflow."""
    return 0.5 * (1.0 + numpy.tanh(0.5 * odds))

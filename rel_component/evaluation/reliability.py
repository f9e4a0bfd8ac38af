"""Measure whether scores are reliable as probabilities, and calibrate them."""

from dataclasses import replace
from typing import Any, Dict, List, Optional, Tuple

import numpy

from ..pipe.calibration import Line, get_log_odds, sigmoid
from .pair_scores import PairScores, no_rows

METHODS = ("auto", "platt", "temperature")
# labels with fewer positive or negative pairs use the calibration of all labels
MIN_EXAMPLES = 10
LEAST_SLOPE = 1e-3
# folds to compare methods
N_FOLDS = 5


def fit_calibration(pairs: PairScores, method: str = "auto") -> Dict[str, Line]:
    """Fit a calibration that turns scores into probabilities.

    pairs (PairScores): uncalibrated scores of a development set.
    method (str): `temperature`: one slope for all labels; `platt`: slope and intercept
        for each label with enough examples; `auto`: the best of both and no
        calibration, by cross-validation over documents.
    RETURNS (Dict[str, Tuple[float, float]]): slope and intercept by label; without
        labels whose scores are unrelated to the gold labels; empty if the data is
        insufficient.
    RAISES (ValueError): if the method is unknown.
    """
    if method not in METHODS:
        raise ValueError(f"method is {method!r}; expected one of {', '.join(METHODS)}.")
    if method == "auto":
        return fit_calibration(pairs, best) if (best := _choose_method(pairs)) else {}
    scores, truth = pairs.flatten()
    if not truth.any() or truth.all():
        return {}
    shared = fit_line(scores, truth, with_intercept=False)
    lines = {}
    for column, label in enumerate(pairs.labels):
        scores, truth = pairs.of_label(column)
        n_true = int(truth.sum())
        line = shared
        if method == "platt" and min(n_true, len(truth) - n_true) >= MIN_EXAMPLES:
            line = fit_line(scores, truth)
        # don't use a slope that would reverse the order of scores
        found = [x for x in (line, shared) if x[0] >= LEAST_SLOPE]
        if found:
            lines[label] = found[0]
    return lines


def _choose_method(pairs: PairScores) -> Optional[str]:
    """Choose the method with the lowest cross-entropy over folds of documents; None if
    uncalibrated scores are better."""
    losses: Dict[Optional[str], float] = {None: 0.0, "temperature": 0.0, "platt": 0.0}
    # shuffle documents, since neighbours may be similar
    fold_of = numpy.random.default_rng(0).permutation(pairs.docs.max(initial=-1) + 1)
    folds = fold_of[pairs.docs] % N_FOLDS
    for fold in range(N_FOLDS):
        train, held_out = (_select(pairs, x) for x in (folds != fold, folds == fold))
        for method in losses:
            lines = fit_calibration(train, method) if method else {}
            scores, truth = held_out.calibrated(lines).flatten()
            losses[method] += _get_loss(get_log_odds(scores), truth.astype(float))
    return min(losses, key=lambda method: losses[method])


def _select(pairs: PairScores, rows: numpy.ndarray) -> PairScores:
    """RETURNS (PairScores): the selected pairs."""
    return replace(
        pairs,
        scores=pairs.scores[rows],
        truth=pairs.truth[rows],
        counted=pairs.counted[rows],
        docs=pairs.docs[rows],
        mirrored=no_rows(),
    )


def fit_line(
    scores: numpy.ndarray, truth: numpy.ndarray, *, with_intercept: bool = True
) -> Line:
    """Fit slope and intercept on the log odds by Newton's method.

    scores (Floats1d): (n,), in [0, 1].
    truth (Bools1d): (n,).
    with_intercept (bool): fit the intercept, instead of using 0.
    RETURNS (Tuple[float, float]): slope and intercept of maximum likelihood. Targets
        are smoothed by the number of examples, so that separable scores have a finite
        slope (Platt 1999).

    Source: Lin, Lin and Weng (2007), A note on Platt's probabilistic outputs.
    """
    odds = get_log_odds(scores)
    n_true = int(truth.sum())
    targets = numpy.where(
        truth, (n_true + 1) / (n_true + 2), 1 / (len(truth) - n_true + 2)
    )
    X = numpy.stack([odds, numpy.ones_like(odds)], axis=1)
    X = X if with_intercept else X[:, :1]
    weights = numpy.asarray([1.0, 0.0])[: X.shape[1]]
    loss = _get_loss(X @ weights, targets)
    for _ in range(100):
        probabilities = sigmoid(X @ weights)
        gradient = X.T @ (probabilities - targets)
        curvature = probabilities * (1 - probabilities)
        hessian = (X * curvature[:, None]).T @ X + 1e-9 * numpy.eye(X.shape[1])
        step = numpy.linalg.solve(hessian, gradient)
        size = 1.0
        while size > 1e-10:
            moved = weights - size * step
            new_loss = _get_loss(X @ moved, targets)
            if new_loss < loss:
                break
            size /= 2
        else:
            break
        is_done = loss - new_loss < 1e-10 * max(loss, 1.0)
        weights, loss = moved, new_loss
        if is_done:
            break
    slope = float(weights[0])
    return slope, float(weights[1]) if with_intercept else 0.0


def _get_loss(odds: numpy.ndarray, targets: numpy.ndarray) -> float:
    """RETURNS (float): cross-entropy."""
    return float((numpy.logaddexp(0.0, odds) - targets * odds).sum())


def get_reliability(
    scores: numpy.ndarray, truth: numpy.ndarray, n_bins: int = 10
) -> Dict[str, Any]:
    """Compute the accuracy of scores per bin.

    scores (Floats1d): (n,), in [0, 1].
    truth (Bools1d): (n,).
    n_bins (int): bins of equal width.
    RETURNS (Dict[str, Any]): `bins` (each with `low`, `high`, `n`, mean `confidence`
        and `accuracy`; None for empty bins), `n`, `ece`
        (the mean distance of confidence and accuracy, weighted by n), `mce` (the
        largest one), `brier` (mean squared error); None without scores.

    Source: Guo et al. (2017), On calibration of modern neural networks.
    """
    scores = scores.astype("float64")
    number = numpy.minimum((scores * n_bins).astype(int), n_bins - 1)
    bins: List[Dict[str, Any]] = []
    gaps: List[Tuple[int, float]] = []
    for i in range(n_bins):
        own = number == i
        n = int(own.sum())
        row: Dict[str, Any] = {"low": i / n_bins, "high": (i + 1) / n_bins, "n": n}
        row["confidence"] = float(scores[own].mean()) if n else None
        row["accuracy"] = float(truth[own].mean()) if n else None
        if n:
            gaps.append((n, abs(row["confidence"] - row["accuracy"])))
        bins.append(row)
    n_all = len(scores)
    return {
        "n": n_all,
        "bins": bins,
        "ece": sum(n * gap for n, gap in gaps) / n_all if n_all else None,
        "mce": max((gap for _, gap in gaps), default=None),
        "brier": float(((scores - truth) ** 2).mean()) if n_all else None,
    }


def describe_reliability(pairs: PairScores, least: float = 0.5) -> Dict[str, Any]:
    """Reliability of scores.

    pairs (PairScores): pairs of documents not used for fitting.
    least (float): minimum score of `claims`.
    RETURNS (Dict[str, Any]): `all`: over all pairs and labels, most of which obviously
        have no relation; `claims`: over scores of `least` or more.
    """
    scores, truth = pairs.flatten()
    is_claim = scores >= least
    return {
        "all": get_reliability(scores, truth),
        "claims": get_reliability(scores[is_claim], truth[is_claim]),
    }

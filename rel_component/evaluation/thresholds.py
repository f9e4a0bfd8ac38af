"""Choose thresholds per label on the scores of a development set."""

from dataclasses import replace
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple

import numpy
from spacy.scorer import PRFScore

from ..scorer import summarize
from .intervals import draw_documents
from .pair_scores import PairScores

DEFAULT_THRESHOLDS = (
    0.0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.99, 0.999,
)  # fmt: skip
OBJECTIVES = ("micro_f", "macro_f", "precision")
# samples of documents, and the number of them in which a threshold has to be better
N_SAMPLES, LEAST_SHARE = 200, 0.9


class Curve(NamedTuple):
    """The predictions of a label at each threshold.

    thresholds (Floats1d): descending thresholds; the first is above all scores.
    tp (Ints1d), n_predicted (Ints1d): correct and all predictions at each threshold.
    n_gold (int): number of gold relations, including non-candidates.
    """

    thresholds: numpy.ndarray
    tp: numpy.ndarray
    n_predicted: numpy.ndarray
    n_gold: int

    @property
    def precision(self) -> numpy.ndarray:
        """RETURNS (Floats1d): precision; 1 without predictions."""
        return numpy.where(
            self.n_predicted > 0, self.tp / numpy.maximum(self.n_predicted, 1), 1.0
        )

    @property
    def recall(self) -> numpy.ndarray:
        """RETURNS (Floats1d): recall over all gold relations."""
        return self.tp / max(self.n_gold, 1)

    @property
    def f(self) -> numpy.ndarray:
        """RETURNS (Floats1d): F-score; 0 without gold relations and predictions."""
        return 2 * self.tp / numpy.maximum(self.n_predicted + self.n_gold, 1)

    def average_precision(self) -> float:
        """RETURNS (float): the area under the precision-recall curve, as steps."""
        return float((numpy.diff(self.recall) * self.precision[1:]).sum())

    def at(self, threshold: float) -> int:
        """RETURNS (int): the row of this threshold."""
        return int((self.thresholds[1:] >= numpy.float32(threshold)).sum())


def get_curve(scores: numpy.ndarray, truth: numpy.ndarray, n_gold: int) -> Curve:
    """Compute the precision-recall curve.

    scores (Floats1d): (n,); below 0, as `best_only` sets it: never predicted.
    truth (Bools1d): (n,).
    n_gold (int): number of gold relations, including non-candidates.
    RETURNS (Curve): a row per distinct score, and one without predictions.
    """
    is_possible = scores >= 0
    scores, truth = scores[is_possible].astype("float64"), truth[is_possible]
    order = numpy.argsort(-scores, kind="stable")
    scores, truth = scores[order], truth[order]
    # equal scores have the same threshold
    last = numpy.append(numpy.diff(scores) != 0, True)[: len(scores)]
    tp = numpy.cumsum(truth)[last]
    n_predicted = numpy.flatnonzero(last) + 1
    return Curve(
        numpy.concatenate([[numpy.inf], scores[last]]),
        numpy.concatenate([[0], tp]).astype(int),
        numpy.concatenate([[0], n_predicted]).astype(int),
        int(n_gold),
    )


def get_curves(pairs: PairScores) -> Dict[str, Curve]:
    """RETURNS (Dict[str, Curve]): the curve of each label."""
    return {
        label: get_curve(*pairs.of_label(column), int(pairs.n_gold[column]))
        for column, label in enumerate(pairs.labels)
    }


def choose_thresholds(
    pairs: PairScores,
    *,
    objective: str = "micro_f",
    default: float = 0.5,
    min_precision: float = 0.9,
    min_support: int = 5,
    seed: int = 0,
) -> Dict[str, float]:
    """Choose a threshold for each label.

    pairs (PairScores): pairs of a development set.
    objective (str): `micro_f`: the best micro F over all labels; `macro_f`: the best F
        of each label; `precision`: the best recall of each label with at least
        `min_precision`, or the best precision if no threshold reaches that.
    default (float): the default threshold.
    min_precision (float): see `objective`.
    min_support (int): labels with fewer gold relations keep the default.
    seed (int): random seed of the samples. To avoid noise, a label's default is only
        changed if F is better in nine of ten samples of documents.
    RETURNS (Dict[str, float]): thresholds of labels that differ from the default,
        midway between two scores.
    RAISES (ValueError): if the objective is unknown.
    """
    if objective not in OBJECTIVES:
        raise ValueError(
            f"objective is {objective!r}; expected one of {', '.join(OBJECTIVES)}."
        )
    every = get_curves(pairs)
    curves = {x: curve for x, curve in every.items() if curve.n_gold >= min_support}
    others = [curve for x, curve in every.items() if x not in curves]
    cost: Optional[float] = None
    if objective == "micro_f":
        gains, cost = _maximize_micro_f(curves, others, default)
    elif objective == "macro_f":
        gains = {label: curve.f for label, curve in curves.items()}
    else:
        gains = {
            label: _prefer_precision(curve, min_precision)
            for label, curve in curves.items()
        }
    chosen = {}
    for label, gain in gains.items():
        curve = curves[label]
        row = int(gain.argmax())
        if gain[row] > gain[curve.at(default)]:
            value = _between(curve.thresholds, row)
            if objective == "precision" or _is_stable(
                pairs, label, (default, value), cost, seed
            ):
                chosen[label] = value
    return chosen


def _is_stable(
    pairs: PairScores,
    label: str,
    thresholds: Tuple[float, float],
    cost: Optional[float],
    seed: int,
) -> bool:
    """Whether the second threshold of a label is better than the first in most samples
    of documents.

    cost (Optional[float]): cost of a prediction, with a gain of 2 for a correct one;
        None: compare the label's F.
    """
    column = pairs.labels.index(label)
    counted, truth = pairs.counted[:, column], pairs.truth[:, column]
    n_docs = int(pairs.docs.max(initial=-1)) + 1
    drawn = draw_documents(n_docs, N_SAMPLES, seed)
    n_gold = drawn @ numpy.bincount(pairs.docs[counted & truth], minlength=n_docs)
    # the documents of non-candidate relations are unknown: all samples have the same
    # number of them
    n_gold = n_gold + int(pairs.n_gold[column]) - int((counted & truth).sum())
    values = []
    for threshold in thresholds:
        found = counted & (pairs.scores[:, column] >= numpy.float32(threshold))
        n_found = drawn @ numpy.bincount(pairs.docs[found], minlength=n_docs)
        tp = drawn @ numpy.bincount(pairs.docs[found & truth], minlength=n_docs)
        if cost is None:
            values.append(2 * tp / numpy.maximum(n_found + n_gold, 1))
        else:
            values.append(2 * tp - cost * n_found)
    return bool((values[1] > values[0]).mean() >= LEAST_SHARE)


def _maximize_micro_f(
    curves: Dict[str, Curve], others: List[Curve], default: float
) -> Tuple[Dict[str, numpy.ndarray], float]:
    """Compute how much each threshold contributes to the best micro F, and that F.

    F = 2 TP / (predicted + gold) is a fraction of sums over labels: with the best F
    known, each label maximizes 2 TP - F * predicted alone (Dinkelbach 1967).
    """
    fixed = [
        (int(c.tp[c.at(default)]), int(c.n_predicted[c.at(default)])) for c in others
    ]
    n_gold = sum(curve.n_gold for curve in (*curves.values(), *others))
    best = -1.0
    gains: Dict[str, numpy.ndarray] = {}
    f = 0.0
    while f > best:
        best = f
        gains = {
            label: 2 * curve.tp - best * curve.n_predicted
            for label, curve in curves.items()
        }
        rows = {label: int(gain.argmax()) for label, gain in gains.items()}
        tp = sum(tp for tp, _ in fixed)
        tp += sum(int(curves[label].tp[row]) for label, row in rows.items())
        n_predicted = sum(n for _, n in fixed)
        n_predicted += sum(
            int(curves[label].n_predicted[row]) for label, row in rows.items()
        )
        f = 2 * tp / max(n_predicted + n_gold, 1)
    return gains, best


def _prefer_precision(curve: Curve, least: float) -> numpy.ndarray:
    """Get the recall if the precision is high enough, else the precision, ranked
    lower."""
    precision = numpy.where(curve.n_predicted > 0, curve.precision, 0.0)
    return numpy.where(precision >= least, 1.0 + curve.recall, precision)


def _between(thresholds: numpy.ndarray, row: int) -> float:
    """Get the shortest number between the scores of this row and the next lower one."""
    low = float(thresholds[row + 1]) if row + 1 < len(thresholds) else 0.0
    high = min(float(thresholds[row]), 1.0)
    middle = (low + high) / 2
    for digits in range(2, 8):
        value = round(middle, digits)
        if low < numpy.float32(value) <= high:
            return value
    return high


def count_at(pairs: PairScores, thresholds: numpy.ndarray) -> Tuple[int, int, int]:
    """Count predictions at given thresholds.

    pairs (PairScores): the pairs.
    thresholds (Floats1d): (n_labels,).
    RETURNS (Tuple[int, int, int]): correct, predicted and gold relations.
    """
    is_predicted = pairs.counted & (pairs.scores >= thresholds.astype("float32"))
    tp = int((is_predicted & pairs.truth).sum())
    return tp, int(is_predicted.sum()), int(pairs.n_gold.sum())


def score_at(pairs: PairScores, threshold: float) -> Dict[str, Any]:
    """Compute scores at one threshold for all labels, like `scorer.score_relations`.

    pairs (PairScores): the pairs.
    threshold (float): in [0, 1].
    RETURNS (Dict[str, Any]): rel_micro_p/r/f, rel_macro_p/r/f, rel_per_label and
        rel_candidate_recall; None if there are no relations.
    """
    found = pairs.counted & (pairs.scores >= numpy.float32(threshold))
    counts = zip(
        pairs.labels,
        (found & pairs.truth).sum(axis=0).tolist(),
        found.sum(axis=0).tolist(),
        pairs.n_gold.tolist(),
    )
    per_label = {x: make_score(*n) for x, *n in counts if any(n)}
    n_gold = int(pairs.n_gold.sum())
    n_covered = int((pairs.truth & pairs.counted).sum())
    return {
        **summarize("rel", per_label, "label"),
        "rel_candidate_recall": n_covered / n_gold if n_gold else None,
    }


def score_thresholds(
    pairs: PairScores, thresholds: Sequence[float] = DEFAULT_THRESHOLDS
) -> List[Dict[str, Any]]:
    """Compute scores at several thresholds.

    pairs (PairScores): the pairs.
    thresholds (Sequence[float]): in [0, 1].
    RETURNS (List[Dict[str, Any]]): for each threshold `threshold`, `all_gold` (recall
        over all gold relations) and `tutorial_protocol` (over generated pairs only).
    """
    covered = replace(pairs, n_gold=(pairs.truth & pairs.counted).sum(axis=0))
    names = [f"rel_micro_{x}" for x in "prf"]
    rows = []
    for threshold in thresholds:
        protocol = score_at(covered, threshold)
        rows.append(
            {
                "threshold": threshold,
                "all_gold": score_at(pairs, threshold),
                "tutorial_protocol": {name: protocol[name] for name in names},
            }
        )
    return rows


def draw_by_chance(pairs: PairScores, seed: int = 0) -> PairScores:
    """RETURNS (PairScores): the same pairs with uniform scores in [0, 1)."""
    drawn = numpy.random.default_rng(seed).random(pairs.scores.shape, dtype="float32")
    drawn[numpy.isnan(pairs.scores)] = numpy.nan  # never scored
    return replace(pairs, scores=drawn)


def make_score(tp: int, n_predicted: int, n_gold: int) -> PRFScore:
    """RETURNS (PRFScore): the score of correct, predicted and gold relations."""
    return PRFScore(tp=tp, fp=n_predicted - tp, fn=n_gold - tp)

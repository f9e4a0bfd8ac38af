"""The loss of pair scores, with weights of the pairs."""

from math import inf
from typing import Literal, Optional, Tuple, get_args

import numpy
from spacy.util import registry
from thinc.api import Ops
from thinc.types import Floats2d

from ..checks import InputError, check_number
from ..model.arrays import to_floats2d
from .truth import Truth

Reduction = Literal["sum", "mean", "positives"]
REDUCTIONS = get_args(Reduction)


class PairLoss:
    """Loss and gradient of pair scores; see `create_pair_loss`."""

    def __init__(
        self,
        *,
        positive_weight: float = 1.0,
        focal_gamma: float = 0.0,
        negatives_per_positive: Optional[float] = None,
        reduction: Reduction = "sum",
    ) -> None:
        self.positive_weight = _check(positive_weight, "positive_weight")
        self.focal_gamma = _check(focal_gamma, "focal_gamma")
        self.negatives_per_positive = negatives_per_positive
        if negatives_per_positive is not None:
            _check(negatives_per_positive, "negatives_per_positive")
        self.reduction = reduction
        if reduction not in REDUCTIONS:
            raise InputError(
                f"reduction is {reduction!r}, expected one of {', '.join(REDUCTIONS)}."
            )

    def __call__(
        self, ops: Ops, scores: Floats2d, truth: Truth
    ) -> Tuple[float, Floats2d]:
        """Compute the loss of a batch.

        ops (Ops): the scores' backend.
        scores (Floats2d): (n_pairs, n_labels), probabilities.
        truth (Truth): the gold labels.
        RETURNS (Tuple[float, Floats2d]): the mean squared error per pair, for the
            log, and the gradient: `scores - truth`, weighted.
        """
        target = to_floats2d(ops, truth.labels)
        gradient = scores - target
        if truth.known is not None:
            gradient *= to_floats2d(ops, truth.known)
        if not gradient.size:
            return 0.0, gradient
        loss = float((gradient**2).sum(axis=1).mean())
        if self.positive_weight != 1.0:
            gradient *= 1.0 + (self.positive_weight - 1.0) * target
        if self.focal_gamma:
            gradient *= self._get_focal_factor(ops, scores, target)
        if self.negatives_per_positive is not None:
            gradient *= to_floats2d(ops, self._sample_rows(truth))
        if self.reduction == "mean":
            gradient /= len(gradient)
        elif self.reduction == "positives":
            gradient /= max(float(truth.labels.sum()), 1.0)
        return loss, gradient

    def _get_focal_factor(
        self, ops: Ops, scores: Floats2d, target: Floats2d
    ) -> Floats2d:
        """Get the factor that turns the gradient of cross-entropy into that of focal
        loss.

        Source: Lin et al. (2017), Focal Loss for Dense Object Detection.
        """
        gamma = self.focal_gamma
        right = ops.xp.where(target > 0.5, scores, 1.0 - scores)
        right = ops.xp.clip(right, 1e-6, 1.0 - 1e-6)
        wrong = 1.0 - right
        log_term = gamma * right * ops.xp.log(right) / wrong
        return wrong**gamma * (1.0 - log_term)

    def _sample_rows(self, truth: Truth) -> numpy.ndarray:
        # probabilities after distillation, none of which is 0
        is_positive = truth.labels.max(axis=1, initial=0.0) > 0.5
        n_positive = max(int(is_positive.sum()), 1)
        is_negative = ~is_positive
        if truth.known is not None:  # others have no gradient
            is_negative &= truth.known.max(axis=1, initial=0.0) > 0
        n_negative = int(is_negative.sum())
        assert self.negatives_per_positive is not None
        share = self.negatives_per_positive * n_positive / max(n_negative, 1)
        kept = is_positive | (numpy.random.random(len(is_positive)) < share)
        return kept.astype("float32")[:, None]


def _check(value: float, name: str) -> float:
    return check_number(value, name, 0.0, inf, "a number from 0 on")


@registry.misc("rel_component.PairLoss.v1")
def create_pair_loss(
    positive_weight: float = 1.0,
    focal_gamma: float = 0.0,
    negatives_per_positive: Optional[float] = None,
    reduction: Reduction = "sum",
) -> PairLoss:
    """Create the loss of a relation extractor.

    positive_weight (float): weight of positive labels, relative to negative ones.
    focal_gamma (float): gamma of the focal loss; 0 for cross-entropy.
    negatives_per_positive (Optional[float]): number of pairs without a relation to
        sample per pair with one, in each batch; None for all of them.
    reduction (Literal["sum", "mean", "positives"]): divide the gradient of a batch by
        1, by its number of pairs, or by its number of positive labels.
    RETURNS (PairLoss): the loss.
    """
    return PairLoss(
        positive_weight=positive_weight,
        focal_gamma=focal_gamma,
        negatives_per_positive=negatives_per_positive,
        reduction=reduction,
    )

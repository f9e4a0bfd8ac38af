"""Convert logits to probabilities, with a sigmoid in cache-sized blocks."""

from typing import Callable, Literal, Tuple

import numpy
from thinc.api import Model, Ops
from thinc.types import Floats2d

BLOCK_SIZE = 1 << 14

Output = Literal["sigmoid", "softmax"]


def sigmoid(ops: Ops, X: Floats2d) -> Floats2d:
    """Replace logits by probabilities.

    X (Floats2d): (n_rows, n_columns), contiguous; overwritten.
    RETURNS (Floats2d): X.
    """
    xp = ops.xp
    flat = ops.reshape1f(X, -1)
    with numpy.errstate(over="ignore"):  # exp(89) is inf, whose reciprocal is 0
        for start in range(0, len(flat), BLOCK_SIZE):
            block = flat[start : start + BLOCK_SIZE]
            xp.negative(block, out=block)
            xp.exp(block, out=block)
            block += 1.0
            xp.reciprocal(block, out=block)
    return X


def activate(
    ops: Ops, logits: Floats2d, output: Output
) -> Tuple[Floats2d, Callable[[Floats2d], Floats2d]]:
    """Convert logits to probabilities; backprop expects the gradient of the logits.

    logits (Floats2d): (n_pairs, n_labels), with "softmax" one more column, the first,
        for no relation; overwritten.
    output (Literal["sigmoid", "softmax"]): independent labels, or at most one label.
    RETURNS (Tuple[Floats2d, Callable]): (n_pairs, n_labels), and the gradient.
    """
    if output == "sigmoid":
        return sigmoid(ops, logits), lambda d_scores: d_scores
    scores = ops.softmax(logits, inplace=True)

    def backprop(d_scores: Floats2d) -> Floats2d:
        # the gradient of no relation is minus the sum of the labels'
        d_none = -d_scores.sum(axis=1, keepdims=True)
        return ops.xp.hstack([d_none, d_scores])

    return ops.as_contig(scores[:, 1:]), backprop


def Logistic() -> Model[Floats2d, Floats2d]:
    """The sigmoid as an in-place layer.

    RETURNS (Model[Floats2d, Floats2d]): probabilities. Same name as Thinc's layer.
    """
    return Model("logistic", forward)


def forward(
    model: Model[Floats2d, Floats2d], X: Floats2d, is_train: bool
) -> Tuple[Floats2d, Callable[[Floats2d], Floats2d]]:
    Y = sigmoid(model.ops, X)

    def backprop(dY: Floats2d) -> Floats2d:
        return dY * Y * (1.0 - Y)

    return Y, backprop

"""Compute the logits of pairs from the terms of entities, tokens and buckets."""

from typing import Callable, Optional, Tuple

from thinc.api import Model
from thinc.types import Floats2d

from ..arrays import get_matrix, get_vector, multiply
from ..candidates import Candidates
from .buckets import sum_rows
from .hidden import PairHidden, Terms
from .layers import biaffine_over_pairs

# maximum number of pairs to compute at once
BLOCK_SIZE = 4096

Gradients = Tuple[Terms, Optional[Floats2d]]


def score_pairs(
    model: Model, hidden: PairHidden, terms: Terms, candidates: Candidates
) -> Tuple[Floats2d, Callable[[Floats2d], Gradients]]:
    """Compute the logits of pairs, one block at a time.

    model (Model): the pair model.
    hidden (PairHidden): its hidden layer.
    terms (Terms): the terms of the entities.
    candidates (Candidates): the pairs.
    RETURNS (Tuple[Floats2d, Callable]): (n_pairs, n_classes); and backprop, to the
        gradients of the terms and of the tokens' running sums.
    """
    ops = model.ops
    classify = model.get_ref("classify")
    scale = model.attrs["hidden_scale"]
    V, b = scale * get_matrix(classify, "W"), get_vector(classify, "b")
    columns = ops.as_contig(V.T)
    # add the bias to the few rows of one table instead of all pairs
    tables = [table + b * (i == 0) for i, table in enumerate(hidden.direct_tables)]
    Y = ops.alloc2f(len(candidates), V.shape[0], zeros=False)
    for rows in candidates.blocks(BLOCK_SIZE):
        block = hidden.locate(rows)
        Z, _ = hidden(block)
        logits = multiply(ops, Z, columns, Y[rows])
        direct = sum_rows(ops, tables, block.codes)
        logits += b if direct is None else direct
    bp_bilinear = None
    if model.get_dim("nK"):
        bilinear, bp_bilinear = _score_bilinear(model, terms, candidates)
        Y += bilinear

    def backprop(dY: Floats2d) -> Gradients:
        dV = ops.alloc2f(*V.shape)
        for rows in candidates.blocks(BLOCK_SIZE):
            # recompute the hidden layer, since only one block is kept in memory
            Z, bp_hidden = hidden(hidden.locate(rows))
            d_block = ops.as_contig(dY[rows])
            dV += ops.gemm(d_block, Z, trans1=True)
            bp_hidden(ops.gemm(d_block, V), d_block)
        classify.inc_grad("W", scale * dV)
        classify.inc_grad("b", dY.sum(axis=0))
        d_terms, d_sums = hidden.finish()
        if bp_bilinear is not None:
            d_heads, d_tails, dW = bp_bilinear(dY)
            d_terms.biaffine_heads, d_terms.biaffine_tails = d_heads, d_tails
            model.inc_grad("biaffine", dW)
        return d_terms, d_sums

    return Y, backprop


def _score_bilinear(
    model: Model, terms: Terms, candidates: Candidates
) -> Tuple[Floats2d, Callable[[Floats2d], Tuple[Floats2d, Floats2d, Floats2d]]]:
    return biaffine_over_pairs(
        model.ops,
        terms.biaffine_heads,
        terms.biaffine_tails,
        get_matrix(model, "biaffine"),
        candidates,
        model.get_ref("classify").get_dim("nO"),
        BLOCK_SIZE,
    )

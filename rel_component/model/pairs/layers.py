"""Functions of the pair model, which return their result and backprop."""

from typing import Any, Callable, List, Sequence, Tuple

import numpy
from thinc.api import Model, Ops
from thinc.types import Floats2d, Ints1d, Ints2d

from ..arrays import get_matrix, get_vector, multiply, to_ints1d
from ..candidates import Candidates


def sum_prefixes(
    ops: Ops, rows: Floats2d, offsets: numpy.ndarray
) -> Tuple[Floats2d, Callable[[Floats2d], Floats2d]]:
    """Compute running sums per Doc, so that any window's sum is a difference of two.

    rows (Floats2d): (n_tokens, width), one row per token of the batch.
    offsets (Ints1d): (n_docs + 1,), first token of each Doc.
    RETURNS (Tuple[Floats2d, Callable]): (n_tokens + n_docs, width), with the sum of the
        first i tokens of Doc d in row `offsets[d] + d + i`; and backprop, to the
        gradient of `rows`.
    """
    starts = offsets.tolist()
    bounds = list(zip(starts, starts[1:]))
    docs = [(d, slice(a, b)) for d, (a, b) in enumerate(bounds) if b > a]
    Y = ops.alloc2f(len(rows) + len(bounds), rows.shape[1])
    # per Doc, so that sums don't depend on the batch
    for d, doc in docs:
        ops.xp.cumsum(rows[doc], axis=0, out=Y[doc.start + d + 1 : doc.stop + d + 1])

    def backprop(dY: Floats2d) -> Floats2d:
        d_rows = ops.alloc2f(*rows.shape)
        for d, doc in docs:
            d_sums = dY[doc.start + d + 1 : doc.stop + d + 1]
            d_rows[doc] = ops.xp.cumsum(d_sums[::-1], axis=0)[::-1]
        return d_rows

    return Y, backprop


def mean_windows(
    ops: Ops, sums: Floats2d, starts: Ints1d, ends: Ints1d
) -> Tuple[Floats2d, Callable[[Floats2d, Floats2d], None]]:
    """Compute the mean of windows of tokens.

    sums (Floats2d): running sums, see `sum_prefixes`.
    starts, ends (Ints1d): (n_windows,), rows of `sums`. The mean of empty windows is 0.
    RETURNS (Tuple[Floats2d, Callable]): (n_windows, width), and backprop, which adds to
        the gradient of `sums`.
    """
    xp = ops.xp
    weight = (1.0 / xp.maximum(ends - starts, 1)).astype(sums.dtype)[:, None]
    Y = xp.take(sums, ends, axis=0)
    Y -= xp.take(sums, starts, axis=0)
    Y *= weight

    def backprop(dY: Floats2d, d_sums: Floats2d) -> None:
        d_window = dY * weight
        ops.scatter_add(d_sums, ends, d_window)
        ops.scatter_add(d_sums, starts, -d_window)

    return Y, backprop


def apply_linear(
    layer: Model[Floats2d, Floats2d], X: Floats2d
) -> Tuple[Floats2d, Callable[[Floats2d], Floats2d]]:
    """Apply Thinc's `Linear`, with a matrix product that is several times faster."""
    ops = layer.ops
    Y = multiply(ops, X, ops.as_contig(get_matrix(layer, "W").T))
    Y += get_vector(layer, "b")

    def backprop(dY: Floats2d) -> Floats2d:
        layer.inc_grad("b", dY.sum(axis=0))
        layer.inc_grad("W", ops.gemm(dY, X, trans1=True))
        return ops.gemm(dY, get_matrix(layer, "W"))

    return Y, backprop


def combine_tables(
    ops: Ops, tables: Sequence[Floats2d]
) -> Tuple[Floats2d, Callable[[Floats2d], List[Floats2d]]]:
    """Sum the rows of several tables, for all combinations of rows.

    tables (Sequence[Floats2d]): (n_rows, width) each.
    RETURNS (Tuple[Floats2d, Callable]): (product of all n_rows, width), with the last
        table varying fastest; and backprop, to the gradients of the tables.
    """
    width = tables[0].shape[1]
    combined = tables[0]
    for table in tables[1:]:
        left = ops.reshape3f(combined, -1, 1, width)
        right = ops.reshape3f(table, 1, -1, width)
        combined = ops.reshape2f(left + right, -1, width)

    def backprop(d_combined: Floats2d) -> List[Floats2d]:
        # one dimension per table, for which Thinc has no type
        d_grid: Any = d_combined
        d_grid = d_grid.reshape(*(len(table) for table in tables), width)
        axes = range(len(tables))
        return [
            d_grid.sum(axis=tuple(axis for axis in axes if axis != own)) for own in axes
        ]

    return combined, backprop


def biaffine_over_pairs(
    ops: Ops,
    heads: Floats2d,
    tails: Floats2d,
    W: Floats2d,
    candidates: Candidates,
    n_labels: int,
    block_size: int,
) -> Tuple[Floats2d, Callable[[Floats2d], Tuple[Floats2d, Floats2d, Floats2d]]]:
    """Compute a bilinear form of head and tail per label.

    heads, tails (Floats2d): (n_entities, k).
    W (Floats2d): (k, n_labels × k).
    candidates (Candidates): the pairs.
    n_labels (int): number of labels.
    block_size (int): maximum number of pairs to compute at once.
    RETURNS (Tuple[Floats2d, Callable]): (n_pairs, n_labels); and backprop, to the
        gradients of `heads`, `tails` and `W`.

    Source: Dozat and Manning (2017), Deep Biaffine Attention.
    """
    k = heads.shape[1]
    G = ops.reshape3f(ops.gemm(heads, W), -1, n_labels, k)
    Y = ops.alloc2f(len(candidates), n_labels)
    tiles = [
        (block, *_tile(candidates.pairs[block]))
        for i in range(len(candidates.offsets) - 1)
        for block in _split(candidates.of_doc(i)[1], block_size)
    ]
    for block, hs, ts, local in tiles:
        at_head, at_tail = to_ints1d(ops, local[:, 0]), to_ints1d(ops, local[:, 1])
        rows = ops.as_contig(ops.reshape2f(G[hs], -1, k))
        flat = ops.gemm(rows, tails[ts], trans2=True)
        dense = ops.reshape3f(flat, -1, n_labels, flat.shape[1])
        # one row per pair, not covered by Thinc's types
        picked: Any = dense[at_head, :, at_tail]
        Y[block] = picked

    def backprop(dY: Floats2d) -> Tuple[Floats2d, Floats2d, Floats2d]:
        dG = ops.xp.zeros_like(G)
        d_tails = ops.alloc2f(*tails.shape)
        for block, hs, ts, local in tiles:
            at_head, at_tail = to_ints1d(ops, local[:, 0]), to_ints1d(ops, local[:, 1])
            n_heads, n_tails = hs.stop - hs.start, ts.stop - ts.start
            d_dense = ops.xp.zeros((n_heads, n_labels, n_tails), dtype=dY.dtype)
            d_dense[at_head, :, at_tail] = dY[block]
            d_flat = ops.reshape2f(d_dense, -1, n_tails)
            d_rows = ops.gemm(d_flat, tails[ts])
            dG[hs] += ops.reshape3f(d_rows, -1, n_labels, k)
            rows = ops.as_contig(ops.reshape2f(G[hs], -1, k))
            d_tails[ts] += ops.gemm(d_flat, rows, trans1=True)
        d_product = ops.reshape2f(dG, -1, n_labels * k)
        return (
            ops.gemm(d_product, W, trans2=True),
            d_tails,
            ops.gemm(heads, d_product, trans1=True),
        )

    return Y, backprop


def _split(rows: slice, size: int) -> List[slice]:
    starts = range(rows.start, rows.stop, size)
    return [slice(start, min(start + size, rows.stop)) for start in starts]


def _tile(pairs: numpy.ndarray) -> Tuple[slice, slice, numpy.ndarray]:
    """Get the smallest ranges of heads and tails that contain all pairs."""
    low, high = pairs.min(axis=0), pairs.max(axis=0) + 1
    head, tail = (slice(int(a), int(b)) for a, b in zip(low, high))
    return head, tail, pairs - low


def inc_grads(model: Model, names: Sequence[str], grads: Sequence[Floats2d]) -> None:
    """Add gradients to several parameters of a model."""
    for name, grad in zip(names, grads):
        model.inc_grad(name, grad)


def hidden_over_pairs(
    hidden: Model[Floats2d, Floats2d],
    classify: Model[Floats2d, Floats2d],
    vectors: Floats2d,
    pairs: Ints2d,
    block_size: int = 4096,
) -> Tuple[Floats2d, Callable[[Floats2d], Floats2d]]:
    """Apply a hidden layer with ReLU to `[head; tail]`, followed by a linear layer.

    hidden (Model[Floats2d, Floats2d]): Thinc's `Linear`, W of shape (nH, 2 × width).
    classify (Model[Floats2d, Floats2d]): Thinc's `Linear`, W of shape (nO, nH).
    vectors (Floats2d): (n_entities, width).
    pairs (Ints2d): (n_pairs, 2), head and tail as rows of `vectors`.
    block_size (int): maximum number of pairs to compute at once.
    RETURNS (Tuple[Floats2d, Callable]): (n_pairs, nO); and backprop, to the gradient of
        `vectors`.
    """
    ops, xp, width = hidden.ops, hidden.ops.xp, vectors.shape[1]
    W, V = get_matrix(hidden, "W"), get_matrix(classify, "W")
    W_head, W_tail = ops.as_contig(W[:, :width]), ops.as_contig(W[:, width:])
    by_head = ops.gemm(vectors, W_head, trans2=True) + get_vector(hidden, "b")
    by_tail = ops.gemm(vectors, W_tail, trans2=True)
    starts = range(0, len(pairs), block_size)
    blocks = [slice(start, start + block_size) for start in starts]

    def compute(block: slice) -> Floats2d:
        Z = xp.take(by_head, pairs[block, 0], axis=0)
        Z += xp.take(by_tail, pairs[block, 1], axis=0)
        return xp.maximum(Z, 0, out=Z)

    Y = ops.alloc2f(len(pairs), V.shape[0], zeros=False)
    for block in blocks:
        Y[block] = ops.gemm(compute(block), V, trans2=True)
    Y += get_vector(classify, "b")

    def backprop(dY: Floats2d) -> Floats2d:
        d_head, d_tail = ops.alloc2f(*by_head.shape), ops.alloc2f(*by_tail.shape)
        dV = ops.alloc2f(*V.shape)
        for block in blocks:
            Z, d_block = compute(block), ops.as_contig(dY[block])
            dV += ops.gemm(d_block, Z, trans1=True)
            dZ = ops.gemm(d_block, V) * (Z > 0)
            ops.scatter_add(d_head, ops.as_contig(pairs[block, 0]), dZ)
            ops.scatter_add(d_tail, ops.as_contig(pairs[block, 1]), dZ)
        classify.inc_grad("W", dV)
        classify.inc_grad("b", dY.sum(axis=0))
        dW = xp.hstack([ops.gemm(d, vectors, trans1=True) for d in (d_head, d_tail)])
        hidden.inc_grad("W", dW)
        hidden.inc_grad("b", d_head.sum(axis=0))
        return ops.gemm(d_head, W_head) + ops.gemm(d_tail, W_tail)

    return Y, backprop

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st
from thinc.api import Linear, NumpyOps

from rel_component.model.candidates import PairGenerator, get_candidates
from rel_component.model.pairs.layers import (
    biaffine_over_pairs,
    combine_tables,
    hidden_over_pairs,
    mean_windows,
    sum_prefixes,
)

from ...util import Float64Ops, check_function_gradients, make_doc

OPS = Float64Ops()


def normal(*shape, seed=0):
    return numpy.random.default_rng(seed).normal(size=shape)


@given(st.lists(st.integers(0, 5), max_size=4))
def test_sum_prefixes(lengths):
    offsets = numpy.cumsum([0, *lengths])
    rows = normal(int(offsets[-1]), 2)
    sums, _ = sum_prefixes(OPS, rows, offsets)
    expected = [
        rows[start : start + i].sum(axis=0)
        for start, length in zip(offsets.tolist(), lengths)
        for i in range(length + 1)
    ]
    numpy.testing.assert_allclose(sums, numpy.reshape(expected, (-1, 2)), atol=1e-12)
    check_function_gradients(lambda X: sum_prefixes(OPS, X, offsets), rows)


@given(
    st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)).map(sorted), max_size=5)
)
def test_mean_windows(windows):
    rows = normal(4, 2)
    windows = numpy.asarray(windows, dtype="int32").reshape(-1, 2)
    starts, ends = windows.T

    def mean_of_tokens(rows):
        sums, bp_sums = sum_prefixes(OPS, rows, numpy.asarray([0, 4]))
        Y, bp_mean = mean_windows(OPS, sums, starts, ends)

        def backprop(dY):
            d_sums = numpy.zeros_like(sums)
            bp_mean(dY, d_sums)
            return bp_sums(d_sums)

        return Y, backprop

    expected = [rows[i:j].mean(axis=0) if i < j else [0, 0] for i, j in windows]
    found, _ = mean_of_tokens(rows)
    numpy.testing.assert_allclose(found, numpy.reshape(expected, (-1, 2)), atol=1e-12)
    check_function_gradients(mean_of_tokens, rows)


def test_windows_do_not_see_other_documents():
    """A document's sums are the same bits, whatever stands before it in the batch."""
    rows = normal(6, 2).astype("float32") * 1e6
    alone, _ = sum_prefixes(NumpyOps(), rows[3:], numpy.asarray([0, 3]))
    batch, _ = sum_prefixes(NumpyOps(), rows, numpy.asarray([0, 3, 6]))
    numpy.testing.assert_array_equal(batch[4:], alone)


@pytest.mark.parametrize("sizes", [(3,), (2, 3), (3, 1, 2)])
def test_combine_tables(sizes):
    tables = [normal(size, 2, seed=i) for i, size in enumerate(sizes)]
    combined, _ = combine_tables(OPS, tables)
    expected = [
        sum(table[i] for table, i in zip(tables, rows)) for rows in numpy.ndindex(sizes)
    ]
    numpy.testing.assert_allclose(combined, expected)
    check_function_gradients(lambda *tables: combine_tables(OPS, tables), *tables)


@pytest.mark.parametrize("block_size", [1000, 4, 1])
@pytest.mark.parametrize("max_length", [None, 2])
def test_biaffine_over_pairs(vocab, block_size, max_length):
    entities = [(i, i + 1, "A") for i in range(5)]
    docs = [
        make_doc(vocab, 5, entities),
        make_doc(vocab, 2),
        make_doc(vocab, 5, entities[2:]),
    ]
    candidates = get_candidates(PairGenerator(max_length=max_length), docs)
    heads, tails, W = normal(8, 3), normal(8, 3, seed=1), normal(3, 2 * 3, seed=2)

    def layer(heads, tails, W):
        return biaffine_over_pairs(OPS, heads, tails, W, candidates, 2, block_size)

    expected = [
        [heads[h] @ W[:, 3 * label : 3 * label + 3] @ tails[t] for label in range(2)]
        for h, t in candidates.pairs
    ]
    numpy.testing.assert_allclose(layer(heads, tails, W)[0], expected)
    check_function_gradients(layer, heads, tails, W)


def test_biaffine_without_pairs(vocab):
    candidates = get_candidates(PairGenerator(), [make_doc(vocab, 3, [(0, 1, "A")])])
    heads, W = normal(1, 3), normal(3, 6)
    Y, backprop = biaffine_over_pairs(OPS, heads, heads, W, candidates, 2, 4)
    assert Y.shape == (0, 2)
    assert [gradient.any() for gradient in backprop(Y)] == [False, False, False]


def test_hidden_over_pairs():
    pairs = numpy.asarray([[0, 1], [1, 0], [2, 0], [2, 2], [0, 1]], dtype="int32")
    hidden, classify = Linear(nO=4, nI=6), Linear(nO=2, nI=4)
    vectors, W, b = normal(3, 3), normal(4, 6, seed=1), normal(4, seed=2)
    V, c = normal(2, 4, seed=3), normal(2, seed=4)

    def score(*arrays):
        X, *params = arrays
        for layer in (hidden, classify):
            layer.ops = OPS
        places = [(hidden, "W"), (hidden, "b"), (classify, "W"), (classify, "b")]
        for (layer, name), param in zip(places, params):
            layer.set_param(name, param)
            layer.set_grad(name, numpy.zeros_like(param))
        Y, backprop = hidden_over_pairs(hidden, classify, X, pairs, block_size=2)
        return Y, lambda dY: [
            backprop(dY),
            *(layer.get_grad(name) for layer, name in places),
        ]

    both = numpy.hstack([vectors[pairs[:, 0]], vectors[pairs[:, 1]]])
    expected = numpy.maximum(both @ W.T + b, 0) @ V.T + c
    numpy.testing.assert_allclose(score(vectors, W, b, V, c)[0], expected, atol=1e-12)
    check_function_gradients(score, vectors, W, b, V, c)

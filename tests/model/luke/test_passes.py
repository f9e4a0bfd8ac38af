import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rel_component.model.luke.passes import (
    find_windows,
    get_windows,
    plan_windows,
    read_pair,
)

WINDOW, STRIDE = 12, 5


@st.composite
def texts(draw):
    """Length of a text and the pieces of its entities, none of them too long."""
    n_pieces = draw(st.integers(1, 60))
    starts = draw(st.lists(st.integers(0, n_pieces - 1), min_size=2, max_size=6))
    spans = [(i, min(i + draw(st.integers(0, 6)), n_pieces)) for i in starts]
    return n_pieces, numpy.asarray(spans)


def holds(slices, span):
    return any(start <= span[0] and span[1] <= end for start, end in slices)


@given(texts())
def test_each_pair_is_in_one_pass(text):
    n_pieces, spans = text
    n = len(spans)
    pairs = numpy.asarray([(i, j) for i in range(n) for j in range(n) if i != j])
    passes, number = plan_windows(spans, pairs, n_pieces, WINDOW, STRIDE)
    assert len(number) == len(pairs)
    for (head, tail), i in zip(pairs.tolist(), number.tolist()):
        assert {head, tail} <= {*passes[i].entities}
        assert holds(passes[i].slices, spans[head])
        assert holds(passes[i].slices, spans[tail])
    for one in passes:
        assert sum(end - start for start, end in one.slices) <= WINDOW
        assert len({*one.entities}) == len(one.entities)
        assert 0 <= one.slices[0][0] and one.slices[-1][1] <= n_pieces
    if n_pieces <= WINDOW:
        assert [one.slices for one in passes] == [[(0, n_pieces)]]


@given(texts())
def test_pairs_have_maximum_context(text):
    n_pieces, spans = text
    slices = read_pair(spans[:2], n_pieces, WINDOW)
    size = sum(end - start for start, end in slices)
    assert all(holds(slices, span) for span in spans[:2])
    assert size <= WINDOW
    if spans[:2].max() - spans[:2].min() <= WINDOW:
        assert len(slices) == 1
        assert size == min(WINDOW, n_pieces)


def test_the_window_with_most_context_is_chosen():
    windows = get_windows(30, WINDOW, STRIDE)
    assert windows.tolist() == [[0, 12], [5, 17], [10, 22], [15, 27], [18, 30]]
    extents = numpy.asarray([[0, 2], [6, 8], [10, 12], [13, 16], [26, 29], [2, 16]])
    assert find_windows(extents, windows, 30).tolist() == [0, 0, 1, 2, 4, -1]


def test_long_entities_are_read_by_their_ends():
    spans = numpy.asarray([[3, 33], [50, 52]])
    with pytest.warns(UserWarning, match=r"30 word pieces.* first and last 3 are"):
        slices = read_pair(spans, 60, WINDOW)
    assert slices == [(3, 6), (30, 33), (48, 54)]
    with pytest.warns(UserWarning, match="30 word pieces"):
        passes, number = plan_windows(
            spans, numpy.asarray([[0, 1]]), 60, WINDOW, STRIDE
        )
    assert holds(passes[number[0]].slices, (30, 33))

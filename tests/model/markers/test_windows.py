"""Windows of word pieces: nothing is truncated, no pair is lost."""

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rel_component.model.markers.windows import (
    Pieces,
    get_positions,
    get_rows,
    place_pairs,
)


def test_words_are_located_by_overlapping_pieces():
    # "ann joined" as ann, join, ed; a blank character 3 is in none
    pieces = Pieces(*numpy.asarray([[7, 8, 9], [0, 4, 8], [3, 8, 10]]))
    chars = numpy.asarray([[0, 3], [4, 10], [5, 6], [3, 4], [10, 11]])
    found = [[0, 1], [1, 3], [1, 2], [1, 2], [2, 3]]
    assert pieces.locate(chars).tolist() == found
    nothing = Pieces(*numpy.zeros((3, 0), dtype=int))
    assert nothing.locate(chars[:1]).tolist() == [[0, 1]]


@st.composite
def texts(draw):
    """Pairs of spans in a text, and how it is divided."""
    n_pieces = draw(st.integers(1, 120))
    window = draw(st.integers(4, 40))
    stride = draw(st.integers(1, window))
    spans = []
    for _ in range(2 * draw(st.integers(1, 4))):
        start = draw(st.integers(0, n_pieces - 1))
        length = min(draw(st.integers(1, 60)), n_pieces - start)
        spans.append([start, start + length])
    heads, tails = numpy.asarray(spans).reshape(2, -1, 2)
    return heads, tails, n_pieces, window, stride


@given(texts())
def test_windows_contain_both_entities(text):
    heads, tails, n_pieces, window, stride = text
    placed = place_pairs(*text)
    for i, (a, b, c, d) in enumerate(placed.runs.tolist()):
        assert 0 <= a < b <= n_pieces and b - a + d - c <= window
        if d == c:
            assert not placed.is_second[i].any()
            if n_pieces > window:
                assert window // 2 <= b - a
        else:
            assert b < c < d <= n_pieces and sorted(placed.is_second[i]) == [0, 1]
        for span, is_second in zip((heads[i], tails[i]), placed.is_second[i]):
            start, end = (c, d) if is_second else (a, b)
            assert start <= span[0] < end
            if span[1] - span[0] <= window // 4:
                assert span[1] <= end
        first = min(heads[i, 0], tails[i, 0])
        end = max(heads[i, 1], tails[i, 1])
        if end - first <= window - stride + 1:
            assert a <= first and end <= b and b - a == min(window, n_pieces)


@given(texts(), st.integers(2, 200))
def test_positions_match_the_text_up_to_the_maximum(text, extra):
    n_positions = text[3] + 2 + extra
    runs = place_pairs(*text).runs
    for a, b, c, d in runs.tolist():
        at = numpy.concatenate([numpy.arange(a, b), numpy.arange(c, d)])
        is_second = numpy.arange(len(at)) >= b - a
        repeated = numpy.asarray([[a, b, c, d]]).repeat(len(at), axis=0)
        found = get_positions(repeated, at, is_second, n_positions)
        rows = get_rows(repeated, at, is_second)
        assert rows.tolist() == list(range(1, len(at) + 1))
        assert found[0] == 1 and (numpy.diff(found) >= 1).all()
        assert found[-1] <= n_positions - 2  # [SEP] comes after
        if at[-1] - a <= n_positions - 3:
            assert (found == at - a + 1).all()


def test_pairs_are_centred_in_their_window():
    heads = numpy.asarray([[30, 31], [0, 1], [99, 100]])
    tails = numpy.asarray([[33, 34], [2, 3], [97, 98]])
    runs = place_pairs(heads, tails, 100, window=20, stride=5).runs
    assert runs[:, :2].tolist() == [[20, 40], [0, 20], [80, 100]]
    assert not runs[:, 2:].any()


@pytest.mark.parametrize("is_swapped", [False, True])
def test_distant_pairs_have_both_contexts(is_swapped):
    heads, tails = numpy.asarray([[10, 12]]), numpy.asarray([[90, 91]])
    pair = (tails, heads) if is_swapped else (heads, tails)
    placed = place_pairs(*pair, 100, window=20, stride=10)
    assert placed.runs.tolist() == [[5, 15, 85, 95]]
    assert placed.is_second.tolist() == [[is_swapped, not is_swapped]]
    # the true distance, and where there are fewer positions, all that there is
    at, is_second = numpy.asarray([10, 90]), numpy.asarray([False, True])
    runs = placed.runs.repeat(2, axis=0)
    assert get_positions(runs, at, is_second, 512).tolist() == [6, 86]
    assert get_positions(runs, at, is_second, 52).tolist() == [6, 46]


def test_long_spans_are_truncated():
    heads, tails = numpy.asarray([[10, 80]]), numpy.asarray([[90, 91]])
    placed = place_pairs(heads, tails, 100, window=20, stride=10)
    assert placed.runs[0, 0] <= 10 < placed.runs[0, 1]
    last = get_positions(placed.runs, heads[:, 1] - 1, placed.is_second[:, 0], 512)
    assert last[0] == placed.runs[0, 1] - placed.runs[0, 0]

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st
from spacy.vocab import Vocab

from rel_component.model.candidates import PairGenerator, get_candidates
from rel_component.pipe.constraints import add_canonical, add_mirrored

from ..util import make_doc

VOCAB = Vocab()


@given(
    counts=st.lists(st.integers(0, 4), min_size=1, max_size=3),
    columns=st.sampled_from([[], [0], [1], [0, 1]]),
    seed=st.integers(0, 20),
)
def test_add_mirrored(counts, columns, seed):
    """Against a dictionary of the scores of each pair."""
    rng = numpy.random.default_rng(seed)
    docs = [make_doc(VOCAB, 4, [(i, i + 1, "A") for i in range(n)]) for n in counts]
    candidates = get_candidates(PairGenerator(), docs)
    heads, tails = candidates.pairs.T
    candidates = candidates.select((heads < tails) | (rng.random(len(heads)) < 0.5))
    scores = rng.random((len(candidates), 2)).astype("float32")

    pairs = [tuple(pair) for pair in candidates.pairs.tolist()]
    expected = dict(zip(pairs, scores.tolist()))
    for head, tail in pairs if columns else ():
        if head < tail:
            row = expected.setdefault((tail, head), [None, None])
            for column in columns:
                row[column] = expected[head, tail][column]

    found, found_scores = add_mirrored(candidates, scores, columns)
    found_pairs = [tuple(pair) for pair in found.pairs.tolist()]
    # the model has not scored the other labels of these pairs
    rows = [[None if x != x else x for x in row] for row in found_scores.tolist()]
    assert dict(zip(found_pairs, rows)) == expected
    assert len(found_pairs) == len(expected)
    for i in range(len(docs)):
        rows, pairs = found.of_doc(i)
        assert (
            (rows.start <= found.pairs[pairs]) & (found.pairs[pairs] < rows.stop)
        ).all()
    assert found.offsets[-1] == len(found)


@pytest.mark.parametrize("columns", [[], [0]])
def test_no_pairs(columns):
    candidates = get_candidates(PairGenerator(), [make_doc(VOCAB, 2)])
    found, scores = add_mirrored(candidates, numpy.zeros((0, 1)), columns)
    assert len(found) == len(scores) == 0


@given(
    counts=st.lists(st.integers(0, 4), min_size=1, max_size=3), seed=st.integers(0, 20)
)
def test_add_canonical(counts, seed):
    rng = numpy.random.default_rng(seed)
    docs = [make_doc(VOCAB, 4, [(i, i + 1, "A") for i in range(n)]) for n in counts]
    candidates = get_candidates(PairGenerator(), docs)
    candidates = candidates.select(rng.random(len(candidates)) < 0.5)
    given_pairs = {tuple(pair) for pair in candidates.pairs.tolist()}

    found, is_added = add_canonical(candidates)
    pairs = [tuple(pair) for pair in found.pairs.tolist()]
    assert len(set(pairs)) == len(pairs)
    assert set(pairs) == given_pairs | {tuple(sorted(pair)) for pair in given_pairs}
    assert {x for x, added in zip(pairs, is_added) if not added} == given_pairs
    for i in range(len(docs)):
        rows, part = found.of_doc(i)
        assert all(rows.start <= h < rows.stop for h, _ in found.pairs[part].tolist())

import numpy
import pytest

from rel_component.inference.uncertainty import get_uncertainty
from rel_component.relations import RelationData, set_relation_data

from ..util import make_doc


def with_scores(vocab, scores):
    """Three entities, and scores of as many pairs as there are rows."""
    doc = make_doc(vocab, 3, [(0, 1, "A"), (1, 2, "A"), (2, 3, "A")])
    scores = numpy.asarray(scores, dtype="float32").reshape(len(scores), -1)
    data = RelationData(
        spans=numpy.asarray([(0, 1), (1, 2), (2, 3)], dtype="int32"),
        types=["A"] * 3,
        pairs=numpy.asarray([(0, 1), (1, 2), (2, 0)][: len(scores)], dtype="int32"),
        labels=list("XY")[: scores.shape[1]],
        scores=scores,
        decided=numpy.zeros((0, 2), dtype="int32"),
    )
    set_relation_data(doc, data)
    return doc


@pytest.mark.parametrize(
    "score,threshold,expected",
    [
        *((0.5, 0.5, 1), (0.0, 0.5, 0), (1.0, 0.5, 0), (0.25, 0.5, 0.5)),
        *((0.2, 0.2, 1), (0.1, 0.2, 0.5), (0.6, 0.2, 0.5), (1.0, 0.2, 0)),
        # at the ends there is one side only
        *((0.0, 0.0, 1), (0.75, 0.0, 0.25), (1.0, 1.0, 1), (0.75, 1.0, 0.75)),
    ],
)
def test_uncertainty_of_a_score(vocab, score, threshold, expected):
    doc = with_scores(vocab, [[score]])
    for by in ("max", "mean"):
        assert get_uncertainty(doc, threshold, by) == pytest.approx(expected, abs=1e-6)


def test_uncertainty_of_a_document(vocab):
    # the second pair can have one label only, the third none
    nan = float("nan")
    doc = with_scores(vocab, [[0.0, 0.25], [nan, 0.375], [nan, nan]])
    assert get_uncertainty(doc, 0.5) == pytest.approx(0.75)
    assert get_uncertainty(doc, 0.5, "mean") == pytest.approx((0.5 + 0.75) / 3)


def test_without_pairs_there_is_no_doubt(vocab):
    assert get_uncertainty(make_doc(vocab, 2), 0.5) == 0
    assert get_uncertainty(make_doc(vocab, 2, [(0, 1, "A")], []), 0.5) == 0

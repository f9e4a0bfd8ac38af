import numpy
import pytest
from spacy.vocab import Vocab

from rel_component.evaluation.distances import learn_max_distances
from rel_component.relations import RelationData, set_relation_data

from ..util import make_doc

VOCAB = Vocab()
DISTANCES = (0, 5, 30)


def make_docs(scores, n=10, decided=()):
    """Documents with a head, A, and tails, B, at several distances after it."""
    spans = [(0, 1), *((1 + d, 2 + d) for d in DISTANCES)]
    return [make_scored(spans, scores, decided) for _ in range(n)]


def make_scored(spans, scores, decided):
    doc = make_doc(VOCAB, 40)
    data = RelationData(
        spans=numpy.asarray(spans, dtype="int32"),
        types=["A", "B", "B", "B"],
        pairs=numpy.asarray([(0, 1), (0, 2), (0, 3)], dtype="int32"),
        labels=["X", "Y"],
        scores=numpy.asarray(scores, dtype="float32"),
        decided=numpy.asarray(decided, dtype="int32").reshape(-1, 2),
    )
    set_relation_data(doc, data)
    return doc


@pytest.mark.parametrize(
    "scores, decided, expected",
    [
        # the bucket of 5 tokens ends at 6, and that of 0 at 0
        ([(0.9, 0.0), (0.06, 0.0), (0.04, 0.0)], [], 6),
        ([(0.9, 0.0), (0.04, 0.0), (0.04, 0.0)], [], 0),
        ([(0.0, 0.01), (0.0, 0.03), (0.0, numpy.nan)], [], 6),  # its own threshold
        ([(0.04, 0.0), (0.0, 0.0), (0.0, 0.0)], [], -1),
        ([(0.9, 0.0), (0.0, 0.0), (0.06, 0.0)], [], None),
        ([(0.9, 0.0), (0.0, 0.0), (0.0, 0.0)], [(1, 0)], 6),  # implied by others
    ],
)
def test_learn_max_distances(scores, decided, expected):
    docs = make_docs(scores, decided=decided)
    found = learn_max_distances(docs, {"X": 0.5, "Y": 0.2}, min_pairs=10)
    assert found == ({} if expected is None else {"A": {"B": [expected, None]}})


def test_few_pairs_beyond():
    docs = make_docs([(0.9, 0.0), (0.9, 0.0), (0.0, 0.0)])
    assert learn_max_distances(docs, {"X": 0.5}, min_pairs=11) == {}
    assert learn_max_distances(docs, {"X": 0.5}, min_pairs=10) == {
        "A": {"B": [6, None]}
    }
    assert learn_max_distances([make_doc(VOCAB, 2)], {"X": 0.5}) == {}

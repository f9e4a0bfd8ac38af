import numpy
import pytest
from thinc.api import NumpyOps

from rel_component.model.candidates import from_span_pairs
from rel_component.pipe.loss import PairLoss
from rel_component.pipe.truth import Truth

from ..util import numeric_gradient

NONE = from_span_pairs([])


def make_truth(labels, known=None):
    labels, known = (
        None if x is None else numpy.asarray(x, dtype="float32")
        for x in (labels, known)
    )
    return Truth(NONE, labels, known)


def get_gradient(scores, truth, **options):
    scores = numpy.asarray(scores, dtype="float32")
    return PairLoss(**options)(NumpyOps(), scores, truth)[1]


SCORES = [[0.75, 0.5], [0.25, 0.5]]
LABELS = [[1, 0], [0, 0]]


@pytest.mark.parametrize(
    "options,expected",
    [
        ({}, [[-0.25, 0.5], [0.25, 0.5]]),
        ({"positive_weight": 3}, [[-0.75, 0.5], [0.25, 0.5]]),
        ({"reduction": "mean"}, [[-0.125, 0.25], [0.125, 0.25]]),
        ({"reduction": "positives", "positive_weight": 2}, [[-0.5, 0.5], [0.25, 0.5]]),
        ({"negatives_per_positive": 0}, [[-0.25, 0.5], [0, 0]]),
        ({"negatives_per_positive": 1}, [[-0.25, 0.5], [0.25, 0.5]]),
    ],
)
def test_gradient(options, expected):
    assert get_gradient(SCORES, make_truth(LABELS), **options).tolist() == expected


def test_unknown_truth_counts_nothing():
    truth = make_truth(LABELS, [[1, 0], [0, 0]])
    loss, gradient = PairLoss()(NumpyOps(), numpy.asarray(SCORES, dtype="f"), truth)
    assert gradient.tolist() == [[-0.25, 0], [0, 0]]
    assert loss == 0.25**2 / 2


@pytest.mark.parametrize("gamma", [0.5, 1.0, 2.0])
def test_focal_gradient(rng, gamma):
    """Is that of the focal loss with respect to the logits."""
    logits = rng.normal(size=(3, 2))
    target = rng.integers(0, 2, size=(3, 2))

    def get_loss():
        scores = 1 / (1 + numpy.exp(-logits))
        right = numpy.where(target, scores, 1 - scores)
        return -((1 - right) ** gamma * numpy.log(right)).sum()

    scores = 1 / (1 + numpy.exp(-logits))
    found = get_gradient(scores, make_truth(target), focal_gamma=gamma)
    numpy.testing.assert_allclose(found, numeric_gradient(get_loss, logits), rtol=1e-4)


def test_sampled_negatives_are_drawn_anew():
    truth = make_truth([[1]] * 10 + [[0]] * 200)
    scores = numpy.full((210, 1), 0.5)
    drawn = [
        get_gradient(scores, truth, negatives_per_positive=5).ravel() != 0
        for _ in range(20)
    ]
    assert all(used[:10].all() for used in drawn)
    assert numpy.mean([used[10:].sum() for used in drawn]) == pytest.approx(50, abs=10)
    assert (drawn[0] != drawn[1]).any()


def test_unknown_pairs_are_not_among_the_negatives():
    labels, known = [[1]] * 10 + [[0]] * 1010, [[1]] * 20 + [[0]] * 1000
    scores = numpy.full((1020, 1), 0.5)
    truth = make_truth(labels, known)
    used = get_gradient(scores, truth, negatives_per_positive=1).ravel() != 0
    assert used[:20].all() and not used[20:].any()


def test_improbable_labels_after_distillation_are_negative():
    truth = make_truth([[0.95]] * 10 + [[1e-4]] * 200)
    scores = numpy.full((210, 1), 0.5)
    used = get_gradient(scores, truth, negatives_per_positive=1).ravel() != 0
    assert used[:10].all() and used[10:].sum() < 40


@pytest.mark.parametrize(
    "options",
    [{}, {"focal_gamma": 2}, {"negatives_per_positive": 1}, {"reduction": "mean"}],
)
def test_no_pairs(options):
    truth = make_truth(numpy.zeros((0, 2)))
    loss, gradient = PairLoss(**options)(NumpyOps(), truth.labels, truth)
    assert loss == 0.0 and gradient.shape == (0, 2)

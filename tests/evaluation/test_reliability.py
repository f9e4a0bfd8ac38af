import numpy
import pytest
from sklearn.calibration import calibration_curve
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import brier_score_loss

from rel_component.evaluation.reliability import (
    describe_reliability,
    fit_calibration,
    fit_line,
    get_reliability,
)
from rel_component.pipe.calibration import calibrate, get_log_odds, sigmoid

from .test_thresholds import make_pairs


@pytest.fixture
def distorted(rng):
    """Log odds, the truth that follows them, and overconfident scores."""
    odds = rng.normal(-1.0, 2.0, size=20_000)
    truth = rng.random(20_000) < sigmoid(odds)
    return odds, truth, sigmoid(2.0 * odds + 1.0).astype("float32")


def test_fit_finds_the_distortion_as_scikit_learn(distorted):
    _, truth, scores = distorted
    slope, intercept = fit_line(scores, truth)
    assert slope == pytest.approx(0.5, abs=0.02)
    assert intercept == pytest.approx(-0.5, abs=0.04)
    expected = LogisticRegression(C=1e9).fit(get_log_odds(scores)[:, None], truth)
    assert slope == pytest.approx(expected.coef_[0, 0], abs=0.002)
    assert intercept == pytest.approx(expected.intercept_[0], abs=0.005)


def test_calibrated_confidence_is_right_as_often_as_it_says(distorted):
    _, truth, scores = distorted
    half = len(truth) // 2
    dev = make_pairs([(scores[:half], truth[:half])])
    test = make_pairs([(scores[half:], truth[half:])])
    before = describe_reliability(test)
    after = describe_reliability(test.calibrated(fit_calibration(dev, "platt")))
    assert before["all"]["ece"] > 0.1
    assert after["all"]["ece"] < 0.03
    assert after["claims"]["ece"] < 0.03
    (ninth,) = [row for row in after["all"]["bins"] if row["low"] == 0.9]
    assert ninth["accuracy"] == pytest.approx(ninth["confidence"], abs=0.03)


def test_temperature_has_no_intercept_and_one_slope(distorted):
    odds, truth, _ = distorted
    scores = sigmoid(3.0 * odds).astype("float32")
    lines = fit_calibration(make_pairs([(scores, truth)] * 2), "temperature")
    assert lines["A"] == lines["B"]
    assert lines["A"][0] == pytest.approx(1 / 3, abs=0.01)
    assert lines["A"][1] == 0.0


def test_separable_scores_get_a_finite_slope():
    slope, intercept = fit_line(
        numpy.asarray([0.99] * 20 + [0.01] * 20), numpy.arange(40) < 20
    )
    assert 0 < slope < 10
    assert numpy.isfinite(intercept)


def test_a_label_with_few_examples_takes_the_line_of_all(distorted):
    _, truth, scores = distorted
    rare = truth & (numpy.cumsum(truth) <= 3)
    pairs = make_pairs([(scores, truth), (scores, rare)])
    lines = fit_calibration(pairs, "platt")
    assert lines["B"] == fit_calibration(pairs, "temperature")["B"]
    assert lines["A"] != lines["B"]


def test_scores_that_run_against_the_truth_are_not_turned_around(distorted):
    _, truth, scores = distorted
    pairs = make_pairs([(scores, truth), (1 - scores, truth)])
    assert list(fit_calibration(pairs, "platt")) == ["A"]
    mostly_right = make_pairs([(scores, truth)] * 2 + [(1 - scores, truth)])
    lines = fit_calibration(mostly_right, "platt")
    assert lines["C"] == fit_calibration(mostly_right, "temperature")["C"]
    assert lines["C"][0] > 0


@pytest.mark.parametrize("truth", [[True] * 4, [False] * 4])
def test_nothing_to_learn_from(truth):
    pairs = make_pairs([([0.1, 0.3, 0.6, 0.9], truth)])
    for method in ("platt", "temperature", "auto"):
        assert fit_calibration(pairs, method) == {}
    assert fit_calibration(make_pairs([([], [])]), "auto") == {}


def test_auto_leaves_good_scores_alone(distorted):
    odds, truth, scores = distorted
    good = make_pairs([(sigmoid(odds)[:400].astype("float32"), truth[:400])])
    assert fit_calibration(good) == {}
    bad = make_pairs([(scores, truth)])
    assert fit_calibration(bad) == fit_calibration(bad, "platt")


def test_unknown_method():
    with pytest.raises(ValueError, match="expected one of auto, platt, temperature"):
        fit_calibration(make_pairs([([0.5], [True])]), "isotonic")


def test_reliability_as_scikit_learn(distorted):
    _, truth, scores = distorted
    found = get_reliability(scores, truth)
    accuracy, confidence = calibration_curve(truth, scores, n_bins=10)
    bins = [row for row in found["bins"] if row["n"]]
    assert [row["accuracy"] for row in bins] == pytest.approx(accuracy.tolist())
    assert [row["confidence"] for row in bins] == pytest.approx(confidence.tolist())
    assert found["brier"] == pytest.approx(brier_score_loss(truth, scores))


def test_reliability_by_hand():
    scores = numpy.asarray([0.95, 0.95, 0.95, 0.95, 0.15, 1.0, 0.0])
    truth = numpy.asarray([True, True, True, False, False, True, False])
    found = get_reliability(scores, truth)
    # of 0.95, 0.95, 0.95, 0.95 and 1.0 four are right
    gap = (4 * 0.95 + 1.0) / 5 - 4 / 5
    assert found["ece"] == pytest.approx((5 * gap + 0.15 + 0.0) / 7)
    assert found["mce"] == pytest.approx(max(gap, 0.15))
    assert sum(row["n"] for row in found["bins"]) == found["n"] == 7


def test_reliability_of_nothing():
    found = get_reliability(numpy.zeros(0), numpy.zeros(0, dtype=bool))
    assert (found["ece"], found["mce"], found["brier"]) == (None, None, None)


def test_calibrate_keeps_order_shape_type_and_nan():
    scores = numpy.asarray(
        [[0.0, 0.3], [1.0, numpy.nan], [0.5, 0.9], [0.25, 0.1]], dtype="float32"
    )
    found = calibrate(scores, ["A", "B"], {"A": (0.5, 0.0)})
    assert found.dtype == scores.dtype
    numpy.testing.assert_array_equal(found[:, 1], scores[:, 1])
    assert numpy.argsort(found[:, 0]).tolist() == numpy.argsort(scores[:, 0]).tolist()
    assert found[2, 0] == 0.5
    assert found[3, 0] == pytest.approx(1 / (1 + 3**0.5))
    assert 0 < found[0, 0] < found[1, 0] < 1
    assert scores[3, 0] == 0.25  # not changed in place
    nan = calibrate(scores, ["A", "B"], {"B": (2.0, 1.0)})
    assert numpy.isnan(nan[1, 1])

import pytest

from rel_component.evaluation.training import (
    advise,
    parse_numbers,
    parse_override,
    summarize_runs,
)


@pytest.mark.parametrize(
    "before,last,expected",
    [
        ([0.80, 0.81, 0.80], [0.85, 0.86, 0.85], "annotate more"),
        ([0.85, 0.85, 0.85], [0.851, 0.850, 0.851], "The curve is flat"),
        ([0.80, 0.70, 0.75], [0.75, 0.80, 0.80], "may be noise"),
    ],
)
def test_advice_of_a_learning_curve(before, last, expected):
    points = [
        {"documents": n, "scores": scores, "mean": sum(scores) / 3}
        for n, scores in ((10, before), (20, last))
    ]
    assert expected in advise(points)


def test_summary_of_seeds_and_folds():
    folds = [
        {"micro_p": 0, "micro_r": 0, "micro_f": x, "macro_f": None} for x in (0, 1)
    ]
    runs = [
        {"micro_p": 0.0, "micro_r": 0.0, "micro_f": f, "macro_f": None, "folds": folds}
        for f in (0.4, 0.6)
    ]
    found = summarize_runs(runs)
    assert found["micro_f"]["mean"] == pytest.approx(0.5)
    assert found["micro_f"]["sd"] == pytest.approx(0.02**0.5)
    assert found["micro_f"]["sd_folds"] == pytest.approx((1 / 3) ** 0.5)
    assert found["macro_f"] == {"mean": None, "sd": None, "sd_folds": None}


def test_overrides():
    assert parse_override("training.max_steps=3") == ("training.max_steps", 3)
    assert parse_override("nlp.lang=de") == ("nlp.lang", "de")


def test_numbers_of_an_option():
    assert parse_numbers("--seeds", "0,12", int) == [0, 12]
    assert parse_numbers("--shares", "0.5,1", float) == [0.5, 1.0]
    for text in ("", "a", "1,", "1.5"):
        with pytest.raises(ValueError, match=r"--seeds .*separated by commas"):
            parse_numbers("--seeds", text, int)

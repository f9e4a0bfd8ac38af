import pytest

from rel_component.wording import (
    Table,
    hint_at,
    interval,
    join_names,
    list_some,
    number,
    percent,
    points,
    quote,
)


@pytest.mark.parametrize(
    "share, text",
    [
        (0, "0 %"),
        (0.0001, "less than 0.1 %"),
        (0.004, "0.4 %"),
        (0.05, "5 %"),
        (0.0996, "10 %"),
        (0.174, "17 %"),
        (0.9999, "99.9 %"),
        (1, "100 %"),
    ],
)
def test_percent(share, text):
    assert percent(share) == text


def test_lists_in_sentences():
    assert list_some(["a", "b", "c"], 2) == "a, b and 1 more"
    assert join_names(["a", "b", "c"]) == "a, b and c"
    assert join_names(["a"]) == "a" and join_names([]) == ""
    assert quote('Ж"') == '"Ж\\""'


def test_figures():
    assert (points(0.8125), points(None)) == ("81.2", "–")
    assert (interval([0.5, 1]), interval(None)) == ("50.0–100.0", "")
    assert (number(1234567), number(None)) == ("1,234,567", "")


def test_tables_say_what_is_left_out():
    table = Table("T", ["a"], [["1"], ["2"], ["3"]], "l", "a note")
    assert table.cut(None) == table.cut(3) == table
    assert table.cut(1).rows == [["1"]]
    assert table.cut(1).note == "... and 2 more; a note"


def test_similar_names():
    assert hint_at("max_step", ["seed", "max_steps"]) == " Did you mean max_steps?"
    assert hint_at("x", ["seed"]) == hint_at("", []) == ""

import pytest
from spacy.cli._util import show_validation_error

from rel_component.checks import (
    InputError,
    check_mapping,
    check_names,
    check_number,
    check_probability,
)

NAN = float("nan")


def test_numbers():
    assert check_number(3, "size", 1, 5, "a number from 1 to 5") == 3.0
    for value in (0, 6, NAN, float("inf"), "3", None, True, [3], 1j):
        with pytest.raises(ValueError) as error:
            check_number(value, "size", 1, 5, "a number from 1 to 5")
        assert str(error.value) == f"size is {value!r}; expected a number from 1 to 5."
    for value in (-0.1, 1.1, NAN, "0.5"):
        with pytest.raises(ValueError, match="from 0 to 1"):
            check_probability(value, "threshold")


def test_names():
    assert check_names(("a", "b"), "labels") == ["a", "b"]
    assert check_names(iter([]), "labels") == []
    for value in ("ab", None, 5, {"a": 1}, ["a", ""], ["a", 5]):
        with pytest.raises(ValueError, match=r"labels is .*; expected a list of str"):
            check_names(value, "labels")


def test_mappings():
    assert check_mapping({"a": 1}, "thresholds", "{}") == {"a": 1}
    for value in ([], None, "a", 0.5):
        with pytest.raises(ValueError, match=r"thresholds is .*; expected a dict such"):
            check_mapping(value, "thresholds", "{'A': 1}")


def test_commands_of_spacy_print_the_sentence_only(capsys):
    with pytest.raises(SystemExit) as error, show_validation_error():
        raise InputError("No relation in a.spacy.", title="Can't train")
    assert error.value.code == 1
    printed = capsys.readouterr().out
    assert "Can't train" in printed and printed.endswith("No relation in a.spacy.\n")
    assert str(InputError("What is wrong.")) == "What is wrong."

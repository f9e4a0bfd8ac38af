"""Validate arguments."""

from collections.abc import Iterable, Mapping
from math import isfinite
from numbers import Real
from typing import Any, List

from thinc.api import ConfigValidationError

TITLE = "Config validation error"


class InputError(ConfigValidationError):
    """An error in data or settings: a ValueError that `spacy train` and other commands
    print without a traceback.

    desc (str): the problem, and how to solve it.
    title (str): the title.
    """

    def __init__(self, desc: str, *, title: str = TITLE, **kwargs: Any) -> None:
        super().__init__(desc=desc, title=title, **kwargs)
        self.text = desc
        self.args = (desc,)


def check_number(
    value: Any, name: str, low: float, high: float, expected: str
) -> float:
    """Check a number.

    value (Any): the value.
    name (str): its name.
    low (float), high (float): allowed range.
    expected (str): description of the range.
    RETURNS (float): the number.
    RAISES (ValueError): if it's not a number, or out of range.
    """
    is_number = isinstance(value, Real) and not isinstance(value, bool)
    if not is_number or not isfinite(value) or not low <= value <= high:
        raise InputError(f"{name} is {value!r}; expected {expected}.")
    return float(value)


def check_probability(value: Any, name: str) -> float:
    """RETURNS (float): the number. RAISES (ValueError): if it's not in [0, 1]."""
    return check_number(value, name, 0.0, 1.0, "a number from 0 to 1")


def check_names(values: Any, name: str) -> List[str]:
    """RETURNS (List[str]): the names. RAISES (ValueError): if they are not a list of
    non-empty strings."""
    is_list = isinstance(values, Iterable) and not isinstance(values, (str, Mapping))
    names: List[Any] = list(values) if is_list else [None]
    if not all(isinstance(x, str) and x for x in names):
        raise InputError(
            f"{name} is {values!r}; expected a list of strings that are not empty."
        )
    return names


def check_mapping(values: Any, name: str, example: str) -> Mapping[Any, Any]:
    """RETURNS (Mapping): the values. RAISES (ValueError): if they are not a dict."""
    if not isinstance(values, Mapping):
        raise InputError(f"{name} is {values!r}; expected a dict such as {example}.")
    return values

"""Describe invalid requests, so that clients can fix them."""

import math
import re
from typing import Any, List, Mapping, NamedTuple, Optional, Sequence, Union

from starlette.exceptions import HTTPException

MAX_SHOWN = 40
MAX_LISTED = 10
WORDING = re.compile("^((Input|String|List) should (be |have )?|Value error, )")
ENTITY = "[first character, character after the last, type]"
# expected values for pydantic's error types
EXPECTED = {
    "missing": "this field",
    "extra_forbidden": "no such field",
    "int_type": "a whole number",
    "int_parsing_size": "a whole number of at most 19 digits",
    "float_type": "a number",
    "finite_number": "a finite number",
    "string_type": "a string",
    "bool_type": "true or false",
    "list_type": "a list",
    # entities are the only ones of its kind
    "dict_type": 'an object such as {"start": 0, "end": 4, "label": "ORG"}',
    "tuple_type": "a list",
    "too_short": "a list that is not empty",
    "too_long": ENTITY,
    "model_type": "an object",
    "model_attributes_type": "an object",
}


class Problem(NamedTuple):
    """A problem with a request.

    where (str): the field, such as `entities_list[0][2]`.
    found (str): the value found.
    expected (str): the value expected.
    """

    where: str
    found: str
    expected: str


class ServiceError(HTTPException):
    """An error response.

    status (int): the HTTP status.
    detail (str): what was found and expected, and how to fix it.
    problems (Sequence[Problem]): all problems found.
    retry_after (Optional[int]): seconds before trying again.
    reason (str): the reason in one word, for the metrics.
    job (Optional[int]): the text of the request that failed.
    """

    job: Optional[int] = None

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        problems: Sequence[Problem] = (),
        retry_after: Optional[int] = None,
        reason: str = "invalid",
    ) -> None:
        headers = None if retry_after is None else {"Retry-After": str(retry_after)}
        super().__init__(status, detail, headers)
        self.problems = list(problems)
        self.reason = reason


def invalid(problems: Sequence[Problem]) -> ServiceError:
    """RETURNS (ServiceError): 422, with the first problems."""
    first = problems[0]
    more = f" ({len(problems) - 1} more)" if len(problems) > 1 else ""
    detail = f"{first.where}: found {first.found}; expected {first.expected}.{more}"
    return ServiceError(422, detail, problems=problems[:MAX_LISTED])


def from_errors(errors: Sequence[Mapping[str, Any]]) -> ServiceError:
    """Rephrase pydantic's errors about a body.

    errors (Sequence[Mapping[str, Any]]): from FastAPI's `RequestValidationError`.
    RETURNS (ServiceError): 422, with the first problems.
    """
    return invalid([_to_problem(item) for item in errors])


def _to_problem(item: Mapping[str, Any]) -> Problem:
    kind, loc = item["type"], item["loc"][1:]  # within the body
    expected = EXPECTED.get(kind)
    if kind == "missing" and loc and isinstance(loc[-1], int):
        expected = ENTITY
    if expected is None:
        expected = WORDING.sub("", item["msg"])
    found = "nothing" if kind == "missing" else describe(item["input"])
    return Problem(show_place(loc), found, expected)


def show_place(loc: Sequence[Union[str, int]]) -> str:
    """RETURNS (str): a path in JSON, such as `chunks[3]`; "body" for the whole body."""
    place = ""
    for part in loc:
        place += f"[{part}]" if isinstance(part, int) else f".{shorten(part)}"
    return place.removeprefix(".") or "body"


def describe(value: Any) -> str:
    """RETURNS (str): a short description of a JSON value of any size."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, str):
        return repr(shorten(value))
    if isinstance(value, (list, tuple)):
        return "an empty list" if not value else f"a list of {len(value)}"
    if isinstance(value, Mapping):
        names = ", ".join(shorten(str(name)) for name in list(value)[:5])
        return f"an object with {names}" if names else "an empty object"
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else f"{'-' if value < 0 else ''}Infinity"
    if isinstance(value, int) and abs(value) >= 10**20:
        return "a number of more than 20 digits"
    return shorten(str(value))


def shorten(text: str) -> str:
    """RETURNS (str): the text, truncated with an ellipsis if long."""
    return text if len(text) <= MAX_SHOWN else text[: MAX_SHOWN - 1] + "…"


def list_names(names: Sequence[str]) -> str:
    """RETURNS (str): the first names, and the number of others."""
    shown: List[str] = [shorten(name) for name in names[:20]]
    more = len(names) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")

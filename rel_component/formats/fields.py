"""Read fields of JSON objects, with errors that include their path."""

import json
from dataclasses import replace
from typing import Any, Dict, List, Mapping, Optional, Tuple, Type, Union

from .base import Options
from .record import Offsets, Source
from .report import DOCUMENTS, NO_LIST, Report

Kinds = Union[Type, Tuple[Type, ...]]


NAMES: Dict[Any, str] = {
    str: "a string",
    int: "a whole number",
    list: "a list",
    dict: "an object",
    bool: "true or false",
    type(None): "null",
}


SHOWN = 60


# reason: the endpoint of a relation couldn't be converted
LOST = "endpoint dropped"
# reason: several entities have the id of an endpoint
AMBIGUOUS = "ambiguous id"


class FieldError(ValueError):
    """A field is missing or of the wrong type.

    field (str): its path in the document, e.g. `spans[3].start`.
    message (str): what was found and what was expected.
    reason (str): short reason, to count errors by.
    """

    reason = "wrong fields"

    def __init__(self, field: str, message: str, reason: str = "") -> None:
        super().__init__(message)
        self.field = field
        self.reason = reason or self.reason

    def say(self, source: Source) -> str:
        """RETURNS (str): the message, with file, line or document, and field."""
        return f"{source.at(self.field)}: {self}"


class EndpointError(FieldError):
    """The endpoint of a relation can't be resolved to an entity."""

    reason = "no such entity"


def get(
    obj: Dict[str, Any], key: str, kind: Kinds, field: str = "", name: str = ""
) -> Any:
    """Get a required field.

    obj (Dict[str, Any]): the object that contains it.
    key (str): its key.
    kind (Type): its type, or a tuple of types.
    field (str): path of the object in messages, e.g. `spans[3]`.
    name (str): name of the field in messages, if not its key.
    RETURNS (Any): its value.
    RAISES (FieldError): if it's missing or of another type.
    """
    path = f"{field}.{name or key}" if field else name or key
    if key not in obj:
        found = ", ".join(map(repr, list(obj)[:8])) or "no fields"
        raise FieldError(
            path, f"missing, expected {describe(kind)} (found the fields {found})"
        )
    return check(obj[key], kind, path)


def get_list(obj: Dict[str, Any], key: str, field: str = "") -> List[Any]:
    """Get a list; empty if missing or null.

    RAISES (FieldError): if it is of another type.
    """
    path = f"{field}.{key}" if field else key
    return check(obj.get(key), (list, type(None)), path) or []


def get_relation_list(
    obj: Dict[str, Any],
    options: Options,
    report: Report,
    field: str = "",
    key: str = "relations",
) -> Optional[List[Any]]:
    """Get the relations of a document: a list that may be empty, but is required.

    Without the list, relations were not annotated, so pairs are not negative.

    options (Options): `entities_only` accepts documents without the list.
    report (Report): counts documents without the list.
    field (str): path of the object in messages, if it's not the document.
    key (str): key of the list.
    RETURNS (Optional[List[Any]]): the list, or None without a list.
    RAISES (FieldError): if it's missing without `entities_only`, or of another type.
    """
    path = f"{field}.{key}" if field else key
    if obj.get(key) is not None:
        return check(obj[key], list, path)
    if options.entities_only:
        report.note(NO_LIST)
        return None
    raise FieldError(
        path,
        f"{'found null' if key in obj else 'missing'}, expected a list, [] for no "
        f"relations; if only entities were annotated, use --entities-only to read "
        f"them without negative pairs",
    )


def skip_document(
    source: Source,
    value: Any,
    error: FieldError,
    kinds: Mapping[str, str],
    report: Report,
) -> None:
    """Report a document that can't be read, and count its contents.

    source (Source): its location.
    value (Any): the document, of any type.
    error (FieldError): why it can't be read.
    kinds (Mapping[str, str]): its lists, and the kind of their items.
    report (Report): the report, in which the document must not be counted yet.
    """
    reason = error.reason
    report.error(DOCUMENTS, reason, f"{error.say(source)}; document not converted.")
    for kind, n in count_contents(value, kinds):
        report.read(kind, n)
        report.lost_with(kind, reason, n)


def add_id(source: Source, value: Any, key: str) -> Source:
    """RETURNS (Source): the source with the document's id, if it has one."""
    id_ = value.get(key) if isinstance(value, dict) else None
    return replace(source, id=str(id_)) if isinstance(id_, (str, int)) else source


def count_contents(value: Any, kinds: Mapping[str, str]) -> List[Tuple[str, int]]:
    """RETURNS (List[Tuple[str, int]]): number of items of each kind in a document."""
    lists = value if isinstance(value, dict) else {}
    return [
        (kind, len(lists[key]))
        for key, kind in kinds.items()
        if isinstance(lists.get(key), list)
    ]


def check(value: Any, kind: Kinds, path: str) -> Any:
    """Check the type of a value; true and false are not numbers.

    RAISES (FieldError): if it is of another type.
    """
    kinds = kind if isinstance(kind, tuple) else (kind,)
    if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
        raise FieldError(path, f"found {show(value)}, expected {describe(kinds)}")
    return value


def check_offsets(value: Any, path: str) -> Offsets:
    """RETURNS (Tuple[int, int]): a list of two numbers, start and end.

    RAISES (FieldError): if it's something else.
    """
    if len(check(value, list, path)) != 2:
        raise FieldError(path, f"found {show(value)}, expected [start, end]")
    start, end = (check(x, int, f"{path}[{i}]") for i, x in enumerate(value))
    return start, end


def get_text(obj: Dict[str, Any], key: str, field: str = "") -> str:
    """Get a non-blank string.

    RAISES (FieldError): if it's blank or not a string.
    """
    get(obj, key, str, field)
    return check_text(obj[key], f"{field}.{key}" if field else key)


def check_text(value: Any, path: str) -> str:
    """Check that a value is a non-blank string.

    RAISES (FieldError): if it's blank or not a string.
    """
    if not check(value, str, path).strip():
        raise FieldError(path, f"found {show(value)}, expected a name")
    return value


def describe(kind: Kinds) -> str:
    """RETURNS (str): types in words."""
    kinds = kind if isinstance(kind, tuple) else (kind,)
    return " or ".join(NAMES[k] for k in kinds)


def show(value: Any) -> str:
    """RETURNS (str): a value in a few characters, as JSON writes it where it can."""
    if isinstance(value, str):
        text = repr(value[: SHOWN + 1])
    else:
        try:
            text = json.dumps(value, ensure_ascii=False)
        except (TypeError, ValueError, RecursionError):
            text = repr(type(value).__name__)
    return text if len(text) <= SHOWN else text[: SHOWN - 3] + "..."

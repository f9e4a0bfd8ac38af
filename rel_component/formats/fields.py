"""Fields of a JSON object: missing ones or wrong types are errors that say where."""

import json
from dataclasses import replace
from typing import Any, Dict, List, Mapping, Optional, Tuple, Type, Union

from .base import Options
from .record import Source
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


# in the counts: the end of a relation was found, and could not be converted
LOST = "endpoint dropped"
# likewise: several entities have the id that it refers to
AMBIGUOUS = "ambiguous id"


class FieldError(ValueError):
    """One field is missing or of the wrong type.

    field (str): its path in the document, e.g. `spans[3].start`.
    message (str): what was found, what was expected.
    reason (str): a few words for the counts, the same for every such case.
    """

    reason = "wrong fields"

    def __init__(self, field: str, message: str, reason: str = "") -> None:
        super().__init__(message)
        self.field = field
        self.reason = reason or self.reason

    def say(self, source: Source) -> str:
        """RETURNS (str): the message after file, line or document, and field."""
        return f"{source.at(self.field)}: {self}"


class EndpointError(FieldError):
    """The end of a relation can't be resolved to an entity."""

    reason = "no such entity"


def get(
    obj: Dict[str, Any], key: str, kind: Kinds, field: str = "", name: str = ""
) -> Any:
    """A field that has to be there.

    obj (Dict[str, Any]): the object that it is in.
    key (str): its name.
    kind (Type): its type, or a tuple of types.
    field (str): what the object is called in messages, e.g. `spans[3]`.
    name (str): what the field is called in messages, if not by its key.
    RETURNS (Any): its value.
    RAISES (FieldError): if it is missing or of another type.
    """
    path = f"{field}.{name or key}" if field else name or key
    if key not in obj:
        found = ", ".join(map(repr, list(obj)[:8])) or "no fields"
        raise FieldError(
            path, f"missing, expected {describe(kind)} (found the fields {found})"
        )
    return check(obj[key], kind, path)


def get_list(obj: Dict[str, Any], key: str, field: str = "") -> List[Any]:
    """A list that may be missing or null: it is empty then.

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
    """The relations of a document: a list that may be empty, but has to be there.

    Without the list nobody looked for relations, and no pair is known to have none.

    options (Options): `entities_only` accepts documents without the list.
    report (Report): counts them.
    field (str): what the object is called in messages, if it is not the document.
    key (str): what the list is called.
    RETURNS (Optional[List[Any]]): None if there is no list.
    RAISES (FieldError): if it is missing and not accepted, or of another type.
    """
    path = f"{field}.{key}" if field else key
    if obj.get(key) is not None:
        return check(obj[key], list, path)
    if options.entities_only:
        report.note(NO_LIST)
        return None
    raise FieldError(
        path,
        f"{'found null' if key in obj else 'missing'}, expected a list, [] "
        f"where there are none; if only entities were annotated, --entities-only reads "
        f"them and takes no pair for unrelated",
    )


def skip_document(
    source: Source,
    value: Any,
    error: FieldError,
    kinds: Mapping[str, str],
    report: Report,
) -> None:
    """Report a document that can't be read, and count what it holds.

    source (Source): where it stands.
    value (Any): the document, whatever it is.
    error (FieldError): why it can't be read.
    kinds (Mapping[str, str]): its lists, and the kind of what is in them.
    report (Report): nothing of the document may be counted in it yet.
    """
    reason = error.reason
    report.error(DOCUMENTS, reason, f"{error.say(source)}; document not converted.")
    for kind, n in count_contents(value, kinds):
        report.read(kind, n)
        report.lost_with(kind, reason, n)


def add_id(source: Source, value: Any, key: str) -> Source:
    """RETURNS (Source): with the document's own id, if it has one."""
    id_ = value.get(key) if isinstance(value, dict) else None
    return replace(source, id=str(id_)) if isinstance(id_, (str, int)) else source


def count_contents(value: Any, kinds: Mapping[str, str]) -> List[Tuple[str, int]]:
    """RETURNS (List[Tuple[str, int]]): kinds, and how many of them a document holds."""
    lists = value if isinstance(value, dict) else {}
    return [
        (kind, len(lists[key]))
        for key, kind in kinds.items()
        if isinstance(lists.get(key), list)
    ]


def check(value: Any, kind: Kinds, path: str) -> Any:
    """The value, if it is of this type; true and false are no numbers.

    RAISES (FieldError): if it is of another type.
    """
    kinds = kind if isinstance(kind, tuple) else (kind,)
    if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
        raise FieldError(path, f"found {show(value)}, expected {describe(kinds)}")
    return value


def get_text(obj: Dict[str, Any], key: str, field: str = "") -> str:
    """A string with something in it besides whitespace.

    RAISES (FieldError): if it is empty or no string.
    """
    get(obj, key, str, field)
    return check_text(obj[key], f"{field}.{key}" if field else key)


def check_text(value: Any, path: str) -> str:
    """The value, if it is a string with something in it besides whitespace.

    RAISES (FieldError): if it is empty or no string.
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

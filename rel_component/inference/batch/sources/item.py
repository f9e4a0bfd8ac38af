"""A document of the input, or the reason why it can't be read."""

from dataclasses import dataclass
from typing import Any, Callable, Dict, Iterable, List, NamedTuple, Optional, Sequence

from spacy.tokens import Doc
from spacy.vocab import Vocab

from ...tasks import Task

UNDECODABLE = "undecodable"
MALFORMED = "malformed"
TOO_LONG = "too_long"
FAILED = "failed"
CRASHED = "crashed"
EXCERPT = 200


class SourceError(ValueError):
    """A file can't be read."""


class ColumnError(SourceError):
    """A table has no text column."""


def check_column(names: Sequence[str], name: str) -> None:
    """RAISES (ColumnError): if a table has no column with this name."""
    if name not in names:
        raise ColumnError(
            f"found the columns {', '.join(names)[:200] or '(none)'}; expected "
            f"{name}. Set the text column with --text-field"
        )


def make_unique(names: Iterable[str]) -> List[str]:
    """RETURNS (List[str]): names of columns, with numbers appended to duplicates."""
    found: Dict[str, None] = {}
    for name in names:
        number, unique = 1, name
        while unique in found:
            number, unique = number + 1, f"{name}_{number + 1}"
        found[unique] = None
    return list(found)


class Place(NamedTuple):
    """Position of a document: bytes or rows from `start` to `stop`, and the number of
    its line or row."""

    start: int
    stop: int
    number: int


@dataclass
class Item:
    """A document of the input.

    place (Place): its position.
    task (Optional[Task]): the text; None if it can't be read.
    id (Optional[str]): its id in the input.
    make_doc (Optional[Callable[[Vocab], Doc]]): creates the Doc, for inputs that are
        Docs.
    kind (str): category of the reason why it can't be read.
    reason (str): what was found and what was expected.
    excerpt (str): beginning of the document.
    is_file (bool): whether it's a whole file, with the file name as id.
    """

    place: Place
    task: Optional[Task] = None
    id: Optional[str] = None
    make_doc: Optional[Callable[[Vocab], Doc]] = None
    kind: str = ""
    reason: str = ""
    excerpt: str = ""
    is_file: bool = False

    def get_text(self, doc: Doc) -> str:
        """RETURNS (str): the text, if known, without joining the Doc's tokens."""
        task = self.task
        is_text = task is not None and task.tokens is None and self.make_doc is None
        return task.text if task is not None and is_text else doc.text

    def fail(self, kind: str, reason: str) -> None:
        """Record why it has no row."""
        self.kind, self.reason = kind, reason


def read_id(value: Any) -> Optional[str]:
    """RETURNS (Optional[str]): an id; None where there is none, or NaN, which pandas
    writes there."""
    return None if value is None or value != value else str(value)


def refuse(place: Place, kind: str, reason: str, found: object = "") -> Item:
    """RETURNS (Item): an item for a document that can't be read."""
    if isinstance(found, bytes):
        found = found[: 4 * EXCERPT].decode("utf8", "backslashreplace")
    return Item(place, kind=kind, reason=reason, excerpt=str(found)[:EXCERPT])


def decode(data: bytes, place: Place) -> "str | Item":
    """RETURNS (str | Item): the text, or an item with the reason why it's not UTF-8."""
    try:
        return data.decode("utf8")
    except UnicodeDecodeError as error:
        reason = (
            f"byte {error.start} of the document, 0x{data[error.start]:02X}, is not "
            f"UTF-8; save the file as UTF-8"
        )
        return refuse(place, UNDECODABLE, reason, data)

"""One document of the input, or the reason why there is none."""

from dataclasses import dataclass
from typing import Callable, NamedTuple, Optional

from spacy.tokens import Doc
from spacy.vocab import Vocab

from ...tasks import Task

UNDECODABLE = "undecodable"
MALFORMED = "malformed"
TOO_LONG = "too_long"
FAILED = "failed"
CRASHED = "crashed"
# a line, a record: what is longer is not even read
MAX_BYTES = 64 << 20
EXCERPT = 200


class SourceError(ValueError):
    """A file as a whole can't be read."""


class Place(NamedTuple):
    """Where a document stands: bytes or rows from `start` to `stop`, and its number as
    a user counts: the line, or the row."""

    start: int
    stop: int
    number: int


@dataclass
class Item:
    """A document of the input.

    place (Place): where it stands.
    task (Optional[Task]): the text; None if it can't be read.
    id (Optional[str]): that it has in the input.
    make_doc (Optional[Callable[[Vocab], Doc]]): of documents that are Docs already.
    kind (str): of the reason why it can't be read.
    reason (str): one sentence: found, expected.
    excerpt (str): the beginning of what was found.
    is_file (bool): whether it is a whole file, whose name is its id.
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
        """RETURNS (str): of its Doc, which takes longer to say so itself."""
        task = self.task
        is_text = task is not None and task.tokens is None and self.make_doc is None
        return task.text if task is not None and is_text else doc.text

    def fail(self, kind: str, reason: str) -> None:
        """Say why there is no row of it."""
        self.kind, self.reason = kind, reason


def refuse(place: Place, kind: str, reason: str, found: object = "") -> Item:
    """RETURNS (Item): a document that can't be read."""
    if isinstance(found, bytes):
        found = found[: 4 * EXCERPT].decode("utf8", "backslashreplace")
    return Item(place, kind=kind, reason=reason, excerpt=str(found)[:EXCERPT])


def decode(data: bytes, place: Place) -> "str | Item":
    """RETURNS (str | Item): the text, or the item that says that there is none."""
    try:
        return data.decode("utf8")
    except UnicodeDecodeError as error:
        reason = (
            f"byte {error.start} of the document, 0x{data[error.start]:02X}, is not "
            f"UTF-8; save the file as UTF-8"
        )
        return refuse(place, UNDECODABLE, reason, data)

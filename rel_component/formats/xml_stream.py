"""Parse XML incrementally and safely, with line numbers.

Documents that declare entities are rejected, since they may expand to gigabytes or read
other files; expat never loads external DTDs.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Dict, Iterator, List, Optional
from xml.parsers import expat

from .base import FormatError
from .fields import show
from .io import decode, read_bytes

MAX_DEPTH = 100
SIZE = 1 << 16
PLAIN = (
    "expected the characters themselves: entities are not resolved, since they can be "
    "misused"
)
# the parser's errors for truncated files
ENDS = {
    expat.errors.codes[message]
    for message in (
        expat.errors.XML_ERROR_NO_ELEMENTS,
        expat.errors.XML_ERROR_UNCLOSED_TOKEN,
        expat.errors.XML_ERROR_UNCLOSED_CDATA_SECTION,
        expat.errors.XML_ERROR_PARTIAL_CHAR,
    )
}


@dataclass
class Node:
    """An element.

    name (str): its tag, without a prefix.
    line (int): the line where it starts, from 1.
    attrs (Dict[str, str]): its attributes.
    children (List[Node]): its child elements.
    parts (List[str]): its direct text.
    """

    name: str
    line: int
    attrs: Dict[str, str]
    children: List["Node"] = field(default_factory=list)
    parts: List[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "".join(self.parts)


def iter_elements(path: Path, name: str, encoding: str = "utf-8-sig") -> Iterator[Node]:
    """Yield the elements with a name as soon as they end; nothing else is stored.

    path (Path): the file.
    name (str): the tag.
    encoding (str): encoding given by the user; by default, that declared in the file.
    YIELDS (Node): the elements with their contents.
    RAISES (FormatError): with the line, if it's not well-formed XML or declares
        entities, after yielding previous elements.
    """
    tree = _Tree(str(path), name, None if encoding == "utf-8-sig" else "utf-8")
    if encoding != "utf-8-sig":
        text = decode(read_bytes(path), path, encoding)
        yield from tree.feed(text.encode("utf8", "replace"))
    else:
        with path.open("rb") as file:
            while data := file.read(SIZE):
                yield from tree.feed(data)
    yield from tree.feed(b"", is_final=True)


def check_xml(data: bytes, place: str) -> List[Dict[str, str]]:
    """Check that XML is well-formed and safe.

    data (bytes): content of the file.
    place (str): name of the file, for the message.
    RETURNS (List[Dict[str, str]]): the attributes of all elements.
    RAISES (FormatError): with the line, if it's not.
    """
    tree = _Tree(place, "", None)
    tree.attributes = []
    for _ in tree.feed(data, is_final=True):
        pass
    return tree.attributes


class _Tree:
    """Builds the elements with a name from a stream of bytes."""

    def __init__(self, place: str, name: str, encoding: Optional[str]) -> None:
        self.place = place
        self.name = name
        self.done: List[Node] = []
        self.attributes: Optional[List[Dict[str, str]]] = None
        self.open: List[Optional[Node]] = []
        self.parser = expat.ParserCreate(encoding)
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._add_text
        self.parser.EntityDeclHandler = self._check_entity
        self.parser.SkippedEntityHandler = self._check_unknown

    def feed(self, data: bytes, *, is_final: bool = False) -> Iterator[Node]:
        """YIELDS (Node): the completed elements, even if an error follows."""
        error: Optional[FormatError] = None
        try:
            self.parser.Parse(data, is_final)
        except FormatError as refused:
            error = refused
        except (expat.ExpatError, LookupError, ValueError) as broken:
            error = self._explain(broken, data)
        yield from self.done
        self.done.clear()
        if error:
            raise error

    def _explain(self, error: Exception, data: bytes) -> FormatError:
        line = getattr(error, "lineno", self.parser.CurrentLineNumber)
        column = getattr(error, "offset", self.parser.CurrentColumnNumber)
        is_cut = getattr(error, "code", None) in ENDS
        found = str(error).partition(": line ")[0]
        end = " The file ends in the middle of it." if is_cut else ""
        if "invalid token" in found and not _is_utf8(data):
            end = " The file is not UTF-8: give --encoding, such as latin-1."
        return FormatError(
            f"{self.place}:{line}: not XML: {found} at column {column + 1}.{end} "
            f"The rest of the file was not read."
        )

    def _start(self, name: str, attrs: Dict[str, str]) -> None:
        if len(self.open) >= MAX_DEPTH:
            raise self._refuse(
                f"more than {MAX_DEPTH} elements inside each other, expected fewer"
            )
        if self.attributes is not None:
            self.attributes.append(attrs)
        parent = self.open[-1] if self.open else None
        name = name.rpartition(":")[2]
        node: Optional[Node] = None
        if parent is not None or name == self.name:
            node = Node(name, self.parser.CurrentLineNumber, attrs)
        if parent is not None and node is not None:
            parent.children.append(node)
        self.open.append(node)

    def _end(self, name: str) -> None:
        node = self.open.pop()
        if node is not None and (not self.open or self.open[-1] is None):
            self.done.append(node)

    def _add_text(self, text: str) -> None:
        node = self.open[-1] if self.open else None
        if node is not None:
            node.parts.append(text)

    def _check_entity(self, name: str, *rest: object) -> None:
        raise self._refuse(f"the declaration of the entity {show(name)}, {PLAIN}")

    def _check_unknown(self, name: str, is_parameter: bool) -> None:
        found = f"the entity &{name}; which is defined in another file"
        raise self._refuse(f"{found}, {PLAIN}")

    def _refuse(self, found: str) -> FormatError:
        return FormatError(
            f"{self.place}:{self.parser.CurrentLineNumber}: found {found}. The rest "
            "of the file was not read."
        )


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode("utf8")
    except UnicodeError:
        return False
    return True

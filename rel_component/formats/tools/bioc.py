"""BioC XML and BioC JSON: documents of passages, with annotations and relations.

Offsets are relative to the document. According to the specification, they are in bytes,
but in characters in most files; this is detected from the texts of the annotations.
Relations are between annotations, with roles for the direction, or (in CDR, BioRED)
between concepts, with their ids as infons.
Source: bioc.sourceforge.net, BioC.dtd; github.com/bionlplab/bioc.
"""

import re
from collections import defaultdict
from pathlib import Path
from typing import Any, DefaultDict, Dict, Iterator, List, Optional, Tuple

from ..base import DEFAULT_LABEL, Format, FormatError, Options, Preview
from ..fields import FieldError, add_id, skip_document
from ..json_values import iter_json
from ..layers import LABEL_FEATURES
from ..mentions import MENTIONS
from ..record import Record, Source
from ..report import DOCUMENTS, ENTITIES, RELATIONS, Report
from ..xml_stream import Node, iter_elements
from .bioc_document import N_ARY, Element, read_document

# repeatable elements, and the names of their lists in JSON
LISTS = {
    "passage": "passages",
    "sentence": "sentences",
    "annotation": "annotations",
    "relation": "relations",
    "location": "locations",
    "node": "nodes",
}
KINDS = {"annotations": ENTITIES, "relations": RELATIONS}
INTEGER = re.compile(r"\s*(-?[0-9]{1,18})\s*$")


def read(path: Path, options: Options, report: Report) -> Iterator[Record]:
    """Read a collection, or documents one by one.

    path (Path): an XML or JSON file.
    options (Options): `label_features`, `default_label`, `mentions`, `n_ary`.
    report (Report): counts items and problems.
    YIELDS (Record): one per document, with its passages concatenated.
    RAISES (FormatError): if it's neither XML nor JSON.
    """
    for source, value in _iter_documents(path, options, report):
        try:
            yield read_document(value, source, options.roles, options, report)
        except FieldError as error:
            skip_document(source, _list_contents(value), error, KINDS, report)


def _iter_documents(
    path: Path, options: Options, report: Report
) -> Iterator[Tuple[Source, Any]]:
    if _is_xml(path, options):
        yield from _iter_xml(path, options, report)
        return
    for source, value in iter_json(path, options, report):
        documents = _find_documents(value)
        if documents is None:
            yield add_id(source, value, "id"), value
            continue
        # the collection was counted as one document
        report.read(DOCUMENTS, len(documents) - 1)
        for i, document in enumerate(documents):
            yield add_id(Source(str(path), index=i), document, "id"), document


def _is_xml(path: Path, options: Options) -> bool:
    encoding = options.encoding
    with path.open("rb") as file:
        start = file.read(1000).decode(encoding, "ignore")
    return start.lstrip("\ufeff \t\r\n").startswith("<")


def _find_documents(value: Any) -> Optional[List[Any]]:
    """Get the documents of a collection; None if it's a document itself."""
    for key in ("documents", "PubTator3"):
        if isinstance(value, dict) and isinstance(value.get(key), list):
            return value[key]
    return None


def _iter_xml(
    path: Path, options: Options, report: Report
) -> Iterator[Tuple[Source, Any]]:
    n_documents = 0
    try:
        for node in iter_elements(path, "document", options.encoding):
            n_documents += 1
            report.read(DOCUMENTS)
            value = _to_object(node)
            yield add_id(Source(str(path), line=node.line), value, "id"), value
    except FormatError as error:
        if not n_documents:
            raise
        report.read(DOCUMENTS)
        report.error(DOCUMENTS, "not readable", str(error))


def _to_object(node: Node) -> Element:
    obj = Element({key: _to_value(key, value) for key, value in node.attrs.items()})
    obj.line = node.line
    lists: DefaultDict[str, List[Element]] = defaultdict(list)
    infons: Dict[str, Any] = {}
    for child in node.children:
        if child.name in LISTS:
            lists[LISTS[child.name]].append(_to_object(child))
        elif child.name == "infon":
            _set(infons, child.attrs.get("key", ""), child.text.strip())
        elif child.name == "text":
            _set(obj, "text", child.text)
        else:
            _set(obj, child.name, _to_value(child.name, child.text.strip()))
    obj.update(lists)
    if infons:
        obj["infons"] = infons
    return obj


def _set(obj: Dict[str, Any], key: str, value: Any) -> None:
    """Set a value that may occur once; several different ones become a list, which is
    none of the types that readers expect."""
    if obj.get(key, value) != value:
        value = [obj[key], value]
    obj[key] = value


def _to_value(key: str, text: str) -> Any:
    match = INTEGER.match(text) if key in ("offset", "length") else None
    return int(match.group(1)) if match else text


def _list_contents(value: Any) -> Dict[str, List[Any]]:
    """List the contents of a document with invalid structure, to count them."""
    parts = [value]
    for inner in ("passages", "sentences"):
        parts += [part for outer in parts for part in _list(outer, inner)]
    return {key: [x for part in parts for x in _list(part, key)] for key in KINDS}


def _list(value: Any, key: str) -> List[Any]:
    found = value.get(key) if isinstance(value, dict) else None
    return found if isinstance(found, list) else []


def _looks_like(preview: Preview) -> bool:
    if preview.text.lstrip()[:1] == "<":
        return re.search(r"<collection[\s>]", preview.text) is not None
    return _find_documents(preview.value) is not None or preview.has("passages")


FORMAT = Format(
    "bioc",
    "BioC XML or BioC JSON",
    read,
    _looks_like,
    options=(LABEL_FEATURES, DEFAULT_LABEL, MENTIONS, N_ARY),
)

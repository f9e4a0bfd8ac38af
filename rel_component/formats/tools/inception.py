"""UIMA CAS as exported by INCEpTION: XMI with its type system, or CAS JSON.

Both are loaded by dkpro-cassis, an extra, and converted in `uima_cas`.
Source: github.com/dkpro/dkpro-cassis; uima.apache.org, chapters on XMI and JSON CAS.
"""

import re
import warnings
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import Any, Iterator, List, Optional

from ...wording import get_command
from ..base import DEFAULT_LABEL, Format, FormatError, Option, Options, Preview
from ..fields import show
from ..io import decode, read_bytes
from ..json_values import parse
from ..layers import (
    CHAINS,
    LABEL_FEATURES,
    RELATION_LAYERS,
    SLOTS,
    SPAN_LAYERS,
    get_short_name,
    is_linguistic,
)
from ..record import Record, Source
from ..report import Report
from ..xml_stream import check_xml
from .uima_cas import RawOffsets, is_technical, read_cas

TYPESYSTEM: Option[Optional[Path]] = Option(
    "typesystem",
    None,
    "TypeSystem.xml, if not next to the .xmi file",
    kind=Path,
)
OPTIONS = (
    *(LABEL_FEATURES, SPAN_LAYERS, RELATION_LAYERS, SLOTS, CHAINS),
    *(DEFAULT_LABEL, TYPESYSTEM),
)
XMI = "http://www.omg.org/XMI"
TYPE_SYSTEM = "typeSystemDescription"
ADVICE = "Export both again, or use --typesystem for the right one."
UNKNOWN_TYPE = re.compile(r"Type with name \[(.+?)\] not found")
INTEGER = re.compile(r"\s*-?[0-9]{1,18}\s*$")


def read(path: Path, options: Options, report: Report) -> Iterator[Record]:
    """Read a document.

    path (Path): an .xmi file, with `TypeSystem.xml` next to it, or a JSON file.
    options (Options): `typesystem`, `span_layers`, `relation_layers`,
        `label_features`, `default_label`.
    report (Report): counts items and problems.
    YIELDS (Record): the document.
    RAISES (FormatError): if the file can't be read as a CAS.
    """
    data = read_bytes(path)
    if f"<{TYPE_SYSTEM}".encode() in data[:2000]:
        # from a shell's `folder/*`; it's found without being an input
        report.note("type systems, read with the .xmi files next to them")
        return
    source = Source(str(path))
    typesystem: Optional[Path] = options[TYPESYSTEM]
    if is_json(data):
        text = decode(data, path, options.encoding)
        types = read_bytes(typesystem) if typesystem else None
        yield read_json(text, types, source, options, report)
        return
    typesystem = typesystem or _find_typesystem(path)
    if typesystem is None:
        raise FormatError(
            f"{path}: found no TypeSystem.xml next to it, expected one, since it "
            f"defines the layers. Use INCEpTION's zip archive, which contains both, or "
            f"--typesystem."
        )
    types = read_bytes(typesystem)
    yield read_xmi(data, types, str(typesystem), source, options, report)


def is_json(data: bytes) -> bool:
    """RETURNS (bool): whether a file is JSON rather than XML."""
    return data[:1000].lstrip(b"\xef\xbb\xbf \t\r\n").startswith((b"{", b"["))


def _find_typesystem(path: Path) -> Optional[Path]:
    """Find the type system of a document, or of its folder."""
    names = {file.name.lower(): file for file in path.parent.iterdir()}
    stem = path.stem.lower()
    wanted = (f"{stem}_typesystem.xml", f"{stem}.typesystem.xml", "typesystem.xml")
    return next((names[name] for name in wanted if name in names), None)


def read_xmi(
    data: bytes,
    types: bytes,
    types_place: str,
    source: Source,
    options: Options,
    report: Report,
) -> Record:
    """Read a document.

    data (bytes): the .xmi file.
    types (bytes): its TypeSystem.xml.
    types_place (str): its name, for messages.
    source (Source): the document's file.
    options, report: as in `read`.
    RETURNS (Record): the document.
    RAISES (FormatError): if it can't be read.
    """
    cassis = _import_cassis(source.file)
    typesystem = _load_typesystem(types, types_place)
    offsets = _list_offsets(check_xml(data, source.file), "xmi:id")

    def load() -> Any:
        # type systems exported from the settings lack INCEpTION's internal types
        return cassis.load_cas_from_xmi(
            BytesIO(data), typesystem=typesystem, lenient=True
        )

    return _read_cas(load, offsets, types_place, source, options, report)


def read_json(
    text: str,
    types: Optional[bytes],
    source: Source,
    options: Options,
    report: Report,
) -> Record:
    """Read a document.

    text (str): content of the JSON file.
    types (Optional[bytes]): a TypeSystem.xml with additional types.
    source (Source): the document's file.
    options, report: as in `read`.
    RETURNS (Record): the document.
    RAISES (FormatError): if it can't be read.
    """
    cassis = _import_cassis(source.file)
    value = parse(text, source)
    has_types = isinstance(value, dict) and isinstance(value.get("%TYPES"), dict)
    typesystem = _load_typesystem(types, str(options[TYPESYSTEM])) if types else None
    if not has_types and typesystem is None:
        raise FormatError(
            f"{source.file}: found no '%TYPES', expected the type system in the file, "
            f"as INCEpTION writes it, or --typesystem TypeSystem.xml."
        )

    structures = _list_structures(value)
    offsets = _list_offsets(structures, "%ID")

    def load() -> Any:
        try:
            return cassis.load_cas_from_json(
                text, typesystem=typesystem, merge_typesystem=has_types
            )
        except TypeError:
            _check_offsets(structures, source)
            raise

    return _read_cas(load, offsets, source.file, source, options, report)


def _list_structures(value: Any) -> List[Any]:
    found = value.get("%FEATURE_STRUCTURES") if isinstance(value, dict) else None
    if isinstance(found, dict):  # some versions use ids as keys
        items = ((k, v) for k, v in found.items() if isinstance(v, dict))
        return [{**structure, "%ID": id_} for id_, structure in items]
    return found if isinstance(found, list) else []


def _check_offsets(structures: List[Any], source: Source) -> None:
    """RAISES (FormatError): if one isn't a number; cassis has no message for it."""
    for structure in structures:
        for key in ("begin", "end") if isinstance(structure, dict) else ():
            if key in structure and not isinstance(structure[key], (int, float)):
                raise FormatError(
                    f"{source.file}: {structure.get('%TYPE')} {structure.get('%ID')}: "
                    f"found {key} {show(structure[key])}, expected a whole number. "
                    f"Export the document again."
                )


def _list_offsets(structures: List[Any], key: str) -> RawOffsets:
    """List the original offsets, since cassis doesn't convert invalid ones."""
    offsets: RawOffsets = {}
    for structure in structures:
        if isinstance(structure, dict):
            found = [str(structure.get(name)) for name in (key, "begin", "end")]
            if all(map(INTEGER.match, found)):
                id_, begin, end = map(int, found)
                offsets[id_] = (begin, end)
    return offsets


def _import_cassis(place: str) -> Any:
    try:
        import cassis
    except ImportError:
        raise FormatError(
            f"{place}: UIMA CAS is read by dkpro-cassis, which is not installed: "
            f"{get_command('inception')}."
        ) from None
    return cassis


@lru_cache(maxsize=4)
def _load_typesystem(data: bytes, place: str) -> Any:
    cassis = _import_cassis(place)
    check_xml(data, place)
    with warnings.catch_warnings(record=True):
        try:
            return cassis.load_typesystem(BytesIO(data))
        except Exception as error:  # any error due to invalid content
            raise FormatError(
                f"{place}: not a valid type system: {_say(error)}. "
                f"Export it from INCEpTION together with the document."
            ) from None


def _read_cas(
    load: Any,
    offsets: RawOffsets,
    types_place: str,
    source: Source,
    options: Options,
    report: Report,
) -> Record:
    problem: Optional[FormatError] = None
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            cas = load()
        except FormatError as error:
            problem = error
        except Exception as error:  # any error due to invalid content
            problem = _explain(error, types_place, source)
    said = [str(warning.message) for warning in caught]
    for name in (match.group(1) for match in map(UNKNOWN_TYPE.search, said) if match):
        if not is_linguistic(name):
            raise _explain_type(name, types_place, source)
        if not is_technical(name):
            report.ignored(f"annotations of {get_short_name(name)}")
    if problem:
        raise problem
    return read_cas(cas, offsets, source, options, report)


def _say(error: Exception) -> str:
    lines = str(error).splitlines() or [""]
    return f"{type(error).__name__}: {lines[0][:200]}".removesuffix(": ").rstrip(".")


def _explain_type(name: str, types_place: str, source: Source) -> FormatError:
    return FormatError(
        f"{source.file}: found an annotation of the type {name}, which {types_place} "
        f"does not have, expected all types of the document there. {ADVICE}"
    )


def _explain(error: Exception, types_place: str, source: Source) -> FormatError:
    unknown = UNKNOWN_TYPE.search(str(error))
    attribute = re.search(r"unexpected keyword argument '(.*)'", str(error))
    if unknown:
        return _explain_type(unknown.group(1), types_place, source)
    if attribute:
        return FormatError(
            f"{source.file}: found an annotation with the feature "
            f"{attribute.group(1)!r}, which its type in {types_place} does not have. "
            f"{ADVICE}"
        )
    if isinstance(error, KeyError) and isinstance(error.args[0], int):
        return FormatError(
            f"{source.file}: found a reference to the id {error.args[0]}, which "
            f"doesn't exist. Export the document again."
        )
    return FormatError(
        f"{source.file}: not a valid CAS: {_say(error)}. Export the document again."
    )


def _looks_like(preview: Preview) -> bool:
    # XMI's namespace may follow those of many layers
    is_xml = preview.text.lstrip("\ufeff \t\r\n").startswith("<")
    if is_xml and (XMI in preview.text or f"<{TYPE_SYSTEM}" in preview.text):
        return True
    return preview.has("%TYPES") or preview.has("%FEATURE_STRUCTURES")


FORMAT = Format(
    "inception", "UIMA CAS XMI or JSON (INCEpTION)", read, _looks_like, options=OPTIONS
)

"""Files to values, with errors that say where: what all readers have in common."""

import codecs
import json
import os
import re
from dataclasses import replace
from pathlib import Path
from typing import Any, Dict, Iterator, List, Mapping, Optional, Tuple, Type, Union

from .base import FormatError, Options
from .record import Source
from .report import DOCUMENTS, RELATIONS, Report

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
# in the counts: a relation's end is there, and no entity
NO_ENTITY = "endpoint is not an entity"


class FieldError(ValueError):
    """One field is missing or of the wrong type.

    field (str): where it stands in the document, e.g. `spans[3].start`.
    message (str): what was found, what was expected.
    """

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field

    def say(self, source: Source) -> str:
        """RETURNS (str): the message after file, line or document, and field."""
        return f"{source.at(self.field)}: {self}"


class EndpointError(FieldError):
    """The end of a relation can't be resolved to an entity."""


def read_bytes(path: Path) -> bytes:
    """Read a file that has to be there and not be empty.

    path (Path): the file.
    RETURNS (bytes): its content.
    RAISES (FormatError): if there is nothing to read.
    """
    refuse_special(path)
    try:
        data = path.read_bytes()
    except IsADirectoryError:
        raise FormatError(
            f"{path}: found a folder, expected a file: only brat's files are read by "
            f"the folder. Give the files in it."
        ) from None
    except OSError as error:
        raise cannot_read(path, error) from None
    if is_blank(data):
        raise FormatError(f"{path}: the file is empty; expected annotations.")
    return data


def is_blank(data: bytes) -> bool:
    """RETURNS (bool): whether there is nothing but blanks and perhaps a BOM."""
    return not data.removeprefix(codecs.BOM_UTF8).strip()


def refuse_special(path: Path) -> None:
    """Refuse pipes and devices: reading might never end, and is done more than once.

    RAISES (FormatError): if the path is there and no file or folder.
    """
    if path.exists() and not (path.is_file() or path.is_dir()):
        raise FormatError(
            f"{path}: found a pipe or device, expected a file or folder. Write what it "
            f"gives to a file."
        )


def list_files(folder: Path) -> Iterator[Path]:
    """Files in a folder and its subfolders, without hidden ones.

    folder (Path): the folder.
    YIELDS (Path): files, in no order.
    RAISES (FormatError): if a folder may not be read: `Path.rglob` leaves it out.
    """

    def refuse(error: OSError) -> None:
        raise cannot_read(folder, error)

    for parent, folders, names in os.walk(folder, onerror=refuse):
        folders[:] = [name for name in folders if not name.startswith(".")]
        yield from (Path(parent, name) for name in names if not name.startswith("."))


def cannot_read(path: Path, error: OSError) -> FormatError:
    """RETURNS (FormatError): what the system says about a file, with advice."""
    reason = error.strerror or str(error)
    return FormatError(
        f"{error.filename or path}: can't be read: {reason}. Check that it is there "
        f"and that you may read it."
    )


def decode(
    data: bytes,
    path: Path,
    encoding: str = "utf-8-sig",
    *,
    offset: int = 0,
    line: int = 1,
) -> str:
    """Bytes to text, line ends untouched.

    data (bytes): the content of a file, or a part of it.
    path (Path): its name, for the message.
    encoding (str): the encoding that the user names, else UTF-8 with or without BOM.
    offset (int): where in the file the data begins, in bytes.
    line (int): the line that it begins in.
    RETURNS (str): the text.
    RAISES (FormatError): naming line, byte and the encoding that it is likely in.
    """
    if encoding == "utf-8-sig":
        refuse_utf16(data, path, offset=offset, line=line)
    try:
        return data.decode(encoding)
    except LookupError:
        raise FormatError(
            f"{path}: no encoding has the name {encoding!r}; expected one such as "
            f"utf-8, latin-1, cp1252, utf-16."
        ) from None
    except UnicodeError as error:
        # codecs leave a byte order mark out of their count
        mark = len(data) - len(getattr(error, "object", data))
        start = getattr(error, "start", 0) + mark
        byte = f"0x{data[start]:02X}" if start < len(data) else "the end"
        line += data[:start].decode(encoding, "ignore").count("\n")
        advice = "" if encoding != "utf-8-sig" else _likely(data)
        raise FormatError(
            f"{path}:{line}: byte {offset + start} of the file is {byte}, which is not "
            f"valid {'UTF-8' if encoding == 'utf-8-sig' else encoding}.{advice}"
        ) from None


def refuse_utf16(data: bytes, path: Path, *, offset: int = 0, line: int = 1) -> None:
    """Advise on files that are not UTF-8 for sure.

    RAISES (FormatError): if they are UTF-16 or no text.
    """
    if offset == 0 and data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise FormatError(
            f"{path}: byte 0 is the mark of a UTF-16 file, expected UTF-8. Save it as "
            f"UTF-8, or give --encoding utf-16."
        )
    at = data.find(b"\0")
    if at >= 0:
        line += data.count(b"\n", 0, at)
        raise FormatError(
            f"{path}:{line}: byte {offset + at} of the file is NUL, so this is a "
            f"binary file or UTF-16 without a mark, expected UTF-8 text. If it is "
            f"text, give --encoding utf-16-le."
        )


# how binary files begin, and what to do with them
BINARY = {
    b"PK\x03\x04": "a zip archive (or an Office document): unpack or export it",
    b"\x1f\x8b": "a gzip archive: unpack it",
    b"BZh": "a bzip2 archive: unpack it",
    b"\xfd7zXZ\0": "an xz archive: unpack it",
    b"7z\xbc\xaf\x27\x1c": "a 7z archive: unpack it",
    b"%PDF": "a PDF: give the annotations that were exported from the tool",
    b"\x89PNG": "a picture: give the annotations that were exported from the tool",
    b"SQLite format 3\0": "a data base (SQLite): export the annotations from the tool",
}


def refuse_binary(data: bytes, path: Path) -> None:
    """Advise on archives and the like.

    data (bytes): the beginning of a file.
    path (Path): its name, for the message.
    RAISES (FormatError): if it begins as one of `BINARY` does.
    """
    for mark, advice in BINARY.items():
        if data.startswith(mark):
            raise FormatError(f"{path}: this is {advice}.")


def _likely(data: bytes) -> str:
    name = "cp1252" if re.search(rb"[\x80-\x9f]", data) else "latin-1"
    return f" It is likely {name}: save it as UTF-8, or give --encoding {name}."


def iter_json(
    path: Path, options: Options, report: Report
) -> Iterator[Tuple[Source, Any]]:
    """The documents of a JSON file: an array, one value per line, or a single value.

    What can't be parsed is reported and counted as a document lost.

    path (Path): the file, whatever its suffix.
    options (Options): for the encoding.
    report (Report): counts documents.
    YIELDS (Tuple[Source, Any]): where the value stands, and the value.
    RAISES (FormatError): if it is no JSON file at all.
    """
    first = _first_line(path, options.encoding)
    if first.startswith("{"):
        try:
            json.loads(first)
        except (ValueError, RecursionError):
            # one object over many lines, or a first line that is cut off
            text = decode(read_bytes(path), path, options.encoding)
            if not re.search(r"\n\s*\{", text.strip()[1:]) or _is_json(text):
                yield from _iter_values(path, text, report)
                return
        yield from _iter_lines(path, options.encoding, report)
    elif first.startswith("["):
        text = decode(read_bytes(path), path, options.encoding)
        start = text.index("[") + 1
        yield from _iter_values(path, text, report, start)
    else:
        raise FormatError(
            f"{path}: found {show(first)} at the beginning, expected JSON: a list of "
            f"documents ('[') or one document per line ('{{')."
        )


def _first_line(path: Path, encoding: str) -> str:
    if encoding != "utf-8-sig":
        lines = decode(read_bytes(path), path, encoding).splitlines()
        return next((line.strip() for line in lines if line.strip()), "")
    try:
        with path.open("rb") as file:
            offset = 0
            for number, line in enumerate(file, 1):
                text = decode(line, path, offset=offset, line=number).strip()
                if text:
                    return text
                offset += len(line)
    except OSError:
        pass
    read_bytes(path)
    return ""


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _iter_lines(
    path: Path, encoding: str, report: Report
) -> Iterator[Tuple[Source, Any]]:
    for number, (offset, data) in enumerate(_file_lines(path, encoding), 1):
        source = Source(str(path), line=number)
        if not data.strip():
            continue
        report.read(DOCUMENTS)
        try:
            text = (
                data
                if isinstance(data, str)
                else decode(data, path, offset=offset, line=number)
            )
            value = parse(text.strip("\r\n"), source)
        except FormatError as error:
            is_cut = data[-1:] not in (b"\n", "\n")
            hint = " The file ends in the middle of this line." if is_cut else ""
            report.error(DOCUMENTS, "not readable", f"{error}{hint}")
            continue
        yield source, value


def iter_text_lines(
    path: Path, encoding: str = "utf-8-sig"
) -> Iterator[Tuple[int, Union[str, FormatError]]]:
    """Lines of a text file, one after the other.

    path (Path): the file.
    encoding (str): of the file.
    YIELDS (Tuple[int, Union[str, FormatError]]): number from 1, and the line without
        its end, or why it can't be decoded.
    RAISES (FormatError): if there is nothing to read, or no line can be decoded alone.
    """
    if encoding != "utf-8-sig":  # a line end may be several bytes
        text = decode(read_bytes(path), path, encoding)
        for number, line in enumerate(text.split("\n"), 1):
            yield number, line.rstrip("\r")
        return
    if not _first_line(path, encoding):
        return
    for number, (offset, data) in enumerate(_file_lines(path, encoding), 1):
        assert isinstance(data, bytes)
        try:
            text = decode(data, path, offset=offset, line=number)
        except FormatError as error:
            yield number, error
        else:
            yield number, text.rstrip("\r\n")


def _file_lines(path: Path, encoding: str) -> Iterator[Tuple[int, Union[bytes, str]]]:
    """Lines, and where in the file they begin (if they are bytes)."""
    if encoding == "utf-8-sig":
        offset = 0
        with path.open("rb") as file:
            for line in file:
                yield offset, line
                offset += len(line)
    else:  # a line end may be several bytes
        text = decode(read_bytes(path), path, encoding)
        yield from ((0, line) for line in text.splitlines(keepends=True))


def parse(text: str, source: Source) -> Any:
    """One JSON value.

    text (str): nothing else may follow.
    source (Source): for the message.
    RETURNS (Any): the value.
    RAISES (FormatError): with the column, and the line where there are several.
    """
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        raise FormatError(
            f"{source}: not JSON: {_say(error)} at {_position(text, error.pos)}."
        ) from None
    except (ValueError, RecursionError) as error:
        raise FormatError(f"{source}: not JSON that can be read: {error}.") from None
    _refuse_surrogates(text, value, source)
    return value


def _say(error: json.JSONDecodeError) -> str:
    return error.msg.removesuffix(" at").removesuffix(" starting")


def _refuse_surrogates(text: str, value: Any, source: Source) -> None:
    # json reads half an emoji ("\ud83d"), but nothing can write it
    if re.search(r"\\u[dD][89a-fA-F]", text):
        try:
            json.dumps(value, ensure_ascii=False).encode("utf8")
        except (UnicodeError, RecursionError):
            raise FormatError(
                f"{source}: found half of a surrogate pair (such as '\\ud83d' alone) "
                f"in a string, expected whole characters. The export was cut inside "
                f"an emoji: correct the text."
            ) from None


def _position(text: str, pos: int) -> str:
    line = text.count("\n", 0, pos) + 1
    column = pos - text.rfind("\n", 0, pos)
    return f"column {column}" if "\n" not in text else f"line {line} column {column}"


SPACE = re.compile(r"\s*")


def _iter_values(
    path: Path, text: str, report: Report, start: Optional[int] = None
) -> Iterator[Tuple[Source, Any]]:
    """Values of an array one by one (its end may be missing), or the single value."""
    decoder = json.JSONDecoder()
    pos = _skip(text, start or 0)
    index = 0
    if start is not None and text[pos : pos + 1] == "]":
        _refuse_rest(path, text, pos + 1, report)
        return
    while True:
        source = Source(str(path), index=index)
        report.read(DOCUMENTS)
        begin = pos
        try:
            value, pos = decoder.raw_decode(text, pos)
            _refuse_surrogates(text[begin:pos], value, source)
        except FormatError as error:
            report.error(DOCUMENTS, "not readable", str(error))
        except json.JSONDecodeError as error:
            _report_break(path, text, _say(error), error.pos, index, report)
            return
        except (ValueError, RecursionError) as error:
            _report_break(path, text, str(error), begin, index, report)
            return
        else:
            yield source, value
        pos = _skip(text, pos)
        index += 1
        if start is None:
            _refuse_rest(path, text, pos, report)
            return
        if text[pos : pos + 1] == ",":
            pos = _skip(text, pos + 1)
        elif text[pos : pos + 1] == "]":
            _refuse_rest(path, text, pos + 1, report)
            return
        else:
            report.read(DOCUMENTS)
            message = "expected ',' or ']' after a document"
            _report_break(path, text, message, pos, index, report)
            return


def _skip(text: str, pos: int) -> int:
    return SPACE.match(text, pos).end()  # type: ignore[union-attr]


def _report_break(
    path: Path, text: str, message: str, pos: int, index: int, report: Report
) -> None:
    line = text.count("\n", 0, pos) + 1
    column = pos - text.rfind("\n", 0, pos)
    is_cut = pos >= len(text.rstrip()) or message.startswith("Unterminated")
    end = " The file ends in the middle of it." if is_cut else ""
    report.error(
        DOCUMENTS,
        "not readable",
        f"{path}:{line}: not JSON: {message} at column {column} (in doc {index}).{end} "
        f"Nothing after this place could be read.",
    )


def _refuse_rest(path: Path, text: str, pos: int, report: Report) -> None:
    pos = _skip(text, pos)
    if pos < len(text):
        report.read(DOCUMENTS)
        line = text.count("\n", 0, pos) + 1
        report.error(
            DOCUMENTS,
            "not readable",
            f"{path}:{line}: found {show(text[pos : pos + 200])} after the end of the "
            f"JSON value, expected nothing more. Nothing after this place was read.",
        )


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


def get_relations(
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
        report.note("documents without a list of relations: incomplete")
        return None
    raise FieldError(
        path,
        f"{'found null' if key in obj else 'missing'}, expected a list, [] "
        f"where there are none; if only entities were annotated, --entities-only reads "
        f"them and takes no pair for unrelated",
    )


def lose_document(
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
    reason = "wrong fields"
    report.error(DOCUMENTS, reason, f"{error.say(source)}; document not converted.")
    for kind, n in count_contents(value, kinds):
        report.read(kind, n)
        report.lost_with(kind, reason, n)


def refuse_relation(
    error: FieldError,
    label: str,
    source: Source,
    report: Report,
    *,
    reason: str = "no such entity",
) -> None:
    """Report a relation that can't be read; it has been counted as read.

    error (FieldError): why.
    label (str): its label, as far as it is known.
    source (Source): where it stands.
    report (Report): to count it in.
    reason (str): in the counts, where one of its ends is no entity.
    """
    report.error(
        RELATIONS,
        reason if isinstance(error, EndpointError) else "wrong fields",
        f"{error.say(source)}; relation {label!r} not converted.",
    )


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

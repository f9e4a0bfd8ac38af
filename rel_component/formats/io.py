"""Read files, with errors that include the location; used by all readers."""

import codecs
import os
import re
from pathlib import Path
from typing import Iterator, List, Set, Tuple, Union

from .base import FormatError


def read_bytes(path: Path, *, may_be_blank: bool = False) -> bytes:
    """Read a file.

    path (Path): the file.
    may_be_blank (bool): whether it may be empty or have only whitespace.
    RETURNS (bytes): its content.
    RAISES (FormatError): if it's missing or empty.
    """
    check_special(path)
    try:
        data = path.read_bytes()
    except IsADirectoryError:
        raise FormatError(
            f"{path}: found a folder, expected a file. Pass the files in it instead."
        ) from None
    except OSError as error:
        raise cannot_read(path, error) from None
    if is_blank(data) and not may_be_blank:
        raise FormatError(f"{path}: the file is empty; expected annotations.")
    return data


def is_blank(data: bytes) -> bool:
    """RETURNS (bool): whether there is only whitespace, optionally with BOM."""
    return not data.removeprefix(codecs.BOM_UTF8).strip()


def check_special(path: Path) -> None:
    """Reject pipes and devices, which may not end and can't be read twice.

    RAISES (FormatError): if the path exists, but is not a file or folder.
    """
    if path.exists() and not (path.is_file() or path.is_dir()):
        raise FormatError(
            f"{path}: found a pipe or device, expected a file or folder. Save its "
            "output to a file."
        )


def list_files(folder: Path) -> Iterator[Path]:
    """List the files in a folder and its subfolders, without hidden ones.

    folder (Path): the folder.
    YIELDS (Path): files in any order.
    RAISES (FormatError): if a folder can't be read, which `Path.rglob` would skip.
    """

    def refuse(error: OSError) -> None:
        raise cannot_read(folder, error)

    seen: Set[str] = set()  # links may be circular
    for parent, folders, names in os.walk(folder, onerror=refuse, followlinks=True):
        place = os.path.realpath(parent)
        if place in seen:
            folders.clear()
            continue
        seen.add(place)
        folders[:] = sorted(
            (name for name in folders if not name.startswith(".")),
            key=lambda name: (os.path.islink(os.path.join(parent, name)), name),
        )
        yield from (Path(parent, name) for name in names if not name.startswith("."))


def cannot_read(path: Path, error: OSError) -> FormatError:
    """RETURNS (FormatError): the operating system's error, with advice."""
    reason = error.strerror or str(error)
    return FormatError(
        f"{error.filename or path}: can't be read: {reason}. Check that it exists and "
        "the permissions."
    )


def decode(
    data: bytes,
    path: Path,
    encoding: str = "utf-8-sig",
    *,
    offset: int = 0,
    line: int = 1,
) -> str:
    """Decode bytes, without changing line breaks.

    data (bytes): the content of a file, or a part of it.
    path (Path): its name, for the message.
    encoding (str): the encoding; by default, UTF-8 with or without BOM.
    offset (int): offset of the data in the file, in bytes.
    line (int): first line of the data.
    RETURNS (str): the text.
    RAISES (FormatError): with line, byte and the most likely encoding.
    """
    if encoding == "utf-8-sig":
        check_utf16(data, path, offset=offset, line=line)
    try:
        text = data.decode(encoding)
        is_start = offset == 0 and encoding != "utf-8-sig"
        return text.removeprefix("\ufeff") if is_start else text
    except LookupError:
        raise FormatError(
            f"{path}: unknown encoding {encoding!r}; expected e.g. "
            f"utf-8, latin-1, cp1252, utf-16."
        ) from None
    except UnicodeError as error:
        # codecs don't count the byte order mark
        mark = len(data) - len(getattr(error, "object", data))
        start = getattr(error, "start", 0) + mark
        byte = f"0x{data[start]:02X}" if start < len(data) else "the end"
        line += data[:start].decode(encoding, "ignore").count("\n")
        advice = "" if encoding != "utf-8-sig" else _likely(data)
        raise FormatError(
            f"{path}:{line}: byte {offset + start} of the file is {byte}, which is not "
            f"valid {'UTF-8' if encoding == 'utf-8-sig' else encoding}.{advice}"
        ) from None


def check_utf16(data: bytes, path: Path, *, offset: int = 0, line: int = 1) -> None:
    """Check for files that are definitely not UTF-8.

    RAISES (FormatError): if it's UTF-16 or not text.
    """
    if offset == 0 and data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise FormatError(
            f"{path}: byte 0 is the BOM of a UTF-16 file, expected UTF-8. Save it as "
            "UTF-8, or use --encoding utf-16."
        )
    at = data.find(b"\0")
    if at >= 0:
        line += data.count(b"\n", 0, at)
        raise FormatError(
            f"{path}:{line}: byte {offset + at} of the file is NUL, expected UTF-8 "
            f"text. {_explain_nul(data)}"
        )


def _explain_nul(data: bytes) -> str:
    """Explain NUL bytes: in UTF-16, those of most characters are all at even or all at
    odd positions."""
    start = data[:200]
    even, odd = start[::2].count(0), start[1::2].count(0)
    if max(even, odd) < max(len(start) / 5, 3):
        return (
            "This is a binary file, or a text with NUL characters (remove them), or "
            "UTF-16 without BOM (--encoding utf-16-le or utf-16-be)."
        )
    is_big = start[:1] == b"\0"
    width = 32 if min(even, odd) > len(start) / 5 else 16
    name = f"utf-{width}-{'be' if is_big else 'le'}"
    return f"It's probably {name}: save it as UTF-8, or use --encoding {name}."


# first bytes of binary files, and advice
BINARY = {
    b"PK\x03\x04": "a zip archive (or an Office document): unpack or export it",
    b"\x1f\x8b": "a gzip archive: unpack it",
    b"BZh": "a bzip2 archive: unpack it",
    b"\xfd7zXZ\0": "an xz archive: unpack it",
    b"7z\xbc\xaf\x27\x1c": "a 7z archive: unpack it",
    b"%PDF": "a PDF: use the annotations exported from the tool",
    b"\x89PNG": "a picture: use the annotations exported from the tool",
    b"SQLite format 3\0": "a database (SQLite): export the annotations from the tool",
}


def check_binary(data: bytes, path: Path) -> None:
    """Check for archives and other binary files.

    data (bytes): the start of a file.
    path (Path): its name, for the message.
    RAISES (FormatError): if it starts like one of `BINARY`.
    """
    for mark, advice in BINARY.items():
        if data.startswith(mark):
            raise FormatError(f"{path}: this is {advice}.")


def _likely(data: bytes) -> str:
    high = len(re.findall(rb"[\x80-\xff]", data))
    if len(data) - len(data.decode("utf8", "ignore").encode("utf8")) < high / 10:
        return " Most of it is: correct this place."
    # in alphabets other than Latin, whole words have these bytes
    if sum(map(len, re.findall(rb"[\x80-\xff]{3,}", data))) > high / 2:
        return (
            " It's in another encoding, such as cp1251 (Cyrillic), gbk or shift-jis: "
            "save it as UTF-8, or use --encoding NAME."
        )
    name = "cp1252" if re.search(rb"[\x80-\x9f]", data) else "latin-1"
    return f" It's probably {name}: save it as UTF-8, or use --encoding {name}."


def split_lines(text: str) -> List[str]:
    """Split a text into lines, without line breaks.

    Line breaks are line feeds, or carriage returns if there are no line feeds. Other
    Unicode line breaks such as U+2028 or U+0085 may occur in strings.
    """
    end = "\n" if "\n" in text else "\r"
    return [line.rstrip("\r") for line in text.split(end)]


def _ends_in_returns(path: Path) -> bool:
    """Whether all line breaks of a file are carriage returns."""
    with path.open("rb") as file:
        start = file.read(1 << 16)
    return b"\r" in start and b"\n" not in start


def iter_lines(
    path: Path, encoding: str = "utf-8-sig"
) -> Iterator[Tuple[int, Union[str, FormatError], bool]]:
    """Read the lines of a text file one by one.

    path (Path): the file.
    encoding (str): the file's encoding.
    YIELDS (Tuple[int, Union[str, FormatError], bool]): number from 1; the line without
        line break, or the error if it can't be decoded; whether it has a line break.
    RAISES (FormatError): if the file can't be decoded, and not by line.
    """
    if encoding != "utf-8-sig" or _ends_in_returns(path):
        # a line break may be several bytes
        lines = split_lines(decode(read_bytes(path), path, encoding))
        for number, line in enumerate(lines, 1):
            yield number, line, number < len(lines)
        return
    offset = 0
    with path.open("rb") as file:
        for number, data in enumerate(file, 1):
            has_end = data.endswith(b"\n")
            try:
                text = decode(data, path, offset=offset, line=number)
            except FormatError as error:
                yield number, error, has_end
            else:
                yield number, text.rstrip("\r\n"), has_end
            offset += len(data)


def iter_text_lines(
    path: Path, encoding: str = "utf-8-sig"
) -> Iterator[Tuple[int, Union[str, FormatError]]]:
    """Like `iter_lines`, for non-empty files.

    RAISES (FormatError): if it's missing or empty.
    """
    first_line(path, encoding)
    for number, line, _ in iter_lines(path, encoding):
        yield number, line


def first_line(path: Path, encoding: str) -> str:
    """RETURNS (str): the first non-blank line, without surrounding whitespace.

    RAISES (FormatError): if the file doesn't exist or can't be decoded.
    """
    try:
        for _, line, _ in iter_lines(path, encoding):
            if isinstance(line, FormatError):
                raise line
            if line.strip():
                return line.strip()
    except OSError:
        pass
    read_bytes(path)  # raises an error
    return ""

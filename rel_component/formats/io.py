"""Files to values, with errors that say where: what all readers have in common."""

import codecs
import os
import re
from pathlib import Path
from typing import Iterator, List, Tuple, Union

from .base import FormatError


def read_bytes(path: Path) -> bytes:
    """Read a file that has to be there and not be empty.

    path (Path): the file.
    RETURNS (bytes): its content.
    RAISES (FormatError): if there is nothing to read.
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
    if is_blank(data):
        raise FormatError(f"{path}: the file is empty; expected annotations.")
    return data


def is_blank(data: bytes) -> bool:
    """RETURNS (bool): whether there is nothing but blanks and perhaps a BOM."""
    return not data.removeprefix(codecs.BOM_UTF8).strip()


def check_special(path: Path) -> None:
    """Refuse pipes and devices: reading might never end, and is done more than once.

    RAISES (FormatError): if the path is there and no file or folder.
    """
    if path.exists() and not (path.is_file() or path.is_dir()):
        raise FormatError(
            f"{path}: found a pipe or device, expected a file or folder. Save its "
            "output to a file."
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
        check_utf16(data, path, offset=offset, line=line)
    try:
        return data.decode(encoding)
    except LookupError:
        raise FormatError(
            f"{path}: unknown encoding {encoding!r}; expected e.g. "
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


def check_utf16(data: bytes, path: Path, *, offset: int = 0, line: int = 1) -> None:
    """Advise on files that are not UTF-8 for sure.

    RAISES (FormatError): if they are UTF-16 or no text.
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
            f"{path}:{line}: byte {offset + at} of the file is NUL, so this is a "
            "binary file or UTF-16 without BOM, expected UTF-8 text. If it's text, "
            "use --encoding utf-16-le."
        )


# how binary files begin, and what to do with them
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
    return f"  It's probably {name}: save it as UTF-8, or use --encoding {name}."


def split_lines(text: str) -> List[str]:
    """Lines of a text, without their ends.

    They end in line feeds, or in carriage returns where there is no line feed. Not all
    that Unicode calls a line end is one: U+2028 or U+0085 may occur inside a string.
    """
    end = "\n" if "\n" in text else "\r"
    return [line.rstrip("\r") for line in text.split(end)]


def _ends_in_returns(path: Path) -> bool:
    """Whether the lines of a file end in carriage returns only."""
    with path.open("rb") as file:
        start = file.read(1 << 16)
    return b"\r" in start and b"\n" not in start


def iter_lines(
    path: Path, encoding: str = "utf-8-sig"
) -> Iterator[Tuple[int, Union[str, FormatError], bool]]:
    """Lines of a text file, one after the other.

    path (Path): the file.
    encoding (str): the file's encoding.
    YIELDS (Tuple[int, Union[str, FormatError], bool]): number from 1; the line without
        its end, or why it can't be decoded; whether it has an end.
    RAISES (FormatError): if no line can be decoded alone, and something is wrong.
    """
    if encoding != "utf-8-sig" or _ends_in_returns(path):
        # a line end may be several bytes
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
    """As `iter_lines`, for files that have to have a line.

    RAISES (FormatError): if there is nothing to read.
    """
    first_line(path, encoding)
    for number, line, _ in iter_lines(path, encoding):
        yield number, line


def first_line(path: Path, encoding: str) -> str:
    """RETURNS (str): the first line that is not blank, without blanks around it.

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
    read_bytes(path)  # says what is wrong
    return ""

"""Write files atomically: they are either complete or missing."""

import io
import json
import os
import secrets
import shutil
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, Iterable, Iterator, Optional, TextIO

# suffix of incomplete files, which are hidden, and can be removed if no process writes
TEMPORARY = ".tmp"
# no conversion of line endings on Windows
BINARY = getattr(os, "O_BINARY", 0)


@contextmanager
def replace_file(path: Path, *, is_durable: bool = True) -> Iterator[IO[bytes]]:
    """Open a file for writing, which is renamed to its final name on success.

    Permissions follow the process's umask, like those of any new file.

    path (Path): the file; parent folders are created. Existing files are replaced, but
        devices and links, such as /dev/stdout, are written to.
    is_durable (bool): whether it must survive a power failure, not only a kill.
    YIELDS (IO[bytes]): the new file.
    RAISES (OSError): if writing fails; `path` is not changed then.
    """
    if path.is_symlink() or (path.exists() and not path.is_file()):
        with name_errors(path), path.open("wb") as file:
            yield file
        return
    # not based on the file's name, which may already have the maximum length
    part = path.with_name(f".{secrets.token_hex(8)}{TEMPORARY}")
    with name_errors(path, part), _remove_unfinished(part):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | BINARY, 0o666)
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            if is_durable:
                os.fsync(file.fileno())
        os.replace(part, path)
    if is_durable:
        _sync_folder(path.parent)


@contextmanager
def name_errors(path: Path, part: Optional[Path] = None) -> Iterator[None]:
    """Add the file name to system errors without one, e.g. for a full disk, or with a
    temporary one.

    path (Path): the file or folder.
    part (Optional[Path]): the temporary file or folder.
    """
    try:
        yield
    except OSError as error:
        found = str(error.filename or "")
        if not found or (part is not None and found.startswith(str(part))):
            error.filename, error.filename2 = str(path), None
        raise


@contextmanager
def _remove_unfinished(part: Path) -> Iterator[None]:
    try:
        yield
    except BaseException:
        with suppress(OSError):  # it doesn't exist, or its folder doesn't
            part.unlink()
        raise


@contextmanager
def replace_text_file(path: Path) -> Iterator[TextIO]:
    """Like `replace_file`, for UTF-8 text without BOM, with line endings unchanged.

    path (Path): the file.
    YIELDS (TextIO): the new file.
    """
    with replace_file(path) as file:
        text = io.TextIOWrapper(file, encoding="utf8", newline="")
        yield text
        text.detach()  # the file is closed by `replace_file`


@contextmanager
def fill_folder(path: Path) -> Iterator[Path]:
    """Open a temporary folder, whose files are moved to their final place on success.

    path (Path): the folder; parent folders are created. Other existing files are kept.
    YIELDS (Path): an empty temporary folder.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(dir=path.parent, suffix=".part"))
    try:
        with name_errors(path, part):
            yield part
            path.mkdir(exist_ok=True)
            for file in part.iterdir():
                os.replace(file, path / file.name)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def write_text(path: Path, text: str) -> None:
    """Write a text as UTF-8 without BOM, with line endings unchanged."""
    with replace_file(path) as file:
        file.write(text.encode("utf8"))


def write_json(path: Path, value: Any, *, is_durable: bool = True) -> None:
    """Write a JSON value, with indentation."""
    with replace_file(path, is_durable=is_durable) as file:
        file.write(_dump(value, indent=2) + b"\n")


def write_lines(path: Path, values: Iterable[Any]) -> None:
    """Write one JSON value per line.

    path (Path): the file.
    values (Iterable[Any]): taken one by one.
    """
    with replace_file(path) as file:
        for value in values:
            file.write(_dump(value) + b"\n")


def write_array(path: Path, values: Iterable[Any]) -> None:
    """Write a JSON array with one value per line.

    path (Path): the file.
    values (Iterable[Any]): taken one by one.
    """
    with replace_file(path) as file:
        separator = b"[\n"
        for value in values:
            file.write(separator + _dump(value))
            separator = b",\n"
        file.write(b"\n]\n" if separator == b",\n" else b"[]\n")


def explain(error: Exception) -> str:
    """RETURNS (str): the error message, with the file that can't be written."""
    if isinstance(error, OSError) and error.strerror:
        advice = "Check the disk space and permissions, or use another path."
        if isinstance(error, (FileExistsError, IsADirectoryError, NotADirectoryError)):
            advice = "Use another path."
        path = error.filename or "A file"
        return f"{path}: can't be written: {error.strerror}. {advice}"
    return str(error)


def _dump(value: Any, **options: Any) -> bytes:
    # escape unpaired surrogates, e.g. in file names that are not UTF-8
    text = json.dumps(value, ensure_ascii=False, **options)
    return text.encode("utf8", "backslashreplace")


def _sync_folder(path: Path) -> None:
    # sync the file name, too; not possible or necessary on Windows
    if os.name == "nt":
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

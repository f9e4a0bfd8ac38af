"""Files that are there whole or not at all, whatever happens while they are written."""

import io
import json
import os
import secrets
import shutil
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, Iterable, Iterator, Optional, TextIO

# of files that are not whole yet; such a one is hidden, and may be removed at any time
# by whoever knows that nobody writes there
TEMPORARY = ".tmp"
# else Windows writes line ends of its own
BINARY = getattr(os, "O_BINARY", 0)


@contextmanager
def replace_file(path: Path, *, is_durable: bool = True) -> Iterator[IO[bytes]]:
    """A file to write, which takes its name only when all went well.

    Its permissions are those of any new file: the process's umask says.

    path (Path): folders on the way are made. A file that is there is replaced; a device
        or a link, such as /dev/stdout, is written to.
    is_durable (bool): whether it has to outlive a failure of power, not only a kill.
    YIELDS (IO[bytes]): the new file.
    RAISES (OSError): if the disk is full, for instance; then `path` is as it was. The
        error names it.
    """
    if path.is_symlink() or (path.exists() and not path.is_file()):
        with name_errors(path), path.open("wb") as file:
            yield file
        return
    # not the file's name: one as long as a name may be leaves no room for more
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
    """Name the file in errors of the system that name none, as a full disk, or one
    that nobody knows.

    path (Path): what is written.
    part (Optional[Path]): the temporary file or folder that it is written to first.
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
        with suppress(OSError):  # there is none, or no folder
            part.unlink()
        raise


@contextmanager
def replace_text_file(path: Path) -> Iterator[TextIO]:
    """The same for text: UTF-8 without byte order mark, line ends untouched.

    path (Path): of the file.
    YIELDS (TextIO): the new file.
    """
    with replace_file(path) as file:
        text = io.TextIOWrapper(file, encoding="utf8", newline="")
        yield text
        text.detach()  # the file is closed by who opened it


@contextmanager
def fill_folder(path: Path) -> Iterator[Path]:
    """A folder to write into; its files take their place only when all went well.

    path (Path): folders on the way are made. Other files that are there stay.
    YIELDS (Path): an empty folder beside it.
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
    """Write a text as UTF-8 without byte order mark, line ends untouched."""
    with replace_file(path) as file:
        file.write(text.encode("utf8"))


def write_json(path: Path, value: Any, *, is_durable: bool = True) -> None:
    """Write one JSON value, to be read by people too."""
    with replace_file(path, is_durable=is_durable) as file:
        file.write(_dump(value, indent=2) + b"\n")


def write_lines(path: Path, values: Iterable[Any]) -> None:
    """Write one JSON value in each line.

    path (Path): the file.
    values (Iterable[Any]): taken one by one.
    """
    with replace_file(path) as file:
        for value in values:
            file.write(_dump(value) + b"\n")


def write_array(path: Path, values: Iterable[Any]) -> None:
    """Write a JSON array with one value in each line.

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
    """RETURNS (str): what went wrong, in a sentence; which file can't be written."""
    if isinstance(error, OSError) and error.strerror:
        return (
            f"{error.filename or 'A file'}: can't be written: {error.strerror}. Check "
            f"that there is room and that you may write there, or name another place."
        )
    return str(error)


def _dump(value: Any, **options: Any) -> bytes:
    # half a pair of surrogates, as in the name of a file that is not UTF-8, becomes
    # what JSON writes for it
    text = json.dumps(value, ensure_ascii=False, **options)
    return text.encode("utf8", "backslashreplace")


def _sync_folder(path: Path) -> None:
    # the name, too, has to be on the disk; Windows can't open a folder, and need not
    if os.name == "nt":
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

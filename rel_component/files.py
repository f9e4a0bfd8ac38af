"""Files that are there whole or not at all, whatever happens while they are written."""

import os
import secrets
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Iterator

# of files that are not whole yet; such a one is hidden, and may be removed at any time
# by whoever knows that nobody writes there
TEMPORARY = ".tmp"


@contextmanager
def replace_file(path: Path, *, is_durable: bool = True) -> Iterator[IO[bytes]]:
    """A file to write, which takes its name only when all went well.

    Its permissions are those of any new file: the process's umask says.

    path (Path): folders on the way are made. A file that is there is replaced.
    is_durable (bool): whether it has to outlive a failure of power, not only a kill.
    YIELDS (IO[bytes]): the new file.
    RAISES (OSError): if the disk is full, for instance; then `path` is as it was.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # not the file's name: one as long as a name may be leaves no room for more
    part = path.with_name(f".{secrets.token_hex(8)}{TEMPORARY}")
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            if is_durable:
                os.fsync(file.fileno())
        os.replace(part, path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    if is_durable:
        _sync_folder(path.parent)


def write_text(path: Path, text: str) -> None:
    """Write a text as UTF-8.

    path (Path): folders on the way are made. It may be a device: nothing is replaced.
    RAISES (OSError): with the path, which that of a full disk lacks.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        path.write_text(text, encoding="utf8")
    except OSError as error:
        error.filename = str(path)
        raise


def _sync_folder(path: Path) -> None:
    # the name, too, has to be on the disk; Windows can't open a folder, and need not
    if os.name == "nt":
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

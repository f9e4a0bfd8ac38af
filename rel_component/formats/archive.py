"""Read zip archives, which may be corrupted."""

import zipfile
import zlib
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import BinaryIO, List, cast

from .base import FormatError

# maximum bytes of a file in an archive, due to zip bombs
MAX_SIZE = 1 << 29
BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    NotImplementedError,
    OSError,
    RuntimeError,  # for encrypted files
    ValueError,
)


def list_names(archive: zipfile.ZipFile) -> List[str]:
    """RETURNS (List[str]): the files in it, except for those added by macOS."""
    return [
        name
        for name in archive.namelist()
        if not name.endswith(("/", ".DS_Store")) and not name.startswith("__MACOSX/")
    ]


class Archive:
    """A zip archive.

    names (List[str]): the files in it.
    """

    def __init__(self, file: BinaryIO, place: str) -> None:
        self.place = place
        try:
            self._zip = zipfile.ZipFile(file)
            infos = self._zip.infolist()
        except BROKEN as error:
            raise FormatError(
                f"{place}: not a valid zip archive: {error}. Export it again."
            ) from None
        self._sizes = {info.filename: info.file_size for info in infos}
        self.names = list_names(self._zip)

    def is_empty(self, name: str) -> bool:
        """RETURNS (bool): whether a file in it has no content."""
        return not self._sizes[name]

    def read(self, name: str) -> bytes:
        """RETURNS (bytes): a file in it."""
        place = f"{self.place}/{name}"
        size = self._sizes[name]
        if size > MAX_SIZE:
            raise FormatError(
                f"{place}: found {size} bytes, expected at most {MAX_SIZE} per file "
                "of an archive. Unpack it, and pass the file."
            )
        try:
            with self._zip.open(name) as file:
                data = file.read(size + 1)
        except BROKEN as error:
            raise FormatError(
                f"{place}: can't be unpacked: {error}. Export it again, without a "
                f"password."
            ) from None
        if not data.strip():
            raise FormatError(f"{place}: the file is empty; expected annotations.")
        return data

    def find(self, name: str) -> Path:
        """RETURNS (Path): a file in it, with the methods used by readers."""
        return cast(Path, _Member(f"{self.place}/{name}", self.read(name)))


class _Member:
    """A file of an archive, in memory."""

    def __init__(self, place: str, data: bytes) -> None:
        self._place = place
        self._data = data

    def __str__(self) -> str:
        return self._place

    @property
    def stem(self) -> str:
        return PurePosixPath(self._place).stem

    def open(self, mode: str) -> BinaryIO:
        return BytesIO(self._data)

    def read_bytes(self) -> bytes:
        return self._data

    def exists(self) -> bool:
        return False  # not in the file system

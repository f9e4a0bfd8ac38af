"""Files that are written one document at a time, and whole or not at all."""

import json
import os
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Iterable, Iterator

from ...files import replace_file


@contextmanager
def fill_folder(path: Path) -> Iterator[Path]:
    """A folder to write into; its files take their place only when all went well.

    path (Path): folders on the way are made. Other files that are there stay.
    YIELDS (Path): an empty folder beside it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(dir=path.parent, suffix=".part"))
    try:
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


def write_json(path: Path, value: Any) -> None:
    """Write one JSON value, to be read by people too."""
    write_text(path, json.dumps(value, ensure_ascii=False, indent=2) + "\n")


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


def _dump(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode("utf8")

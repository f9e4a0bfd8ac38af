"""Read the input of a command: a text, a file or a folder."""

import sys
from pathlib import Path
from typing import Iterator, Optional

from .json_array import read_json_tasks
from .tasks import (
    JSON_SUFFIXES,
    TABLE_SUFFIXES,
    Task,
    decode,
    read_folder,
    read_table,
    read_tasks,
)

STDIN = "-"
# an argument that ends like this is a file's name, not a text
MAX_WORDS = 3  # of a path; a longer text may end with the name of a file
SUFFIXES = {".txt", ".json", *JSON_SUFFIXES, *TABLE_SUFFIXES, ".spacy", ".parquet"}


def read_source(source: str, by_line: bool = False) -> Iterator[Task]:
    """Read the texts of a file or folder, or use the argument as text.

    source (str): a path as for `read_path`, a text, or "-" for a text from the
        standard input.
    by_line (bool): read each line of a text file as a text.
    YIELDS (Task): one task per text.
    RAISES (ValueError): if the input is invalid.
    """
    path = as_path(source)
    if source == STDIN:
        data = sys.stdin.buffer.read()
        text = decode(data, Path("standard input")).removeprefix("\ufeff")
        lines = [x.rstrip("\r") for x in text.split("\n")] if by_line else [text]
        texts = [line for line in lines if line.strip()]
        if not texts:
            raise ValueError("standard input: found no texts, expected at least one.")
        yield from map(Task, texts)
    elif path is not None:
        n_read = 0
        for n_read, task in enumerate(read_path(path, by_line), 1):  # noqa: B007
            yield task
        if not n_read:
            raise ValueError(f"{path}: found no texts, expected at least one.")
    elif _is_like_path(source):
        raise ValueError(
            f"{source}: file or folder not found; expected one, or a text that doesn't "
            "look like a path."
        )
    else:
        yield Task(source)


def read_path(path: Path, by_line: bool = False) -> Iterator[Task]:
    """Read the texts of a file or folder.

    path (Path): a folder with `.txt` files; a JSON array as SpERT takes it (`.json`);
        JSON lines; a table with a column `text` (`.csv`, `.tsv`); any other file is
        read as text.
    by_line (bool): read each line of a text file as a text.
    YIELDS (Task): one task per text.
    RAISES (ValueError): if the input is invalid.
    """
    if not path.exists():
        raise ValueError(f"{path}: file or folder not found; expected texts.")
    if path.is_dir():
        yield from read_folder(path, by_line)
    elif path.suffix.lower() == ".json":
        yield from read_json_tasks(path)
    elif path.suffix.lower() in TABLE_SUFFIXES:
        yield from read_table(path)
    else:
        yield from read_tasks(path, by_line)


def _is_like_path(source: str) -> bool:
    n_words = len(source.split())
    if Path(source).suffix.lower() in SUFFIXES and n_words <= MAX_WORDS:
        return True
    # languages without spaces have texts with slashes, too
    return n_words == 1 and "/" in source and source.isascii()


def as_path(source: str) -> Optional[Path]:
    """RETURNS (Optional[Path]): the file or folder, or None if the argument is a
    text."""
    try:
        return Path(source) if source and Path(source).exists() else None
    except (OSError, ValueError):  # too long for a path, or contains NUL
        return None

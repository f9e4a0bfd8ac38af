"""Read the input of a command: a text, a file or a folder."""

from pathlib import Path
from typing import Iterator, Optional

from .json_array import read_json_tasks
from .tasks import Task, read_folder, read_tasks

SUFFIXES = (".txt", ".jsonl", ".json")


def read_source(source: str, by_line: bool = False) -> Iterator[Task]:
    """Read the texts of a file or folder, or use the argument as text.

    source (str): a path as for `read_path`, or a text.
    by_line (bool): read each line of a text file as a text.
    YIELDS (Task): one task per text.
    RAISES (ValueError): if the input is invalid.
    """
    path = as_path(source)
    if path is not None:
        n_read = 0
        for n_read, task in enumerate(read_path(path, by_line), 1):  # noqa: B007
            yield task
        if not n_read:
            raise ValueError(f"{path}: found no texts, expected at least one.")
    elif _is_like_path(source):
        raise ValueError(
            f"{source}: file or folder not found; expected one, or a text."
        )
    else:
        yield Task(source)


def read_path(path: Path, by_line: bool = False) -> Iterator[Task]:
    """Read the texts of a file or folder.

    path (Path): a folder with `.txt` files; a JSON array as SpERT takes it (`.json`);
        JSON lines; any other file is read as text.
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
    else:
        yield from read_tasks(path, by_line)


def _is_like_path(source: str) -> bool:
    if len(source.split()) != 1:
        return False
    # languages without spaces have texts with slashes, too
    return Path(source).suffix in SUFFIXES or ("/" in source and source.isascii())


def as_path(source: str) -> Optional[Path]:
    """RETURNS (Optional[Path]): the file or folder, or None if the argument is a
    text."""
    try:
        return Path(source) if source and Path(source).exists() else None
    except (OSError, ValueError):  # too long for a path, or contains NUL
        return None

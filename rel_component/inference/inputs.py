"""What a command gets as its texts: a text itself, a file, a folder."""

from pathlib import Path
from typing import Iterator, Optional

from .json_array import read_json_tasks
from .tasks import Task, read_folder, read_tasks

SUFFIXES = (".txt", ".jsonl", ".json")


def read_source(source: str, by_line: bool = False) -> Iterator[Task]:
    """Read the texts of a file or folder, or take the argument as a text.

    source (str): a path as for `read_path`, or a text.
    by_line (bool): each line of a text file is a text of its own.
    YIELDS (Task): one for each text.
    RAISES (ValueError): naming the place, if something is not as expected.
    """
    path = as_path(source)
    if path is not None:
        yield from read_path(path, by_line)
    elif " " not in source and Path(source).suffix in SUFFIXES:
        raise ValueError(f"{source}: no such file; expected a text, or a file of them.")
    else:
        yield Task(source)


def read_path(path: Path, by_line: bool = False) -> Iterator[Task]:
    """Read the texts of a file or folder.

    path (Path): a folder with `.txt` files; a JSON array as SpERT takes it (`.json`);
        JSON lines; any other file is a text.
    by_line (bool): each line of a text file is a text of its own.
    YIELDS (Task): one for each text.
    RAISES (ValueError): naming the place, if something is not as expected.
    """
    if not path.exists():
        raise ValueError(f"{path}: no such file or folder; expected texts.")
    if path.is_dir():
        yield from read_folder(path, by_line)
    elif path.suffix.lower() == ".json":
        yield from read_json_tasks(path)
    else:
        yield from read_tasks(path, by_line)


def as_path(source: str) -> Optional[Path]:
    """RETURNS (Optional[Path]): the file or folder that an argument names; None if it
    is a text."""
    try:
        return Path(source) if source and Path(source).exists() else None
    except (OSError, ValueError):  # too long for a name, or a NUL in it
        return None

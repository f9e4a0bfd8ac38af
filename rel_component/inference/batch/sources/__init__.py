"""Readers for files of any size: find the position of each document, and read it."""

from pathlib import Path
from typing import Dict, Iterator, Protocol

from ..settings import ExtractSettings
from . import csv_file, docbin, json_lines, parquet, text
from .item import Item, Place


class Kind(Protocol):
    """A module that reads one type of file."""

    def scan(self, path: Path, settings: ExtractSettings) -> Iterator[Place]:
        """YIELDS (Place): the position of each document; the file is not held in
        memory.

        RAISES (SourceError): if the file can't be read.
        """

    def read(
        self, path: Path, start: int, stop: int, first: int, settings: ExtractSettings
    ) -> Iterator[Item]:
        """YIELDS (Item): each document from `start` to `stop`, or the reason why it
        can't be read."""


UNREADABLE = "unreadable"
# readers by suffix
KINDS: Dict[str, Kind] = {
    ".txt": text,
    ".jsonl": json_lines,
    ".ndjson": json_lines,
    ".jsonlines": json_lines,
    ".csv": csv_file,
    ".tsv": csv_file,
    ".parquet": parquet,
    ".spacy": docbin,
}


def find_kind(path: Path) -> str:
    """RETURNS (str): a key of KINDS. RAISES (ValueError): if the suffix is unknown."""
    suffix = path.suffix.lower()
    if suffix not in KINDS:
        raise ValueError(
            f"{path}: found a file with the suffix {path.suffix or '(none)'}, expected "
            f"one of {', '.join(sorted(KINDS))}."
        )
    return suffix

"""Files of documents, of any size: where each document is, and what it says."""

from pathlib import Path
from typing import Dict, Iterator, Protocol

from ..settings import ExtractSettings
from . import csv_file, docbin, json_lines, parquet, text
from .item import Item, Place


class Kind(Protocol):
    """A module that reads one kind of file."""

    def scan(self, path: Path, settings: ExtractSettings) -> Iterator[Place]:
        """YIELDS (Place): where each document is; the file is not held in memory.

        RAISES (SourceError): if the file as a whole can't be read.
        """

    def read(
        self, path: Path, start: int, stop: int, first: int, settings: ExtractSettings
    ) -> Iterator[Item]:
        """YIELDS (Item): each document from `start` to `stop`; one that can't be read
        says why."""


UNREADABLE = "unreadable"
# by suffix
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
    """RETURNS (str): key of KINDS. RAISES (ValueError): if there is none."""
    suffix = path.suffix.lower()
    if suffix not in KINDS:
        raise ValueError(
            f"{path}: found a file with the suffix {path.suffix or '(none)'}, expected "
            f"one of {', '.join(sorted(KINDS))}."
        )
    return suffix

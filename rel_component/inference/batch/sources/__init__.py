"""Files of texts, of any size: where each document stands, and the documents there."""

from pathlib import Path
from typing import Dict, Iterator, Protocol

from ..settings import ExtractSettings
from . import csv_file, docbin, json_lines, parquet, text
from .item import Item, Place


class Kind(Protocol):
    """A module that reads one kind of file."""

    def scan(self, path: Path, settings: ExtractSettings) -> Iterator[Place]:
        """YIELDS (Place): where each document stands; the file is not held in memory.

        RAISES (SourceError): if the file as a whole can't be read.
        RAISES (ValueError): if it is not what the settings say.
        """

    def read(
        self, path: Path, start: int, stop: int, first: int, settings: ExtractSettings
    ) -> Iterator[Item]:
        """YIELDS (Item): the documents from `start` to `stop`, those that can't be
        read with the reason."""


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
    """RETURNS (str): key of KINDS. RAISES (ValueError): if it is none."""
    suffix = path.suffix.lower()
    if suffix not in KINDS:
        raise ValueError(
            f"{path}: found a file with the suffix {path.suffix or '(none)'}, expected "
            f"one of {', '.join(sorted(KINDS))}."
        )
    return suffix

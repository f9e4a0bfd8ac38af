"""Definition of writers, and their common options."""

from dataclasses import dataclass
from pathlib import Path
from typing import Callable, FrozenSet, Iterable, Optional, Tuple

from ...schema import Schema
from ..record import Record
from ..report import Report


@dataclass(frozen=True)
class WriteOptions:
    """Options for writing records.

    lang (str): language of the tokenizer, for records without tokens.
    predictions (bool): whether records are predictions to correct: in Prodigy, tasks
        without answer; in Label Studio, `predictions` instead of `annotations`.
    model_version (str): version of predictions in Label Studio.
    symmetric (Tuple[str, ...]): symmetric labels.
    schema (Optional[Schema]): additional labels for the tool's configuration, since
        annotators may need labels that are not in the records.
    entity_types (Tuple[str, ...]): additional entity types, likewise.
    numbered (bool): number the documents in brat, which lists them by name.
    """

    lang: str = "en"
    predictions: bool = False
    model_version: str = "rel_component"
    symmetric: Tuple[str, ...] = ()
    schema: Optional[Schema] = None
    entity_types: Tuple[str, ...] = ()
    numbered: bool = False

    @property
    def symmetric_labels(self) -> FrozenSet[str]:
        """RETURNS (FrozenSet[str]): symmetric labels, including those of the schema."""
        known = self.schema.symmetric if self.schema else frozenset()
        return frozenset(self.symmetric) | known


def take_all(record: Record, report: Report) -> Record:
    """RETURNS (Record): the same record, for formats that support everything."""
    return record


@dataclass(frozen=True)
class Writer:
    """A writer for the format of an annotation tool.

    name (str): its name for `--format`.
    description (str): the tool and the kind of file.
    suffix (str): the file's suffix, e.g. `.jsonl`; empty for a folder.
    write (Callable[[Iterable[Record], Path, WriteOptions, Report], None]): writes
        records one by one, with the entities and relations supported by the format. An
        existing path is only replaced after the last record.
    holds (FrozenSet[str]): the details of `details` supported by the format.
    fit (Callable[[Record, Report], Record]): leaves out and reports entities and
        relations not supported by the format.
    """

    name: str
    description: str
    suffix: str
    write: Callable[[Iterable[Record], Path, WriteOptions, Report], None]
    holds: FrozenSet[str] = frozenset()
    fit: Callable[[Record, Report], Record] = take_all

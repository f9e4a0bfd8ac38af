"""What a writer is, and the options that writers share."""

from dataclasses import dataclass
from pathlib import Path
from typing import Callable, FrozenSet, Iterable, Optional, Tuple

from ...schema import Schema
from ..record import Record
from ..report import Report


@dataclass(frozen=True)
class WriteOptions:
    """How records are written.

    lang (str): language code of the tokenizer, for records without tokens.
    predictions (bool): a model's, to be corrected: Prodigy gets tasks without an
        answer, Label Studio `predictions` in place of `annotations`.
    model_version (str): Label Studio: what predictions are named after.
    symmetric (Tuple[str, ...]): labels whose direction does not count.
    schema (Optional[Schema]): what a tool's configuration allows, besides what stands
        in the records: an annotator may need labels that no document has yet.
    entity_types (Tuple[str, ...]): likewise, types of entities.
    numbered (bool): brat: number the documents, so that it lists them in this order.
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
        """RETURNS (FrozenSet[str]): those given, and those of the schema."""
        known = self.schema.symmetric if self.schema else frozenset()
        return frozenset(self.symmetric) | known


def take_all(record: Record, report: Report) -> Record:
    """RETURNS (Record): the same, for tools that have a place for everything."""
    return record


@dataclass(frozen=True)
class Writer:
    """An annotation tool's format, to write.

    name (str): as in `--format`.
    description (str): the tool and the kind of file.
    suffix (str): the file's suffix, e.g. `.jsonl`; empty for a folder.
    write (Callable[[Iterable[Record], Path, WriteOptions, Report], None]): takes the
        records one by one, whole entities and relations that the tool has a place for.
        What was at the path is replaced when the last one is written, not before.
    holds (FrozenSet[str]): further details that it writes, of those in `details`.
    fit (Callable[[Record, Report], Record]): leaves out the entities and relations
        that the tool has no place for, and reports each.
    """

    name: str
    description: str
    suffix: str
    write: Callable[[Iterable[Record], Path, WriteOptions, Report], None]
    holds: FrozenSet[str] = frozenset()
    fit: Callable[[Record, Report], Record] = take_all

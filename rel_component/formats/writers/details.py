"""Details of records in addition to entities and relations, and which are lost.

Each writer lists the details that its format supports; all others are counted, so that
nothing is lost without being reported.
"""

from typing import Any, Callable, Collection, Dict, FrozenSet, List

from ..from_doc import KB_ID, SCORE
from ..record import Record
from ..report import Report

PIECES = "pieces of discontinuous entities"
SYMMETRIC = "marks of symmetric relations"
NEGATIVES = "unrelated pairs"
INCOMPLETE = "marks of incomplete documents"
TOKENS = "documents' tokens"
SENTENCES = "documents' sentences"
KB_IDS = "entities' links to a knowledge base"
SCORES = "scores"
ATTRS = "further attributes"
GROUPS = "groups of documents"
META = "fields of documents"
VERSIONS = "annotators and times"

# field of documents with the model's uncertainty, from 0 to 1
UNCERTAINTY = "uncertainty"

COUNTS: Dict[str, Callable[[Record], int]] = {
    SYMMETRIC: lambda record: sum(r.symmetric for r in record.relations),
    NEGATIVES: lambda record: len(record.negatives),
    INCOMPLETE: lambda record: int(not record.complete),
    TOKENS: lambda record: int(record.tokens is not None),
    SENTENCES: lambda record: int(bool(record.sentences)),
    KB_IDS: lambda record: sum(KB_ID in e.attrs for e in record.entities),
    SCORES: lambda record: sum(SCORE in attrs for attrs in _all_attrs(record)),
    ATTRS: lambda record: sum(
        len(attrs.keys() - {KB_ID, SCORE}) for attrs in _all_attrs(record)
    ),
    GROUPS: lambda record: int(record.group is not None),
    META: lambda record: len(record.meta.keys() - {UNCERTAINTY}),
    VERSIONS: lambda record: int(record.version is not None),
}
EVERYTHING = frozenset(COUNTS) | {PIECES}


def count_lost_details(record: Record, holds: FrozenSet[str], report: Report) -> None:
    """Count the details of a record that can't be written.

    record (Record): the record to write.
    holds (FrozenSet[str]): the details supported by the format.
    report (Report): counts the others.
    """
    for name, count in COUNTS.items():
        if name not in holds:
            report.ignored(name, count(record))


def pick_meta(record: Record, taken: Collection[str], report: Report) -> Dict[str, Any]:
    """Get the fields of a document to write in addition to the tool's.

    record (Record): the document.
    taken (Collection[str]): field names with another meaning in the format.
    report (Report): counts fields that can't be written due to their name.
    RETURNS (Dict[str, Any]): the others.
    """
    meta = {key: value for key, value in record.meta.items() if key not in taken}
    report.ignored(META, len(record.meta) - len(meta))
    return meta


def _all_attrs(record: Record) -> List[Dict[str, Any]]:
    entities = [entity.attrs for entity in record.entities]
    return entities + [relation.attrs for relation in record.relations]

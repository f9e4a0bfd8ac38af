"""SpERT JSON: a list of `{"tokens", "entities", "relations"}`, and its types file.

It has words and no text: how they were spaced is lost. A document becomes one item,
also if it has several sentences. Only a label as a whole can be symmetric.
"""

from itertools import accumulate
from pathlib import Path
from typing import Any, Dict, Iterable

from ...files import write_array, write_json
from ..record import Record
from ..report import Report
from .base import WriteOptions, Writer
from .details import META, SYMMETRIC, TOKENS, pick_meta
from .labels import Labels
from .tokens import Tokens

SPACING = "blanks and line ends of documents"
FIELDS = ("tokens", "entities", "relations", "orig_id")


def write(
    records: Iterable[Record], path: Path, options: WriteOptions, report: Report
) -> None:
    """Write a data set, and beside it `NAME_types.json`.

    records (Iterable[Record]): any.
    path (Path): the file.
    options (WriteOptions): further labels for the types; `lang` makes tokens.
    report (Report): counts symmetric relations that the types can't mark.
    """
    labels = Labels(options)
    watched = labels.watch(records)
    write_array(path, (_to_item(record, options, report) for record in watched))
    labels.count_lost_marks(report)
    types = path.with_name(f"{path.stem}_types.json")
    write_json(types, _to_types(labels))


def _to_item(record: Record, options: WriteOptions, report: Report) -> Dict[str, Any]:
    tokens = Tokens(record, options, report)
    is_word = [not token.text.isspace() for token in tokens.doc]
    # how many words stand before a token: blank ones are none
    words = [0, *accumulate(map(int, is_word))]
    listed = [token.text for token, is_it in zip(tokens.doc, is_word) if is_it]
    report.ignored(SPACING, int(" ".join(listed) != record.text))
    index = {entity.id: i for i, entity in enumerate(record.entities)}
    extents = [tokens.find(entity) for entity in record.entities]
    id_ = record.source.id
    return {
        "tokens": listed,
        "entities": [
            {"type": entity.label, "start": words[first], "end": words[last + 1]}
            for entity, (first, last) in zip(record.entities, extents)
        ],
        "relations": [
            {
                "type": relation.label,
                "head": index[relation.head],
                "tail": index[relation.tail],
            }
            for relation in record.relations
        ],
        **pick_meta(record, FIELDS, report),
        **({} if id_ is None else {"orig_id": id_}),
    }


def _to_types(labels: Labels) -> Dict[str, Any]:
    symmetric = labels.symmetric
    return {
        "entities": {
            type_: {"short": type_, "verbose": type_} for type_ in labels.entities
        },
        "relations": {
            label: {
                "short": label,
                "verbose": label,
                "symmetric": label in symmetric,
            }
            for label in labels.pairs
        },
    }


WRITER = Writer(
    "spert",
    "SpERT data set with its types file (JSON)",
    ".json",
    write,
    holds=frozenset({META, SYMMETRIC, TOKENS}),
)

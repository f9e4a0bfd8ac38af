"""Reading in one call, for the tests of all formats."""

import json
from contextlib import suppress
from pathlib import Path
from typing import Any, List, Tuple

import spacy
from spacy.tokens import Doc

from rel_component import get_relations
from rel_component.formats import (
    FORMATS,
    FormatError,
    Options,
    Report,
    iter_docs,
    to_docs,
)

NLP = spacy.blank("en")


def read(path: Path, **options: Any) -> Tuple[List[Doc], Report]:
    """Docs and report of one input; what was read has to be accounted for."""
    report = Report()
    docs = list(iter_docs([path], Options(**options), report, tokenizer=NLP.tokenizer))
    assert report.unaccounted() == {}
    assert all(report.n_lost[k] <= report.n_skipped[k].total() for k in report.n_read)
    return docs, report


def read_as(name: str, path: Path, **options: Any) -> Tuple[List[Doc], Report]:
    """Likewise with one reader, whatever the file looks like; none if it refuses it."""
    report, given, docs = Report(), Options(**options), []
    with suppress(FormatError):
        records = FORMATS[name].read(path, given, report)
        docs.extend(to_docs(records, given, report, tokenizer=NLP.tokenizer))
    assert report.unaccounted() == {}
    return docs, report


def write_json(path: Path, value: Any) -> Path:
    path.write_text(json.dumps(value), encoding="utf8")
    return path


def write_lines(path: Path, values: List[Any]) -> Path:
    lines = [v if isinstance(v, str) else json.dumps(v) for v in values]
    path.write_text("\n".join(lines) + "\n", encoding="utf8")
    return path


def triples(doc: Doc) -> List[Tuple[str, str, str]]:
    return [(r.head.text, r.label, r.tail.text) for r in get_relations(doc)]


def entities(doc: Doc) -> List[Tuple[str, str]]:
    return [(ent.text, ent.label_) for ent in doc.ents]

"""Read `.spacy` files as records, to export them to annotation tools."""

from itertools import tee
from pathlib import Path
from typing import Iterator, Optional

import spacy
from spacy.language import Language

from ..corpus.readers import copy_without_relations, read_docs
from ..formats import Record, Source, from_doc
from .texts import extract


def read_records(
    path: Path, nlp: Optional[Language] = None, spans_key: Optional[str] = None
) -> Iterator[Record]:
    """Read documents as records.

    path (Path): a `.spacy` file, or a folder of them.
    nlp (Optional[Language]): predicts relations between the annotated entities; None
        for the annotated relations.
    spans_key (Optional[str]): key of `doc.spans` for entities; None for `doc.ents`.
    YIELDS (Record): the documents in order; with scores, if they were predicted.
    RAISES (ValueError): if the file can't be read.
    """
    golds = read_docs(path, nlp or spacy.blank("xx"))
    sources = (Source(str(path), index=i) for i in range(10**9))
    if nlp is None:
        for gold, source in zip(golds, sources):
            yield from_doc(gold, spans_key=spans_key, source=source)
        return
    golds, copies = tee(golds)
    bare = (copy_without_relations(gold) for gold in copies)
    for doc, gold, source in zip(extract(nlp, bare, is_given=True), golds, sources):
        source = from_doc(gold, spans_key=spans_key, source=source).source
        yield from_doc(doc, spans_key=spans_key, scores=True, source=source)

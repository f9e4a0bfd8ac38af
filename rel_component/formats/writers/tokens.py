"""Tokens for formats with token indices, aligned with entities."""

from itertools import accumulate
from typing import List, Tuple

from spacy.tokens import Doc

from ..record import EntityRecord, Offsets, Record
from ..report import Report
from ..tokens import load_tokenizer, make_doc
from .base import WriteOptions

SPACING = "whitespace of documents"


class Tokens:
    """The tokens of a record: its own, or from the language's tokenizer; split if an
    entity starts or ends inside.

    doc (Doc): the tokens, with the record's text.
    """

    def __init__(self, record: Record, options: WriteOptions, report: Report) -> None:
        borders = {x for entity in record.entities for x in _ends(entity)}
        tokenizer = load_tokenizer(options.lang)
        self.doc: Doc = make_doc(tokenizer, record, borders, report)
        self._starts = {token.idx: token.i for token in self.doc}
        self._ends = {token.idx + len(token): token.i for token in self.doc}

    def find(self, entity: EntityRecord) -> Tuple[int, int]:
        """RETURNS (Tuple[int, int]): first and inclusive last token of an entity."""
        start, end = _ends(entity)
        return self._starts[start], self._ends[end]


class Words:
    """The words of a record, for formats without text; lost whitespace is counted.

    words (List[str]): the non-blank tokens.
    """

    def __init__(self, record: Record, options: WriteOptions, report: Report) -> None:
        self._tokens = Tokens(record, options, report)
        is_word = [not token.text.isspace() for token in self._tokens.doc]
        # number of words before each token
        self._before = [0, *accumulate(map(int, is_word))]
        self.words: List[str] = [
            token.text for token, is_it in zip(self._tokens.doc, is_word) if is_it
        ]
        report.ignored(SPACING, int(" ".join(self.words) != record.text))

    def find(self, entity: EntityRecord) -> Tuple[int, int]:
        """RETURNS (Tuple[int, int]): first and exclusive last word of an entity."""
        first, last = self._tokens.find(entity)
        return self._before[first], self._before[last + 1]


def _ends(entity: EntityRecord) -> Offsets:
    return entity.start, entity.end

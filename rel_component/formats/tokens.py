"""Tokens for annotated texts: a file's own, or the language's, split where needed."""

import re
from typing import Iterable, List, Optional, Sequence, Set

from spacy.language import Language
from spacy.tokens import Doc

from .record import Offsets, Record
from .report import Report


def make_doc(
    nlp: Language, record: Record, borders: Iterable[int], report: Report
) -> Doc:
    """The text of a record as tokens.

    nlp (Language): its tokenizer is used where the record has no tokens.
    record (Record): its own tokens are used if they are in order.
    borders (Iterable[int]): characters at which a token has to begin or end.
    report (Report): counts split tokens.
    RETURNS (Doc): whose text is that of the record, without annotation.
    """
    text = record.text
    doc = None
    tokens = _own_tokens(record, report)
    if tokens is None:
        doc = nlp.make_doc(text)
        tokens = [(token.idx, token.idx + len(token)) for token in doc]
    split = _split(tokens, set(borders))
    if len(split) > len(tokens):
        n_splits = len(split) - len(tokens)
        report.repair("tokens split at the border of an entity", n_splits)
    elif doc is not None:
        return doc
    return _build(nlp, text, split)


def set_sentences(doc: Doc, sentences: Optional[Sequence[Offsets]]) -> None:
    """Mark the first token of each sentence.

    doc (Doc): is changed.
    sentences (Optional[Sequence[Tuple[int, int]]]): their characters.
    """
    if not sentences or not len(doc):
        return
    starts = {start for start, _ in sentences}
    for token in doc:
        token.is_sent_start = token.i == 0 or token.idx in starts


def _own_tokens(record: Record, report: Report) -> Optional[List[Offsets]]:
    if record.tokens is None:
        return None
    text, tokens, pos = record.text, [], 0
    for start, end in record.tokens:
        if not pos <= start < end <= len(text):
            report.repair("tokens of the file out of order: tokenized anew")
            return None
        tokens += _uncovered(text, pos, start)
        tokens.append((start, end))
        pos = end
    tokens += _uncovered(text, pos, len(text))
    added = len(tokens) - len(record.tokens)
    report.repair("tokens added for text outside the file's tokens", added)
    return tokens


def _uncovered(text: str, start: int, end: int) -> List[Offsets]:
    gap = text[start:end]
    if not gap or gap.isspace():
        return []
    return [(start + m.start(), start + m.end()) for m in re.finditer(r"\S+", gap)]


def _split(tokens: Iterable[Offsets], borders: Set[int]) -> List[Offsets]:
    split = []
    for start, end in tokens:
        for border in range(start + 1, end):
            if border in borders:
                split.append((start, border))
                start = border
        split.append((start, end))
    return split


def _build(nlp: Language, text: str, tokens: Sequence[Offsets]) -> Doc:
    words: List[str] = []
    spaces: List[bool] = []
    pos = 0
    for start, end in [*tokens, (len(text), len(text))]:
        gap = text[pos:start]
        if gap.startswith(" ") and words:
            spaces[-1] = True
            gap = gap[1:]
        for word in (gap, text[start:end]):
            if word:
                words.append(word)
                spaces.append(False)
        pos = end
    return Doc(nlp.vocab, words=words, spaces=spaces)

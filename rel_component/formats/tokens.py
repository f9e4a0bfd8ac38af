"""Tokens for annotated texts: a file's own, or the language's, split where needed."""

import re
from bisect import bisect_right
from functools import lru_cache
from itertools import chain
from types import SimpleNamespace
from typing import Iterable, List, Optional, Sequence, Set

import numpy
from spacy.attrs import IDX, SENT_START
from spacy.tokenizer import Tokenizer
from spacy.tokens import Doc
from spacy.util import get_lang_class, registry
from spacy.vocab import Vocab, create_vocab

from .base import FormatError
from .record import Offsets, Record
from .report import Report


@lru_cache(maxsize=8)
def load_tokenizer(lang: str) -> Tokenizer:
    """The tokenizer of a language; the same one, with the same vocabulary, each time.

    Not `spacy.blank`: it imports all that is installed beside spaCy, transformers too,
    and takes seconds.

    lang (str): language code.
    RETURNS (Tokenizer): with a vocabulary.
    RAISES (FormatError): if spaCy has no such language, or needs a package for it.
    """
    try:
        language = get_lang_class(lang)
        # as much of a pipeline as tokenizers need
        pipeline = SimpleNamespace(
            lang=lang,
            vocab=create_vocab(lang, language.Defaults),
            Defaults=language.Defaults,
        )
        config = {"make": language.default_config["nlp"]["tokenizer"]}
        return registry.resolve(config)["make"](pipeline)
    except (ImportError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise FormatError(
            f"--lang {lang}: spaCy can't create a tokenizer for it ({reason}). Use a "
            f"code such as en, de, es, ru, or xx for any language."
        ) from None


def make_doc(
    tokenizer: Tokenizer, record: Record, borders: Iterable[int], report: Report
) -> Doc:
    """Tokenize a record.

    tokenizer (Tokenizer): used if the record has no tokens.
    record (Record): the record; its tokens are used if they are in order.
    borders (Iterable[int]): characters that must be token boundaries.
    report (Report): counts split tokens.
    RETURNS (Doc): a Doc with the record's text, without annotation.
    """
    text = record.text
    doc = None
    tokens = _own_tokens(record, report)
    if tokens is None:
        doc = tokenizer(text)
        tokens = [(token.idx, token.idx + len(token)) for token in doc]
    split = _split(tokens, set(borders))
    if len(split) > len(tokens):
        n_splits = len(split) - len(tokens)
        report.repair("tokens split at the border of an entity", n_splits)
    elif doc is not None:
        return doc
    return _build(tokenizer.vocab, text, split)


def set_sentences(doc: Doc, sentences: Optional[Sequence[Offsets]]) -> None:
    """Mark the first token of each sentence.

    doc (Doc): the Doc, modified in place.
    sentences (Optional[Sequence[Tuple[int, int]]]): characters of the sentences.
    """
    if not sentences or not len(doc):
        return
    is_start = numpy.isin(doc.to_array(IDX), [start for start, _ in sentences])
    is_start[0] = True
    # all at once, since setting is_sent_start of a token iterates over the whole Doc
    marks = numpy.where(is_start, 1, -1).astype("uint64")
    doc.from_array([SENT_START], marks[:, None])  # type: ignore[arg-type]


def _own_tokens(record: Record, report: Report) -> Optional[Sequence[Offsets]]:
    if record.tokens is None:
        return None
    text, size = record.text, len(record.text)
    # text between tokens, and before and after all of them
    gaps, pos = [], 0
    for start, end in record.tokens:
        if not pos <= start < end <= size:
            report.repair("tokens of the file out of order: retokenized")
            return None
        if start > pos and text[pos:start] != " ":
            gaps.append((pos, start))
        pos = end
    gaps.append((pos, size))
    added = [found for gap in gaps for found in _find_words(text, *gap)]
    report.repair("tokens added for text outside the file's tokens", len(added))
    return sorted([*record.tokens, *added]) if added else record.tokens


def _find_words(text: str, start: int, end: int) -> List[Offsets]:
    gap = text[start:end]
    if not gap or gap.isspace():
        return []
    return [(start + m.start(), start + m.end()) for m in re.finditer(r"\S+", gap)]


def _split(tokens: Sequence[Offsets], borders: Set[int]) -> Sequence[Offsets]:
    inner = borders.difference(chain.from_iterable(tokens))
    if not inner:
        return tokens
    ordered, split = sorted(inner), []
    for start, end in tokens:
        i = bisect_right(ordered, start)
        while i < len(ordered) and ordered[i] < end:
            split.append((start, ordered[i]))
            start = ordered[i]
            i += 1
        split.append((start, end))
    return split


def _build(vocab: Vocab, text: str, tokens: Sequence[Offsets]) -> Doc:
    words: List[str] = []
    spaces: List[bool] = []
    pos = 0
    for start, end in [*tokens, (len(text), len(text))]:
        if start > pos:
            gap = text[pos:start]
            if words and gap[0] == " ":
                spaces[-1] = True
                gap = gap[1:]
            if gap:
                words.append(gap)
                spaces.append(False)
        if end > start:
            words.append(text[start:end])
            spaces.append(False)
        pos = end
    return Doc(vocab, words=words, spaces=spaces)

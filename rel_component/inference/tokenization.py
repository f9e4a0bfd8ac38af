"""Tokenize texts in linear time, whatever they contain."""

import re
from functools import lru_cache
from typing import Any, Callable, List, Optional

from spacy.language import Language
from spacy.tokenizer import Tokenizer
from spacy.tokens import Doc

# maximum characters without whitespace to pass to the tokenizer
MAX_RUN = 1000
# size of the window at the start or end of such a run to search for affixes, and the
# margin of the window in which a match requires a search of the whole run
WINDOW = 24
MARGIN = 6
LONG_RUN = re.compile(rf"\S{{{MAX_RUN + 1},}}")

Search = Callable[[str], Optional["re.Match[str]"]]


def tokenize(nlp: Language, text: str) -> Doc:
    """Create a Doc like `nlp.make_doc`, but never in quadratic time.

    spaCy's tokenizer splits off punctuation one by one, and searches the whole run of
    non-whitespace characters each time, which takes minutes for 100,000 brackets. This
    function only searches both ends, and splits runs of more than MAX_RUN characters.

    nlp (Language): the pipeline. Custom tokenizers are used unchanged.
    text (str): the text.
    RETURNS (Doc): same tokens as `nlp.make_doc`, unless a run was split.
    """
    tokenizer = nlp.tokenizer
    if not isinstance(tokenizer, Tokenizer):
        return nlp.make_doc(text)
    bound_tokenizer(tokenizer)
    pieces = cut_runs(text) if len(text) <= nlp.max_length else [text]
    docs = [nlp.make_doc(piece) for piece in pieces]
    return docs[0] if len(docs) == 1 else Doc.from_docs(docs, ensure_whitespace=False)


def bound_tokenizer(tokenizer: Tokenizer) -> None:
    """Let a tokenizer search for affixes in a window. Must not be called within a
    memory zone, since it clears the tokenizer's cache.

    tokenizer (Tokenizer): the tokenizer, modified in place.
    """
    if not isinstance(tokenizer.suffix_search, (_Window, type(None))):
        tokenizer.suffix_search = _Window(tokenizer.suffix_search, True)
    if not isinstance(tokenizer.prefix_search, (_Window, type(None))):
        tokenizer.prefix_search = _Window(tokenizer.prefix_search, False)


def cut_runs(text: str) -> List[str]:
    """RETURNS (List[str]): the text, split so that no piece has more than MAX_RUN
    characters without whitespace."""
    borders = [0]
    for run in LONG_RUN.finditer(text):
        borders.extend(range(run.start() + MAX_RUN, run.end(), MAX_RUN))
    return [text[start:end] for start, end in zip(borders, [*borders[1:], len(text)])]


class _Window:
    """Search for an affix at one end of a string.

    search (Callable): the `search` method of a compiled pattern.
    at_end (bool): whether to search for a suffix instead of a prefix.
    """

    def __init__(self, search: Search, at_end: bool) -> None:
        self.search = search
        self.at_end = at_end
        self._search_part = lru_cache(maxsize=4096)(search)
        # spaCy saves the pattern from this attribute
        self.__self__: Any = getattr(search, "__self__", None)

    def __reduce__(self) -> Any:
        return _Window, (self.search, self.at_end)

    def __call__(self, string: str) -> Optional["re.Match[str]"]:
        if len(string) <= WINDOW:
            return self.search(string)
        match = self._search_part(string[-WINDOW:] if self.at_end else string[:WINDOW])
        if match is None:
            return None
        room = match.start() if self.at_end else WINDOW - match.end()
        return match if room >= MARGIN else self.search(string)

"""Texts to tokens, in a time that is linear in their length whatever is in them."""

import re
from functools import lru_cache
from typing import Any, Callable, List, Optional

from spacy.language import Language
from spacy.tokenizer import Tokenizer
from spacy.tokens import Doc

# characters without a blank that the tokenizer gets at one time
MAX_RUN = 1000
# characters at the beginning or end of such a run in which an affix is looked for, and
# how near to the border of these one may come without being looked for in the whole run
WINDOW = 24
MARGIN = 6
LONG_RUN = re.compile(rf"\S{{{MAX_RUN + 1},}}")

Search = Callable[[str], Optional["re.Match[str]"]]


def tokenize(nlp: Language, text: str) -> Doc:
    """Make a Doc of a text as `nlp.make_doc` does, but never in quadratic time.

    spaCy's tokenizer takes punctuation off a run of characters without blanks one by
    one, and each time searches the whole run for the next: minutes for 100,000
    brackets. Here it searches the two ends only, and a run of more than MAX_RUN
    characters is cut.

    nlp (Language): its tokenizer is used. One of another class than spaCy's
        `Tokenizer` is used as it is.
    text (str): the text.
    RETURNS (Doc): its tokens; those of `nlp.make_doc`, unless a run was cut.
    """
    tokenizer = nlp.tokenizer
    if not isinstance(tokenizer, Tokenizer):
        return nlp.make_doc(text)
    bound_tokenizer(tokenizer)
    pieces = cut_runs(text) if len(text) <= nlp.max_length else [text]
    docs = [nlp.make_doc(piece) for piece in pieces]
    return docs[0] if len(docs) == 1 else Doc.from_docs(docs, ensure_whitespace=False)


def bound_tokenizer(tokenizer: Tokenizer) -> None:
    """Let a tokenizer look for affixes in a window. Not to be called within a memory
    zone: what the tokenizer has cached is dropped.

    tokenizer (Tokenizer): changed in place; saves and tokenizes as before.
    """
    if not isinstance(tokenizer.suffix_search, (_Window, type(None))):
        tokenizer.suffix_search = _Window(tokenizer.suffix_search, True)
    if not isinstance(tokenizer.prefix_search, (_Window, type(None))):
        tokenizer.prefix_search = _Window(tokenizer.prefix_search, False)


def cut_runs(text: str) -> List[str]:
    """RETURNS (List[str]): the text in pieces without a run of more than MAX_RUN
    characters between blanks; one piece, if there is no such run."""
    borders = [0]
    for run in LONG_RUN.finditer(text):
        borders.extend(range(run.start() + MAX_RUN, run.end(), MAX_RUN))
    return [text[start:end] for start, end in zip(borders, [*borders[1:], len(text)])]


class _Window:
    """A search for an affix that looks at one end of a string only.

    search (Callable): of a compiled pattern.
    at_end (bool): whether it looks for a suffix; else for a prefix.
    """

    def __init__(self, search: Search, at_end: bool) -> None:
        self.search = search
        self.at_end = at_end
        self._search_part = lru_cache(maxsize=4096)(search)
        # from which spaCy saves the pattern
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

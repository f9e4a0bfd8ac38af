"""Texts put together from a file's own words, for formats that have no text."""

from typing import Any, Iterable, List, Sequence, Tuple

from .fields import FieldError, check, show
from .record import Offsets


def check_words(value: Any, path: str) -> List[str]:
    """The value, if it is a list of words; some may be nothing but whitespace.

    value (Any): as the file has it.
    path (str): its field, for the message.
    RETURNS (List[str]): may be empty.
    RAISES (FieldError): naming the first that is no word.
    """
    for i, word in enumerate(check(value, list, path)):
        if not check(word, str, f"{path}[{i}]"):
            raise FieldError(f"{path}[{i}]", f"found {show(word)}, expected a word")
    return value


def check_sentence(value: Any, path: str) -> List[str]:
    """The value, if it is a list of words, and not an empty one.

    RAISES (FieldError): naming the first that is no word.
    """
    if not check_words(value, path):
        raise FieldError(path, "found an empty list, expected words")
    return value


def check_sentences(value: Any, path: str) -> List[List[str]]:
    """The value, if it is a list of sentences, which are lists of words.

    value (Any): as the file has it.
    path (str): its field, for the message.
    RETURNS (List[List[str]]): a sentence may be empty, but not all are.
    RAISES (FieldError): naming the first that is wrong.
    """
    for i, sentence in enumerate(check(value, list, path)):
        check_words(sentence, f"{path}[{i}]")
    if not any(value):
        raise FieldError(path, f"found {show(value)}, expected words")
    return value


def squeeze(text: str) -> str:
    """RETURNS (str): a text without blanks and capitals, to compare names that were
    tokenized or lower-cased."""
    return "".join(text.split()).casefold()


def join_words(words: Sequence[str]) -> Tuple[str, List[Offsets]]:
    """One blank between words.

    words (Sequence[str]): none of them empty.
    RETURNS (Tuple[str, List[Tuple[int, int]]]): the text, and where the words stand.
    """
    tokens: List[Offsets] = []
    start = 0
    for word in words:
        tokens.append((start, start + len(word)))
        start += len(word) + 1
    return " ".join(words), tokens


class Text:
    """Sentences put together to one text, a blank between them.

    text (str): the whole.
    tokens (List[Tuple[int, int]]): characters of all words.
    ranges (List[Tuple[int, int]]): first and exclusive last word of each sentence.
    """

    def __init__(self, sentences: Iterable[Sequence[str]]) -> None:
        words: List[str] = []
        self.ranges: List[Offsets] = []
        for sentence in sentences:
            self.ranges.append((len(words), len(words) + len(sentence)))
            words += sentence
        self.text, self.tokens = join_words(words)

    @property
    def sentences(self) -> List[Offsets]:
        """RETURNS (List[Tuple[int, int]]): characters of the sentences with words."""
        return [self.span(start, end) for start, end in self.ranges if start < end]

    def span(self, start: int, end: int) -> Offsets:
        """Characters of some words.

        start (int): the first word.
        end (int): the one after the last.
        RETURNS (Tuple[int, int]): start and exclusive end.
        """
        return self.tokens[start][0], self.tokens[end - 1][1]

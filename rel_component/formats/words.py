"""Create texts from words, for formats without text."""

from typing import Any, Iterable, List, Sequence, Tuple

from .fields import FieldError, check, show
from .record import Offsets


def check_words(value: Any, path: str) -> List[str]:
    """Check that a value is a list of words, which may be whitespace.

    value (Any): the value in the file.
    path (str): its field, for the message.
    RETURNS (List[str]): the words, may be empty.
    RAISES (FieldError): if any item is not a word.
    """
    for i, word in enumerate(check(value, list, path)):
        if not check(word, str, f"{path}[{i}]"):
            raise FieldError(f"{path}[{i}]", f"found {show(word)}, expected a word")
    return value


def check_sentence(value: Any, path: str) -> List[str]:
    """Check that a value is a non-empty list of words.

    RAISES (FieldError): if it's empty, or any item is not a word.
    """
    if not check_words(value, path):
        raise FieldError(path, "found an empty list, expected words")
    return value


def check_sentences(value: Any, path: str) -> List[List[str]]:
    """Check that a value is a list of sentences, which are lists of words.

    value (Any): the value in the file.
    path (str): its field, for the message.
    RETURNS (List[List[str]]): the sentences, some of which may be empty.
    RAISES (FieldError): if any item is invalid, or all sentences are empty.
    """
    for i, sentence in enumerate(check(value, list, path)):
        check_words(sentence, f"{path}[{i}]")
    if not any(value):
        raise FieldError(path, f"found {show(value)}, expected words")
    return value


def squeeze(text: str) -> str:
    """RETURNS (str): the lowercase text without whitespace, to compare tokenized or
    lowercase names."""
    return "".join(text.split()).casefold()


def join_words(words: Sequence[str]) -> Tuple[str, List[Offsets]]:
    """Join words by spaces.

    words (Sequence[str]): non-empty words.
    RETURNS (Tuple[str, List[Tuple[int, int]]]): the text, and the characters of each
        word.
    """
    tokens: List[Offsets] = []
    start = 0
    for word in words:
        tokens.append((start, start + len(word)))
        start += len(word) + 1
    return " ".join(words), tokens


class Text:
    """A text of sentences joined by spaces.

    text (str): the whole text.
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
        """Get the characters of a span of words.

        start (int): first word.
        end (int): exclusive last word.
        RETURNS (Tuple[int, int]): start and exclusive end.
        """
        return self.tokens[start][0], self.tokens[end - 1][1]

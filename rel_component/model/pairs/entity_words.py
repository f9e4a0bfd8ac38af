"""Compare the texts of two entities: the same name, or a part or variant of it.

Names are repeated in different forms: in full, by surname, inflected, as initials. The
words of each entity are hashed, so that pairs are compared as integers.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Sequence, Tuple

import numpy
from spacy.attrs import ORTH
from spacy.strings import get_string_id
from spacy.tokens import Doc

from ..candidates import Entities
from ..entity_vectors import get_token_rows

# number of first letters that are compared, since inflection changes the last ones
STEM_LENGTH = 4
# how two names are related: they share a stem, one has the initials of the other, one
# is a word of the other, or all stems are equal
STEM, INITIALS, PART, STEMS = range(4)
# unrelated; each of the above, for repeated or new names; same text
N_SHARED = 1 + 2 * 4 + 1
# odd base for hashing several words
BASE = numpy.uint64(0x9E3779B97F4A7C15)
# different, so that entities without initials and letters don't match each other
NO_INITIALS, NO_LETTERS = numpy.uint64(0), numpy.uint64(1)


@dataclass
class Words:
    """Hashes of the words of a batch's entities.

    texts (Uints1d): (n_entities,), uint64, hash of the lowercase text.
    stems (Uints1d): (n_entities,), uint64, hash of the stems of all words.
    first, last (Uints1d): (n_entities,), uint64, hash of the stem of the first and last
        word.
    initials (Uints1d): (n_entities,), uint64, hash of the initials of several words;
        a constant for single words.
    letters (Uints1d): (n_entities,), uint64, hash of the letters of a single uppercase
        word; a constant for others.
    is_single (Bools1d): (n_entities,), whether it's a single word.
    is_new (Bools1d): (n_entities,), whether its text is new in its Doc.
    """

    texts: numpy.ndarray
    stems: numpy.ndarray
    first: numpy.ndarray
    last: numpy.ndarray
    initials: numpy.ndarray
    letters: numpy.ndarray
    is_single: numpy.ndarray
    is_new: numpy.ndarray

    def compare(self, heads: numpy.ndarray, tails: numpy.ndarray) -> numpy.ndarray:
        """Compare heads and tails.

        heads, tails (Ints1d): (n_pairs,), rows of the entities.
        RETURNS (Ints1d): (n_pairs,), int32, how each pair is related, below `N_SHARED`.
        """
        first, last = self.first[heads], self.last[heads]
        other_first, other_last = self.first[tails], self.last[tails]
        shared = (last == other_last) | (first == other_first)
        shared |= (first == other_last) | (last == other_first)
        shared |= self.initials[heads] == self.letters[tails]
        shared |= self.letters[heads] == self.initials[tails]
        found = numpy.zeros(len(heads), dtype="int32")
        # most pairs are unrelated: only compare the others closely
        rows = numpy.flatnonzero(shared)
        found[rows] = self._compare_closely(heads[rows], tails[rows])
        return found

    def _compare_closely(
        self, heads: numpy.ndarray, tails: numpy.ndarray
    ) -> numpy.ndarray:
        kind = numpy.full(len(heads), STEM, dtype="int32")
        kind[self.initials[heads] == self.letters[tails]] = INITIALS
        kind[self.letters[heads] == self.initials[tails]] = INITIALS
        kind[(kind == STEM) & (self.is_single[heads] | self.is_single[tails])] = PART
        kind[self.stems[heads] == self.stems[tails]] = STEMS
        bucket = 1 + 2 * kind + (self.is_new[heads] & self.is_new[tails])
        bucket[self.texts[heads] == self.texts[tails]] = N_SHARED - 1
        return bucket


def get_words(docs: Sequence[Doc], entities: Entities) -> Words:
    """Hash the words of entities.

    docs (Sequence[Doc]): the batch.
    entities (Entities): its entities.
    RETURNS (Words): the hashes.
    """
    offsets = numpy.cumsum([0, *(len(doc) for doc in docs)])
    rows, lengths = get_token_rows(entities, offsets)
    described = _describe_tokens(docs, offsets, rows)
    starts = numpy.cumsum(lengths) - lengths
    is_single = lengths == 1
    texts = _hash_words(described[:, 0], starts, lengths)
    return Words(
        texts=texts,
        stems=_hash_words(described[:, 1], starts, lengths),
        first=described[starts, 1],
        last=described[starts + lengths - 1, 1],
        initials=numpy.where(
            is_single, NO_INITIALS, _hash_words(described[:, 2], starts, lengths)
        ),
        letters=numpy.where(is_single, described[starts, 3], NO_LETTERS),
        is_single=is_single,
        is_new=_find_new(texts, entities),
    )


def _find_new(texts: numpy.ndarray, entities: Entities) -> numpy.ndarray:
    """Find entities that are the first in their Doc with their text."""
    keys = texts + entities.docs.astype("uint64") * BASE
    is_new = numpy.zeros(len(keys), dtype=bool)
    is_new[numpy.unique(keys, return_index=True)[1]] = True
    return is_new


def _describe_tokens(
    docs: Sequence[Doc], offsets: numpy.ndarray, rows: numpy.ndarray
) -> numpy.ndarray:
    """RETURNS (Uints2d): (n_rows, 4), uint64, see `_describe`."""
    orths = numpy.zeros(int(offsets[-1]), dtype="uint64")
    for doc, start in zip(docs, offsets.tolist()):
        orths[start : start + len(doc)] = doc.to_array(ORTH)
    words, first, at = numpy.unique(orths[rows], return_index=True, return_inverse=True)
    number = numpy.searchsorted(offsets, rows[first], side="right") - 1
    # look each word up in a Doc that contains it, since vocabs may differ
    strings = [
        docs[i].vocab.strings[word] for i, word in zip(number.tolist(), words.tolist())
    ]
    described = [_describe(string) for string in strings]
    return numpy.asarray(described, dtype="uint64").reshape(-1, 4)[at]


@lru_cache(maxsize=1 << 16)
def _describe(word: str) -> Tuple[int, int, int, int]:
    """Hash the lowercase form, stem, initial and letters of a word."""
    lower = word.lower()
    letters = int(NO_LETTERS)
    if word.isupper() and len(word) > 1:
        ids = numpy.asarray([get_string_id(x) for x in word], dtype="uint64")
        start, length = numpy.asarray([0]), numpy.asarray([len(word)])
        letters = int(_hash_words(ids, start, length)[0])
    return (
        get_string_id(lower),
        get_string_id(lower[:STEM_LENGTH]),
        get_string_id(word[:1].upper()),
        letters,
    )


def _hash_words(
    hashes: numpy.ndarray, starts: numpy.ndarray, lengths: numpy.ndarray
) -> numpy.ndarray:
    """Hash each run of hashes, dependent on their order."""
    if not len(starts):
        return numpy.zeros(0, dtype="uint64")
    position = numpy.arange(len(hashes)) - numpy.repeat(starts, lengths)
    # overflow is intended: unsigned integers wrap around
    return numpy.add.reduceat(hashes * BASE ** position.astype("uint64"), starts)

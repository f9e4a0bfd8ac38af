"""BIOES tags of tokens: their numbers, and entities from and to them.

With T entity types there are 4 T + 1 tags: 0 for tokens outside of entities, then all
that begin an entity of several tokens, all inside one, all that end one, and all single
tokens that are one; within each kind the types in the order of the labels.
"""

from dataclasses import dataclass
from typing import Tuple

import numpy

OUTSIDE = 0
UNKNOWN = -1
BEGIN, INSIDE, END, SINGLE = range(4)


@dataclass(frozen=True)
class TagSet:
    """The tags of some entity types.

    n_types (int): T.
    """

    n_types: int

    @property
    def n_tags(self) -> int:
        return 4 * self.n_types + 1

    def columns(self, kind: int) -> slice:
        """RETURNS (slice): the tags of a kind, of `BEGIN` to `SINGLE`."""
        first = 1 + kind * self.n_types
        return slice(first, first + self.n_types)

    def split(self, scores: numpy.ndarray) -> Tuple[numpy.ndarray, ...]:
        """RETURNS (Tuple[Floats2d, ...]): views of columns: outside, then each kind."""
        kinds = (scores[..., self.columns(kind)] for kind in range(4))
        return (scores[..., :1], *kinds)

    def encode(
        self, tags: numpy.ndarray, spans: numpy.ndarray, types: numpy.ndarray
    ) -> None:
        """Write entities that do not overlap into tags.

        tags (Ints1d): (n_tokens,), changed in place.
        spans (Ints2d): (n, 2), first token and exclusive end.
        types (Ints1d): (n,), numbers from 0 on.
        """
        first = 1 + types
        for (start, end), tag in zip(spans.tolist(), first.tolist()):
            if end - start == 1:
                tags[start] = tag + SINGLE * self.n_types
            else:
                tags[start] = tag
                tags[start + 1 : end - 1] = tag + INSIDE * self.n_types
                tags[end - 1] = tag + END * self.n_types

    def decode(self, tags: numpy.ndarray) -> Tuple[numpy.ndarray, numpy.ndarray]:
        """Read the entities of legal tags.

        tags (Ints1d): (n_tokens,), of one document or of many side by side.
        RETURNS (Tuple[Ints2d, Ints1d]): (n, 2) first token and exclusive end of each
            entity, in order, and its type.
        """
        kinds, types = numpy.divmod(tags - 1, max(self.n_types, 1))
        kinds = numpy.where(tags == OUTSIDE, -1, kinds)
        starts = numpy.flatnonzero((kinds == BEGIN) | (kinds == SINGLE))
        ends = numpy.flatnonzero((kinds == END) | (kinds == SINGLE)) + 1
        return numpy.stack([starts, ends], axis=1), types[starts]

    def is_legal(self, tags: numpy.ndarray, starts: numpy.ndarray) -> numpy.ndarray:
        """Which documents' tags are a legal path.

        tags (Ints1d): (n_tokens,), of documents side by side.
        starts (Ints1d): (n_docs,), first token of each; none is empty.
        RETURNS (Bools1d): (n_docs,).
        """
        kinds, types = numpy.divmod(tags - 1, max(self.n_types, 1))
        outside = tags == OUTSIDE
        is_open = ~outside & (kinds <= INSIDE)  # an entity goes on behind the token
        goes_on = ~outside & ((kinds == INSIDE) | (kinds == END))
        before = numpy.concatenate([[False], is_open[:-1]])
        before[starts] = False
        type_before = numpy.concatenate([[-1], types[:-1]])
        wrong = (goes_on != before) | (goes_on & before & (types != type_before))
        last = numpy.append(starts[1:], len(tags)) - 1
        wrong[last] |= is_open[last]
        return ~numpy.logical_or.reduceat(wrong, starts)

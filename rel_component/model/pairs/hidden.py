"""The hidden layer over pairs: a sum of rows, one block of pairs at a time."""

from dataclasses import dataclass
from typing import Callable, List, Optional, Sequence, Tuple

import numpy
from spacy.tokens import Doc
from thinc.api import Model, Ops
from thinc.types import Floats2d, Ints1d

from ..arrays import to_floats2d, to_ints1d
from ..candidates import Candidates
from .buckets import PairBuckets, sum_rows
from .dropout import Dropout


@dataclass
class Terms:
    """What an entity contributes to its pairs.

    heads, tails (Floats2d): (n_entities, nH), to the hidden layer.
    biaffine_heads, biaffine_tails (Floats2d): (n_entities, nK).
    """

    heads: Floats2d
    tails: Floats2d
    biaffine_heads: Floats2d
    biaffine_tails: Floats2d

    @classmethod
    def split(cls, ops: Ops, X: Floats2d, nH: int, nK: int) -> "Terms":
        borders = (0, nH, 2 * nH, 2 * nH + nK, 2 * nH + 2 * nK)
        return cls(*(ops.as_contig(X[:, a:b]) for a, b in zip(borders, borders[1:])))

    def join(self, ops: Ops) -> Floats2d:
        parts = (self.heads, self.tails, self.biaffine_heads, self.biaffine_tails)
        return ops.xp.hstack(parts)


@dataclass
class Block:
    """Where the rows of some pairs are found.

    heads, tails (Ints1d): (n_pairs,), rows of entities.
    codes (List[Ints1d]): (n_pairs,), rows of each table.
    first, second (Ints1d): (n_pairs,), the two entities in the order of the text.
    weights (Floats2d): (n_pairs, 1), 1 / the number of tokens between, or 0 without
        any.
    """

    heads: Ints1d
    tails: Ints1d
    codes: List[Ints1d]
    first: Ints1d
    second: Ints1d
    weights: Floats2d


class PairHidden:
    """The hidden layer of blocks of pairs, and the gradients of its terms."""

    def __init__(
        self,
        model: Model,
        docs: Sequence[Doc],
        candidates: Candidates,
        types: numpy.ndarray,
        terms: Terms,
        sums: Optional[Floats2d],
        drop: Dropout,
    ) -> None:
        ops = self.ops = model.ops
        self.candidates, self.terms, self.sums = candidates, terms, sums
        self.direct_scale = model.attrs["direct_scale"]
        self.buckets = PairBuckets(model, docs, candidates, types)
        # each table's part to the hidden layer, and the one to the logits
        nH, tables = terms.heads.shape[1], self.buckets.tables
        self.tables = [ops.as_contig(table[:, :nH]) for table in tables]
        self.direct_tables = [self.direct_scale * table[:, nH:] for table in tables]
        # tokens' sums have a row more for each Doc
        layout, number = self.buckets.layout, candidates.entities.docs
        self.start_rows = to_ints1d(ops, layout.starts + number)
        self.end_rows = to_ints1d(ops, layout.ends + number)
        # 1 / each number of tokens between; 0 for none, which have no mean
        longest = max((len(doc) for doc in docs), default=0)
        self.inverse = 1.0 / numpy.maximum(numpy.arange(longest + 1), 1)
        self.inverse[0] = 0.0
        # one mask for all pairs of a head, so that a block can be computed again
        self.mask = drop.get_mask(terms.heads.shape)
        self.d_terms = Terms(*(ops.alloc2f(*x.shape) for x in vars(terms).values()))
        self.d_starts = ops.alloc2f(*terms.heads.shape)
        self.d_ends = ops.alloc2f(*terms.heads.shape)
        if sums is not None:
            self.starts, self.ends = sums[self.start_rows], sums[self.end_rows]

    def locate(self, block: slice) -> Block:
        """RETURNS (Block): where the rows of a block of pairs are found."""
        codes, between = self.buckets.get_codes(block)
        heads, tails = numpy.ascontiguousarray(self.candidates.pairs[block].T)
        weights = numpy.take(self.inverse, between.distance, mode="clip")
        return Block(
            to_ints1d(self.ops, heads),
            to_ints1d(self.ops, tails),
            codes,
            to_ints1d(self.ops, between.first),
            to_ints1d(self.ops, between.second),
            to_floats2d(self.ops, weights[:, None]),
        )

    def __call__(
        self, block: Block
    ) -> Tuple[Floats2d, Callable[[Floats2d, Floats2d], None]]:
        """Hidden layer, and the way back from its gradient and that of the logits, to
        which the tables go directly, too."""
        ops, take = self.ops, self.ops.xp.take
        Z = self._sum(block)
        # an array of zeros: three times faster than a number, or Thinc's `relu`
        Z = ops.xp.maximum(Z, ops.alloc2f(*Z.shape), out=Z)
        if self.mask is not None:
            Z *= take(self.mask, block.heads, axis=0)

        def backprop(dZ: Floats2d, d_direct: Floats2d) -> None:
            if self.mask is not None:
                dZ *= take(self.mask, block.heads, axis=0)
            dZ = ops.backprop_relu(dZ, Z, inplace=True)
            ops.scatter_add(self.d_terms.heads, block.heads, dZ)
            ops.scatter_add(self.d_terms.tails, block.tails, dZ)
            d_rows = ops.xp.hstack([dZ, self.direct_scale * d_direct])
            self.buckets.add_gradient(block.codes, d_rows)
            if self.sums is not None:
                dZ *= block.weights
                ops.scatter_add(self.d_starts, block.second, dZ)
                ops.scatter_add(self.d_ends, block.first, -dZ)

        return Z, backprop

    def _sum(self, block: Block) -> Floats2d:
        """Rows of head and tail, of the tables, and the mean of the tokens between."""
        take = self.ops.xp.take
        Z = take(self.terms.heads, block.heads, axis=0)
        Z += take(self.terms.tails, block.tails, axis=0)
        rows = sum_rows(self.ops, self.tables, block.codes)
        if rows is not None:
            Z += rows
        if self.sums is not None:
            between = take(self.starts, block.second, axis=0)
            between -= take(self.ends, block.first, axis=0)
            between *= block.weights
            Z += between
        return Z

    def finish(self) -> Tuple[Terms, Optional[Floats2d]]:
        """Pass on what all blocks have added up."""
        self.buckets.finish()
        if self.sums is None:
            return self.d_terms, None
        d_sums = self.ops.xp.zeros_like(self.sums)
        self.ops.scatter_add(d_sums, self.start_rows, self.d_starts)
        self.ops.scatter_add(d_sums, self.end_rows, self.d_ends)
        return self.d_terms, d_sums

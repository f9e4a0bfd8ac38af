"""The hidden layer over pairs, as a sum of rows, one block of pairs at a time."""

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
    """Terms of the entities, which pairs add up.

    heads, tails (Floats2d): (n_entities, nH), terms of the hidden layer.
    biaffine_heads, biaffine_tails (Floats2d): (n_entities, nK), biaffine inputs.
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
    """Indices of the rows to sum up for a block of pairs.

    heads, tails (Ints1d): (n_pairs,), rows of entities.
    codes (List[Ints1d]): (n_pairs,), rows of each table.
    first, second (Ints1d): (n_pairs,), both entities in text order.
    weights (Floats2d): (n_pairs, 1), 1 / number of tokens between them, or 0 if none.
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
        # the columns of each table for the hidden layer, and those for the logits
        nH, tables = terms.heads.shape[1], self.buckets.tables
        self.tables = [ops.as_contig(table[:, :nH]) for table in tables]
        self.direct_tables = [self.direct_scale * table[:, nH:] for table in tables]
        # running sums have an additional row per Doc
        layout, number = self.buckets.layout, candidates.entities.docs
        self.start_rows = to_ints1d(ops, layout.starts + number)
        self.end_rows = to_ints1d(ops, layout.ends + number)
        # 1 / number of tokens between; 0 if none, since their mean is undefined
        longest = max((len(doc) for doc in docs), default=0)
        self.inverse = 1.0 / numpy.maximum(numpy.arange(longest + 1), 1)
        self.inverse[0] = 0.0
        # one mask for all pairs of a head, so that blocks can be recomputed
        self.mask = drop.get_mask(terms.heads.shape)
        self.d_terms = Terms(*(ops.alloc2f(*x.shape) for x in vars(terms).values()))
        self.d_starts = ops.alloc2f(*terms.heads.shape)
        self.d_ends = ops.alloc2f(*terms.heads.shape)
        if sums is not None:
            self.starts, self.ends = sums[self.start_rows], sums[self.end_rows]

    def locate(self, block: slice) -> Block:
        """RETURNS (Block): the indices of a block of pairs."""
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
        """Compute the hidden layer; its backprop takes the gradients of the hidden
        layer and of the logits, to which the tables are also added directly."""
        ops, take = self.ops, self.ops.xp.take
        Z = self._sum(block)
        # with an array of zeros: 3 times faster than with a scalar, or Thinc's `relu`
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
        """Add up head, tail, buckets and the mean of the tokens between."""
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
        """Get the accumulated gradients of terms and running sums."""
        self.buckets.finish()
        if self.sums is None:
            return self.d_terms, None
        d_sums = self.ops.xp.zeros_like(self.sums)
        self.ops.scatter_add(d_sums, self.start_rows, self.d_starts)
        self.ops.scatter_add(d_sums, self.end_rows, self.d_ends)
        return self.d_terms, d_sums

"""The hidden layer over pairs, one block of pairs at a time."""

from dataclasses import dataclass
from typing import Callable, List, Optional, Tuple

import numpy
from spacy.tokens import Doc
from thinc.api import Model, Ops
from thinc.types import Floats2d

from ..candidates import Candidates
from .buckets import PairBuckets
from .dropout import Dropout
from .layers import mean_windows


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


class PairHidden:
    """The hidden layer of blocks of pairs, and the gradients of its terms."""

    def __init__(
        self,
        model: Model,
        docs: List[Doc],
        candidates: Candidates,
        types: numpy.ndarray,
        terms: Terms,
        sums: Optional[Floats2d],
        drop: Dropout,
    ) -> None:
        self.ops = model.ops
        self.candidates, self.terms, self.sums = candidates, terms, sums
        self.direct_scale = model.attrs["direct_scale"]
        self.buckets = PairBuckets(model, docs, candidates, types)
        # one mask for all pairs of a head, so that a block can be computed again
        self.mask = drop.get_mask(terms.heads.shape)
        like = self.ops.xp.zeros_like
        self.d_terms = Terms(*(like(x) for x in vars(terms).values()))
        self.d_sums = None if sums is None else like(sums)

    def __call__(
        self, block: slice
    ) -> Tuple[Floats2d, Optional[Floats2d], Callable[[Floats2d, Floats2d], None]]:
        """Hidden layer, what goes to the logits directly, and the way back."""
        xp, asarray = self.ops.xp, self.ops.asarray1i
        heads, tails = numpy.ascontiguousarray(self.candidates.pairs[block].T)
        at_head, at_tail = asarray(heads), asarray(tails)
        wide, between, bp_buckets = self.buckets(block)
        Z = xp.take(self.terms.heads, at_head, axis=0)
        Z += xp.take(self.terms.tails, at_tail, axis=0)
        nH, direct = Z.shape[1], None
        if wide is not None:
            Z += wide[:, :nH]
            direct = self.direct_scale * wide[:, nH:]
        bp_window = None
        if self.sums is not None:
            number = self.candidates.entities.docs[heads]
            starts, ends = (
                asarray(between.start + number),
                asarray(between.end + number),
            )
            window, bp_window = mean_windows(self.ops, self.sums, starts, ends)
            Z += window
        xp.maximum(Z, 0, out=Z)
        if self.mask is not None:
            Z *= xp.take(self.mask, at_head, axis=0)

        def backprop(dZ: Floats2d, d_direct: Floats2d) -> None:
            if self.mask is not None:
                dZ *= xp.take(self.mask, at_head, axis=0)
            dZ *= Z > 0
            self.ops.scatter_add(self.d_terms.heads, at_head, dZ)
            self.ops.scatter_add(self.d_terms.tails, at_tail, dZ)
            bp_buckets(xp.hstack([dZ, self.direct_scale * d_direct]))
            if bp_window is not None:
                bp_window(dZ, self.d_sums)

        return Z, direct, backprop

    def finish(self) -> Tuple[Terms, Optional[Floats2d]]:
        """Pass on what all blocks have added up."""
        self.buckets.finish()
        return self.d_terms, self.d_sums

"""The hidden layer over pairs, one block of pairs at a time."""

from dataclasses import dataclass
from typing import Callable, Dict, List, Optional, Tuple

import numpy
from spacy.strings import get_string_id
from spacy.tokens import Doc
from thinc.api import Model, Ops
from thinc.types import Floats2d

from .candidates import Candidates
from .dropout import Dropout
from .pair_features import Between, get_between, get_codes, get_layout
from .pair_layers import combine_tables, inc_grads, mean_windows


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


def get_type_numbers(model: Model) -> Dict[int, int]:
    """RETURNS (Dict[int, int]): hash of each known entity type → number, from 1."""
    types = model.attrs["entity_types"]
    return {get_string_id(type_): i for i, type_ in enumerate(types, 1)}


def get_types(
    model: Model, candidates: Candidates, is_train: bool = False
) -> numpy.ndarray:
    """The type of each entity as a row of the tables.

    RETURNS (Ints1d): (n_entities,), int32; 0 for a type unknown, or hidden in training.
    """
    known = get_type_numbers(model)
    found = [known.get(type_, 0) for type_ in candidates.entities.types.tolist()]
    types = numpy.asarray(found, dtype="int32")
    if is_train and model.attrs["type_dropout"]:
        types[numpy.random.random(len(types)) < model.attrs["type_dropout"]] = 0
    return types


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
        self.model, self.ops = model, model.ops
        self.candidates, self.terms, self.sums = candidates, terms, sums
        self.types = types
        self.direct_scale = model.attrs["direct_scale"]
        self.names = [[f.__name__ for f, _ in group] for group in model.attrs["groups"]]
        self.layout = get_layout(
            docs,
            candidates.entities,
            get_type_numbers(model),
            words=any("_shared_words" in names for names in self.names),
        )
        if model.attrs["use_types"]:
            self.names.append(["type_pairs"])
        tables = [
            combine_tables(self.ops, [model.get_param(name) for name in names])
            for names in self.names
        ]
        self.tables = [table for table, _ in tables]
        self.bp_tables = [bp_table for _, bp_table in tables]
        # one mask for all pairs of a head, so that a block can be computed again
        self.mask = drop.get_mask(terms.heads.shape)
        like = self.ops.xp.zeros_like
        self.d_terms = Terms(*(like(x) for x in vars(terms).values()))
        self.d_tables = [like(table) for table in self.tables]
        self.d_sums = None if sums is None else like(sums)

    def __call__(
        self, block: slice
    ) -> Tuple[Floats2d, Optional[Floats2d], Callable[[Floats2d, Floats2d], None]]:
        """Hidden layer, what goes to the logits directly, and the way back."""
        xp, asarray = self.ops.xp, self.ops.asarray1i
        heads = numpy.ascontiguousarray(self.candidates.pairs[block, 0])
        tails = numpy.ascontiguousarray(self.candidates.pairs[block, 1])
        between = get_between(self.layout, heads, tails)
        codes = [asarray(code) for code in self._get_codes(heads, tails, between)]
        at_head, at_tail = asarray(heads), asarray(tails)
        Z = xp.take(self.terms.heads, at_head, axis=0)
        Z += xp.take(self.terms.tails, at_tail, axis=0)
        nH, direct = Z.shape[1], None
        if codes:
            wide = xp.take(self.tables[0], codes[0], axis=0)
            for table, code in zip(self.tables[1:], codes[1:]):
                wide += xp.take(table, code, axis=0)
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
            d_wide = xp.hstack([dZ, self.direct_scale * d_direct])
            for d_table, code in zip(self.d_tables, codes):
                self.ops.scatter_add(d_table, code, d_wide)
            if bp_window is not None:
                bp_window(dZ, self.d_sums)

        return Z, direct, backprop

    def _get_codes(
        self, heads: numpy.ndarray, tails: numpy.ndarray, between: Between
    ) -> List[numpy.ndarray]:
        groups = self.model.attrs["groups"]
        codes = get_codes(groups, self.layout, heads, tails, between)
        if self.model.attrs["use_types"]:
            n_types = len(self.model.attrs["entity_types"]) + 1
            order = between.is_backward * n_types + self.types[heads]
            codes.append((order * n_types + self.types[tails]).astype("int32"))
        return codes

    def finish(self) -> Tuple[Terms, Optional[Floats2d]]:
        """Pass on what all blocks have added up."""
        for names, bp_table, d_table in zip(self.names, self.bp_tables, self.d_tables):
            inc_grads(self.model, names, bp_table(d_table))
        return self.d_terms, self.d_sums

"""Look-up tables for the buckets of pairs, one block of pairs at a time."""

from typing import Callable, Dict, List, Optional, Sequence, Tuple

import numpy
from spacy.strings import get_string_id
from spacy.tokens import Doc
from thinc.api import Model
from thinc.types import Floats2d

from ..candidates import Candidates
from .features import SHARED_WORDS, Between, get_between, get_codes, get_layout
from .layers import combine_tables, inc_grads


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


def get_table_sizes(model: Model) -> Dict[str, int]:
    """RETURNS (Dict[str, int]): parameter of a pair model → its rows, one for each
    bucket. `model.attrs["entity_types"]` must have been set before."""
    sizes = {}
    if model.attrs["use_types"]:
        n_types = len(model.attrs["entity_types"]) + 1
        sizes["type_pairs"] = 2 * n_types * n_types
    features = (feature for group in model.attrs["groups"] for feature in group)
    return {**sizes, **{feature.name: feature.size for feature in features}}


class PairBuckets:
    """What the tables say of blocks of pairs, and the tables' gradients.

    model (Model): has the tables as parameters, and what they are of as attributes
        `groups`, `use_types` and `entity_types`.
    docs (List[Doc]): the batch.
    candidates (Candidates): its pairs.
    types (Ints1d): (n_entities,), see `get_types`.
    """

    def __init__(
        self,
        model: Model,
        docs: Sequence[Doc],
        candidates: Candidates,
        types: numpy.ndarray,
    ) -> None:
        self.model, self.ops = model, model.ops
        self.candidates, self.types = candidates, types
        groups = model.attrs["groups"]
        self.layout = get_layout(
            docs,
            candidates.entities,
            get_type_numbers(model),
            words=any(SHARED_WORDS in group for group in groups),
        )
        self.names = [[feature.name for feature in group] for group in groups]
        if model.attrs["use_types"]:
            self.names.append(["type_pairs"])
        tables = [
            combine_tables(self.ops, [model.get_param(name) for name in names])
            for names in self.names
        ]
        self.tables = [table for table, _ in tables]
        self.bp_tables = [bp_table for _, bp_table in tables]
        self.d_tables = [self.ops.xp.zeros_like(table) for table in self.tables]

    def __call__(
        self, block: slice
    ) -> Tuple[Optional[Floats2d], Between, Callable[[Floats2d], None]]:
        """Sum of the pairs' rows, None without tables; what lies between the entities;
        and the way back."""
        heads = numpy.ascontiguousarray(self.candidates.pairs[block, 0])
        tails = numpy.ascontiguousarray(self.candidates.pairs[block, 1])
        between = get_between(self.layout, heads, tails)
        found = self._get_codes(heads, tails, between)
        codes = [self.ops.asarray1i(code) for code in found]
        rows = None
        if codes:
            rows = self.ops.xp.take(self.tables[0], codes[0], axis=0)
            for table, code in zip(self.tables[1:], codes[1:]):
                rows += self.ops.xp.take(table, code, axis=0)

        def backprop(d_rows: Floats2d) -> None:
            for d_table, code in zip(self.d_tables, codes):
                self.ops.scatter_add(d_table, code, d_rows)

        return rows, between, backprop

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

    def finish(self) -> None:
        """Pass on what all blocks have added up."""
        for names, bp_table, d_table in zip(self.names, self.bp_tables, self.d_tables):
            inc_grads(self.model, names, bp_table(d_table))

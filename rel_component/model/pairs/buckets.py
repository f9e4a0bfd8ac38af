"""Look up the buckets of pairs in tables, one block of pairs at a time."""

from typing import Dict, List, Optional, Sequence, Tuple

import numpy
from spacy.strings import get_string_id
from spacy.tokens import Doc
from thinc.api import Model, Ops
from thinc.types import Floats2d, Ints1d

from ..arrays import get_matrix, to_ints1d
from ..candidates import Candidates
from .features import SHARED_WORDS, Pairs, get_codes, get_layout, get_pairs
from .layers import combine_tables, inc_grads


def get_type_numbers(model: Model) -> Dict[int, int]:
    """RETURNS (Dict[int, int]): hash of each known entity type → number, from 1."""
    types = model.attrs["entity_types"]
    return {get_string_id(type_): i for i, type_ in enumerate(types, 1)}


def get_types(
    model: Model, candidates: Candidates, is_train: bool = False
) -> numpy.ndarray:
    """Get the type of each entity, as a row of the tables.

    RETURNS (Ints1d): (n_entities,), int32; 0 if unknown, or dropped in training.
    """
    known = get_type_numbers(model)
    found = [known.get(type_, 0) for type_ in candidates.entities.types.tolist()]
    types = numpy.asarray(found, dtype="int32")
    if is_train and model.attrs["type_dropout"]:
        types[numpy.random.random(len(types)) < model.attrs["type_dropout"]] = 0
    return types


def get_table_sizes(model: Model) -> Dict[str, int]:
    """RETURNS (Dict[str, int]): parameter of a pair model → number of rows, one per
    bucket. `model.attrs["entity_types"]` must be set before."""
    sizes = {}
    if model.attrs["use_types"]:
        n_types = len(model.attrs["entity_types"]) + 1
        sizes["type_pairs"] = 2 * n_types * n_types
    features = (feature for group in model.attrs["groups"] for feature in group)
    return {**sizes, **{feature.name: feature.size for feature in features}}


class PairBuckets:
    """The buckets of blocks of pairs, their tables, and the tables' gradients.

    model (Model): has the tables as parameters, described by its attributes `groups`,
        `use_types` and `entity_types`.
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
        combined = [
            combine_tables(self.ops, [get_matrix(model, name) for name in names])
            for names in self.names
        ]
        self.tables = [table for table, _ in combined]
        self.bp_tables = [bp_table for _, bp_table in combined]
        self.d_tables = [self.ops.alloc2f(*table.shape) for table in self.tables]

    def get_codes(self, block: slice) -> Tuple[List[Ints1d], Pairs]:
        """RETURNS (Tuple[List[Ints1d], Pairs]): the pairs' rows in each table, and
        their entities in text order."""
        # int64, with which numpy indexes fastest
        heads, tails = self.candidates.pairs[block].T.astype("int64", order="C")
        pairs = get_pairs(self.layout, heads, tails)
        groups = self.model.attrs["groups"]
        codes = get_codes(groups, self.layout, pairs)
        if self.model.attrs["use_types"]:
            n_types = len(self.model.attrs["entity_types"]) + 1
            order = pairs.is_backward * numpy.int32(n_types) + self.types[heads]
            codes.append(order * numpy.int32(n_types) + self.types[tails])
        return [to_ints1d(self.ops, code) for code in codes], pairs

    def add_gradient(self, codes: Sequence[Ints1d], d_rows: Floats2d) -> None:
        """Accumulate the gradient of the pairs' rows in each table."""
        for d_table, code in zip(self.d_tables, codes):
            self.ops.scatter_add(d_table, code, d_rows)

    def finish(self) -> None:
        """Pass the accumulated gradients to the model."""
        for names, bp_table, d_table in zip(self.names, self.bp_tables, self.d_tables):
            inc_grads(self.model, names, bp_table(d_table))


def sum_rows(
    ops: Ops, tables: Sequence[Floats2d], codes: Sequence[Ints1d]
) -> Optional[Floats2d]:
    """RETURNS (Optional[Floats2d]): (n_pairs, width), the sum of each pair's rows over
    all tables; None without tables."""
    total: Optional[Floats2d] = None
    for table, code in zip(tables, codes):
        rows = ops.xp.take(table, code, axis=0)
        total = rows if total is None else ops.xp.add(total, rows, out=total)
    return total

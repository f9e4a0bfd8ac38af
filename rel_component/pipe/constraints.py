"""Constraints on the pairs and labels to score: the schema, and symmetric labels in one
direction only."""

from dataclasses import dataclass, replace
from typing import List, Optional, Sequence, Tuple

import numpy
from spacy.tokens import Doc

from ..model.candidates import Candidates, Entities, PairGenerator
from ..schema import Schema


@dataclass
class Constraints:
    """The constraints on the pairs and labels of a relation extractor.

    labels (Sequence[str]): the labels.
    symmetric (List[int]): columns of the symmetric labels, which are only scored for
        the pair whose head comes first.
    schema (Optional[Schema]): the entity types allowed for each label; None: any.
    """

    labels: Sequence[str]
    symmetric: List[int]
    schema: Optional[Schema]

    def prune(
        self, candidates: Candidates, docs: Sequence[Doc], generator: object
    ) -> "Pruned":
        """Remove pairs that can't have any label, and the second direction of pairs
        that can only have symmetric labels.

        candidates (Candidates): pairs of a batch.
        docs (Sequence[Doc]): the batch.
        generator (Callable): the generator of the pairs. `PairGenerator` generates
            both directions, others may omit the one whose head comes first.
        RETURNS (Pruned): the remaining pairs.
        """
        if self.schema is None and not self.symmetric:
            return Pruned(candidates)
        is_added = None
        if self.symmetric and type(generator) is not PairGenerator:
            candidates, is_added = add_canonical(candidates)
        allowed, types = self._get_allowed(docs, candidates.entities)
        is_directed = numpy.ones(len(self.labels), dtype=bool)
        is_directed[self.symmetric] = False
        heads, tails = candidates.pairs.T
        cells = (types[heads], types[tails])
        can_be_directed = numpy.any(allowed[:, :, is_directed], axis=2)
        can_be = numpy.any(allowed, axis=2)
        keep = can_be_directed[cells] | (can_be[cells] & (heads < tails))
        kept = candidates.select(keep)
        if is_added is not None:
            is_added = is_added[keep] if is_added.any() else None
        if self.schema is None and is_added is None:
            return Pruned(kept)
        return Pruned(kept, allowed, types, is_added, is_directed)

    def _get_allowed(
        self, docs: Sequence[Doc], entities: Entities
    ) -> Tuple[numpy.ndarray, numpy.ndarray]:
        """RETURNS (Tuple[Bools3d, Ints1d]): (n_types, n_types, n_labels), the
        labels that the schema allows, and the index of each entity's type."""
        hashes, first, types = numpy.unique(
            entities.types, return_index=True, return_inverse=True
        )
        if self.schema is None:
            shape = (len(hashes), len(hashes), len(self.labels))
            return numpy.ones(shape, dtype=bool), types
        names = [
            docs[i].vocab.strings[type_]
            for i, type_ in zip(entities.docs[first].tolist(), hashes.tolist())
        ]
        return self.schema.mask(names, list(self.labels)), types


@dataclass
class Pruned:
    """Pairs that can have at least one label.

    candidates (Candidates): the pairs.
    allowed (Optional[Bools3d]): (n_types, n_types, n_labels), the labels allowed
        for two types; None: all labels are allowed for all pairs.
    types (Optional[Ints1d]): (n_entities,), the index of each entity's type.
    is_added (Optional[Bools1d]): (n_pairs,), pairs added for the symmetric labels,
        since only their other direction was generated; None: no pairs.
    is_directed (Optional[Bools1d]): (n_labels,), labels with a direction.
    """

    candidates: Candidates
    allowed: Optional[numpy.ndarray] = None
    types: Optional[numpy.ndarray] = None
    is_added: Optional[numpy.ndarray] = None
    is_directed: Optional[numpy.ndarray] = None

    def hide_impossible(self, scores: numpy.ndarray) -> None:
        """Overwrite the scores of labels that a pair can't have with NaN.

        scores (Floats2d): (n_pairs, n_labels).
        """
        if self.allowed is None or self.types is None:
            return
        heads, tails = self.types[self.candidates.pairs].T
        is_allowed = self.allowed[heads, tails]
        if self.is_added is not None and self.is_directed is not None:
            # these pairs were added for the symmetric labels only
            is_allowed[self.is_added] &= ~self.is_directed
        scores[~is_allowed] = numpy.nan


def add_canonical(candidates: Candidates) -> Tuple[Candidates, numpy.ndarray]:
    """Add the pair whose head comes first if only the other direction exists.

    candidates (Candidates): pairs in any order within each Doc.
    RETURNS (Tuple[Candidates, Bools1d]): all pairs, the added ones last in their Doc,
        and a mask of the added pairs, (n_pairs,).
    """
    pairs, n = candidates.pairs.astype("int64"), len(candidates.entities)
    mirrored = candidates.pairs[pairs[:, 0] > pairs[:, 1], ::-1]
    keys = pairs[:, 0] * n + pairs[:, 1]
    wanted = mirrored[:, 0].astype("int64") * n + mirrored[:, 1]
    added = mirrored[~numpy.isin(wanted, keys)]
    is_added = numpy.repeat([False, True], [len(pairs), len(added)])
    if not len(added):
        return candidates, is_added
    found, order = _sort_by_doc(
        candidates, numpy.concatenate([candidates.pairs, added])
    )
    return found, is_added[order]


def add_mirrored(
    candidates: Candidates, scores: numpy.ndarray, columns: List[int]
) -> Tuple[Candidates, numpy.ndarray]:
    """Write the scores of symmetric labels in both directions.

    candidates (Candidates): pairs; the second direction may be missing.
    scores (Floats2d): (n_pairs, n_labels).
    columns (List[int]): the symmetric labels.
    RETURNS (Tuple[Candidates, Floats2d]): both directions, with equal scores of the
        symmetric labels; NaN for other labels in added pairs, which the model
        didn't score.
    """
    if not columns or not len(candidates):
        return candidates, scores
    n = len(candidates.entities)
    pairs = candidates.pairs.astype("int64")
    keys = pairs[:, 0] * n + pairs[:, 1]
    first = numpy.flatnonzero(pairs[:, 0] < pairs[:, 1])
    mirrored = pairs[first, 1] * n + pairs[first, 0]
    order = numpy.argsort(keys, kind="stable")
    at = numpy.minimum(numpy.searchsorted(keys, mirrored, sorter=order), len(keys) - 1)
    is_there = keys[order[at]] == mirrored
    scores = scores.copy()
    there = numpy.ix_(order[at[is_there]], columns)
    scores[there] = scores[numpy.ix_(first[is_there], columns)]
    added = first[~is_there]
    if not len(added):
        return candidates, scores
    added_scores = numpy.full((len(added), scores.shape[1]), numpy.nan, scores.dtype)
    added_scores[:, columns] = scores[numpy.ix_(added, columns)]
    pairs = numpy.concatenate([candidates.pairs, candidates.pairs[added, ::-1]])
    sorted_, order = _sort_by_doc(candidates, pairs)
    return sorted_, numpy.concatenate([scores, added_scores])[order]


def _sort_by_doc(
    candidates: Candidates, pairs: numpy.ndarray
) -> Tuple[Candidates, numpy.ndarray]:
    """RETURNS (Tuple[Candidates, Ints1d]): the candidates with sorted pairs, and the
    order."""
    docs = candidates.entities.docs[pairs[:, 0]]
    order = numpy.argsort(docs, kind="stable")
    counts = numpy.bincount(docs, minlength=len(candidates.offsets) - 1)
    offsets = numpy.concatenate(([0], numpy.cumsum(counts)))
    return replace(candidates, pairs=pairs[order], offsets=offsets), order

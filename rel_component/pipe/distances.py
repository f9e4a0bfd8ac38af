"""Maximum distances between head and tail by their types, to skip pairs that are too
far apart to have a relation. `evaluation.distances` learns them."""

from dataclasses import dataclass
from typing import Any, Dict, List, Mapping, Optional, Sequence

import numpy
from spacy.strings import get_string_id
from spacy.tokens import Doc

from ..checks import check_mapping
from ..model.candidates import (
    BatchGenerator,
    Candidates,
    Entities,
    InstanceGenerator,
    PairGenerator,
    get_candidates,
)

# head type → tail type → number of tokens between them at most if the tail follows,
# and if it precedes: -1 for no pair, None for no limit
MaxDistances = Dict[str, Dict[str, List[Optional[int]]]]
# more tokens than a Doc has
NO_LIMIT = 1 << 30

EXAMPLE = "{'PERSON': {'CITY': [24, None]}}"


@dataclass
class DistanceLimits:
    """Maximum distances as an array.

    numbers (Dict[int, int]): hash of an entity type → its row, from 1.
    limits (Ints3d): (n_types + 1, n_types + 1, 2), int32, maximum number of tokens
        between head and tail, by their types and by whether the tail precedes. Row 0
        is for other types, without a limit.
    """

    numbers: Dict[int, int]
    limits: numpy.ndarray

    @classmethod
    def from_dict(
        cls, distances: MaxDistances, *, symmetric: bool = False
    ) -> "DistanceLimits":
        """Create limits from a dict.

        distances (MaxDistances): the distances.
        symmetric (bool): use the higher limit of a pair's two directions for both,
            since the scores of symmetric labels are copied from one to the other.
        RETURNS (DistanceLimits): the limits.
        """
        types = sorted({*distances}.union(*distances.values()))
        rows = {type_: row for row, type_ in enumerate(types, 1)}
        shape = (len(types) + 1, len(types) + 1, 2)
        limits = numpy.full(shape, NO_LIMIT, dtype="int32")
        for head, tails in distances.items():
            for tail, ways in tails.items():
                known = [NO_LIMIT if limit is None else limit for limit in ways]
                limits[rows[head], rows[tail]] = known
        if symmetric:
            limits = numpy.maximum(limits, limits.swapaxes(0, 1)[:, :, ::-1])
        return cls({get_string_id(type_): rows[type_] for type_ in types}, limits)

    def get_candidates(
        self, generator: InstanceGenerator | BatchGenerator, docs: Sequence[Doc]
    ) -> Candidates:
        """Generate the pairs of a batch within the limits.

        generator (Callable): generates the pairs. `PairGenerator` doesn't generate
            those of a head with tails beyond all of its limits.
        docs (Sequence[Doc]): the batch.
        RETURNS (Candidates): the pairs.
        """
        if type(generator) is not PairGenerator:
            return self.select(get_candidates(generator, docs))
        entities = generator.get_entities(docs)
        windows = self._get_windows(entities)
        return self.select(generator.get_pairs(docs, entities, windows))

    def select(self, candidates: Candidates) -> Candidates:
        """RETURNS (Candidates): the pairs within the limits."""
        heads, tails = numpy.ascontiguousarray(candidates.pairs.T)
        starts, ends = numpy.ascontiguousarray(candidates.entities.spans.T)
        types, n_types = self._get_types(candidates.entities), len(self.limits)
        head_starts, tail_starts = numpy.take(starts, heads), numpy.take(starts, tails)
        # row of the flat table
        cells = numpy.take(types * numpy.int32(2 * n_types), heads)
        cells += numpy.take(types * numpy.int32(2), tails)
        cells += tail_starts < head_starts
        distance = numpy.maximum(head_starts, tail_starts, out=head_starts)
        distance -= numpy.minimum(numpy.take(ends, heads), numpy.take(ends, tails))
        # overlapping entities have a negative distance
        numpy.maximum(distance, 0, out=distance)
        return candidates.select(distance <= numpy.take(self.limits, cells))

    def _get_types(self, entities: Entities) -> numpy.ndarray:
        found = [self.numbers.get(type_, 0) for type_ in entities.types.tolist()]
        return numpy.asarray(found, dtype="int32")

    def _get_windows(self, entities: Entities) -> numpy.ndarray:
        """RETURNS (Ints1d): (n_entities,), the maximum number of tokens from an
        entity's start to that of any tail within its limits."""
        types, spans = self._get_types(entities), entities.spans
        longest = int((spans[:, 1] - spans[:, 0]).max(initial=0))
        limits = self.limits[:, numpy.unique(types)].max(axis=(1, 2), initial=-1)
        return limits[types] + longest


def check_distances(distances: Mapping[str, Any]) -> MaxDistances:
    """RETURNS (MaxDistances): a copy. RAISES (ValueError): if it's malformed."""
    for head, tails in check_mapping(distances, "max_distances", EXAMPLE).items():
        for ways in check_mapping(tails, f"max_distances[{head!r}]", EXAMPLE).values():
            if not _are_limits(ways):
                raise ValueError(
                    f"max_distances contains {ways!r} for {head}; expected the maximum "
                    "number of tokens if the tail follows, and if it precedes: -1 for "
                    f"no pair, None for no limit, such as {EXAMPLE}."
                )
    return {
        head: {tail: list(ways) for tail, ways in tails.items()}
        for head, tails in distances.items()
    }


def _are_limits(ways: Any) -> bool:
    return (
        isinstance(ways, (list, tuple))
        and len(ways) == 2
        and all(x is None or (isinstance(x, int) and x >= -1) for x in ways)
    )

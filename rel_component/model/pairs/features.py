"""What is known of a pair besides its vectors: distance, order, what lies between.

Each feature is a small number, a bucket. Features are grouped so that a group's
buckets combine into one code, and a pair needs one look-up for each group.
"""

from dataclasses import dataclass
from functools import cache
from typing import Callable, Dict, List, Optional, Sequence, Tuple

import numpy
from spacy.attrs import IS_SPACE, ORTH, SENT_START
from spacy.strings import get_string_id
from spacy.tokens import Doc

from ..candidates import Entities
from .entity_words import N_SHARED, Words, get_words

# tokens between the two entities at which a new bucket begins
DISTANCES = (1, 2, 3, 4, 5, 7, 10, 15, 25, 50, 100)
# numbers of things between at which a new bucket begins
COUNTS = (1, 2, 3, 5, 9)
FEW = (1, 2)
# a group's combined buckets: more would cost more than a second look-up
MAX_GROUP = 1024

SENTENCE_END = numpy.asarray(
    [get_string_id(x) for x in (".", "!", "?", ";", "…", "。", "！", "？")],
    dtype="uint64",
)


@dataclass
class Positions:
    """Where the entities of a batch stand, prepared once for all their pairs.

    Numbers of tokens, entities, sentences and lines are counted over the batch.

    starts, ends (Ints1d): (n_entities,), first token and one past the last.
    types (Ints1d): (n_entities,), number of the entity's type; 0 is unknown.
    at_start, at_end (Counts): what stands before an entity's start, and before its end.
    of_type (Ints1d): ((n_entities + 1) × n_types,), how many of the first i entities
        have each type.
    words (Optional[Words]): what the entities' texts have in common is found by.
    """

    starts: numpy.ndarray
    ends: numpy.ndarray
    types: numpy.ndarray
    at_start: "Counts"
    at_end: "Counts"
    of_type: numpy.ndarray
    words: Optional[Words] = None


@dataclass
class Counts:
    """What stands before a token of each entity.

    entities (Ints1d): (n_entities,), entities that start before it.
    rows (Ints1d): (n_entities,), their row in `Positions.of_type`.
    sentences, lines (Ints1d): (n_entities,), ends of sentences, and line breaks.
    """

    entities: numpy.ndarray
    rows: numpy.ndarray
    sentences: numpy.ndarray
    lines: numpy.ndarray


@dataclass
class Between:
    """The two entities of each pair in the order of the text.

    first, second (Ints1d): (n_pairs,), rows of entities.
    distance (Ints1d): (n_pairs,), tokens between; below 0 where they share tokens.
    is_backward (Bools1d): (n_pairs,), whether the tail stands first.
    """

    first: numpy.ndarray
    second: numpy.ndarray
    distance: numpy.ndarray
    is_backward: numpy.ndarray


def get_layout(
    docs: Sequence[Doc],
    entities: Entities,
    types: Dict[int, int],
    *,
    words: bool = False,
) -> Positions:
    """Prepare a batch.

    docs (Sequence[Doc]): the batch.
    entities (Entities): its entities.
    types (Dict[int, int]): hash of an entity type → its number, from 1 on.
    words (bool): whether the entities' words will be compared.
    RETURNS (Positions): the layout.
    """
    lengths = numpy.asarray([len(doc) for doc in docs], dtype="int64")
    firsts = (numpy.cumsum(lengths) - lengths)[entities.docs]
    starts = firsts + entities.spans[:, 0]
    ends = firsts + entities.spans[:, 1]
    numbers = numpy.asarray(
        [types.get(type_, 0) for type_ in entities.types.tolist()], dtype="int64"
    )
    n_types = len(types) + 1
    of_type = numpy.zeros((len(entities) + 1, n_types), dtype="int32")
    of_type[numpy.arange(1, len(entities) + 1), numbers] = 1
    numpy.cumsum(of_type, axis=0, out=of_type)
    sentences, lines = _count_boundaries(docs)

    def count(tokens: numpy.ndarray) -> Counts:
        before = numpy.searchsorted(starts, tokens, side="left")
        return Counts(before, before * n_types, sentences[tokens], lines[tokens])

    return Positions(
        starts=starts,
        ends=ends,
        types=numbers,
        at_start=count(starts),
        at_end=count(ends),
        of_type=of_type.ravel(),
        words=get_words(docs, entities) if words else None,
    )


def get_between(
    layout: Positions, heads: numpy.ndarray, tails: numpy.ndarray
) -> Between:
    """RETURNS (Between): the order of heads and tails, rows of entities, (n_pairs,),
    int64, in which numpy indexes fastest."""
    # entities are sorted by their start
    first, second = numpy.minimum(heads, tails), numpy.maximum(heads, tails)
    return Between(
        first=first,
        second=second,
        distance=layout.starts[second] - layout.ends[first],
        is_backward=layout.starts[tails] < layout.starts[heads],
    )


def _distance(
    layout: Positions,
    heads: numpy.ndarray,
    tails: numpy.ndarray,
    between: Between,
) -> numpy.ndarray:
    bucket = _bucket(between.distance, DISTANCES)
    return bucket + between.is_backward * numpy.int32(len(DISTANCES) + 1)


def _nesting(
    layout: Positions,
    heads: numpy.ndarray,
    tails: numpy.ndarray,
    between: Between,
) -> numpy.ndarray:
    """0 apart, 1 the tail within the head, 2 the head within the tail, 3 crossing."""
    kind = numpy.zeros(len(heads), dtype="int32")
    # few, so that the rest costs nothing
    rows = numpy.flatnonzero(between.distance < 0)
    heads, tails, starts, ends = heads[rows], tails[rows], layout.starts, layout.ends
    inside = (starts[heads] <= starts[tails]) & (ends[tails] <= ends[heads])
    around = (starts[tails] <= starts[heads]) & (ends[heads] <= ends[tails])
    kind[rows] = numpy.where(inside, 1, numpy.where(around, 2, 3))
    return kind


def _sentences(
    layout: Positions,
    heads: numpy.ndarray,
    tails: numpy.ndarray,
    between: Between,
) -> numpy.ndarray:
    after, before = layout.at_start.sentences, layout.at_end.sentences
    return _bucket(after[between.second] - before[between.first], FEW)


def _lines(
    layout: Positions,
    heads: numpy.ndarray,
    tails: numpy.ndarray,
    between: Between,
) -> numpy.ndarray:
    after, before = layout.at_start.lines, layout.at_end.lines
    return _bucket(after[between.second] - before[between.first], FEW)


def _entities_between(
    layout: Positions,
    heads: numpy.ndarray,
    tails: numpy.ndarray,
    between: Between,
) -> numpy.ndarray:
    after, before = layout.at_start.entities, layout.at_end.entities
    return _bucket(after[between.second] - before[between.first], COUNTS)


def _head_type_between(
    layout: Positions,
    heads: numpy.ndarray,
    tails: numpy.ndarray,
    between: Between,
) -> numpy.ndarray:
    return _count_type(layout, layout.types[heads], between)


def _tail_type_between(
    layout: Positions,
    heads: numpy.ndarray,
    tails: numpy.ndarray,
    between: Between,
) -> numpy.ndarray:
    return _count_type(layout, layout.types[tails], between)


def _count_type(
    layout: Positions, types: numpy.ndarray, between: Between
) -> numpy.ndarray:
    after = layout.of_type[layout.at_start.rows[between.second] + types]
    before = layout.of_type[layout.at_end.rows[between.first] + types]
    return _bucket(after - before, FEW)


def _shared_words(
    layout: Positions,
    heads: numpy.ndarray,
    tails: numpy.ndarray,
    between: Between,
) -> numpy.ndarray:
    assert layout.words is not None
    return layout.words.compare(heads, tails)


@dataclass(frozen=True)
class Feature:
    """Something known of a pair, as a bucket.

    name (str): of its table among a model's parameters. Saved models name it so: a new
        name would make them unreadable.
    size (int): number of buckets.
    get_buckets (Callable): the bucket of each pair, (n_pairs,), below `size`.
    """

    name: str
    size: int
    get_buckets: Callable[
        [Positions, numpy.ndarray, numpy.ndarray, Between], numpy.ndarray
    ]


SHARED_WORDS = Feature("_shared_words", N_SHARED, _shared_words)

# switch of the pair models' configuration → its features
FEATURES: Dict[str, List[Feature]] = {
    "distance": [Feature("_distance", 2 * (len(DISTANCES) + 1), _distance)],
    "nesting": [Feature("_nesting", 4, _nesting)],
    "boundaries": [
        Feature("_sentences", 3, _sentences),
        Feature("_lines", 3, _lines),
    ],
    "entities_between": [
        Feature("_entities_between", len(COUNTS) + 1, _entities_between),
        Feature("_head_type_between", len(FEW) + 1, _head_type_between),
        Feature("_tail_type_between", len(FEW) + 1, _tail_type_between),
    ],
    "shared_words": [SHARED_WORDS],
}


def get_groups(**switches: bool) -> List[List[Feature]]:
    """Group the features that are switched on, so that a group's buckets combine into
    one code.

    **switches (bool): each key of FEATURES, so that no pair model forgets one.
    RETURNS (List[List[Feature]]): groups of features.
    RAISES (TypeError): if a switch is missing or unknown.
    """
    wrong = switches.keys() ^ FEATURES.keys()
    if wrong:
        raise TypeError(
            f"get_groups: missing or unknown {', '.join(sorted(wrong))}; expected all "
            f"of {', '.join(FEATURES)}."
        )
    groups: List[List[Feature]] = []
    combined = MAX_GROUP
    for feature in (x for key in FEATURES if switches[key] for x in FEATURES[key]):
        if combined * feature.size > MAX_GROUP:
            groups.append([])
            combined = 1
        groups[-1].append(feature)
        combined *= feature.size
    return groups


def get_codes(
    groups: List[List[Feature]],
    layout: Positions,
    heads: numpy.ndarray,
    tails: numpy.ndarray,
    between: Between,
) -> List[numpy.ndarray]:
    """The combined bucket of each pair in each group.

    heads, tails (Ints1d): (n_pairs,), rows of the batch's entities.
    RETURNS (List[Ints1d]): (n_pairs,), int32, one array for each group; the last
        feature of a group varies fastest.
    """
    codes = []
    for group in groups:
        code = numpy.int32(0)
        for feature in group:
            code = code * numpy.int32(feature.size)
            code = code + feature.get_buckets(layout, heads, tails, between)
        codes.append(code)
    return codes


def _bucket(values: numpy.ndarray, borders: Tuple[int, ...]) -> numpy.ndarray:
    # clipped: what overlaps has less than nothing between, and nothing is the last
    return numpy.take(_bucket_table(borders), values, mode="clip")


@cache
def _bucket_table(borders: Tuple[int, ...]) -> numpy.ndarray:
    values = numpy.arange(borders[-1] + 1)
    return numpy.searchsorted(borders, values, side="right").astype("int32")


def _count_boundaries(docs: Sequence[Doc]) -> Tuple[numpy.ndarray, numpy.ndarray]:
    """Ends of sentences and line breaks among the first i tokens of the batch.

    Where a Doc has no sentence boundaries, final punctuation stands in for them.
    """
    offsets = numpy.cumsum([0, *(len(doc) for doc in docs)]).tolist()
    tokens = numpy.zeros((offsets[-1] + 1, 3), dtype="uint64")
    for doc, start in zip(docs, offsets):
        if len(doc):
            tokens[start : start + len(doc)] = doc.to_array(
                [ORTH, IS_SPACE, SENT_START]
            )
    is_next_start = tokens[1:, 2]
    is_final = numpy.isin(tokens[:-1, 0], SENTENCE_END)
    ends = numpy.where(is_next_start == 0, is_final, is_next_start == 1)
    breaks = numpy.zeros(offsets[-1], dtype=bool)
    for doc, start in zip(docs, offsets):  # their vocabularies may differ
        spaces = numpy.flatnonzero(tokens[start : start + len(doc), 1])
        if len(spaces):
            orths, at = numpy.unique(tokens[start + spaces, 0], return_inverse=True)
            strings = [doc.vocab.strings[orth] for orth in orths.tolist()]
            breaks[start + spaces] = numpy.asarray(["\n" in x for x in strings])[at]
    return _count_before(ends), _count_before(breaks)


def _count_before(flags: numpy.ndarray) -> numpy.ndarray:
    counts = numpy.zeros(len(flags) + 1, dtype="int32")
    numpy.cumsum(flags, out=counts[1:])
    return counts

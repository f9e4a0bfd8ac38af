"""Features of a pair in addition to its vectors, such as distance and order.

Each feature is a bucket, a small integer. Features are grouped, and the buckets of a
group combined into one code, so that a pair needs one look-up per group.
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

# lower bounds of the buckets for the number of tokens between two entities
DISTANCES = (1, 2, 3, 4, 5, 7, 10, 15, 25, 50, 100)
# lower bounds of the buckets for other counts
COUNTS = (1, 2, 3, 5, 9)
FEW = (1, 2)
# maximum codes per group: a larger table would be slower than a second look-up
MAX_GROUP = 1024

SENTENCE_END = numpy.asarray(
    [get_string_id(x) for x in (".", "!", "?", ";", "…", "。", "！", "？")],
    dtype="uint64",
)


@dataclass
class Positions:
    """Positions of a batch's entities, computed once for all pairs.

    Tokens, entities, sentences and lines are counted over the whole batch.

    starts, ends (Ints1d): (n_entities,), first and exclusive last token.
    types (Ints1d): (n_entities,), index of the entity type; 0 if unknown.
    at_start, at_end (Counts): counts before the start and end of each entity.
    of_type (Ints1d): ((n_entities + 1) × n_types,), number of entities of each type
        among the first i.
    words (Optional[Words]): hashes of the entities' words, to compare their texts.
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
    """Counts before a token of each entity.

    entities (Ints1d): (n_entities,), number of entities that start before it.
    rows (Ints1d): (n_entities,), the corresponding row of `Positions.of_type`.
    sentences, lines (Ints1d): (n_entities,), number of sentence ends and line breaks.
    """

    entities: numpy.ndarray
    rows: numpy.ndarray
    sentences: numpy.ndarray
    lines: numpy.ndarray


@dataclass
class Pairs:
    """Pairs of entities, and both in text order.

    heads, tails (Ints1d): (n_pairs,), rows of entities.
    first, second (Ints1d): (n_pairs,), rows of entities.
    distance (Ints1d): (n_pairs,), number of tokens between them; negative if they
        overlap.
    is_backward (Bools1d): (n_pairs,), whether the tail precedes the head.
    """

    heads: numpy.ndarray
    tails: numpy.ndarray
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
    """Compute the positions of a batch's entities.

    docs (Sequence[Doc]): the batch.
    entities (Entities): its entities.
    types (Dict[int, int]): hash of each entity type → its index, from 1.
    words (bool): whether to hash the entities' words.
    RETURNS (Positions): the positions.
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


def get_pairs(layout: Positions, heads: numpy.ndarray, tails: numpy.ndarray) -> Pairs:
    """RETURNS (Pairs): heads and tails in text order: rows of entities, (n_pairs,),
    int64, with which numpy indexes fastest."""
    # entities are sorted by their start
    first, second = numpy.minimum(heads, tails), numpy.maximum(heads, tails)
    return Pairs(
        heads=heads,
        tails=tails,
        first=first,
        second=second,
        distance=layout.starts[second] - layout.ends[first],
        is_backward=layout.starts[tails] < layout.starts[heads],
    )


def _distance(layout: Positions, pairs: Pairs) -> numpy.ndarray:
    bucket = _bucket(pairs.distance, DISTANCES)
    return bucket + pairs.is_backward * numpy.int32(len(DISTANCES) + 1)


def _nesting(layout: Positions, pairs: Pairs) -> numpy.ndarray:
    """0: disjoint, 1: tail within head, 2: head within tail, 3: crossing."""
    kind = numpy.zeros(len(pairs.heads), dtype="int32")
    # only the few pairs that overlap
    rows = numpy.flatnonzero(pairs.distance < 0)
    heads, tails = pairs.heads[rows], pairs.tails[rows]
    starts, ends = layout.starts, layout.ends
    inside = (starts[heads] <= starts[tails]) & (ends[tails] <= ends[heads])
    around = (starts[tails] <= starts[heads]) & (ends[heads] <= ends[tails])
    kind[rows] = numpy.where(inside, 1, numpy.where(around, 2, 3))
    return kind


def _sentences(layout: Positions, pairs: Pairs) -> numpy.ndarray:
    after, before = layout.at_start.sentences, layout.at_end.sentences
    return _bucket(after[pairs.second] - before[pairs.first], FEW)


def _lines(layout: Positions, pairs: Pairs) -> numpy.ndarray:
    after, before = layout.at_start.lines, layout.at_end.lines
    return _bucket(after[pairs.second] - before[pairs.first], FEW)


def _entities_between(layout: Positions, pairs: Pairs) -> numpy.ndarray:
    after, before = layout.at_start.entities, layout.at_end.entities
    return _bucket(after[pairs.second] - before[pairs.first], COUNTS)


def _head_type_between(layout: Positions, pairs: Pairs) -> numpy.ndarray:
    return _count_type(layout, layout.types[pairs.heads], pairs)


def _tail_type_between(layout: Positions, pairs: Pairs) -> numpy.ndarray:
    return _count_type(layout, layout.types[pairs.tails], pairs)


def _count_type(layout: Positions, types: numpy.ndarray, pairs: Pairs) -> numpy.ndarray:
    after = layout.of_type[layout.at_start.rows[pairs.second] + types]
    before = layout.of_type[layout.at_end.rows[pairs.first] + types]
    return _bucket(after - before, FEW)


def _shared_words(layout: Positions, pairs: Pairs) -> numpy.ndarray:
    assert layout.words is not None
    return layout.words.compare(pairs.heads, pairs.tails)


@dataclass(frozen=True)
class Feature:
    """A feature of pairs, as a bucket.

    name (str): name of its table in the model's parameters. Saved models contain it, so
        it must not change.
    size (int): number of buckets.
    get_buckets (Callable): gets the bucket of each pair, (n_pairs,), below `size`.
    """

    name: str
    size: int
    get_buckets: Callable[[Positions, Pairs], numpy.ndarray]


SHARED_WORDS = Feature("_shared_words", N_SHARED, _shared_words)

# setting of the pair models → its features
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
    """Group the enabled features, so that the buckets of a group combine into one code.

    **switches (bool): all keys of FEATURES, so that no pair model lacks one.
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
    groups: List[List[Feature]], layout: Positions, pairs: Pairs
) -> List[numpy.ndarray]:
    """Get the code of each pair in each group.

    RETURNS (List[Ints1d]): (n_pairs,), int32, one array per group; the last feature of
        a group varies fastest.
    """
    codes = []
    for group in groups:
        code = numpy.int32(0)
        for feature in group:
            code = code * numpy.int32(feature.size)
            code = code + feature.get_buckets(layout, pairs)
        codes.append(code)
    return codes


def _bucket(values: numpy.ndarray, borders: Tuple[int, ...]) -> numpy.ndarray:
    # clip: overlapping entities have negative distances, and the last bucket is open
    return numpy.take(_bucket_table(borders), values, mode="clip")


@cache
def _bucket_table(borders: Tuple[int, ...]) -> numpy.ndarray:
    values = numpy.arange(borders[-1] + 1)
    return numpy.searchsorted(borders, values, side="right").astype("int32")


def _count_boundaries(docs: Sequence[Doc]) -> Tuple[numpy.ndarray, numpy.ndarray]:
    """Count sentence ends and line breaks among the first i tokens of the batch.

    In Docs without sentence boundaries, final punctuation is counted instead.
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
    for doc, start in zip(docs, offsets):  # vocabs may differ
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

"""Match relation patterns in a batch of Docs, vectorized over pairs of entities."""

from collections import defaultdict
from dataclasses import dataclass
from typing import (
    AbstractSet,
    Any,
    Callable,
    Dict,
    Iterator,
    List,
    Sequence,
    Set,
    Tuple,
)

import numpy
import srsly
from spacy.attrs import SENT_START
from spacy.language import Language
from spacy.matcher import DependencyMatcher, Matcher, PhraseMatcher
from spacy.matcher.levenshtein import levenshtein_compare
from spacy.tokens import Doc

from ..model.candidates import Entities
from .patterns import Alternatives, RelationPattern

# pairs to process at once, to limit memory
BLOCK = 200_000

Pairs = Tuple[numpy.ndarray, numpy.ndarray]
# matches of one text pattern: sorted starts, and ends
Matches = Tuple[numpy.ndarray, numpy.ndarray]


@dataclass
class Layout:
    """The entities of a batch, with positions in the concatenated documents.

    starts, ends (Ints1d): (n_entities,), int64.
    docs (Ints1d): (n_entities,), index of the document.
    types (Uints1d): (n_entities,), hash of the type.
    sentences (Ints1d): (n_entities,), int64, index of the sentence in the batch. Zeros
        if no pattern needs sentences.
    """

    starts: numpy.ndarray
    ends: numpy.ndarray
    docs: numpy.ndarray
    types: numpy.ndarray
    sentences: numpy.ndarray


@dataclass
class PatternMatches:
    """Pairs of entities that match a pattern, sorted by head, tail and label.

    pairs (Ints2d): (n, 2), int32, rows of the batch's entities.
    labels (List[str]): (n,).
    scores (Floats1d): (n,), float32.
    ids (List[str]): (n,), id of the pattern with the highest score.
    """

    pairs: numpy.ndarray
    labels: List[str]
    scores: numpy.ndarray
    ids: List[str]


class PatternMatcher:
    """Find the pairs of entities that match relation patterns.

    nlp (Language): the pipeline whose tokenizer is used for phrases.
    phrase_attr (str): token attribute to match phrases on.
    fuzzy_compare (Callable): comparison for FUZZY operators in token patterns.
    """

    def __init__(
        self,
        nlp: Language,
        *,
        phrase_attr: str = "LOWER",
        fuzzy_compare: Callable = levenshtein_compare,
    ) -> None:
        self.vocab = nlp.vocab
        self.make_doc = nlp.make_doc
        self.matcher = Matcher(nlp.vocab, validate=False, fuzzy_compare=fuzzy_compare)
        self.phrase_matcher = PhraseMatcher(nlp.vocab, attr=phrase_attr)
        self.dependency_matcher = DependencyMatcher(nlp.vocab)
        self.patterns: List[RelationPattern] = []
        # conditions shared by several patterns are only matched once
        self._numbers: Dict[str, int] = {}
        self._keys: Dict[int, int] = {}

    def add(self, pattern: RelationPattern, where: str) -> None:
        """Add a pattern.

        pattern (RelationPattern): the pattern.
        where (str): its location, for error messages.
        RAISES (ValueError): if spaCy's matchers don't accept a part of it.
        """
        for name, alternatives in pattern.get_conditions().items():
            self._add_condition(alternatives, f"{where}.{name}")
        if pattern.dependency is not None:
            name = _name_dependency(len(self.patterns))
            try:
                self.dependency_matcher.add(name, [pattern.dependency])
            except Exception as error:  # of any type, depending on the mistake
                raise ValueError(
                    f"{where}.dependency is not a valid pattern for spaCy's "
                    f"DependencyMatcher: {_first_line(error)}"
                ) from error
        self.patterns.append(pattern)

    def _add_condition(self, alternatives: Alternatives, where: str) -> None:
        number = self._number(alternatives)
        key = f"rel_component_condition_{number}"
        hash_ = self.vocab.strings.add(key)
        if hash_ in self._keys:
            return
        for pattern in alternatives:
            if isinstance(pattern, str):
                self.phrase_matcher.add(key, [self.make_doc(pattern)])
                continue
            try:
                self.matcher.add(key, [pattern])
            except Exception as error:  # also raised for regular expressions
                raise ValueError(
                    f"{where} is not a valid pattern for spaCy's Matcher: "
                    f"{_first_line(error)}"
                ) from error
        self._keys[hash_] = number

    def _number(self, alternatives: Alternatives) -> int:
        key = srsly.json_dumps(list(alternatives), sort_keys=True)
        return self._numbers.setdefault(key, len(self._numbers))

    def __call__(
        self,
        docs: Sequence[Doc],
        entities: Entities,
        symmetric: AbstractSet[str] = frozenset(),
    ) -> PatternMatches:
        """Find the pairs that match.

        docs (Sequence[Doc]): the batch.
        entities (Entities): its entities.
        symmetric (AbstractSet[str]): labels without a direction.
        RETURNS (PatternMatches): each pair and label once, with the highest score.
        RAISES (ValueError): if a Doc lacks sentences or a parse that a pattern needs.
        """
        found = []
        for number, heads, tails in self.match_each(docs, entities):
            found.append((number, heads, tails))
            if self.patterns[number].label in symmetric:
                found.append((number, tails, heads))
        return self._merge(found)

    def match_each(
        self, docs: Sequence[Doc], entities: Entities
    ) -> Iterator[Tuple[int, numpy.ndarray, numpy.ndarray]]:
        """Match each pattern separately.

        docs (Sequence[Doc]): the batch.
        entities (Entities): its entities.
        YIELDS (Tuple[int, Ints1d, Ints1d]): index of the pattern, heads and tails as
            rows of `entities`.
        """
        offsets = _get_offsets(docs)
        layout = self._lay_out(docs, entities, offsets)
        matches = self._match_text(docs, offsets)
        parsed = self._match_dependencies(docs, layout, offsets)
        for number, pattern in enumerate(self.patterns):
            allowed = parsed.get(number) if pattern.dependency is not None else None
            blocks = [
                self._filter(pattern, layout, matches, heads, tails)
                for heads, tails in self._pair(pattern, layout, allowed)
            ]
            if blocks:
                heads = numpy.concatenate([heads for heads, _ in blocks])
                tails = numpy.concatenate([tails for _, tails in blocks])
                if len(blocks) > 1 or pattern.nearest == "both":
                    heads, tails = keep_nearest(pattern, layout, heads, tails)
                yield number, heads, tails

    def _lay_out(
        self, docs: Sequence[Doc], entities: Entities, offsets: numpy.ndarray
    ) -> Layout:
        at = offsets[entities.docs]
        sentences = numpy.zeros(len(entities), dtype="int64")
        limited = [x for x in self.patterns if x.max_sentences is not None]
        if limited:
            numbers = _number_sentences(docs, limited[0])
            sentences = numbers[at + entities.spans[:, 0]]
        return Layout(
            starts=at + entities.spans[:, 0],
            ends=at + entities.spans[:, 1],
            docs=entities.docs.astype("int64"),
            types=entities.types,
            sentences=sentences,
        )

    def _match_text(
        self, docs: Sequence[Doc], offsets: numpy.ndarray
    ) -> Dict[int, Matches]:
        """Match the conditions on the text: sorted starts, and their ends."""
        found: Dict[int, Set[Tuple[int, int]]] = defaultdict(set)
        matchers = [x for x in (self.matcher, self.phrase_matcher) if len(x)]
        for doc, offset in zip(docs, offsets.tolist()):
            for matcher in matchers:
                for key, start, end in matcher(doc):
                    if start < end:
                        found[self._keys[key]].add((start + offset, end + offset))
        matches = {}
        for number, rows in found.items():
            table = numpy.asarray(sorted(rows), dtype="int64")
            matches[number] = (table[:, 0], table[:, 1])
        return matches

    def _match_dependencies(
        self, docs: Sequence[Doc], layout: Layout, offsets: numpy.ndarray
    ) -> Dict[int, Pairs]:
        """Find the pairs of entities that contain a match's `head` and `tail` nodes."""
        nodes = {
            self.vocab.strings[_name_dependency(number)]: (number, pattern.dependency)
            for number, pattern in enumerate(self.patterns)
            if pattern.dependency is not None
        }
        found: Dict[int, Set[Tuple[int, int]]] = defaultdict(set)
        if not nodes:
            return {}
        covering = _index_tokens(layout)
        for doc, offset in zip(docs, offsets.tolist()):
            if not len(doc):
                continue
            if not doc.has_annotation("DEP"):
                (number, _) = next(iter(nodes.values()))
                raise ValueError(
                    f"Pattern {_describe(self.patterns[number])} has a dependency "
                    f"pattern, but the text {doc.text[:40]!r} has no parse. Add a "
                    "parser before the relation ruler."
                )
            for key, tokens in self.dependency_matcher(doc):
                number, pattern = nodes[key]
                place = {node["RIGHT_ID"]: i for i, node in enumerate(pattern)}
                head, tail = (tokens[place[x]] + offset for x in ("head", "tail"))
                found[number].update(
                    (h, t) for h in covering[head] for t in covering[tail] if h != t
                )
        return {number: _to_columns(sorted(pairs)) for number, pairs in found.items()}

    def _pair(
        self, pattern: RelationPattern, layout: Layout, allowed: Any
    ) -> Iterator[Pairs]:
        """YIELDS (Tuple[Ints1d, Ints1d]): heads and tails that match the types and
        limits of a pattern, block by block."""
        if pattern.dependency is not None:
            if allowed is not None:
                heads, tails = allowed
                keep = self._has_type(pattern.head, layout)[heads]
                keep &= self._has_type(pattern.tail, layout)[tails]
                yield heads[keep], tails[keep]
            return
        heads = numpy.flatnonzero(self._has_type(pattern.head, layout))
        tails = numpy.flatnonzero(self._has_type(pattern.tail, layout))
        if not len(heads) or not len(tails):
            return
        first, last = _find_windows(pattern, layout, heads, tails)
        counts = numpy.maximum(last - first, 0)
        ends = numpy.cumsum(counts)
        # split the heads so that each block has about BLOCK pairs
        steps = numpy.arange(BLOCK, int(ends[-1]) + BLOCK, BLOCK)
        borders = numpy.unique([0, *numpy.searchsorted(ends, steps) + 1])
        for start, stop in zip(borders.tolist(), borders[1:].tolist()):
            rows = slice(start, min(stop, len(heads)))
            n = counts[rows]
            shift = numpy.repeat(first[rows] - numpy.cumsum(n) + n, n)
            columns = numpy.arange(int(n.sum())) + shift
            yield numpy.repeat(heads[rows], n), tails[columns]

    def _has_type(self, types: Any, layout: Layout) -> numpy.ndarray:
        if not types:
            return numpy.ones(len(layout.types), dtype=bool)
        hashes = [self.vocab.strings.add(type_) for type_ in sorted(types)]
        return numpy.isin(layout.types, numpy.asarray(hashes, dtype="uint64"))

    def _filter(
        self,
        pattern: RelationPattern,
        layout: Layout,
        matches: Dict[int, Matches],
        heads: numpy.ndarray,
        tails: numpy.ndarray,
    ) -> Pairs:
        """Filter the pairs that meet all conditions."""
        keep = heads != tails
        keep &= layout.docs[heads] == layout.docs[tails]
        if pattern.order == "head_first":
            keep &= heads < tails
        elif pattern.order == "tail_first":
            keep &= tails < heads
        heads, tails = heads[keep], tails[keep]
        first, second = numpy.minimum(heads, tails), numpy.maximum(heads, tails)
        start, stop = layout.ends[first], layout.starts[second]
        keep = numpy.ones(len(heads), dtype=bool)
        if pattern.max_tokens is not None:
            keep &= stop - start <= pattern.max_tokens
        if pattern.max_sentences is not None:
            apart = layout.sentences[second] - layout.sentences[first]
            keep &= apart <= pattern.max_sentences
        for name, alternatives in pattern.get_conditions().items():
            found = matches.get(self._number(alternatives))
            if name == "before":
                keep &= _is_end(found, layout.starts[first])
            elif name == "after":
                keep &= _is_start(found, layout.ends[second])
            else:
                keep &= _lies_within(found, start, stop) ^ (name == "without")
        if pattern.nearest == "both":
            # a head that is nearer to a tail may be in this block, and not be kept
            return heads[keep], tails[keep]
        return keep_nearest(pattern, layout, heads[keep], tails[keep])

    def _merge(
        self, found: List[Tuple[int, numpy.ndarray, numpy.ndarray]]
    ) -> PatternMatches:
        """Keep each pair and label once, with the highest score. Ties are broken by id,
        so that the order of the patterns does not matter."""
        empty = numpy.zeros(0, dtype="int64")
        numbers = numpy.concatenate(
            [empty, *(numpy.full(len(heads), i) for i, heads, _ in found)]
        )
        heads = numpy.concatenate([empty, *(heads for _, heads, _ in found)])
        tails = numpy.concatenate([empty, *(tails for _, _, tails in found)])
        names = sorted({pattern.label for pattern in self.patterns})
        ranks = {id_: i for i, id_ in enumerate(sorted({x.id for x in self.patterns}))}
        labels = numpy.asarray([names.index(x.label) for x in self.patterns], int)
        ids = numpy.asarray([ranks[pattern.id] for pattern in self.patterns], int)
        scores = numpy.asarray([x.score for x in self.patterns], dtype="float32")
        order = numpy.lexsort(
            (ids[numbers], -scores[numbers], labels[numbers], tails, heads)
        )
        numbers, heads, tails = numbers[order], heads[order], tails[order]
        is_new = numpy.ones(len(order), dtype=bool)
        is_new[1:] = (
            (heads[1:] != heads[:-1])
            | (tails[1:] != tails[:-1])
            | (labels[numbers[1:]] != labels[numbers[:-1]])
        )
        kept = [self.patterns[number] for number in numbers[is_new].tolist()]
        return PatternMatches(
            pairs=numpy.stack([heads[is_new], tails[is_new]], axis=1).astype("int32"),
            labels=[pattern.label for pattern in kept],
            scores=scores[numbers[is_new]],
            ids=[pattern.id for pattern in kept],
        )


def keep_nearest(
    pattern: RelationPattern,
    layout: Layout,
    heads: numpy.ndarray,
    tails: numpy.ndarray,
) -> Pairs:
    """Keep the nearest head of each tail, or the nearest tail of each head, by the
    number of tokens in between; the first one if distances are equal."""
    if pattern.nearest is None or not len(heads):
        return heads, tails
    first, second = numpy.minimum(heads, tails), numpy.maximum(heads, tails)
    distance = numpy.maximum(layout.starts[second] - layout.ends[first], 0)
    keep = numpy.ones(len(heads), dtype=bool)
    if pattern.nearest in ("head", "both"):
        keep &= _is_first(tails, distance, heads)
    if pattern.nearest in ("tail", "both"):
        keep &= _is_first(heads, distance, tails)
    return heads[keep], tails[keep]


def _is_first(
    groups: numpy.ndarray, distance: numpy.ndarray, others: numpy.ndarray
) -> numpy.ndarray:
    order = numpy.lexsort((others, distance, groups))
    is_new = numpy.ones(len(groups), dtype=bool)
    is_new[1:] = groups[order[1:]] != groups[order[:-1]]
    found = numpy.zeros(len(groups), dtype=bool)
    found[order[is_new]] = True
    return found


def _find_windows(
    pattern: RelationPattern,
    layout: Layout,
    heads: numpy.ndarray,
    tails: numpy.ndarray,
) -> Pairs:
    """Find the range of tails that may be near enough to each head.

    RETURNS (Tuple[Ints1d, Ints1d]): (n_heads,), start and exclusive end, as indices of
        `tails`.
    """
    first = numpy.searchsorted(layout.docs[tails], layout.docs[heads], side="left")
    last = numpy.searchsorted(layout.docs[tails], layout.docs[heads], side="right")
    if pattern.max_tokens is not None:
        # distances are between starts: add the longest entity
        longest = int((layout.ends - layout.starts).max(initial=0))
        limit = pattern.max_tokens + longest
        first, last = _narrow(layout.starts, heads, tails, limit, first, last)
    if pattern.max_sentences is not None:
        limit = pattern.max_sentences
        first, last = _narrow(layout.sentences, heads, tails, limit, first, last)
    # entities are sorted, so the lower row comes first
    if pattern.order == "head_first":
        first = numpy.maximum(first, numpy.searchsorted(tails, heads))
    elif pattern.order == "tail_first":
        last = numpy.minimum(last, numpy.searchsorted(tails, heads))
    return first, last


def _narrow(
    places: numpy.ndarray,
    heads: numpy.ndarray,
    tails: numpy.ndarray,
    limit: int,
    first: numpy.ndarray,
    last: numpy.ndarray,
) -> Pairs:
    at, known = places[heads], places[tails]
    return (
        numpy.maximum(first, numpy.searchsorted(known, at - limit, side="left")),
        numpy.minimum(last, numpy.searchsorted(known, at + limit, side="right")),
    )


def _lies_within(
    matches: Any, start: numpy.ndarray, stop: numpy.ndarray
) -> numpy.ndarray:
    """RETURNS (Bools1d): whether there is a match between `start` and `stop`."""
    if matches is None:
        return numpy.zeros(len(start), dtype=bool)
    starts, ends = matches
    # the minimum end of each match and all later ones
    soonest = numpy.minimum.accumulate(ends[::-1])[::-1]
    soonest = numpy.append(soonest, numpy.iinfo("int64").max)
    return soonest[numpy.searchsorted(starts, start, side="left")] <= stop


def _is_start(matches: Any, places: numpy.ndarray) -> numpy.ndarray:
    return numpy.isin(places, () if matches is None else matches[0])


def _is_end(matches: Any, places: numpy.ndarray) -> numpy.ndarray:
    return numpy.isin(places, () if matches is None else matches[1])


def _get_offsets(docs: Sequence[Doc]) -> numpy.ndarray:
    """Get the start of each Doc, with a gap of one token, so that no Doc ends where the
    next one starts."""
    lengths = [len(doc) + 1 for doc in docs]
    return numpy.cumsum([0, *lengths])[:-1]


def _number_sentences(docs: Sequence[Doc], pattern: RelationPattern) -> numpy.ndarray:
    """RETURNS (Ints1d): index of the sentence of each position in the batch."""
    parts = [numpy.zeros(0, dtype="int64")]
    for doc in docs:
        if len(doc) > 1 and not doc.has_annotation("SENT_START"):
            raise ValueError(
                f"Pattern {_describe(pattern)} has max_sentences, but the text "
                f"{doc.text[:40]!r} has no sentence boundaries. Add a sentencizer, "
                "senter or parser before the relation ruler."
            )
        parts.append(doc.to_array(SENT_START).astype("int64") == 1)
        parts.append(numpy.ones(1, dtype="int64"))
    return numpy.cumsum(numpy.concatenate(parts))


def _index_tokens(layout: Layout) -> Dict[int, List[int]]:
    """Map each token to the entities that contain it."""
    found: Dict[int, List[int]] = defaultdict(list)
    rows = zip(layout.starts.tolist(), layout.ends.tolist())
    for row, (start, end) in enumerate(rows):
        for place in range(start, end):
            found[place].append(row)
    return found


def _to_columns(pairs: Sequence[Tuple[int, int]]) -> Pairs:
    table = numpy.asarray(pairs, dtype="int64").reshape(-1, 2)
    return table[:, 0], table[:, 1]


def _name_dependency(number: int) -> str:
    return f"rel_component_dependency_{number}"


def _describe(pattern: RelationPattern) -> str:
    return f"{pattern.id!r} ({pattern.label})" if pattern.id else f"of {pattern.label}"


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else repr(error)

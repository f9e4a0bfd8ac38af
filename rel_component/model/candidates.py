"""Candidates: the pairs of entities to score in a batch, as integer arrays."""

from dataclasses import dataclass
from typing import (
    Callable,
    Iterator,
    List,
    Optional,
    Protocol,
    Sequence,
    Tuple,
    TypeGuard,
    cast,
    runtime_checkable,
)

import numpy
from spacy.attrs import ENT_IOB, ENT_TYPE, SENT_START
from spacy.tokens import Doc, Span
from spacy.util import registry

# a custom generator: the pairs of one Doc as (head, tail) spans
InstanceGenerator = Callable[[Doc], List[Tuple[Span, Span]]]


@dataclass
class Entities:
    """The entities of a batch of Docs, sorted by document, start and end.

    spans (Ints2d): (n_entities, 2), int32, token start and exclusive end in the Doc.
    types (Uints1d): (n_entities,), uint64, hash of the entity type.
    docs (Ints1d): (n_entities,), int32, index of the Doc in the batch.
    offsets (Ints1d): (n_docs + 1,), first entity of each Doc.
    """

    spans: numpy.ndarray
    types: numpy.ndarray
    docs: numpy.ndarray
    offsets: numpy.ndarray

    def __len__(self) -> int:
        return len(self.spans)

    def select(self, mask: numpy.ndarray) -> "Entities":
        """RETURNS (Entities): the entities where mask, (n_entities,) bool, is true."""
        kept = numpy.concatenate(([0], numpy.cumsum(mask)))
        return Entities(
            self.spans[mask], self.types[mask], self.docs[mask], kept[self.offsets]
        )


@dataclass
class Candidates:
    """The pairs to score in a batch of Docs, sorted by document, head and tail.

    entities (Entities): the entities of the batch.
    pairs (Ints2d): (n_pairs, 2), int32, head and tail as rows of `entities`.
    offsets (Ints1d): (n_docs + 1,), first pair of each Doc.
    """

    entities: Entities
    pairs: numpy.ndarray
    offsets: numpy.ndarray

    def __len__(self) -> int:
        return len(self.pairs)

    def select(self, mask: numpy.ndarray) -> "Candidates":
        """RETURNS (Candidates): the pairs where mask, (n_pairs,) bool, is true."""
        kept = numpy.concatenate(([0], numpy.cumsum(mask)))
        return Candidates(self.entities, self.pairs[mask], kept[self.offsets])

    def of_doc(self, i: int) -> Tuple[slice, slice]:
        """RETURNS (Tuple[slice, slice]): rows of the Doc's entities and pairs."""
        entities, pairs = self.entities.offsets, self.offsets
        return (
            slice(int(entities[i]), int(entities[i + 1])),
            slice(int(pairs[i]), int(pairs[i + 1])),
        )

    def blocks(self, size: int) -> Iterator[slice]:
        """YIELDS (slice): consecutive rows of `pairs`, at most `size` at a time."""
        for start in range(0, len(self.pairs), size):
            yield slice(start, min(start + size, len(self.pairs)))


# confection before 1.0, of spaCy before 3.8.13, asks whether an argument is one
@runtime_checkable
class BatchGenerator(Protocol):
    """Generates the candidates of a batch."""

    def get_entities(self, docs: Sequence[Doc]) -> Entities: ...

    def get_pairs(self, docs: Sequence[Doc], entities: Entities) -> Candidates: ...


class PairGenerator:
    """Generate pairs of different entities, optionally within a maximum distance.

    max_length (Optional[int]): maximum number of tokens between the starts of the two
        entities; None or 0 for no limit.
    max_sentences (Optional[int]): maximum number of sentence boundaries between the
        starts; None for no limit, 0 for pairs within a sentence. Requires sentence
        boundaries.
    spans_key (Optional[str]): key of `doc.spans` for entities, which may overlap; None
        for `doc.ents`.
    """

    def __init__(
        self,
        *,
        max_length: Optional[int] = None,
        max_sentences: Optional[int] = None,
        spans_key: Optional[str] = None,
    ) -> None:
        if max_length is not None and max_length < 0:
            raise ValueError(
                f"max_length is {max_length}; expected a number of tokens, or 0 or "
                f"null for no limit."
            )
        self.max_length = max_length
        self.max_sentences = max_sentences
        self.spans_key = spans_key

    def __call__(self, doc: Doc) -> List[Tuple[Span, Span]]:
        """Generate the pairs of one Doc as spans, like the tutorial's generators."""
        found = get_candidates(self, [doc])
        spans = get_spans(doc, found.entities)
        return [(spans[head], spans[tail]) for head, tail in found.pairs.tolist()]

    def get_entities(self, docs: Sequence[Doc]) -> Entities:
        """RETURNS (Entities): the entities of a batch."""
        return get_entities(docs, self.spans_key)

    def get_pairs(
        self,
        docs: Sequence[Doc],
        entities: Entities,
        windows: Optional[numpy.ndarray] = None,
    ) -> Candidates:
        """Generate the pairs of a batch.

        docs (Sequence[Doc]): the batch.
        entities (Entities): the entities to use.
        windows (Optional[Ints1d]): (n_entities,), a limit like `max_length` for the
            pairs of each head; None for no other limit.
        RETURNS (Candidates): the pairs, sorted by document, head and tail.
        """
        found = pair_entities(entities, docs, self.max_length, windows)
        if self.max_sentences is None or not len(found):
            return found
        sentences = _sentence_numbers(docs, entities)[found.pairs]
        apart = numpy.abs(sentences[:, 0] - sentences[:, 1])
        return found.select(apart <= self.max_sentences)


def get_candidates(
    generator: InstanceGenerator | BatchGenerator, docs: Sequence[Doc]
) -> Candidates:
    """Generate the candidates of a batch, with a built-in or custom generator.

    generator (Callable): a `PairGenerator`, or a function from a Doc to (head, tail)
        spans as in the tutorial.
    docs (Sequence[Doc]): the batch.
    RETURNS (Candidates): the pairs, in the generator's order within each Doc.
    """
    if is_batch_generator(generator):
        return generator.get_pairs(docs, generator.get_entities(docs))
    function = cast(InstanceGenerator, generator)
    return from_span_pairs([function(doc) for doc in docs])


def is_batch_generator(
    generator: InstanceGenerator | BatchGenerator,
) -> TypeGuard[BatchGenerator]:
    """RETURNS (bool): whether it generates arrays, instead of the spans of one Doc."""
    return hasattr(generator, "get_pairs")


def from_span_pairs(instances: Sequence[List[Tuple[Span, Span]]]) -> Candidates:
    """Convert lists of (head, tail) spans, one per Doc, to candidates. Duplicates and
    pairs with an empty span are ignored."""
    rows: List[Tuple[int, int, int, int]] = []
    pairs: List[Tuple[int, int]] = []
    counts = []
    for i, doc_instances in enumerate(instances):
        doc_instances = [pair for pair in doc_instances if all(map(len, pair))]
        known = sorted(
            {(s.start, s.end, s.label) for pair in doc_instances for s in pair}
        )
        index = {key: len(rows) + k for k, key in enumerate(known)}
        rows.extend((i, *key) for key in known)
        doc_pairs = {
            (index[h.start, h.end, h.label], index[t.start, t.end, t.label]): None
            for h, t in doc_instances
        }
        pairs.extend(doc_pairs)
        counts.append(len(doc_pairs))
    entities = _build_entities(rows, len(instances))
    return Candidates(
        entities,
        numpy.asarray(pairs, dtype="int32").reshape(-1, 2),
        _offsets(numpy.asarray(counts, dtype="int64")),
    )


def get_spans(doc: Doc, entities: Entities) -> List[Span]:
    """Convert the entities of one Doc to spans."""
    return [
        Span(doc, start, end, label=int(type_))
        for (start, end), type_ in zip(entities.spans.tolist(), entities.types)
    ]


def get_entities(docs: Sequence[Doc], spans_key: Optional[str] = None) -> Entities:
    """Get the entities of a batch, from `doc.ents` or `doc.spans`.

    docs (Sequence[Doc]): the batch.
    spans_key (Optional[str]): key of `doc.spans`; None for `doc.ents`. A Doc without
        this group has no entities. Duplicates and empty spans are ignored.
    RETURNS (Entities): the entities, sorted by document, start and end.
    """
    if spans_key is None:
        return _read_ents(docs)
    rows: List[Tuple[int, ...]] = []
    for i, doc in enumerate(docs):
        if spans_key in doc.spans:
            spans = {(s.start, s.end, s.label) for s in doc.spans[spans_key] if len(s)}
            rows.extend((i, *key) for key in sorted(spans))
    return _build_entities(rows, len(docs))


def pair_entities(
    entities: Entities,
    docs: Sequence[Doc],
    max_length: Optional[int] = None,
    windows: Optional[numpy.ndarray] = None,
) -> Candidates:
    """Get all ordered pairs of different entities of the same Doc.

    entities (Entities): the entities of the batch.
    docs (Sequence[Doc]): the batch.
    max_length (Optional[int]): maximum number of tokens between the starts; None or 0
        for no limit.
    windows (Optional[Ints1d]): (n_entities,), another limit for the pairs of each head.
    RETURNS (Candidates): the pairs, sorted by document, head and tail.
    """
    first = entities.offsets[entities.docs]
    last = entities.offsets[entities.docs + 1]
    if max_length or windows is not None:
        longest = max((len(doc) for doc in docs), default=0)
        limit = min(max_length or longest, longest)
        within = limit if windows is None else numpy.minimum(windows, limit)
        # one sorted key for the batch, with gaps so that windows don't cross Docs
        gap = 2 * longest + 1
        key = entities.spans[:, 0] + entities.docs.astype("int64") * gap
        first = numpy.searchsorted(key, key - within, side="left")
        last = numpy.searchsorted(key, key + within, side="right")
    counts = last - first - 1  # the window includes the head itself
    starts = _offsets(counts)
    heads = numpy.repeat(numpy.arange(len(entities), dtype="int32"), counts)
    shift = (starts[:-1] - first).astype("int32")
    tails = numpy.arange(len(heads), dtype="int32") - numpy.repeat(shift, counts)
    tails += tails >= heads  # skip the head
    pairs = numpy.empty((len(heads), 2), dtype="int32")
    pairs[:, 0], pairs[:, 1] = heads, tails
    return Candidates(entities, pairs, starts[entities.offsets])


def _read_ents(docs: Sequence[Doc]) -> Entities:
    """Read ENT_IOB tags as arrays, since `doc.ents` creates a Span for each entity."""
    lengths = numpy.asarray([len(doc) for doc in docs], dtype="int64")
    token_offsets = _offsets(lengths)
    tags = numpy.zeros((int(token_offsets[-1]) + 1, 2), dtype="uint64")
    for doc, start in zip(docs, token_offsets.tolist()):
        if len(doc):
            tags[start : start + len(doc)] = doc.to_array([ENT_IOB, ENT_TYPE])
    # without a type: tokens that `doc.set_ents` blocked
    begin = (tags[:, 0] == 3) & (tags[:, 1] != 0)
    inside = tags[:, 0] == 1
    starts = numpy.flatnonzero(begin)
    ends = numpy.flatnonzero((begin | inside)[:-1] & ~inside[1:]) + 1
    number = numpy.searchsorted(token_offsets, starts, side="right") - 1
    spans = numpy.stack([starts, ends], axis=1) - token_offsets[number][:, None]
    return Entities(
        spans=spans.astype("int32"),
        types=tags[starts, 1],
        docs=number.astype("int32"),
        offsets=_offsets(numpy.bincount(number, minlength=len(docs))),
    )


def _build_entities(rows: Sequence[Tuple[int, ...]], n_docs: int) -> Entities:
    docs = numpy.asarray([row[0] for row in rows], dtype="int32")
    return Entities(
        spans=numpy.asarray([row[1:3] for row in rows], dtype="int32").reshape(-1, 2),
        types=numpy.asarray([row[3] for row in rows], dtype="uint64"),
        docs=docs,
        offsets=_offsets(numpy.bincount(docs, minlength=n_docs)),
    )


def _sentence_numbers(docs: Sequence[Doc], entities: Entities) -> numpy.ndarray:
    numbers = numpy.zeros(len(entities), dtype="int32")
    for i, doc in enumerate(docs):
        rows = slice(int(entities.offsets[i]), int(entities.offsets[i + 1]))
        if rows.stop > rows.start:
            begins = doc.to_array(SENT_START).astype("int64") == 1
            numbers[rows] = numpy.cumsum(begins)[entities.spans[rows, 0]]
    return numbers


def _offsets(counts: numpy.ndarray) -> numpy.ndarray:
    offsets = numpy.zeros(len(counts) + 1, dtype="int64")
    numpy.cumsum(counts, out=offsets[1:])
    return offsets


@registry.misc("rel_instance_generator.v1")
def create_instances(max_length: Optional[int] = None) -> PairGenerator:
    """Create the tutorial's generator: pairs of `doc.ents`.

    max_length (Optional[int]): maximum number of tokens between the starts of the two
        entities; null or 0 for no limit (in the tutorial, 0 yields no pairs).
    RETURNS (PairGenerator): the generator, callable on a Doc as in the tutorial.
    """
    return PairGenerator(max_length=max_length)


@registry.misc("rel_component.PairGenerator.v1")
def create_pair_generator(
    max_length: Optional[int] = None,
    max_sentences: Optional[int] = None,
    spans_key: Optional[str] = None,
) -> PairGenerator:
    """Create a generator of pairs within a distance or a window of sentences.

    max_length (Optional[int]): maximum number of tokens between the starts of the two
        entities; null or 0 for no limit.
    max_sentences (Optional[int]): maximum number of sentence boundaries between the
        starts; null for no limit, 0 for pairs within a sentence.
    spans_key (Optional[str]): key of `doc.spans` for entities; null for `doc.ents`.
    RETURNS (PairGenerator): the generator.
    """
    return PairGenerator(
        max_length=max_length, max_sentences=max_sentences, spans_key=spans_key
    )

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st
from spacy.util import registry
from spacy.vocab import Vocab

from rel_component.model.candidates import (
    PairGenerator,
    from_span_pairs,
    get_candidates,
    get_entities,
    is_batch_generator,
)

from ..util import make_doc

VOCAB = Vocab()


@st.composite
def docs(draw, *, nested):
    """A batch of documents with entities, some empty, in `doc.ents` or `doc.spans`."""
    batch = []
    for _ in range(draw(st.integers(0, 4))):
        n_words = draw(st.integers(0, 12))
        token = st.integers(0, max(n_words - 1, 0))
        entity = st.tuples(token, token, st.sampled_from(["A", "B", ""])).map(
            lambda x: (min(x[:2]), max(x[:2]) + 1, x[2])
        )
        drawn = draw(st.lists(entity, max_size=6)) if n_words else []
        if nested:
            batch.append(make_doc(VOCAB, n_words, drawn, spans_key="sc"))
        else:
            ends, apart = 0, []
            for entity in sorted(drawn):
                if entity[0] >= ends and entity[2]:
                    apart.append(entity)
                    ends = entity[1]
            batch.append(make_doc(VOCAB, n_words, apart))
        for token in batch[-1]:
            token.is_sent_start = draw(st.sampled_from([True, False, None]))
    return batch


def naive(batch, spans_key, max_length, max_sentences):
    """The tutorial's double loop, of entities that are the same only if all is."""
    pairs = []
    for doc in batch:
        spans = doc.spans[spans_key] if spans_key else doc.ents
        spans = sorted({(s.start, s.end, s.label) for s in spans})
        begins = [token.is_sent_start is True for token in doc]
        found = []
        for head in spans:
            for tail in spans:
                sentences = abs(sum(begins[: head[0] + 1]) - sum(begins[: tail[0] + 1]))
                is_near = not max_length or abs(head[0] - tail[0]) <= max_length
                in_window = max_sentences is None or sentences <= max_sentences
                if head != tail and is_near and in_window:
                    found.append((head, tail))
        pairs.append(found)
    return pairs


def as_keys(candidates):
    """The pairs of each document as (start, end, type) of head and tail."""
    entities = candidates.entities
    keys = [
        (*span, type_)
        for span, type_ in zip(entities.spans.tolist(), entities.types.tolist())
    ]
    n_docs = len(candidates.offsets) - 1
    pairs = [candidates.pairs[candidates.of_doc(i)[1]].tolist() for i in range(n_docs)]
    return [[(keys[head], keys[tail]) for head, tail in doc] for doc in pairs]


LIMITS = [
    (None, None),
    (0, None),
    (1, None),
    (4, None),
    (100, None),
    (None, 0),
    (None, 1),
    (3, 0),
]


@pytest.mark.parametrize("max_length,max_sentences", LIMITS)
@given(batch=docs(nested=False))
def test_pairs_of_ents(batch, max_length, max_sentences):
    generator = PairGenerator(max_length=max_length, max_sentences=max_sentences)
    found = get_candidates(generator, batch)
    assert as_keys(found) == naive(batch, None, max_length, max_sentences)


@pytest.mark.parametrize("max_length,max_sentences", LIMITS)
@given(batch=docs(nested=True))
def test_pairs_of_spans(batch, max_length, max_sentences):
    generator = PairGenerator(
        max_length=max_length, max_sentences=max_sentences, spans_key="sc"
    )
    found = get_candidates(generator, batch)
    assert as_keys(found) == naive(batch, "sc", max_length, max_sentences)


@given(batch=docs(nested=True))
def test_generator_is_callable_on_a_doc(batch):
    """As the tutorial's are; and what it gives makes the same candidates again."""
    generator = PairGenerator(spans_key="sc", max_length=3)
    instances = [generator(doc) for doc in batch]
    again = from_span_pairs(instances)
    assert as_keys(again) == as_keys(get_candidates(generator, batch))
    assert all(
        span.doc is doc
        for doc, pairs in zip(batch, instances)
        for pair in pairs
        for span in pair
    )


@given(batch=docs(nested=False))
def test_arrays(batch):
    found = get_candidates(PairGenerator(), batch)
    entities = found.entities
    assert (found.pairs.dtype, entities.spans.dtype) == ("int32", "int32")
    assert (entities.docs.dtype, entities.types.dtype) == ("int32", "uint64")
    assert found.pairs.shape == (len(found), 2)
    assert entities.spans.shape == (len(entities), 2)
    assert len(found.offsets) == len(entities.offsets) == len(batch) + 1
    assert (
        numpy.repeat(range(len(batch)), numpy.diff(entities.offsets)) == entities.docs
    ).all()
    assert (entities.docs[found.pairs[:, 0]] == entities.docs[found.pairs[:, 1]]).all()


@given(batch=docs(nested=False), seed=st.integers(0, 9))
def test_select(batch, seed):
    found = get_candidates(PairGenerator(), batch)
    mask = numpy.random.default_rng(seed).random(len(found)) < 0.5
    kept = as_keys(found.select(mask))
    borders = found.offsets.tolist()
    assert kept == [
        [key for key, is_kept in zip(keys, mask[start:]) if is_kept]
        for keys, start in zip(as_keys(found), borders)
    ]


@given(batch=docs(nested=False), seed=st.integers(0, 9))
def test_select_entities(batch, seed):
    entities = get_entities(batch)
    mask = numpy.random.default_rng(seed).random(len(entities)) < 0.5
    kept = entities.select(mask)
    assert kept.spans.tolist() == entities.spans[mask].tolist()
    assert numpy.diff(kept.offsets).tolist() == [
        (kept.docs == i).sum() for i in range(len(batch))
    ]


@pytest.mark.parametrize(
    "size,expected", [(4, [4, 2]), (6, [6]), (7, [6]), (1, [1] * 6)]
)
def test_blocks(size, expected):
    doc = make_doc(VOCAB, 3, [(0, 1, "A"), (1, 2, "A"), (2, 3, "A")])
    blocks = list(get_candidates(PairGenerator(), [doc]).blocks(size))
    assert [b.stop - b.start for b in blocks] == expected
    assert (blocks[0].start, blocks[-1].stop) == (0, 6)


def test_docs_without_the_span_group():
    assert len(get_candidates(PairGenerator(spans_key="sc"), [make_doc(VOCAB, 3)])) == 0


def test_max_length_is_measured_between_starts():
    doc = make_doc(VOCAB, 9, [(0, 4, "A"), (5, 6, "A"), (6, 9, "A")])
    found = get_candidates(PairGenerator(max_length=5), [doc])
    assert found.pairs.tolist() == [[0, 1], [1, 0], [1, 2], [2, 1]]


def test_negative_max_length():
    with pytest.raises(
        ValueError, match=r"max_length is -1; .* 0 or null for no limit"
    ):
        PairGenerator(max_length=-1)


def test_own_generator_keeps_its_order():
    doc = make_doc(VOCAB, 5, [(0, 1, "A"), (2, 3, "B"), (4, 5, "A")])

    def generator(doc):
        return [(doc[4:5], doc[0:2]), (doc.ents[1], doc.ents[0])] * 2

    found = get_candidates(generator, [doc])
    assert not is_batch_generator(generator) and is_batch_generator(PairGenerator())
    a, b = VOCAB.strings["A"], VOCAB.strings["B"]
    assert as_keys(found) == [
        [((4, 5, 0), (0, 2, 0)), ((2, 3, b), (0, 1, a))]  # repeated pairs count once
    ]


@pytest.mark.parametrize(
    "name,options",
    [
        ("rel_instance_generator.v1", {}),
        ("rel_instance_generator.v1", {"max_length": 5}),
        ("rel_component.PairGenerator.v1", {"max_sentences": 0, "spans_key": "sc"}),
    ],
)
def test_registered(name, options):
    generator = registry.misc.get(name)(**options)
    assert options.items() <= vars(generator).items()
    assert isinstance(generator, PairGenerator)


def test_empty_spans_are_no_entities():
    doc = make_doc(VOCAB, 3)
    doc.spans["sc"] = [doc[1:1], doc[0:1], doc[2:3]]
    empty, first, last = doc.spans["sc"]
    assert len(get_entities([doc], "sc")) == 2
    pairs = [(empty, first), (first, last), (last, empty)]
    assert from_span_pairs([pairs]).entities.spans.tolist() == [[0, 1], [2, 3]]


def test_blocked_tokens_are_no_entities():
    doc = make_doc(Vocab(), "a b c", [(0, 1, "A")])
    doc.set_ents(list(doc.ents), blocked=[doc[1:3]], default="unmodified")
    assert get_entities([doc]).spans.tolist() == [[0, 1]]

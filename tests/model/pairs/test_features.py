import inspect
import re
from bisect import bisect_right

import numpy
import pytest
import spacy
from hypothesis import given
from hypothesis import strategies as st
from thinc.api import reduce_mean

from rel_component.model.candidates import PairGenerator, get_candidates
from rel_component.model.markers.architecture import create_marker_model
from rel_component.model.pairs.architecture import create_pair_model
from rel_component.model.pairs.entity_words import N_SHARED, PART, STEM
from rel_component.model.pairs.features import (
    COUNTS,
    DISTANCES,
    FEATURES,
    FEW,
    MAX_GROUP,
    get_codes,
    get_groups,
    get_layout,
    get_pairs,
)

from ...util import TokenTable, make_doc

VOCAB = spacy.blank("en").vocab
TYPES = {VOCAB.strings.add(type_): i for i, type_ in enumerate("AB", 1)}
WORDS = ["word", ".", "…", "\n", "\n\n", " ", "5"]


@st.composite
def documents(draw):
    """Documents with overlapping entities of known and unknown types, with sentence
    boundaries, without, or with some; words, punctuation and line breaks."""
    batch = []
    for _ in range(draw(st.integers(1, 3))):
        words = draw(st.lists(st.sampled_from(WORDS), min_size=2, max_size=25))
        n_words = len(words)
        token = st.integers(0, n_words - 1)
        entity = st.tuples(token, st.integers(1, 4), st.sampled_from("ABC")).map(
            lambda x, n=n_words: (x[0], min(x[0] + x[1], n), x[2])
        )
        entities = draw(st.lists(entity, max_size=6))
        doc = make_doc(VOCAB, words, entities, spans_key="sc")
        sents = draw(st.sampled_from(["none", "some", "all"]))
        for token in doc:
            if sents == "all" or (sents == "some" and draw(st.booleans())):
                token.is_sent_start = draw(st.booleans())
        batch.append(doc)
    return batch


def count(values, borders):
    return bisect_right(borders, values)


def naive_distance(doc, head, tail, between, entities):
    backward = tail[0] < head[0]
    return count(len(between), DISTANCES) + backward * (len(DISTANCES) + 1)


def naive_nesting(doc, head, tail, between, entities):
    head, tail = set(range(*head[:2])), set(range(*tail[:2]))
    if not head & tail:
        return 0
    return 1 if tail <= head else 2 if head <= tail else 3


def naive_sentences(doc, head, tail, between, entities):
    def ends_sentence(i):
        if i + 1 < len(doc) and doc[i + 1].is_sent_start is not None:
            return doc[i + 1].is_sent_start
        return doc[i].text in (".", "…")

    return min(sum(ends_sentence(i) for i in between), 2)


def naive_lines(doc, head, tail, between, entities):
    return min(sum("\n" in doc[i].text for i in between), 2)


def starting_between(head, tail, entities):
    first, second = (tail, head) if tail[0] < head[0] else (head, tail)
    return [entity for entity in entities if first[1] <= entity[0] < second[0]]


def naive_entities_between(doc, head, tail, between, entities):
    return count(len(starting_between(head, tail, entities)), COUNTS)


def naive_type_between(own, head, tail, entities):
    # types that the model does not know are one type to it
    types = [TYPES.get(x[2], 0) for x in starting_between(head, tail, entities)]
    return count(types.count(TYPES.get(own[2], 0)), FEW)


def naive_shared_words(doc, head, tail, between, entities):
    def words_of(entity):
        return [token.text for token in doc[entity[0] : entity[1]]]

    def is_new(entity):
        before = entities[: entities.index(entity)]
        return words_of(entity) not in [words_of(x) for x in before]

    (a, b), pair = (words_of(head), words_of(tail)), [head, tail]
    if a == b:
        return N_SHARED - 1
    if not {a[0], a[-1]} & {b[0], b[-1]}:  # no word is longer than its stem
        return 0
    kind = PART if 1 in (len(a), len(b)) else STEM
    return 1 + 2 * kind + all(is_new(entity) for entity in pair)


NAIVE = {
    "_shared_words": naive_shared_words,
    "_distance": naive_distance,
    "_nesting": naive_nesting,
    "_sentences": naive_sentences,
    "_lines": naive_lines,
    "_entities_between": naive_entities_between,
    "_head_type_between": lambda doc, h, t, b, e: naive_type_between(h, h, t, e),
    "_tail_type_between": lambda doc, h, t, b, e: naive_type_between(t, h, t, e),
}
ALL = [feature for features in FEATURES.values() for feature in features]
ALL_ON = dict.fromkeys(FEATURES, True)
ALL_OFF = dict.fromkeys(FEATURES, False)


def prepare(batch):
    candidates = get_candidates(PairGenerator(spans_key="sc"), batch)
    layout = get_layout(batch, candidates.entities, TYPES, words=True)
    heads, tails = candidates.pairs.T
    return candidates, (layout, get_pairs(layout, heads, tails))


@pytest.mark.parametrize("feature", ALL, ids=lambda feature: feature.name)
@given(batch=documents())
def test_feature(batch, feature):
    candidates, arguments = prepare(batch)
    found = feature.get_buckets(*arguments)
    naive = NAIVE[feature.name]
    for i, doc in enumerate(batch):
        rows, pairs = candidates.of_doc(i)
        entities = [
            (*span, type_)
            for span, type_ in zip(
                candidates.entities.spans[rows].tolist(),
                candidates.entities.types[rows].tolist(),
            )
        ]
        expected = []
        for head, tail in candidates.pairs[pairs] - rows.start:
            ends = entities[head], entities[tail]
            first, second = sorted(ends, key=lambda x: x[0])
            between = range(first[1], second[0])
            if ends[0][0] == ends[1][0]:
                between = range(0)
            expected.append(naive(doc, *ends, between, entities))
        assert found[pairs].tolist() == expected
    assert all(0 <= code < feature.size for code in found)


@given(batch=documents())
def test_batching_does_not_change_features(batch):
    groups = get_groups(**ALL_ON)
    together = get_codes(groups, *prepare(batch)[1])
    alone = [get_codes(groups, *prepare([doc])[1]) for doc in batch]
    for found, *parts in zip(together, *alone):
        assert found.tolist() == numpy.concatenate(parts).tolist()


@given(batch=documents(), names=st.sets(st.sampled_from(sorted(FEATURES))))
def test_codes_combine_the_buckets(batch, names):
    groups = get_groups(**{**ALL_OFF, **dict.fromkeys(names, True)})
    _, arguments = prepare(batch)
    codes = get_codes(groups, *arguments)
    assert len(codes) == len(groups)
    for group, code in zip(groups, codes):
        assert code.dtype == "int32"
        for feature in reversed(group):  # the last varies fastest
            buckets = feature.get_buckets(*arguments)
            assert (code % feature.size).tolist() == buckets.tolist()
            code = code // feature.size
        assert not code.any()


def test_groups_hold_each_feature_once_and_stay_small():
    groups = get_groups(**ALL_ON)
    assert [feature for group in groups for feature in group] == ALL
    sizes = [numpy.prod([feature.size for feature in group]) for group in groups]
    assert max(sizes) <= MAX_GROUP and len(groups) < len(ALL)


def test_no_features():
    assert get_groups(**ALL_OFF) == []


@pytest.mark.parametrize("switches", [{}, {**ALL_ON, "other": True}])
def test_missing_and_unknown_switches_are_rejected(switches):
    with pytest.raises(TypeError, match=r"distance|other"):
        get_groups(**switches)


def make_models(**switches):
    """A pair model and a marker model, not initialized."""
    tok2vec = TokenTable(numpy.zeros((1, 2), dtype="float32"))
    yield create_pair_model(tok2vec, reduce_mean(), PairGenerator(), **switches)
    yield create_marker_model("none", PairGenerator(), **switches)


@pytest.mark.parametrize("switch", FEATURES)
def test_features_are_settings_of_both_models(switch):
    """And has its own tables in both, which is what shows in a saved model."""
    pytest.importorskip("spacy_transformers")
    names = {feature.name for feature in FEATURES[switch]}
    for model in make_models(**{**ALL_OFF, switch: True}):
        assert names == {feature.name for feature in ALL} & {*model.param_names}
    defaults = [
        inspect.signature(create).parameters[switch].default
        for create in (create_pair_model, create_marker_model)
    ]
    assert defaults[0] == defaults[1]
    for create in (create_pair_model, create_marker_model):
        assert re.search(rf"\b{switch}\b", create.__doc__)


def test_tables_have_the_names_that_saved_models_have():
    """Whatever the functions are called; a new name here breaks users' models."""
    assert [feature.name for feature in ALL] == [
        "_distance",
        "_nesting",
        "_sentences",
        "_lines",
        "_entities_between",
        "_head_type_between",
        "_tail_type_between",
        "_shared_words",
    ]


def test_empty_docs():
    candidates, arguments = prepare([make_doc(VOCAB, 0), make_doc(VOCAB, 0)])
    codes = get_codes(get_groups(**ALL_ON), *arguments)
    assert len(candidates) == 0 and [len(code) for code in codes] == [0, 0]


def test_docs_of_different_vocabularies():
    """A line break may be unknown to the first document's vocabulary."""
    entities = [(0, 1, "A"), (2, 3, "A")]
    batch = [
        make_doc(spacy.blank("en").vocab, ["a", "b", "c"], entities, spans_key="sc"),
        make_doc(
            spacy.blank("en").vocab, ["a", "\n \n", "c"], entities, spans_key="sc"
        ),
    ]
    _, arguments = prepare(batch)
    (lines,) = [feature for feature in ALL if feature.name == "_lines"]
    assert lines.get_buckets(*arguments).tolist() == [0, 0, 1, 1]

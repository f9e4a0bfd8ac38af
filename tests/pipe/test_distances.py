import pytest
from hypothesis import given
from hypothesis import strategies as st

from rel_component.model.candidates import PairGenerator, get_spans
from rel_component.pipe.distances import DistanceLimits, check_distances
from rel_component.relations import get_relation_data

from ..model.test_candidates import docs
from ..util import make_doc
from .test_extractor import make_examples, make_nlp, pair_config

LIMITS = st.lists(st.sampled_from([-1, 0, 1, 3, None]), min_size=2, max_size=2)
DISTANCES = st.dictionaries(
    st.sampled_from("AB"), st.dictionaries(st.sampled_from("ABC"), LIMITS)
)


def get_pairs(candidates, batch):
    """The pairs of each document, as entities."""
    found = []
    for i, doc in enumerate(batch):
        ents, rows = candidates.of_doc(i)
        own = candidates.entities.docs == i
        spans = get_spans(doc, candidates.entities.select(own))
        pairs = candidates.pairs[rows] - ents.start
        found.append({(key(spans[h]), key(spans[t])) for h, t in pairs.tolist()})
    return found


def key(span):
    return span.start, span.end, span.label_


def is_within(head, tail, distances):
    limits = distances.get(head.label_, {}).get(tail.label_, [None, None])
    limit = limits[tail.start < head.start]
    return limit is None or limit >= max(
        tail.start - head.end, head.start - tail.end, 0
    )


@given(batch=docs(nested=True), distances=DISTANCES, max_length=st.sampled_from([0, 2]))
def test_pairs_within_limits(batch, distances, max_length):
    """Against a loop, for our generator and one that returns spans."""
    generator = PairGenerator(spans_key="sc", max_length=max_length)
    expected = [
        {(key(h), key(t)) for h, t in generator(doc) if is_within(h, t, distances)}
        for doc in batch
    ]
    limits = DistanceLimits.from_dict(distances)
    for pairs_of in (generator, lambda doc: generator(doc)):
        found = limits.get_candidates(pairs_of, batch)
        assert get_pairs(found, batch) == expected
        assert found.offsets[-1] == len(found) == sum(map(len, expected))


def test_symmetric_labels_use_the_higher_limit():
    limits = DistanceLimits.from_dict({"A": {"B": [1, 7]}, "B": {"A": [3, 9]}})
    both = DistanceLimits.from_dict(
        {"A": {"B": [1, 7]}, "B": {"A": [3, 9]}}, symmetric=True
    )
    assert limits.limits[1, 2].tolist() == [1, 7]
    assert both.limits[1, 2].tolist() == [9, 7]
    assert both.limits[2, 1].tolist() == [7, 9]


@pytest.mark.parametrize(
    "distances, message",
    [
        (None, "max_distances is None; expected a dict"),
        ({"A": [1, 2]}, r"max_distances\['A'\] is \[1, 2\]; expected a dict"),
        ({"A": {"B": [1]}}, r"max_distances contains \[1\] for A"),
        ({"A": {"B": [1, -2]}}, r"max_distances contains \[1, -2\] for A"),
        ({"A": {"B": ["1", 2]}}, r"max_distances contains \['1', 2\] for A"),
        ({"A": {"B": 1}}, "max_distances contains 1 for A"),
    ],
)
def test_wrong_distances(distances, message):
    with pytest.raises(ValueError, match=message):
        check_distances(distances)


def test_extractor_skips_distant_pairs():
    nlp = make_nlp(pair_config)
    pipe = nlp.get_pipe("relation_extractor")
    people = [(0, 1, "PERSON"), (2, 3, "PERSON"), (9, 10, "PERSON")]
    every = nlp(make_doc(nlp.vocab, 12, people))._.rel
    pipe.max_distances = {"PERSON": {"PERSON": [1, -1]}}
    found = nlp(make_doc(nlp.vocab, 12, people))
    assert found._.rel == {(0, 2): pytest.approx(every[0, 2], abs=1e-6)}
    assert len(pipe.get_candidates([found])) == 1
    # training uses all pairs
    examples = make_examples(nlp)
    assert len(pipe.get_truth(examples).candidates) == 18
    # saved with the pipe
    other = make_nlp(pair_config)
    other.from_bytes(nlp.to_bytes())
    loaded = other.get_pipe("relation_extractor")
    assert loaded.max_distances == {"PERSON": {"PERSON": [1, -1]}}
    loaded.max_distances = {}
    doc = other(make_doc(other.vocab, 12, people))
    assert len(get_relation_data(doc).pairs) == 6
    nlp.initialize(lambda: examples)
    assert pipe.max_distances == {}

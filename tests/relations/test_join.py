import numpy
from hypothesis import given
from hypothesis import strategies as st
from spacy.vocab import Vocab

from rel_component.relations import (
    RelationData,
    get_relation_data,
    join_relations,
    set_relation_data,
)

from ..util import make_doc

VOCAB = Vocab()


def build(spans, types, rows):
    """rows: {(head, tail): {label: score}}; from 0.5 on a relation."""
    labels = sorted({label for cells in rows.values() for label in cells})
    scores = numpy.full((len(rows), len(labels)), numpy.nan, dtype="float32")
    for row, cells in enumerate(rows.values()):
        for label, score in cells.items():
            scores[row, labels.index(label)] = score
    with numpy.errstate(invalid="ignore"):
        decided = numpy.argwhere(scores >= 0.5).astype("int32")
    return RelationData(
        spans=numpy.asarray(spans, dtype="int32").reshape(-1, 2),
        types=types,
        pairs=numpy.asarray(list(rows), dtype="int32").reshape(-1, 2),
        labels=labels,
        scores=scores,
        decided=decided,
    )


def unfold(data):
    """{(head, tail): {label: score}} by entity, and the relations."""
    keys = data.entities
    scores = {
        (keys[h], keys[t]): {
            label: score for label, score in zip(data.labels, row) if score == score
        }
        for (h, t), row in zip(data.pairs.tolist(), data.scores.tolist())
    }
    return scores, {(keys[h], x, keys[t]) for (h, t), x, _ in data.list_decided()}


@st.composite
def columns(draw):
    spans = draw(st.lists(st.sampled_from([(0, 1), (0, 2), (1, 3)]), max_size=4))
    types = draw(
        st.lists(st.sampled_from("AB"), min_size=len(spans), max_size=len(spans))
    )
    keys = list(dict.fromkeys(zip(spans, types)))
    number = st.integers(0, max(len(keys) - 1, 0))
    scores = st.sampled_from([0.0, 0.25, 0.5, 1.0])
    cells = st.dictionaries(st.sampled_from("RST"), scores, max_size=3)
    pairs = st.dictionaries(st.tuples(number, number), cells, max_size=5)
    return build(
        [span for span, _ in keys],
        [type_ for _, type_ in keys],
        draw(pairs) if keys else {},
    )


@given(st.lists(columns(), min_size=1, max_size=3))
def test_joined_relations_are_those_of_all_parts(parts):
    expected, relations = {}, set()
    for part in parts:
        scores, found = unfold(part)
        for pair, cells in scores.items():
            expected.setdefault(pair, {}).update(cells)
        relations |= found
    joined = join_relations(parts)
    assert unfold(joined) == (expected, relations)
    assert list(unfold(joined)[0]) == list(expected)  # in their order
    assert len(joined.decided) == len(relations)
    doc = make_doc(VOCAB, 4)
    set_relation_data(doc, joined)
    assert unfold(get_relation_data(doc)) == (expected, relations)


@given(columns(), st.sets(st.sampled_from("RST")))
def test_dropped_labels(data, labels):
    scores, relations = unfold(data)
    kept = {
        pair: {label: x for label, x in cells.items() if label not in labels}
        for pair, cells in scores.items()
    }
    found = data.drop_labels(labels)
    assert unfold(found) == (
        {pair: cells for pair, cells in kept.items() if cells},
        {key for key in relations if key[1] not in labels},
    )
    assert not set(found.labels) & labels


def test_what_is_not_known_stays_so():
    spans, types = [(0, 1), (1, 2)], ["A", "B"]
    known = build(spans, types, {(0, 1): {"R": 1.0}})
    negative = build(spans, types, {(1, 0): {"S": 0.0}}).replace(complete=False)
    joined = join_relations([known, negative])
    nan = numpy.nan
    numpy.testing.assert_array_equal(joined.scores, [[1, nan], [0, 0]])
    assert not joined.complete

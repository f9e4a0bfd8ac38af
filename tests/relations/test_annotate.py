import copy
import json
import pickle
from typing import NamedTuple

import numpy
import pytest
import spacy
from hypothesis import given
from hypothesis import strategies as st
from spacy.tokens import Doc, DocBin, Span
from spacy.vocab import Vocab

from rel_component import Relation, get_relations, set_relations
from rel_component.relations import (
    LEGACY_KEY,
    RelationData,
    get_relation_data,
    get_relation_keys,
    set_relation_data,
)

from ..util import make_doc

WORDS = "Marie Curie worked for the Sorbonne in Paris ."
ENTITIES = [(0, 2, "PERSON"), (5, 6, "ORG"), (7, 8, "PLACE")]
RELATIONS = [(0, "WORKS_FOR", 1), (1, "IN", 2)]
KEYS = [
    ((0, 2, "PERSON"), "WORKS_FOR", (5, 6, "ORG")),
    ((5, 6, "ORG"), "IN", (7, 8, "PLACE")),
]
REL = {
    (0, 5): {"WORKS_FOR": 1.0, "IN": 0.0},
    (5, 7): {"WORKS_FOR": 0.0, "IN": 1.0},
}


@pytest.fixture
def doc(vocab):
    return make_doc(vocab, WORDS, ENTITIES, RELATIONS)


def to_bytes(doc):
    return Doc(doc.vocab).from_bytes(doc.to_bytes())


def to_docbin(doc):
    data = DocBin(docs=[doc], store_user_data=True).to_bytes()
    return next(DocBin().from_bytes(data).get_docs(doc.vocab))


def to_pickle(doc):
    return pickle.loads(pickle.dumps(doc))


COPIES = [to_bytes, to_docbin, to_pickle, Doc.copy, lambda doc: doc]


@pytest.mark.parametrize("copied", COPIES)
def test_relations_survive(doc, copied):
    found = copied(doc)
    assert list(get_relation_keys(found)) == KEYS
    assert found._.rel == REL
    assert [tuple(map(str, r)) for r in found._.relations] == [
        ("Marie Curie", "WORKS_FOR", "Sorbonne", "1.0"),
        ("Sorbonne", "IN", "Paris", "1.0"),
    ]
    assert all(relation.head.doc is found for relation in found._.relations)


@pytest.mark.parametrize("copied", COPIES)
def test_columns_survive(doc, copied):
    data = get_relation_data(copied(doc))
    assert (data.spans.dtype, data.pairs.dtype) == ("int32", "int32")
    assert (data.scores.dtype, data.decided.dtype) == ("float32", "int32")
    assert data.complete is True
    for name, column in get_relation_data(doc).items():
        numpy.testing.assert_array_equal(data[name], column)


@pytest.mark.parametrize("copied", [to_pickle, copy.copy, copy.deepcopy])
def test_columns_copy_as_plain_dict(doc, copied):
    """So that whoever reads them needs no class of ours."""
    assert type(copied(get_relation_data(doc))) is dict
    assert type(copied(doc._.rel)) is dict


def test_copy_is_independent(doc):
    copied = doc.copy()
    copied._.relations = []
    assert get_relations(copied) == []
    assert list(get_relation_keys(doc)) == KEYS


def test_relations_survive_processes(nlp, doc):
    found = list(nlp.pipe([doc, doc.copy()], n_process=2))
    assert [list(get_relation_keys(x)) for x in found] == [KEYS, KEYS]


def test_scores_are_json(vocab):
    doc = make_doc(vocab, WORDS, ENTITIES)
    head, tail, _ = doc.ents
    doc._.relations = [Relation(head, "WORKS_FOR", tail, 0.75)]
    assert json.dumps(doc._.rel[0, 5]) == '{"WORKS_FOR": 0.75}'
    assert json.dumps(doc._.relations[0].score) == "0.75"
    assert json.dumps(list(get_relation_keys(doc).values())) == "[0.75]"


@pytest.mark.parametrize("copied", COPIES)
@pytest.mark.parametrize("n_words", [0, 3])
@pytest.mark.parametrize("relations", [None, []])
def test_no_relations(vocab, n_words, relations, copied):
    doc = copied(make_doc(vocab, n_words, [], relations))
    assert (get_relation_data(doc) is None) == (relations is None)
    assert doc._.relations == [] and doc._.rel == {} and get_relation_keys(doc) == {}


@st.composite
def annotated(draw):
    """Relations over spans that may nest, cross, touch and repeat, as drawn."""
    n_words = draw(st.integers(1, 8))
    token = st.integers(0, n_words - 1)
    entity = st.tuples(token, token, st.sampled_from("AB")).map(
        lambda x: (min(x[:2]), max(x[:2]) + 1, x[2])
    )
    entities = draw(st.lists(entity, min_size=1, max_size=6, unique=True))
    number = st.integers(0, len(entities) - 1)
    relation = st.tuples(number, st.sampled_from(["r", "s"]), number)
    return n_words, entities, draw(st.lists(relation, max_size=8, unique=True))


@given(annotated(), st.booleans(), st.sampled_from(COPIES))
def test_any_relations_are_read_as_written(drawn, complete, copied):
    n_words, entities, relations = drawn
    doc = make_doc(
        Vocab(), n_words, entities, relations, spans_key="sc", complete=complete
    )
    found = get_relation_keys(copied(doc))
    expected = {(entities[h], label, entities[t]) for h, label, t in relations}
    assert set(found) == expected and set(found.values()) <= {1.0}
    assert len(doc._.relations) == len(expected)


def test_setting_replaces(doc):
    doc._.relations = [Relation(doc.ents[0], "IN", doc.ents[2])]
    assert doc._.rel == {(0, 7): {"IN": 1.0}}
    doc._.rel = {(5, 7): {"IN": 1.0}}
    assert [str(relation.head) for relation in doc._.relations] == ["Sorbonne"]


@pytest.mark.parametrize("scores", [(0.25, 0.75), (0.75, 0.25)])
def test_entities_starting_at_the_same_token(vocab, scores):
    entities = [(0, 1, "PLACE"), (0, 2, "ORG"), (3, 4, "PERSON")]
    doc = make_doc(vocab, "Paris University hired Curie", entities, spans_key="sc")
    city, university, person = doc.spans["sc"]
    relations = [
        Relation(city, "HIRED", person, scores[0]),
        Relation(university, "HIRED", person, scores[1]),
    ]
    set_relations(doc, relations)
    assert doc._.relations == relations
    # the tutorial's view can't tell them apart: it shows the higher score
    assert doc._.rel == {(0, 3): {"HIRED": 0.75}}


def test_several_labels_of_a_pair(vocab):
    doc = make_doc(vocab, WORDS, ENTITIES, [(0, "A", 1), (0, "B", 1)])
    assert len(get_relation_data(doc).pairs) == 1
    assert doc._.rel == {(0, 5): {"A": 1.0, "B": 1.0}}


def test_incomplete_annotation(vocab):
    doc = make_doc(
        vocab,
        WORDS,
        ENTITIES,
        [(0, "A", 1), (1, "B", 2)],
        complete=False,
        negatives=[(2, 0), (0, 1)],  # the second has a relation: no negative
    )
    nan = numpy.nan
    data = get_relation_data(doc)
    assert data.complete is False
    numpy.testing.assert_array_equal(data.scores, [[1, nan], [nan, 1], [0, 0]])
    # what was not annotated is not shown
    assert doc._.rel == {
        (0, 5): {"A": 1.0},
        (5, 7): {"B": 1.0},
        (7, 0): {"A": 0.0, "B": 0.0},
    }


def test_nan_is_never_decided_nor_shown(vocab):
    doc = make_doc(vocab, WORDS, ENTITIES)
    doc._.rel = {(0, 5): {"A": 1.0}, (5, 7): {"B": 0.25}}
    assert numpy.isnan(get_relation_data(doc).scores).sum() == 2
    assert [relation.label for relation in doc._.relations] == ["A"]
    assert doc._.rel == {(0, 5): {"A": 1.0}, (5, 7): {"B": 0.25}}


def test_rel_is_built_once(doc):
    assert doc._.rel is doc._.rel


@pytest.mark.parametrize(
    "write",
    [
        lambda rel: rel.__setitem__((0, 7), {"IN": 1.0}),
        lambda rel: rel.__delitem__((0, 5)),
        lambda rel: rel.update({(0, 7): {}}),
        lambda rel: rel.setdefault((0, 7), {}),
        lambda rel: rel.pop((0, 5)),
        lambda rel: rel.popitem(),
        lambda rel: rel.clear(),
    ],
)
def test_stored_scores_are_read_only(doc, write):
    with pytest.raises(TypeError, match=r"Assign a modified copy: rel = "):
        write(doc._.rel)
    assert doc._.rel == REL


def test_read_only_message_tells_the_way(doc):
    rel = dict(doc._.rel)
    rel[(0, 7)] = {"IN": 1.0}
    doc._.rel = rel
    assert doc._.rel[0, 7] == {"IN": 1.0}
    assert len(doc._.relations) == 3


def test_tutorial_fills_an_empty_dict(vocab):
    """`if offset not in doc._.rel: doc._.rel[offset] = {}`, as its pipe does."""
    doc = make_doc(vocab, WORDS, ENTITIES)
    assert doc._.rel == {}
    doc._.rel[(0, 5)] = {}
    doc._.rel[(0, 5)]["WORKS_FOR"] = 0.75
    assert get_relation_keys(doc) == {KEYS[0]: 0.75}


def test_tutorial_docbin(vocab):
    """A plain dict under the extension `rel`, as its parse_data.py writes it."""
    doc = make_doc(vocab, WORDS, ENTITIES)
    doc.user_data[LEGACY_KEY] = {key: dict(scores) for key, scores in REL.items()}
    assert list(doc.user_data) == [LEGACY_KEY]
    found = to_docbin(doc)
    assert list(get_relation_keys(found)) == KEYS
    assert found._.rel == REL


def test_rel_before_entities(vocab):
    doc = make_doc(vocab, WORDS)
    doc._.rel = REL
    assert doc._.rel == REL
    doc.ents = [Span(doc, *entity[:2], label=entity[2]) for entity in ENTITIES]
    assert list(get_relation_keys(doc)) == KEYS


def test_rel_without_entity_is_named(vocab):
    doc = make_doc(vocab, WORDS, ENTITIES[:2])
    doc._.rel = REL
    with pytest.raises(ValueError, match=r"'Marie Curie .* token\(s\) \[7\].*\[0, 5\]"):
        get_relation_data(doc)


def test_threshold_of_tutorial_scores(vocab):
    doc = make_doc(vocab, WORDS, ENTITIES)
    doc._.rel = {(0, 5): {"A": 0.5, "B": 0.49}}
    assert [relation.label for relation in doc._.relations] == ["A"]


def test_stored_data_is_what_was_set(vocab):
    doc = make_doc(vocab, WORDS, ENTITIES)
    data = RelationData(
        spans=numpy.asarray([[0, 2], [5, 6]], dtype="int32"),
        types=["PERSON", "ORG"],
        pairs=numpy.asarray([[1, 0], [0, 1]], dtype="int32"),
        labels=["A", "B"],
        scores=numpy.asarray([[0.25, 0.5], [0.75, 0.125]], dtype="float32"),
        decided=numpy.asarray([[1, 0]], dtype="int32"),
    )
    set_relation_data(doc, data)
    assert doc._.rel == {(5, 0): {"A": 0.25, "B": 0.5}, (0, 5): {"A": 0.75, "B": 0.125}}
    assert get_relation_keys(doc) == {((0, 2, "PERSON"), "A", (5, 6, "ORG")): 0.75}


def test_extensions_are_registered_on_import():
    assert spacy.tokens.Doc.has_extension("rel")
    assert spacy.tokens.Doc.has_extension("relations")


def test_cells_of_the_view_are_read_only_too(vocab):
    doc = make_doc(vocab, "a b c", [(0, 1, "A"), (2, 3, "B")], [(0, "X", 1)])
    with pytest.raises(TypeError, match="can't be changed in place"):
        doc._.rel[(0, 2)]["X"] = 0.5
    with pytest.raises(TypeError, match="can't be changed in place"):
        doc._.rel.update({})
    assert json.loads(json.dumps(list(doc._.rel.values()))) == [{"X": 1.0}]


def test_a_tutorial_dict_that_was_read_survives_bytes(vocab):
    doc = make_doc(vocab, "a b c", [(0, 1, "A"), (2, 3, "B")])
    doc.user_data[LEGACY_KEY] = {(0, 2): {"X": 1.0}, (2, 0): {"X": 0.0}}
    (relation,) = doc._.relations
    assert (relation.head.text, relation.tail.text) == ("a", "c")
    again = Doc(vocab).from_bytes(doc.to_bytes())
    assert again._.rel == {(0, 2): {"X": 1.0}, (2, 0): {"X": 0.0}}


class Item(NamedTuple):
    """As spacy-llm's RelationItem: the numbers of two entities in `doc.ents`."""

    dep: int
    dest: int
    relation: str


def test_items_of_spacy_llm(vocab):
    doc = make_doc(vocab, WORDS, ENTITIES)
    doc._.rel = [Item(2, 0, "B"), Item(0, 1, "A"), Item(2, 0, "B"), Item(2, 0, "A")]
    assert list(get_relation_keys(doc)) == [
        (ENTITIES[2], "B", ENTITIES[0]),
        (ENTITIES[2], "A", ENTITIES[0]),
        (ENTITIES[0], "A", ENTITIES[1]),
    ]
    assert doc._.rel == {(7, 0): {"B": 1.0, "A": 1.0}, (0, 5): {"A": 1.0}}
    for items in ([Item(0, 3, "A")], [Item(-1, 0, "A")]):
        doc._.rel = items
        with pytest.raises(ValueError, match=r"rel\[0\] is Item.*has 3 entities"):
            get_relation_data(doc)


def test_pairs_and_entities_are_selected():
    data = RelationData(
        spans=numpy.asarray([[0, 1], [1, 2], [2, 3]], dtype="int32"),
        types=["A", "B", "C"],
        pairs=numpy.asarray([[0, 1], [1, 2], [2, 0], [2, 1]], dtype="int32"),
        labels=["R", "S"],
        scores=numpy.asarray([[0, 1], [1, 0], [0, 0], [1, 1]], dtype="float32"),
        decided=numpy.asarray([[0, 1], [1, 0], [3, 0], [3, 1]], dtype="int32"),
    )
    found = data.select(numpy.asarray([False, True, True, True]))
    assert found.pairs.tolist() == [[1, 2], [2, 0], [2, 1]]
    assert found.decided.tolist() == [[0, 0], [2, 0], [2, 1]]
    assert found.scores.tolist() == [[1, 0], [0, 0], [1, 1]]
    assert data.list_negatives() == []
    assert data.replace(complete=False).list_negatives() == [(2, 0)]
    found = data.keep_entities(numpy.asarray([False, True, True]))
    assert (found.types, found.spans.tolist()) == (["B", "C"], [[1, 2], [2, 3]])
    assert found.pairs.tolist() == [[0, 1], [1, 0]]
    assert found.decided.tolist() == [[0, 0], [1, 0], [1, 1]]
    everything = numpy.ones(3, bool)
    assert data.keep_entities(everything) is data

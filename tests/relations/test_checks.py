"""What is refused when relations are set, whichever way."""

import json
import warnings

import numpy
import pytest
from spacy.tokens import Doc

from rel_component import Relation, set_relations

from ..util import make_doc

WORDS = "Ann works for Acme in Rome"
ENTITIES = [(0, 1, "PERSON"), (3, 4, "ORG"), (5, 6, "PLACE")]
NAN = float("nan")


@pytest.fixture
def doc(vocab):
    return make_doc(vocab, WORDS, ENTITIES, [(0, "IN", 2)])


@pytest.fixture
def other(vocab):
    return make_doc(vocab, WORDS, ENTITIES)


def refuse(doc, set_it, *phrases):
    before = doc._.relations_json
    with pytest.raises(ValueError) as error:
        set_it()
    for phrase in phrases:
        assert phrase in str(error.value), error.value
    assert doc._.relations_json == before  # nothing half done


@pytest.mark.parametrize(
    "label, score, phrase",
    [
        ("", 1.0, "the label is ''"),
        (" \t", 1.0, r"the label is ' \t'"),
        ("\ud800", 1.0, r"the label is '\ud800'"),
        (5, 1.0, "the label is 5"),
        (None, 1.0, "the label is None"),
        ("R", NAN, "the score is nan"),
        ("R", 2.0, "the score is 2.0"),
        ("R", -0.1, "the score is -0.1"),
        ("R", float("inf"), "the score is inf"),
        ("R", "0.5", "the score is '0.5'"),
        ("R", None, "the score is None"),
        ("R", numpy.float32("nan"), "the score is"),
    ],
)
def test_label_and_score_are_refused_in_each_form(doc, label, score, phrase):
    head, tail = doc.ents[:2]
    ends = [{"start": x.start_char, "end": x.end_char, "label": ""} for x in doc.ents]
    row = {"label": label, "score": score, "head": ends[0], "tail": ends[1]}
    good = Relation(head, "R", tail)

    def assign(name, value):
        return lambda: setattr(doc._, name, value)

    bad = Relation(head, label, tail, score)
    refuse(doc, lambda: set_relations(doc, [good, bad]), "relations[1]", phrase)
    refuse(doc, assign("relations", [bad]), "relations[0]", phrase)
    refuse(doc, assign("rel", {(0, 3): {label: score}}), "doc._.rel[(0, 3)]", phrase)
    refuse(doc, assign("relations_json", {"relations": [row]}), "relations[0]", phrase)


@pytest.mark.parametrize("score", [0, 1, True, 0.5, numpy.float32(0.5)])
def test_any_number_can_be_a_score(doc, score):
    doc._.relations = [Relation(*doc.ents[:1], "R", doc.ents[1], score)]
    assert json.dumps(doc._.relations[0].score) == json.dumps(float(score))


@pytest.mark.parametrize("role", ["head", "tail"])
def test_ends_are_refused(doc, other, role):
    good = doc.ents[1]
    for bad, phrases in (
        (doc[2:2], ["is empty, from token 2 to 2"]),
        (doc[3], ["is Acme, of type Token", "doc[3:4]"]),
        ("Acme", ["is 'Acme', of type str"]),
        (None, ["is None"]),
        (other.ents[0], ["'Ann' is a Span of another Doc", "doc.char_span(0, 3)"]),
    ):
        ends = {"head": good, "tail": good, role: bad}
        relation = Relation(ends["head"], "R", ends["tail"])
        named = [f"relations[0]: the {role}", *phrases]
        refuse(doc, lambda r=relation: setattr(doc._, "relations", [r]), *named)
        pair = (ends["head"], ends["tail"])
        refuse(
            doc,
            lambda p=pair: set_relations(doc, [], complete=False, negatives=[p]),
            f"negatives[0]: the {role}",
            *phrases,
        )


@pytest.mark.parametrize("start, end", [(0, 2), (1, 3), (3, 5), (0, 6)])
def test_spans_from_before_a_merge_are_refused(doc, start, end):
    """Their token numbers would name other words now."""
    held = doc._.relations
    with doc.retokenize() as retokenizer:
        retokenizer.merge(doc[start:end])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what can't follow is lost
        now = doc._.relations
    refuse(doc, lambda: set_relations(doc, held), "before the tokens", "char_span(")
    set_relations(doc, now)


def test_other_shapes_are_refused(doc):
    head, tail = doc.ents[:2]
    for value, phrase in (
        (None, "relations is None; expected a list"),
        ("R", "relations is 'R'; expected a list"),
        ({(0, 3): {"R": 1.0}}, "expected a list"),
        ([(head, "R", tail)], "relations[0] is (Ann, 'R', Acme); expected Relation("),
        ([head], "relations[0] is Ann; expected Relation("),
    ):
        refuse(doc, lambda v=value: setattr(doc._, "relations", v), phrase)
    for value, phrase in (
        (None, "doc._.rel is None; expected a dict such as"),
        (["R"], "doc._.rel[0] is 'R'; expected a RelationItem of spacy-llm"),
        ({"(0, 3)": {"R": 1.0}}, "doc._.rel has the key '(0, 3)'"),
        ({(0, 3, 1): {"R": 1.0}}, "doc._.rel has the key (0, 3, 1)"),
        ({("0", 3): {"R": 1.0}}, "doc._.rel has the key ('0', 3)"),
        ({(0, 3): "R"}, "doc._.rel[(0, 3)] is 'R'; expected a dict"),
        ({(0, 3): 1.0}, "doc._.rel[(0, 3)] is 1.0"),
    ):
        refuse(doc, lambda v=value: setattr(doc._, "rel", v), phrase)
    end = {"start": 0, "end": 3, "label": "PERSON"}
    inside = {**end, "start": 1}
    for value, phrase in (
        (None, "relations_json is None"),
        ([], "relations_json is []"),
        ({"complete": True}, "relations is None; expected a list"),
        ({"relations": [{"label": "R", "head": end}]}, "expected an object with head"),
        ({"relations": ["R"]}, "relations[0] is 'R'; expected an object"),
        (
            {"relations": [{"label": "R", "head": end, "tail": inside}]},
            "characters 1 to 3 are not aligned",
        ),
        (
            {
                "relations": [
                    {"label": "R", "head": end, "tail": {**end, "end": 10**30}}
                ]
            },
            f"characters 0 to {10**30} are not aligned",
        ),
        *(
            ({"relations": [{"label": "R", "head": end, "tail": {**end, **bad}}]}, ends)
            for bad in ({"label": 5}, {"start": 0.0}, {"end": True}, {"end": None})
            for ends in ["expected an object with head"]
        ),
        ({"relations": [], "negatives": [{"head": end}]}, "negatives[0] is"),
        ({"relations": [], "complete": "false"}, "complete is 'false'; expected true"),
    ):
        refuse(doc, lambda v=value: setattr(doc._, "relations_json", v), phrase)
    refuse(doc, lambda: set_relations(doc, [], negatives=[head]), "negatives[0] is Ann")


def test_a_dict_filled_in_place_is_checked_when_read(other):
    other._.rel[(0, 3)] = {"R": NAN}
    with pytest.raises(ValueError, match=r"doc._.rel\[\(0, 3\)\]: the score is nan"):
        other._.relations  # noqa: B018


def test_relations_as_json(vocab, doc):
    text = json.dumps(doc._.relations_json)
    assert json.loads(text) == {
        "relations": [
            {
                "label": "IN",
                "score": 1.0,
                "head": {"start": 0, "end": 3, "label": "PERSON"},
                "tail": {"start": 22, "end": 26, "label": "PLACE"},
            }
        ],
        "complete": True,
        "negatives": [],
    }
    again = Doc(vocab).from_json(doc.to_json(underscore=["relations_json"]))
    assert again._.rel == doc._.rel
    assert Doc(vocab)._.relations_json == {}


def test_what_is_not_known_survives_json(vocab):
    doc = make_doc(
        vocab, WORDS, ENTITIES, [(0, "R", 1)], complete=False, negatives=[(1, 2)]
    )
    again = Doc(vocab).from_json(doc.to_json(underscore=["relations_json"]))
    assert again._.relations_json == doc._.relations_json
    assert again._.rel == {(0, 3): {"R": 1.0}, (3, 5): {"R": 0.0}}
    assert not again._.relations_json["complete"]

import json
from collections import Counter

import pytest
import spacy
import srsly
from hypothesis import given
from hypothesis import strategies as st

from rel_component.formats import Options, Report, to_docs
from rel_component.formats.tools.brat import read
from rel_component.relations import LabelConstraints
from rel_component.schema import Schema, count_type_pairs
from tests.paths import ASSETS, DATA

from .util import make_doc

NEWS = DATA / "brat" / "news" / "annotation.conf"
NEREL = ASSETS / "nerel"
WORDS = "Marie Curie worked for the Sorbonne in Paris ."
ENTITIES = [(0, 2, "PERSON"), (5, 6, "ORG"), (7, 8, "PLACE")]
DATA = {
    "relations": {
        "WORKS_FOR": {"symmetric": False, "pairs": [["PERSON", "ORG"]]},
        "KNOWS": {"symmetric": True, "pairs": [["ORG", "PERSON"], ["PERSON", "ORG"]]},
        "ANY": {"symmetric": False},
        "NONE": {"symmetric": False, "pairs": []},
    }
}


@pytest.fixture
def schema():
    return Schema.from_dict(DATA)


@pytest.fixture
def docs(vocab):
    relations = [(0, "WORKS_FOR", 1), (1, "IN", 2), (0, "IN", 2)]
    return [make_doc(vocab, WORDS, ENTITIES, r) for r in (relations, relations[:1])]


def test_allows(schema):
    assert schema.labels == ["WORKS_FOR", "KNOWS", "ANY", "NONE"]
    assert schema.allows("PERSON", "WORKS_FOR", "ORG")
    assert not schema.allows("ORG", "WORKS_FOR", "PERSON")
    assert not schema.allows("PERSON", "NONE", "ORG")
    assert schema.allows("x", "ANY", "y")
    assert schema.allows("x", "unknown", "y")


def test_symmetric_labels_go_both_ways():
    schema = Schema({"KNOWS": [("PERSON", "ORG")]}, symmetric=["KNOWS"])
    assert schema.allows("PERSON", "KNOWS", "ORG")
    assert schema.allows("ORG", "KNOWS", "PERSON")


def test_one_schema_added_to_another():
    first = Schema({"A": [("X", "Y")], "B": None}, symmetric=["A"])
    both = first.add(Schema({"A": [("Z", "Y")], "B": [("X", "X")], "C": [("X", "Y")]}))
    assert both.labels == ["A", "B", "C"] and both.symmetric == {"A"}
    assert both.allows("Y", "A", "Z") and both.allows("X", "A", "Y")
    assert both.allows("Q", "B", "Q") and not both.allows("Y", "C", "X")


def test_symmetric_labels_have_to_be_labels():
    with pytest.raises(ValueError, match=r"symmetric label\(s\) \['KNOW'\]"):
        Schema({"KNOWS": None}, symmetric=["KNOW"])


TYPES = st.sampled_from(["A", "B", "C"])
LABELS = st.sampled_from(["r", "s", "t"])


@st.composite
def schemas(draw):
    pairs = st.none() | st.lists(st.tuples(TYPES, TYPES))
    found = draw(st.dictionaries(LABELS, pairs))
    symmetric = [label for label in found if draw(st.booleans())]
    support = draw(st.dictionaries(st.tuples(TYPES, LABELS, TYPES), st.integers(0, 9)))
    limits = st.none() | st.integers(1, 3)
    no = st.just(False)
    some = st.builds(LabelConstraints, limits, limits, no, no)
    some |= st.just(LabelConstraints(transitive=True))
    constraints = {label: draw(some) for label in found if draw(st.booleans())}
    return Schema(found, symmetric=symmetric, support=support, constraints=constraints)


@given(schemas(), st.permutations(["A", "B", "X"]), st.permutations(["r", "t", "u"]))
def test_mask_says_what_allows_says(schema, types, labels):
    mask = schema.mask(types, labels)
    assert mask.shape == (3, 3, 3) and mask.dtype == bool
    for i, head in enumerate(types):
        for j, tail in enumerate(types):
            for k, label in enumerate(labels):
                assert mask[i, j, k] == schema.allows(head, label, tail)


@given(schemas())
def test_dict_and_back(schema):
    data = json.loads(json.dumps(schema.to_dict()))
    again = Schema.from_dict(data)
    assert again.pairs == schema.pairs
    assert again.symmetric == schema.symmetric
    assert again.support == schema.support
    assert again.constraints == schema.constraints
    assert again.to_dict() == schema.to_dict()


def test_learned_from_docs(docs):
    assert count_type_pairs(docs) == {
        ("PERSON", "WORKS_FOR", "ORG"): 2,
        ("ORG", "IN", "PLACE"): 1,
        ("PERSON", "IN", "PLACE"): 1,
    }
    schema = Schema.from_docs(docs, symmetric=["IN", "absent"])
    assert schema.pairs["WORKS_FOR"] == {("PERSON", "ORG")}
    assert schema.symmetric == {"IN"}
    assert schema.allows("PLACE", "IN", "ORG")
    assert schema.support[("PERSON", "WORKS_FOR", "ORG")] == 2
    assert not schema.contradictions(docs)


def test_contradictions(docs):
    schema = Schema({"WORKS_FOR": [("PERSON", "ORG")], "IN": [("ORG", "PLACE")]})
    assert schema.contradictions(docs) == Counter({("PERSON", "IN", "PLACE"): 1})


def test_constraints(docs):
    entry = {"max_tails": 1, "max_heads": None, "acyclic": True}
    schema = Schema.from_dict({"relations": {"IN": entry, "WORKS_FOR": {}}})
    assert schema.constraints == {"IN": LabelConstraints(max_tails=1, acyclic=True)}
    plain = {"symmetric": False}
    written = {"IN": {**plain, "max_tails": 1, "acyclic": True}, "WORKS_FOR": plain}
    assert schema.to_dict() == {"relations": written}
    assert schema.list_constraints() == ["IN max_tails = 1", "IN acyclic"]
    assert not schema.count_violations(docs)
    one_head = LabelConstraints(max_heads=1)
    schema = Schema({"IN": None, "WORKS_FOR": None}, constraints={"IN": one_head})
    assert schema.count_violations(docs) == {("IN", "max_heads"): 1}


@pytest.mark.parametrize("suffix", [".json", ".yml", ".yaml"])
def test_reads_files(schema, suffix, tmp_path):
    path = tmp_path / f"schema{suffix}"
    write = srsly.write_json if suffix == ".json" else srsly.write_yaml
    write(path, DATA)
    assert Schema.from_path(path).to_dict() == schema.to_dict()
    assert Schema.from_path(str(path)).labels == schema.labels


def test_reads_annotation_conf():
    schema = Schema.from_path(NEWS)
    assert schema.symmetric == {"MARRIED", "ALIAS"}
    assert schema.allows("ORG", "LOCATED_IN", "CITY")
    assert not schema.allows("CITY", "LOCATED_IN", "ORG")


@pytest.mark.parametrize(
    "data, found",
    [
        ([], "'relations' is missing or not an object; found list"),
        (None, "found NoneType"),
        ({}, "found []"),
        ({"labels": {}, 1: 2}, "found ['labels', 1]"),
        ({"relations": []}, "'relations' is missing or not an object"),
        ({"relations": {"R": 3}}, "relations.R is 3"),
        ({"relations": {1: None}}, "relations.1: the label is not a string"),
        ({"relations": {"R": {"pair": []}}}, "unknown field(s) ['pair']"),
        ({"relations": {"R": {"pairs": "AB"}}}, "relations.R.pairs is 'AB'"),
        ({"relations": {"R": {"pairs": [["A"]]}}}, "relations.R.pairs[0] is ['A']"),
        ({"relations": {"R": {"pairs": ["AB"]}}}, "relations.R.pairs[0] is 'AB'"),
        ({"relations": {"R": {"symmetric": "no"}}}, "relations.R.symmetric is 'no'"),
        ({"relations": {"R": {"max_tails": 0}}}, "R.max_tails is 0; expected a whole"),
        ({"relations": {"R": {"max_heads": True}}}, "relations.R.max_heads is True"),
        ({"relations": {"R": {"max_heads": 1.0}}}, "relations.R.max_heads is 1.0"),
        ({"relations": {"R": {"acyclic": 1}}}, "relations.R.acyclic is 1; expected tr"),
        ({"relations": {"R": {"transitive": "yes"}}}, "R.transitive is 'yes'"),
        (
            {"relations": {"R": {"transitive": True, "max_heads": 2}}},
            "relations.R is transitive, so implied relations could exceed",
        ),
        (
            {"relations": {"R": {"symmetric": True, "acyclic": True}}},
            "relations.R is symmetric and acyclic",
        ),
        ({"relations": {}, "support": 3}, "support is 3"),
        ({"relations": {}, "support": [["A", "R"]]}, "support[0] is ['A', 'R']"),
    ],
)
def test_mistakes_are_named(data, found):
    with pytest.raises(ValueError) as error:
        Schema.from_dict(data, "my.json")
    assert str(error.value).startswith("my.json: ")
    assert found in str(error.value)


@pytest.mark.parametrize(
    "name, content, found",
    [
        ("absent.json", None, "schema file not found"),
        ("schema.txt", "{}", "unknown suffix '.txt' of a schema"),
        ("schema.json", "{", "not readable as json"),
        ("schema.yml", "a: [", "not readable as yml"),
        ("schema.json", "\xff", "not readable as json"),
        ("annotation.conf", "[entities]\nA\n", "expected [relations]"),
    ],
)
def test_unreadable_files(name, content, found, tmp_path):
    path = tmp_path / name
    if content is not None:
        path.write_text(content, encoding="latin-1")
    with pytest.raises(ValueError) as error:
        Schema.from_path(path)
    assert str(error.value).startswith(str(path))
    assert found in str(error.value)


@pytest.mark.skipif(
    not NEREL.is_dir(), reason="assets/nerel is missing: run `spacy project assets`"
)
def test_nerel_keeps_to_its_configuration():
    options, report = Options(lang="xx"), Report()
    docs = list(
        to_docs(
            read(NEREL / "dev", options, report),
            options,
            report,
            tokenizer=spacy.blank("xx").tokenizer,
        )
    )
    schema = Schema.from_path(NEREL / "annotation.conf")
    assert count_type_pairs(docs).total() == 3909
    assert not schema.contradictions(docs)

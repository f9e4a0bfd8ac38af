import copy
import json

import pytest

from rel_component.formats import Options, Report, read_records
from rel_component.relations import get_relation_data
from tests.paths import ASSETS, DATA

from ..util import entities, read, triples, write_json

TEXT = "Marie Curie worked at the University of Paris."
DOCUMENT = {
    "document": TEXT,
    "tokens": [
        {
            "text": "Marie Curie",
            "start": 0,
            "end": 11,
            "token_start": 0,
            "token_end": 1,
            "entityLabel": "PER",
        },
        {
            "text": "University of Paris",
            "start": 26,
            "end": 45,
            "token_start": 5,
            "token_end": 7,
            "entityLabel": "ORG",
        },
    ],
    "relations": [{"child": 5, "head": 0, "relationLabel": "WORKS_AT"}],
}
WORKS = ("Marie Curie", "WORKS_AT", "University of Paris")


def change(*keys, to):
    """The document with one value changed, or left out."""
    value = copy.deepcopy(DOCUMENT)
    part = value
    for key in keys[:-1]:
        part = part[key]
    if to is change:
        del part[keys[-1]]
    else:
        part[keys[-1]] = to
    return value


def test_reads_a_document(tmp_path):
    docs, report = read(write_json(tmp_path / "a.txt", [DOCUMENT]))
    assert report.problems == []
    assert docs[0].text == TEXT
    assert entities(docs[0]) == [("Marie Curie", "PER"), ("University of Paris", "ORG")]
    assert triples(docs[0]) == [WORKS]
    source = docs[0].user_data["rel_component_source"]
    assert (source["file"], source["index"]) == (str(tmp_path / "a.txt"), 0)


def test_shifted_offsets_are_named_and_repaired_on_request():
    path = DATA / "ubiai" / "01_ubiai_shifted_offsets.json"
    docs, report = read(path)
    assert report.n_lost == {"entities": 2, "relations": 1}
    assert f"{path} doc 0 (tokens[0]): text 'Marie Curie'" in report.problems[0]
    assert "'arie Curie '" in report.problems[0]
    assert "--repair-offsets" in next(iter(report.hints))
    assert report.n_skipped["relations"] == {"endpoint dropped": 1}
    docs, report = read(path, repair_offsets=True)
    assert report.problems == []
    assert report.repaired == {"offsets moved to the stored text": 2}
    assert triples(docs[0]) == [WORKS]


def test_missing_and_duplicate_relations():
    path = DATA / "ubiai" / "02_ubiai_missing_and_duplicate_relations.json"
    docs, report = read(path)
    (problem,) = report.problems
    assert f"{path} doc 0 (relations[2].child): 99" in problem
    # the fourth names the last token of the ORG, and so repeats the first as well
    assert report.repaired == {
        "relation end resolved to the entity covering its token": 1
    }
    assert report.n_merged["relations"] == {"exact duplicates": 2}
    assert report.notes["relations of an entity to itself"] == 1
    assert triples(docs[0]) == [WORKS, ("Marie Curie", "SELF", "Marie Curie")]
    docs, report = read(path, drop_self=True)
    assert triples(docs[0]) == [WORKS]


@pytest.mark.parametrize(
    "keys,value,field,kind",
    [
        (("tokens", 0, "start"), "0", "tokens[0].start): found '0'", "entities"),
        (("tokens", 0, "start"), None, "tokens[0].start): found null", "entities"),
        (("tokens", 0, "start"), 0.5, "tokens[0].start): found 0.5", "entities"),
        (("tokens", 0, "start"), float("nan"), "start): found NaN", "entities"),
        (("tokens", 0, "start"), True, "tokens[0].start): found true", "entities"),
        (("tokens", 0, "start"), -1, "outside the text", "entities"),
        (("tokens", 0, "end"), 10**30, "outside the text", "entities"),
        (("tokens", 0, "end"), 0, "are empty", "entities"),
        (("tokens", 0, "end"), change, "tokens[0].end): missing", "entities"),
        (("tokens", 0, "entityLabel"), None, "entityLabel): found null", "entities"),
        (("tokens", 0, "entityLabel"), " ", "expected a name", "entities"),
        (("tokens", 0, "token_start"), "x", "token_start): found 'x'", "entities"),
        (("tokens", 0), [1], "tokens[0]): found [1]", "entities"),
        (("relations", 0), "x", "relations[0]): found 'x'", "relations"),
        (("relations", 0, "head"), None, "head): found null", "relations"),
        (("relations", 0, "head"), -1, "head): -1 is not", "relations"),
        (("relations", 0, "child"), change, "child): missing", "relations"),
        (("relations", 0, "relationLabel"), 7, "relationLabel): found 7", "relations"),
        (("document",), None, "document): found null", "documents"),
        (("document",), change, "document): missing", "files"),
        (("tokens",), {}, "tokens): found {}", "documents"),
        (("relations",), 3, "relations): found 3", "documents"),
    ],
)
def test_wrong_fields_are_named(tmp_path, keys, value, field, kind):
    _, report = read(write_json(tmp_path / "a.json", [change(*keys, to=value)]))
    if kind != "files":
        assert field in report.problems[0]
        assert str(tmp_path / "a.json") in report.problems[0]
    assert report.n_lost[kind] == 1


@pytest.mark.parametrize("value", [None, change])
def test_a_document_without_its_list_of_relations_is_not_complete(tmp_path, value):
    path = write_json(tmp_path / "a.json", [DOCUMENT, change("relations", to=value)])
    docs, report = read(path)
    assert len(docs) == 1
    assert f"{path} doc 1 (relations): " in report.problems[0]
    assert "--entities-only" in report.problems[0]
    assert report.n_lost == {"documents": 1, "entities": 2}
    docs, report = read(path, entities_only=True)
    assert report.problems == []
    assert [get_relation_data(doc).complete for doc in docs] == [True, False]


def test_an_empty_list_of_relations_is_complete(tmp_path):
    path = write_json(tmp_path / "a.json", [change("relations", to=[])])
    docs, report = read(path)
    assert report.problems == []
    assert get_relation_data(docs[0]).complete is True


@pytest.mark.parametrize("value", [None, change])
def test_a_document_without_its_list_of_entities_is_lost(tmp_path, value):
    path = write_json(tmp_path / "a.json", [change("tokens", to=value)])
    for entities_only in (False, True):
        docs, report = read(path, entities_only=entities_only)
        assert docs == [] and f"{path} doc 0 (tokens): " in report.problems[0]
        assert report.n_lost == {"documents": 1, "relations": 1}


def test_two_entities_at_one_token_are_ambiguous(tmp_path):
    value = copy.deepcopy(DOCUMENT)
    value["tokens"].append({**value["tokens"][0], "text": "Marie", "end": 5})
    docs, report = read(write_json(tmp_path / "a.json", [value]))
    assert "2 entities start at token 0" in report.problems[0]
    assert len(docs[0].spans["entities"]) == 3
    # an exact duplicate is not ambiguous
    value["tokens"][2] = value["tokens"][0]
    docs, report = read(write_json(tmp_path / "b.json", [value]))
    assert report.problems == [] and triples(docs[0]) == [WORKS]
    assert report.n_merged["entities"] == {"exact duplicates": 1}


def test_alternative_field_names(tmp_path):
    value = {
        "text": TEXT,
        **{k: v for k, v in DOCUMENT.items() if k != "document"},
    }
    path = write_json(tmp_path / "a.json", [value])
    _, report = read(path)
    assert "unknown format" in report.problems[0]
    options = Options(fields={"document": "text"})
    records = read_records(path, options, Report(), format_name="ubiai")
    assert [record.text for record in records] == [TEXT]


def test_truncated_file_keeps_earlier_documents(tmp_path):
    path = tmp_path / "a.json"
    path.write_text(json.dumps([DOCUMENT, DOCUMENT])[:-30])
    docs, report = read(path)
    assert len(docs) == 1
    assert "The file ends in the middle" in report.problems[0]
    assert report.n_lost == {"documents": 1}


REAL = ASSETS / "ubiai_jobs"


@pytest.mark.skipif(not REAL.exists(), reason="asset ubiai_jobs is not downloaded")
@pytest.mark.parametrize(
    "name,n_docs,n_entities,n_relations",
    [("training", 75, 581, 412), ("dev", 22, 145, 95), ("test", 11, 99, 75)],
)
def test_real_job_ads_lose_nothing(name, n_docs, n_entities, n_relations):
    docs, report = read(REAL / f"relations_{name}.txt")
    assert report.problems == [] and not report.repaired
    assert len(docs) == n_docs
    assert sum(len(doc.ents) for doc in docs) == n_entities
    assert sum(len(doc._.relations) for doc in docs) == n_relations

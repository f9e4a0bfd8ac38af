import copy
import json

import pytest

from rel_component.formats import FORMATS, Options, Report, find_format

from ..mutate import damage, damage_bytes, for_seeds
from ..util import entities, read, read_as, triples, write_lines

ANN = {"start": 0, "end": 3, "label": "PER", "text": "Ann"}
ROM = {"start": 13, "end": 16, "label": "LOC", "kb_id": "Q1"}
ROW = {
    "id": 7,
    "text": "Ann lives in Rom",
    "entities": [ANN, ROM],
    "relations": [{"label": "LIVES_IN", "head": ANN, "tail": ROM, "score": 0.5}],
    "source": "web",
}


def make(**fields):
    return {**copy.deepcopy(ROW), **fields}


def records(path, **options):
    report = Report()
    return list(FORMATS["jsonl"].read(path, Options(**options), report)), report


def test_a_document(tmp_path):
    path = write_lines(tmp_path / "a.jsonl", [ROW])
    docs, report = read(path)
    assert report.problems == []
    assert entities(docs[0]) == [("Ann", "PER"), ("Rom", "LOC")]
    assert triples(docs[0]) == [("Ann", "LIVES_IN", "Rom")]
    assert docs[0].spans["entities"][1].kb_id_ == "Q1"
    ((record,), _) = records(path)
    assert (record.source.id, record.meta, record.complete) == (
        "7",
        {"source": "web"},
        True,
    )
    assert record.relations[0].attrs == {"score": 0.5}


def test_endpoints_as_indices_or_without_label(tmp_path):
    ends = [(0, 1), ({"start": 0, "end": 3}, {"start": 13, "end": 16, "label": "LOC"})]
    relations = [{"label": "X", "head": h, "tail": t} for h, t in ends]
    path = write_lines(tmp_path / "a.jsonl", [make(relations=relations)])
    (record,), report = records(path)
    assert [(r.head, r.tail) for r in record.relations] == [
        ("entities[0]", "entities[1]")
    ] * 2
    assert report.problems == []


def test_all_fields(tmp_path):
    park = {"start": 0, "end": 16, "fragments": [[0, 3], [13, 16]], "label": "X"}
    row = make(
        entities=[ANN, park],
        relations=[{"label": "R", "head": park, "tail": ANN, "symmetric": True}],
        negatives=[{"head": ANN, "tail": park}],
        tokens=[[0, 3], [4, 9], [10, 12], [13, 16]],
        sentences=[[0, 16]],
        complete=False,
        group="g",
    )
    (record,), report = records(write_lines(tmp_path / "a.jsonl", [row]))
    assert report.problems == []
    assert record.entities[1].fragments == [(0, 3), (13, 16)]
    assert record.relations[0].symmetric
    assert record.negatives == [("entities[0]", "entities[1]")]
    assert record.tokens == [(0, 3), (4, 9), (10, 12), (13, 16)]
    assert record.sentences == [(0, 16)]
    assert (record.complete, record.group) == (False, "g")


@pytest.mark.parametrize(
    "fields,found",
    [
        ({"text": 5}, "text: found 5, expected a string; document not converted"),
        ({"entities": None}, "entities: found null, expected a list; document"),
        ({"relations": None}, "relations: found null, expected a list, [] for"),
        ({"complete": "no"}, "complete: found 'no', expected true or false or null"),
        ({"group": 5}, "group: found 5, expected a string"),
        ({"tokens": [[0]]}, "tokens[0]: found [0], expected [start, end]"),
        ({"tokens": [[0, "3"]]}, "tokens[0][1]: found '3', expected a whole number"),
        ({"sentences": 3}, "sentences: found 3, expected a list"),
    ],
)
def test_invalid_documents(tmp_path, fields, found):
    path = write_lines(tmp_path / "a.jsonl", [make(**fields), ROW])
    docs, report = read(path)
    assert len(docs) == 1
    (problem,) = report.problems
    assert problem.startswith(f"{path}:1 ") and found in problem


@pytest.mark.parametrize(
    "entity,found",
    [
        ({"end": 3, "label": "X"}, "entities[0].start: missing, expected a whole"),
        ({"start": True, "end": 3, "label": "X"}, ".start: found true, expected a"),
        ({"start": 0, "end": 3, "label": " "}, ".label: found ' ', expected a name"),
        ({"fragments": [3], "label": "X"}, "fragments[0]: found 3, expected a list"),
        (5, "entities[0]: found 5, expected an object"),
        ({**ANN, "text": "Bob"}, "entities[0]: text 'Bob' is not the text at 0-3"),
    ],
)
def test_invalid_entities(tmp_path, entity, found):
    relations = [{"label": "X", "head": 1, "tail": 0}]
    row = make(entities=[entity, ROM], relations=relations)
    docs, report = read(write_lines(tmp_path / "a.jsonl", [ROW, row]))
    assert len(docs) == 2 and len(docs[1].ents) == 1
    assert found in report.problems[0]
    # and so is the relation
    assert "relation 'X' not converted" in report.problems[1]


@pytest.mark.parametrize(
    "relation,found",
    [
        ({"head": 0, "tail": 1}, "relations[0].label: missing"),
        ({"label": "X", "head": 0}, "relations[0].tail: missing, expected an object"),
        ({"label": "X", "head": 0, "tail": 9}, "tail: 9 is not an entity of this doc"),
        ({"label": "X", "head": 0, "tail": -1}, "tail: -1 is not an entity"),
        ({"label": "X", "head": True, "tail": 1}, "head: found true, expected an obj"),
        (
            {"label": "X", "head": {"start": 0, "end": 3}, "tail": 1},
            "2 entities (PER, ORG) have these offsets, expected a label to choose one",
        ),
        (
            {"label": "X", "head": {**ANN, "label": "LOC"}, "tail": 1},
            "is not an entity of this document, expected one of its 3 entities",
        ),
        ({"label": "X", "head": 0, "tail": 1, "symmetric": 1}, ".symmetric: found 1"),
    ],
)
def test_invalid_relations(tmp_path, relation, found):
    row = make(entities=[ANN, ROM, {**ANN, "label": "ORG"}], relations=[relation])
    docs, report = read(write_lines(tmp_path / "a.jsonl", [row]))
    assert len(docs[0].spans["entities"]) == 3 and triples(docs[0]) == []
    (problem,) = report.problems
    assert found in problem and "not converted." in problem


def test_invalid_unrelated_pairs(tmp_path):
    row = make(negatives=[{"head": 0, "tail": 7}, 5])
    _, report = read(write_lines(tmp_path / "a.jsonl", [row]))
    assert ["unrelated pair not converted" in p for p in report.problems] == [True] * 2


def test_words_as_tokens_are_retokenized(tmp_path):
    row = make(tokens=ROW["text"].split())
    docs, report = read(write_lines(tmp_path / "a.jsonl", [row]))
    assert len(docs) == 1
    assert report.repaired == {"tokens without offsets: retokenized": 1}


def test_entities_only(tmp_path):
    row = make()
    del row["relations"]
    path = write_lines(tmp_path / "a.jsonl", [row])
    assert "--entities-only" in read(path)[1].problems[0]
    ((record,), _) = records(path, entities_only=True)
    assert not record.complete


@pytest.mark.parametrize(
    "rows,name",
    [
        ([ROW], "jsonl"),
        # a first document without entities
        ([{"text": "x", "entities": [], "relations": []}, ROW], "jsonl"),
        ([{"text": "x", "entities": [], "relations": [], "complete": True}], "jsonl"),
        # fields of the tool that it was read from
        ([make(answer="accept", _task_hash=5)], "jsonl"),
        ([{"text": "x", "entities": [], "relations": []}], "doccano"),
        (
            [
                {"text": "x", "entities": [], "relations": []},
                {
                    "text": "x",
                    "entities": [
                        {"id": 1, "start_offset": 0, "end_offset": 1, "label": "X"}
                    ],
                    "relations": [],
                },
            ],
            "doccano",
        ),
        ([{"text": "x", "spans": [], "relations": []}], "prodigy"),
    ],
)
def test_is_recognised(tmp_path, rows, name):
    path = write_lines(tmp_path / "a.jsonl", rows)
    assert find_format(path) is FORMATS[name]


def test_predictions_are_read(tmp_path, nlp):
    from rel_component.inference.given import make_docs
    from rel_component.inference.rows import to_row
    from rel_component.inference.tasks import Task

    task = Task("Ann lives in Rom", [ANN, {**ROM, "end": 16}], None, {"id": "d1"})
    (doc,) = make_docs(nlp, [task])
    path = write_lines(tmp_path / "a.jsonl", [to_row(doc, task.meta)])
    docs, report = read(path)
    assert report.problems == []
    assert entities(docs[0]) == [("Ann", "PER"), ("Rom", "LOC")]


@for_seeds(150)
def test_damaged_files(tmp_path, rng):
    path = tmp_path / "a.jsonl"
    row = make(negatives=[{"head": 0, "tail": 1}], tokens=[[0, 3]], sentences=[[0, 9]])
    path.write_text("\n".join(json.dumps(damage(row, rng)) for _ in range(2)))
    read_as("jsonl", path)
    path.write_bytes(damage_bytes([row, row], rng))
    read_as("jsonl", path)


EMPTY = {"text": "Nothing here. " * 50, "entities": [], "relations": []}


def test_is_recognised_by_a_late_entity(tmp_path):
    path = write_lines(tmp_path / "a.jsonl", [EMPTY] * 200 + [ROW])
    assert path.stat().st_size > 1 << 16
    assert find_format(path).name == find_format(path, "jsonl").name == "jsonl"


@pytest.mark.parametrize("indent", [None, 1])
def test_a_list_is_recognised_by_a_late_entity(tmp_path, indent):
    path = tmp_path / "a.json"
    path.write_text(json.dumps([EMPTY, EMPTY, ROW], indent=indent))
    assert find_format(path).name == find_format(path, "jsonl").name == "jsonl"
    docs, report = read(path)
    assert len(docs) == 3 and report.problems == []


def test_is_recognised_by_fragments(tmp_path):
    pieces = {"fragments": [[0, 3]], "label": "PER"}
    path = write_lines(tmp_path / "a.jsonl", [make(entities=[pieces], relations=[])])
    assert find_format(path).name == "jsonl"
    (doc,), _ = read(path)
    assert entities(doc) == [("Ann", "PER")]


def test_a_missing_kb_id_is_none(tmp_path):
    row = make(entities=[{**ROM, "kb_id": None}], relations=[])
    (doc,), report = read(write_lines(tmp_path / "a.jsonl", [row]))
    assert doc.spans["entities"][0].kb_id_ == "" and report.problems == []


def test_fields_that_are_not_kept_are_counted(tmp_path):
    links = [{"label": "X", "head": 0, "tail": 0, "sure": 1, "by": "Ann"}]
    row = make(entities=[{**ROM, "negated": True}], relations=links)
    _, report = read(write_lines(tmp_path / "a.jsonl", [row]))
    assert report.not_converted == {
        "further fields of entities": 1,
        "further fields of relations": 2,
    }


def test_entities_that_differ_only_in_their_id(tmp_path):
    twice = make(entities=[ROM, {**ROM, "kb_id": "Q2"}], relations=[])
    _, report = read(write_lines(tmp_path / "a.jsonl", [twice]))
    assert "same but for their kb_id" in "".join(report.summary())

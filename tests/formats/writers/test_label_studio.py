import json
from xml.etree import ElementTree

import pytest

from rel_component.formats import Options, Report, read_records
from rel_component.schema import Schema

from .util import make, write


def load(path):
    return json.loads(path.read_text(encoding="utf8"))


def relations(path):
    (task,) = load(path)
    results = task["annotations"][0]["result"]
    ids = {r["id"]: r["value"]["text"] for r in results if r["type"] == "labels"}
    return [
        (ids[r["from_id"]], r["direction"], ids[r["to_id"]], r["labels"])
        for r in results
        if r["type"] == "relation"
    ]


def test_prediction(tmp_path):
    record = make("Ann met Bob", [(0, 3, "P"), (8, 11, "P")], [("MET", 0, 1)])
    record.entities[0].attrs = {"score": 0.9}
    record.meta = {"uncertainty": 0.3, "data": {"url": "x"}, "created": 5}
    options = {"predictions": True, "model_version": "m-1"}
    path, _ = write(tmp_path, "label_studio", [record], **options)
    (task,) = load(path)
    (prediction,) = task["predictions"]
    assert task["data"] == {"text": "Ann met Bob", "url": "x", "created": 5, "id": "a"}
    assert (prediction["model_version"], prediction["score"]) == ("m-1", 0.7)
    assert prediction["result"][0] == {
        "id": "d0e0",
        "from_name": "label",
        "to_name": "text",
        "type": "labels",
        "value": {"start": 0, "end": 3, "text": "Ann", "labels": ["P"]},
        "score": 0.9,
    }
    assert prediction["result"][2] == {
        "type": "relation",
        "from_id": "d0e0",
        "to_id": "d0e1",
        "direction": "right",
        "labels": ["MET"],
    }
    # unanswered, it is no gold
    report = Report()
    assert list(read_records(path, Options(), report)) == []
    assert report.n_skipped["documents"] == {"not annotated": 1}


def test_region_ids_are_unique_over_the_file(tmp_path):
    corpus = [make("Ann Bob", [(0, 3, "P"), (4, 7, "P")], id=str(i)) for i in range(3)]
    path, _ = write(tmp_path, "label_studio", corpus)
    tasks = load(path)
    ids = [r["id"] for task in tasks for r in task["annotations"][0]["result"]]
    assert len(ids) == len(set(ids)) == 6


@pytest.mark.parametrize(
    "links,expected",
    [
        # several labels of a pair stand in one relation
        ("0X1 0Y1", [("Ann", "right", "Bob", ["X", "Y"])]),
        (
            "0X1 1X0",
            [("Ann", "right", "Bob", ["X"]), ("Bob", "right", "Ann", ["X"])],
        ),
        ("0S1 0T1", [("Ann", "bi", "Bob", ["S", "T"])]),
        # one relation for each ordered pair: the other order is free for these
        (
            "0X1 0S1",
            [("Bob", "bi", "Ann", ["S"]), ("Ann", "right", "Bob", ["X"])],
        ),
        (
            "0S1 1X0",
            [("Ann", "bi", "Bob", ["S"]), ("Bob", "right", "Ann", ["X"])],
        ),
        (
            "0X1 1X0 1S0",
            [("Ann", "right", "Bob", ["X", "S"]), ("Bob", "right", "Ann", ["X", "S"])],
        ),
        ("0S0", [("Ann", "bi", "Ann", ["S"])]),
        ("0X0 0S0", [("Ann", "right", "Ann", ["X", "S"])]),
    ],
)
def test_one_relation_for_each_ordered_pair(tmp_path, links, expected):
    pairs = [(link[1], int(link[0]), int(link[2])) for link in links.split()]
    record = make("Ann Bob", [(0, 3, "P"), (4, 7, "P")], pairs)
    path, report = write(tmp_path, "label_studio", [record], symmetric=("S", "T"))
    assert relations(path) == expected
    is_full = "S" in str(expected) and "bi" not in str(expected)
    repaired = {"symmetric relations written in both directions": 1} if is_full else {}
    assert report.repaired == repaired


def test_config_has_all_labels(tmp_path):
    schema = Schema({"IN": [("LOC", "LOC")]})
    record = make("Ann Bob", [(0, 3, '"<&'), (4, 7, "P")], [("a>b", 0, 1)])
    path, _ = write(tmp_path, "label_studio", [record], schema=schema)
    root = ElementTree.parse(path.with_name("out_config.xml")).getroot()
    assert [x.get("value") for x in root.iter("Relation")] == ["IN", "a>b"]
    assert [x.get("value") for x in root.iter("Label")] == ["LOC", '"<&', "P"]
    labels, text = root.find("Labels"), root.find("Text")
    assert labels.get("name") == "label" and labels.get("toName") == text.get("name")
    assert text.get("value") == "$text"

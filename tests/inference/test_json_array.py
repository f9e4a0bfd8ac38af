import json

import pytest
import spacy

from rel_component.inference.given import make_docs
from rel_component.inference.json_array import read_json_tasks
from rel_component.inference.rows import to_spert
from rel_component.inference.tasks import Task


def read(tmp_path, value):
    path = tmp_path / "in.json"
    path.write_text(json.dumps(value), "utf8")
    return list(read_json_tasks(path))


def test_the_three_forms_of_spert_and_texts_with_entities(tmp_path):
    given = {"start": 0, "end": 3, "label": "PERSON"}
    tasks = read(
        tmp_path,
        [
            "Ann left.",
            ["Ann", "left", "."],
            {"tokens": ["Ann", "left", "."], "orig_id": 5},
            {"text": "Ann left.", "entities": [given]},
        ],
    )
    assert tasks[0] == Task("Ann left.")
    assert tasks[1] == Task("", None, ["Ann", "left", "."])
    assert tasks[2] == Task("", None, ["Ann", "left", "."], {"orig_id": 5})
    assert tasks[3] == Task("Ann left.", [given])


def test_entities_in_tokens_come_back_as_they_were(tmp_path):
    words = ["New", "York", ",", "N.Y.", "!"]
    entities = [
        {"type": "Loc", "start": 0, "end": 4},
        {"type": "Loc", "start": 0, "end": 2},
        {"type": "Org", "start": 3, "end": 5},
    ]
    (task,) = read(tmp_path, [{"tokens": words, "entities": entities}])
    (doc,) = make_docs(spacy.blank("en"), [task])
    item = to_spert(doc)
    key = str
    assert sorted(item["entities"], key=key) == sorted(entities, key=key)
    assert item["tokens"] == words


@pytest.mark.parametrize(
    "value, message",
    [
        ({"tokens": []}, "in.json: found dict; expected an array"),
        ([3], r"in.json\[0\]: found int; expected an object"),
        ([["a", 3]], r"in.json\[0\]: found fields \['tokens'\]"),
        (
            ["a", {"tokens": ["a"], "entities": [{"type": "T", "start": 0, "end": 2}]}],
            r"in.json\[1\] entities\[0\]: found tokens 0 to 2; expected",
        ),
        (
            [{"tokens": ["a"], "entities": [{"label": "T", "start": 0, "end": 1}]}],
            r"entities\[0\]: has no type; found label, start, end. An entity",
        ),
        ([{"tokens": ["a"], "entities": 3}], "entities: found 3; expected a list"),
    ],
)
def test_what_is_wrong_is_said(tmp_path, value, message):
    with pytest.raises(ValueError, match=message):
        read(tmp_path, value)


def test_a_file_that_is_no_json(tmp_path):
    path = tmp_path / "in.json"
    for data in (b"[", b"\xff\xfe"):
        path.write_bytes(data)
        with pytest.raises(ValueError, match=r"in.json: not JSON in UTF-8"):
            list(read_json_tasks(path))

import json

import pytest

from rel_component.formats import FORMATS, find_format
from rel_component.formats.tools.gliner import DIFFERENT, EXCLUSIVE
from tests.paths import DATA

from ..mutate import damage, damage_bytes, for_seeds
from ..util import entities, read, read_as, triples, write_json

GLINER = DATA / "gliner" / "gliner.json"
GLIREL = DATA / "gliner" / "glirel.jsonl"
ITEMS = json.loads(GLINER.read_text("utf8"))
LINES = [json.loads(line) for line in GLIREL.read_text("utf8").splitlines()]


def test_reads_gliner():
    assert find_format(GLINER) is FORMATS["gliner"]
    docs, report = read(GLINER)
    assert report.problems == [] and not report.repaired
    # ends are inclusive, relations name positions in `ner`
    assert triples(docs[0]) == [
        ("Ada Lovelace", "met", "Charles Babbage"),
        ("Charles Babbage", "lived in", "London"),
    ]
    assert entities(docs[0])[2] == ("London", "city")
    assert len(docs) == 2


def test_reads_glirel():
    assert find_format(GLIREL) is FORMATS["gliner"]
    docs, report = read(GLIREL)
    assert report.problems == []
    # the type that a relation repeats is any string
    assert [triples(doc) for doc in docs] == [
        [("Ada Lovelace", "residence", "London")],
        [("Ada Lovelace", "residence", "London")],
    ]


def test_exclusive_ends_are_detected_from_texts():
    _, report = read(GLIREL)
    assert report.repaired == {EXCLUSIVE: 2}


def test_other_texts_are_ignored(tmp_path):
    item = {**LINES[0], "ner": [[0, 1, "P", "Lady Lovelace"], LINES[0]["ner"][1]]}
    docs, report = read(write_json(tmp_path / "a.json", [item]))
    assert report.repaired == {DIFFERENT: 1}
    assert triples(docs[0]) == [("Ada Lovelace", "residence", "London")]


def test_entities_only(tmp_path):
    item = {key: ITEMS[0][key] for key in ("tokenized_text", "ner")}
    path = write_json(tmp_path / "a.json", [item])
    _, report = read(path)
    assert "(relations): missing, expected a list" in report.problems[0]
    docs, report = read(path, entities_only=True)
    assert report.problems == [] and len(entities(docs[0])) == 3


HEAD = {"mention": "Ada", "position": [0, 0], "type": "P"}


@pytest.mark.parametrize(
    "changes, problem",
    [
        ({"ner": [[0, 8, "x"]]}, "ner[0]): found words 0 to 8, expected 0 <= first "),
        ({"ner": [[0, 0]]}, "ner[0]): found [0, 0], expected [first, last, type] or"),
        ({"ner": [[0, 0, "x", 1]]}, "ner[0][3]): found 1, expected a string"),
        ({"relations": [[0, 7, "x"]]}, "relations[0][1]): 7 is not an entity of this "),
        ({"relations": [[0, "1", "x"]]}, "relations[0][1]): found '1', expected a wh"),
        ({"relations": [[0, 1]]}, "relations[0]): found [0, 1], expected [head, tail"),
        ({"relations": ["met"]}, "relations[0]): found 'met', expected a list or an "),
        (
            {"relations": [{"head": HEAD, "tail": HEAD}]},
            "relations[0].relation_text): missing",
        ),
        (
            {"relations": [{"head": HEAD, "tail": HEAD, "relation_text": "x"}]},
            "relations[0].head.position): words 0 to 0, 'Ada', are no entity in 'ner'",
        ),
        ({"tokenized_text": []}, "tokenized_text): found an empty list, expected word"),
    ],
)
def test_wrong_fields_are_named(tmp_path, changes, problem):
    path = write_json(tmp_path / "a.json", [{**ITEMS[0], **changes}, ITEMS[0]])
    docs, report = read(path)
    assert report.problems[0].startswith(f"{path} doc 0 ({problem}")
    assert len(triples(docs[-1])) == 2


@for_seeds(150, readable=0.3)
def test_damaged_files(tmp_path, rng):
    path = tmp_path / "a.json"
    values = rng.choice([ITEMS, LINES])
    if rng.random() < 0.7:
        path.write_text(json.dumps(damage(values, rng)))
    else:
        path.write_bytes(damage_bytes(values, rng))
    read(path)
    return read_as("gliner", path, entities_only=rng.random() < 0.5)[0]

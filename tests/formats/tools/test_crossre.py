import json

import pytest

from rel_component.formats import FORMATS, Options, Report, find_format, read_records
from tests.paths import DATA

from ..mutate import damage, damage_bytes, for_seeds
from ..util import entities, read, read_as, triples, write_lines

SMALL = DATA / "crossre" / "small.json"
LINES = [json.loads(line) for line in SMALL.read_text("utf8").splitlines()]


def test_reads_sentences():
    assert find_format(SMALL) is FORMATS["crossre"]
    docs, report = read(SMALL)
    assert report.problems == []
    assert entities(docs[0]) == [
        ("Ada Lovelace", "person"),
        ("Charles Babbage", "person"),
        ("London", "location"),
    ]
    # a pair may have several labels
    assert triples(docs[0]) == [
        ("Ada Lovelace", "social", "Charles Babbage"),
        ("Charles Babbage", "physical", "London"),
        ("Charles Babbage", "role", "London"),
    ]
    assert docs[0].user_data["rel_component_source"]["id"] == "news-1"
    assert len(docs) == 2


def test_notes_of_annotators():
    first, _ = read_records(SMALL, Options(), Report())
    assert [relation.attrs for relation in first.relations] == [
        {"explanation": "meeting"},
        {"uncertain": True},
        {"syntax_ambiguous": True},
    ]


@pytest.mark.parametrize(
    "changes, problem",
    [
        ({"ner": [[0, 9, "x"]]}, "ner[0]: found words 0 to 9, expected 0 <= first <= "),
        ({"ner": [[0, 0]]}, "ner[0]: found [0, 0], expected [first, last, type]"),
        ({"ner": [[0, 0, ""]]}, "ner[0][2]: found '', expected a name"),
        ({"ner": []}, "relations[0].head: words 0 to 1, 'Ada Lovelace', are no entit"),
        ({"relations": [[0, 1]]}, "relations[0]: found [0, 1], expected [first, last"),
        ({"relations": None}, "relations: found null, expected a list"),
        ({"sentence": []}, "sentence: found an empty list, expected words"),
    ],
)
def test_wrong_fields_are_named(tmp_path, changes, problem):
    path = write_lines(tmp_path / "a.json", [{**LINES[0], **changes}, LINES[0]])
    docs, report = read(path)
    assert report.problems[0].startswith(f"{path}:1 {problem}")
    assert len(triples(docs[-1])) == 3


@for_seeds(100, readable=0.3)
def test_damaged_files(tmp_path, rng):
    path = tmp_path / "a.json"
    if rng.random() < 0.7:
        path.write_text("\n".join(json.dumps(damage(line, rng)) for line in LINES))
    else:
        path.write_bytes(damage_bytes(LINES, rng))
    read(path)
    return read_as("crossre", path)[0]

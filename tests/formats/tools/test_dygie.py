import json

import pytest

from rel_component.formats import FORMATS, find_format
from rel_component.relations import get_relation_data
from tests.paths import DATA

from ..mutate import damage, damage_bytes, for_seeds
from ..util import entities, read, read_as, triples, write_lines

SMALL = DATA / "dygie"
LINES = list(map(json.loads, (SMALL / "small.jsonl").read_text().splitlines()))
DOCUMENT = LINES[0]


def test_reads_documents():
    for name in ("small", "predicted", "broken"):
        assert find_format(SMALL / f"{name}.jsonl") is FORMATS["dygie"]
    docs, report = read(SMALL / "small.jsonl")
    assert report.problems == [] and not report.repaired and not report.hints
    assert docs[0].text == "Ada Lovelace met Babbage . She wrote notes on his engine ."
    words = [word for sentence in DOCUMENT["sentences"] for word in sentence]
    assert [token.text for token in docs[0]] == words
    assert [sent.text.split()[0] for sent in docs[0].sents] == ["Ada", "She"]
    assert [(span.text, span.label_) for span in docs[0].spans["entities"]] == [
        ("Ada Lovelace", "Person"),
        ("Babbage", "Person"),
        ("She", "Person"),
        ("notes", "Work"),
        ("his engine", "Thing"),
        ("engine", "Thing"),
    ]
    assert triples(docs[0]) == [
        ("Ada Lovelace", "Met", "Babbage"),
        ("She", "Wrote", "notes"),
        ("notes", "About", "his engine"),
    ]
    source = docs[0].user_data["rel_component_source"]
    assert (source["line"], source["id"]) == (1, "ada")
    assert all(get_relation_data(doc).complete for doc in docs)
    assert report.not_converted == {"coreference clusters": 1}
    docs, _ = read(SMALL / "small.jsonl", group_by="venue")
    assert docs[0].user_data["rel_component_source"]["group"] == "own"


def test_predictions_are_read_without_annotation():
    docs, report = read(SMALL / "predicted.jsonl")
    assert report.problems == []
    assert triples(docs[0]) == [("Ada", "Met", "Babbage")]
    assert entities(docs[1]) == [("Ada", "Person")] and triples(docs[1]) == []
    assert report.notes["documents with predictions only"] == 1
    assert report.not_converted == {
        "lists of predicted_ner, in addition to annotation": 1,
        "lists of predicted_relations, in addition to annotation": 1,
    }


def test_every_bad_item_is_named():
    path = SMALL / "broken.jsonl"
    docs, report = read(path)
    whole = "counted over the whole document from 0"
    second = f"expected first <= last within 4 to 8, the words of sentence 1, {whole}"
    expected = [
        f":1 ner[1][0]: found words 0 to 1, {second}; entity not converted.",
        f":1 ner[1][1]: found words 3 to 3, {second}; entity not converted.",
        f":1 relations[1][0].head: found words 0 to 1, {second}; relation 'Left' not",
        ":2 ner: found 1 list for 2 sentences, expected as many, [] for a sentence "
        "that has none; document not converted.",
        ":3 relations[0][0].tail: words 2 to 2, 'Turin', are no entity in 'ner', "
        "expected one; relation 'Left' not converted.",
        ":4 sentences[0][1]: found '', expected a word; document not converted.",
        ":5 relations[0][0].tail: found words 3 to 3, expected first <= last within 0 "
        f"to 2, the words of sentence 0, {whole}; relation 'Left' not converted.",
        ":6 relations[0][0].head: words 0 to 0 are 2 entities (Person, Author), "
        "expected one; this is ambiguous in the format, so remove all but one; ",
    ]
    assert len(report.problems) == len(expected)
    for problem, beginning in zip(report.problems, expected):
        assert problem.startswith(f"{path}{beginning}"), problem
    assert report.n_lost == {"documents": 2, "entities": 4, "relations": 5}
    hints = list(report.hints)
    assert len(hints) == 2
    assert "several documents have the same doc_key" in hints[1]
    assert "counted from 0 in each sentence" in hints[0]
    # an entity listed twice is no other one
    assert triples(docs[-1]) == [("Turin", "Self", "Turin")]
    assert report.n_merged["entities"] == {"exact duplicates": 1}


@pytest.mark.parametrize(
    "changes,problem",
    [
        ({"sentences": 5}, "sentences: found 5, expected a list"),
        ({"sentences": []}, "sentences: found [], expected words"),
        ({"sentences": [[], []]}, "sentences: found [[], []], expected words"),
        ({"sentences": ["ab", ["c"]]}, "sentences[0]: found 'ab', expected a list"),
        ({"sentences": [["a"], [None]]}, "sentences[1][0]: found null"),
        ({"ner": None}, "ner: found null, expected a list"),
        ({"ner": [[], 5]}, "ner[1]: found 5, expected a list"),
        ({"ner": [[[0, 1]], []]}, "ner[0][0]: found [0, 1], expected [first, last, t"),
        ({"ner": [["ab"], []]}, "ner[0][0]: found 'ab', expected a list"),
        ({"ner": [[[0, True, "X"]], []]}, "ner[0][0][1]: found true, expected a whole"),
        ({"ner": [[[0, 1, " "]], []]}, "ner[0][0][2]: found ' ', expected a name"),
        ({"ner": [[[1, 0, "X"]], []]}, "ner[0][0]: found words 1 to 0"),
        ({"ner": [[[-1, 0, "X"]], []]}, "ner[0][0]: found words -1 to 0"),
        ({"ner": [[[0, 10**30, "X"]], []]}, "ner[0][0]: found words 0 to 1000"),
        ({"relations": None}, "relations: found null, expected a list"),
        ({"relations": [[]]}, "relations: found 1 list for 2 sentences"),
        ({"relations": [[[0, 1, 3, "Met"]], []]}, "relations[0][0]: found [0, 1, 3,"),
        ({"relations": [[[0, 1, 3, 3, 7]], []]}, "relations[0][0][4]: found 7"),
        ({"relations": [[[0, "1", 3, 3, "X"]], []]}, "[0][0].head[1]: found '1'"),
    ],
)
def test_wrong_fields_are_named(tmp_path, changes, problem):
    path = write_lines(tmp_path / "a.jsonl", [LINES[1], {**DOCUMENT, **changes}])
    docs, report = read(path)
    assert report.problems[0].startswith(f"{path}:2 ")
    assert problem in report.problems[0]
    # a document that is lost takes all it holds with it
    if report.n_lost["documents"]:
        assert len(docs) == 1
        n = 0 if "ner" in changes else 6
        assert report.n_lost["entities"] == n or changes == {"ner": [[], 5]}


def test_documents_without_relations(tmp_path):
    value = {k: v for k, v in DOCUMENT.items() if k != "relations"}
    path = write_lines(tmp_path / "a.jsonl", [value])
    docs, report = read(path)
    assert docs == [] and "relations: missing" in report.problems[0]
    assert report.n_lost == {"documents": 1, "entities": 6}
    docs, report = read(path, entities_only=True)
    assert report.problems == []
    assert get_relation_data(docs[0]).complete is False


@for_seeds(200)
def test_damaged_files(tmp_path, rng):
    path = tmp_path / "a.jsonl"
    if rng.randrange(4):
        path.write_text("\n".join(map(json.dumps, damage([DOCUMENT, *LINES], rng))))
    else:
        path.write_bytes(damage_bytes(LINES, rng))
    # both assert that everything is accounted for
    read(path)
    read_as("dygie", path, entities_only=rng.random() < 0.5)

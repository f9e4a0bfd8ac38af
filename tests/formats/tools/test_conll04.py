import pytest

from rel_component.formats import FORMATS, find_format
from rel_component.relations import get_relation_data
from tests.paths import DATA

from ..mutate import damage_text, for_seeds
from ..util import entities, read, read_as, triples

SMALL = DATA / "conll04"
BEGUN = "I- without B- taken as the beginning of an entity"


def write(tmp_path, text):
    path = tmp_path / "x.txt"
    path.write_text(text)
    return path


def test_reads_documents():
    assert find_format(SMALL / "small.txt") is FORMATS["conll04"]
    docs, report = read(SMALL / "small.txt")
    assert report.problems == [] and not report.repaired
    assert [doc.text for doc in docs] == [
        "Ada Lovelace lived in London with Lord Byron .",
        "Turin is in Italy",
        "Nothing here .",
    ]
    assert entities(docs[0]) == [
        ("Ada Lovelace", "Peop"),
        ("London", "Loc"),
        ("Lord Byron", "Peop"),
    ]
    assert triples(docs[0]) == [
        ("Ada Lovelace", "Live_In", "London"),
        ("Ada Lovelace", "Child_Of", "Lord Byron"),
        ("Lord Byron", "Live_In", "London"),
    ]
    assert triples(docs[1]) == [("Turin", "Located_In", "Italy")]
    source = docs[1].user_data["rel_component_source"]
    assert (source["line"], source["id"]) == (11, "13")
    assert all(get_relation_data(doc).complete for doc in docs)


def test_an_entity_that_begins_with_i_keeps_its_relations():
    docs, report = read(SMALL / "begins_with_i.txt")
    assert report.problems == [] and report.repaired == {BEGUN: 1}
    assert triples(docs[0]) == [
        ("Ada", "Work_For", "People of Turin"),
        ("People of Turin", "OrgBased_In", "People of Turin"),
    ]


def test_padded_columns_as_in_the_readme(tmp_path):
    path = write(
        tmp_path,
        "#doc\n0\tMarc\t\tB-PER \t['N']\t\t\t[0]\t\n"
        "1  Smith\tI-PER\t\t['lives_in','works_for']\t[2,3]\n\n"
        "2 \tOrleans\tB-LOC\t[\"N\"]\t[2]\n3 IBM\tB-ORG\t['N']\t[3] \n",
    )
    docs, report = read(path)
    assert report.problems == []
    assert triples(docs[0]) == [
        ("Marc Smith", "lives_in", "Orleans"),
        ("Marc Smith", "works_for", "IBM"),
    ]


def test_every_bad_item_is_named():
    path = SMALL / "broken.txt"
    docs, report = read(path)
    entity = "is in no entity; expected the last word of one; relation 'Live_In' not"
    expected = [
        f":3 relations[0].tail: word 2, 'lived', {entity}",
        ":3 relations[1].tail: found word 9 of 5, counted from 0; expected the last",
        f":4 relations[0].head: word 2, 'lived', {entity}",
        ":8 heads: found 1 head for 2 labels, expected as many; relations of this word",
        ":13 heads: found 'two', expected a list such as [7]; relations of this word",
        ":18 labels: found 'Left', expected one in quotes; relations of this word not",
        ":25: found 4 columns in \"2\\tTurin\\t['N']\\t[2]\", expected 5 with tabs",
        ":30 index: found '3', expected 2, counting words from 0; document not",
        ":35 tag: found the tag 'LOC', expected O, or a type after one of B-, I-",
    ]
    assert len(report.problems) == len(expected)
    for problem, beginning in zip(report.problems, expected):
        assert problem.startswith(f"{path}{beginning}"), problem
    # what can be read of the documents is
    assert len(docs) == 5
    assert triples(docs[0]) == [("Ada Lovelace", "Live_In", "London")]
    assert triples(docs[4]) == [("Ada", "Left", "Turin")]
    # the first word of the first entity names it as well, and so repeats a relation
    covering = "relation end resolved to the entity covering its word"
    assert report.repaired == {covering: 1}
    assert report.n_merged["relations"] == {"exact duplicates": 1}
    assert report.n_lost == {"documents": 3, "entities": 3, "relations": 9}


@pytest.mark.parametrize(
    "labels,heads,found",
    [
        ("['']", "[0]", "labels: found \"''\", expected one in quotes"),
        ("['A',,]", "[0]", "labels: found '', expected one in quotes"),
        ("'A'", "[0]", "labels: found \"'A'\", expected a list such as ['Live_In']"),
        ("['A']", "[-1]", "heads: found '-1', expected an index"),
        ("['A']", "[1e3]", "heads: found '1e3', expected an index"),
        ("['A']", "[" + "9" * 50 + "]", "heads: found '9999"),
        ("['A']", "[7]", "relations[0].tail: found word 7 of 1, counted from 0"),
        ("[]", "[0]", "heads: found 1 head for 0 labels"),
    ],
)
def test_invalid_lists(tmp_path, labels, heads, found):
    path = write(tmp_path, f"#doc 1\n0\tAda\tB-Peop\t{labels}\t{heads}\n")
    docs, report = read(path)
    (problem,) = report.problems
    assert problem.startswith(f"{path}:2 {found}")
    assert entities(docs[0]) == [("Ada", "Peop")]


def test_other_schemes_and_lines_before_the_first_document(tmp_path):
    text = "#doc 1\n0\tAda\tS-Peop\t['N']\t[0]\n"
    docs, report = read(write(tmp_path, text), tag_scheme="bioes")
    assert entities(docs[0]) == [("Ada", "Peop")] and report.problems == []
    _, report = read(write(tmp_path, text))
    assert "'S-Peop', expected O, or a type after one of B-, I-" in report.problems[0]
    # the reader itself refuses what is no such file
    docs, _ = read_as("conll04", write(tmp_path, "0\tAda\tB-Peop\t['N']\t[0]\n"))
    assert docs == []


@for_seeds(200)
def test_damaged_files(tmp_path, rng):
    text = (SMALL / rng.choice(["small.txt", "broken.txt"])).read_text()
    path = tmp_path / "x.txt"
    path.write_bytes(damage_text(text, rng))
    # both assert that everything is accounted for
    read(path)
    read_as("conll04", path)

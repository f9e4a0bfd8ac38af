import shutil

import pytest

from rel_component.formats import FORMATS, Options, Report, find_format, iter_docs
from rel_component.relations import get_relation_data
from tests.paths import DATA

from ..mutate import damage_text, for_seeds
from ..util import entities, read, read_as, triples

FOLDER = DATA / "i2b2"
TEXT = (FOLDER / "txt" / "a-1.txt").read_text("utf8")
CONCEPTS = (FOLDER / "concept" / "a-1.con").read_text("utf8")
RELATIONS = (FOLDER / "rel" / "a-1.rel").read_text("utf8")
TREATED = [("rest", "TrIP", "Mild  chest pain")]


def write(folder, **parts):
    """A document beside each other; a part that is None is left out."""
    parts = {"txt": TEXT, "con": CONCEPTS, "rel": RELATIONS, **parts}
    for suffix, text in parts.items():
        if text is not None:
            (folder / f"a.{suffix}").write_bytes(text.encode())
    return folder


def test_reads_a_folder():
    assert find_format(FOLDER) is FORMATS["i2b2"]
    docs, report = read(FOLDER)
    assert report.problems == []
    assert [triples(doc) for doc in docs] == [TREATED, []]
    assert entities(docs[0]) == [
        ("Mild  chest pain", "problem"),
        ("rest", "treatment"),
        ("fever", "problem"),
    ]
    # a line is a sentence; an empty file says that there are no relations
    assert len(list(docs[0].sents)) == 3
    assert all(get_relation_data(doc).complete for doc in docs)
    ids = [doc.user_data["rel_component_source"]["id"] for doc in docs]
    assert ids == ["a-1", "b"]


@pytest.mark.parametrize("name", ["txt/a-1.txt", "concept/a-1.con", "rel/a-1.rel"])
def test_single_file_of_a_document(name):
    assert find_format(FOLDER / name) is FORMATS["i2b2"]
    docs, report = read(FOLDER / name)
    assert [triples(doc) for doc in docs] == [TREATED] and report.problems == []


def test_all_files_of_a_document_are_read_once(tmp_path):
    paths = sorted(write(tmp_path).iterdir())
    report = Report()
    docs = list(iter_docs(paths, Options(), report))
    assert [triples(doc) for doc in docs] == [TREATED]
    assert report.n_merged["files"] == {"part of an input read already": 2}


def test_carriage_returns(tmp_path):
    parts = {"txt": TEXT, "con": CONCEPTS, "rel": RELATIONS}
    parts = {key: text.replace("\n", "\r\n") for key, text in parts.items()}
    docs, report = read(write(tmp_path, **parts))
    assert [triples(doc) for doc in docs] == [TREATED] and report.problems == []


def test_texts_in_another_folder(tmp_path):
    """As those of the challenge's test set."""
    shutil.copytree(FOLDER, tmp_path / "gold")
    (tmp_path / "gold" / "txt").rename(tmp_path / "test_data")
    (tmp_path / "test_data" / "c.txt").write_text("Nothing .")
    docs, report = read(tmp_path)
    assert len(docs) == 2 and report.problems == []
    assert report.n_skipped["documents"] == {"text without concepts or relations": 1}


def test_relations_without_concepts(tmp_path):
    docs, report = read(write(tmp_path, con=None), entity_label="C")
    assert report.problems == [] and triples(docs[0]) == TREATED
    assert {label for _, label in entities(docs[0])} == {"C"}


def test_concepts_without_relations(tmp_path):
    folder = write(tmp_path, rel=None)
    docs, report = read(folder)
    assert docs == [] and report.n_lost["entities"] == 3
    assert (
        "expected a.rel, empty if there are none; use --entities-only"
        in (report.problems[0])
    )
    docs, report = read(folder, entities_only=True)
    assert report.problems == [] and not get_relation_data(docs[0]).complete


def test_missing_text(tmp_path):
    folder = write(tmp_path, txt=None)
    docs, report = read(folder)
    assert docs == []
    assert report.problems == [
        f"{folder / 'a.con'}: found no text for these annotations, expected "
        f"a.txt next to this file or in a folder 'txt'; document not converted."
    ]


def test_assertions_are_counted(tmp_path):
    write(tmp_path, ast='c="fever" 3:1 3:1||t="problem"||a="absent"\n')
    _, report = read(tmp_path)
    assert report.not_converted == {"assertions": 1}


@pytest.mark.parametrize(
    "line, problem",
    [
        ('c="pain" 2:2', 'found \'c="pain" 2:2\', expected c="text" 1:0 1:1||t='),
        ('c="pain" 9:2 9:2||t="x"', "9:2 9:2: found line 9, expected one from 1 to 4"),
        ('c="pain" 2:9 2:9||t="x"', "2:9 2:9: found word 9 of line 2, which has 8"),
        (
            'c="pain" 2:1 2:1||t="x"',
            "2:1 2:1: found the concept 'pain', expected the words at this position, "
            "'chest'",
        ),
        (
            'c="rest" 2:6 2:6||t="x"',
            "2:6 2:6: found '2:6 2:6' again, expected unique ids",
        ),
    ],
)
def test_wrong_concepts_are_named(tmp_path, line, problem):
    write(tmp_path, con=f"{CONCEPTS}{line}\n")
    docs, report = read(tmp_path)
    assert report.problems[0].startswith(f"{tmp_path / 'a.con'}:4 {problem}") or (
        report.problems[0].startswith(f"{tmp_path / 'a.con'}:4: {problem}")
    )
    assert len(entities(docs[0])) == 3


@pytest.mark.parametrize(
    "line, problem",
    [
        ('c="rest" 2:6 2:6||r="TrIP"', 'found \'c="rest" 2:6 2:6||r="TrIP"\', exp'),
        (
            'c="rest" 2:6 2:6||r="TrIP"||c="No" 3:0 3:0',
            "'3:0 3:0' is not an entity of this document, expected one of 2:0 2:2, ",
        ),
    ],
)
def test_wrong_relations_are_named(tmp_path, line, problem):
    write(tmp_path, rel=f"{RELATIONS}\n{line}\n")
    docs, report = read(tmp_path)
    assert report.problems[0].startswith(f"{tmp_path / 'a.rel'}:3: {problem}")
    assert triples(docs[0]) == TREATED


@for_seeds(120, readable=0.3)
def test_damaged_files(tmp_path, rng):
    pieces = ['c="', "||", '"', ":", "2:6", "99:1", "\n", " ", "\u00a0", "\r", "\x00"]
    texts = {"txt": TEXT, "con": CONCEPTS, "rel": RELATIONS}
    for suffix, text in texts.items():
        is_damaged = rng.random() < 0.5
        data = damage_text(text, rng, pieces) if is_damaged else text.encode()
        (tmp_path / f"a.{suffix}").write_bytes(data)
    read(tmp_path)
    return read_as("i2b2", tmp_path, entities_only=rng.random() < 0.5)[0]

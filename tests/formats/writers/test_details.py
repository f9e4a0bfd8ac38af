"""What each writer says that it can't write: exactly that."""

import pytest

from rel_component.formats import WRITERS, EntityRecord, Record, RelationRecord, Source
from rel_component.formats.record import Version
from rel_component.formats.writers import find_writer
from rel_component.formats.writers.details import (
    ATTRS,
    COUNTS,
    GROUPS,
    INCOMPLETE,
    KB_IDS,
    META,
    NEGATIVES,
    SCORES,
    SENTENCES,
    SYMMETRIC,
    TOKENS,
    UNCERTAINTY,
    VERSIONS,
)
from rel_component.formats.writers.tokens import SPACING

from .util import read, write

TEXT = "Ann met Bob.\nBob left."
EVERYWHERE = {NEGATIVES, INCOMPLETE, SENTENCES, ATTRS, GROUPS, VERSIONS}
HULL = "discontinuous entity: from first to last piece"


def make():
    """A record that says all that a record can say."""
    return Record(
        TEXT,
        Source("x.json", 3, id="doc7"),
        [
            EntityRecord("a", "PER", [(0, 3)], attrs={"kb_id": "WD:Q1", "score": 0.9}),
            EntityRecord("b", "PER", [(8, 11)], attrs={"certain": True}),
            EntityRecord("c", "EVENT", [(13, 16), (21, 22)]),
        ],
        [
            RelationRecord("MET", "a", "b", symmetric=True, attrs={"score": 0.75}),
            RelationRecord("DID", "b", "c"),
        ],
        tokens=[(0, 3), (4, 7), (8, 12), (13, 16), (17, 22)],
        sentences=[(0, 12), (13, 22)],
        negatives=[("a", "c")],
        complete=False,
        group="g",
        version=Version("x"),
        meta={"source": "web", UNCERTAINTY: 0.6},
    )


@pytest.mark.parametrize(
    "name,lost,repaired",
    [
        ("jsonl", {VERSIONS}, set()),
        ("brat", {*EVERYWHERE, TOKENS, META}, set()),
        ("prodigy", {*EVERYWHERE, KB_IDS, SYMMETRIC}, {HULL}),
        # of relations; of entities they are written
        ("label_studio", {*EVERYWHERE, KB_IDS, TOKENS, SCORES}, {HULL}),
        ("doccano", {*EVERYWHERE, KB_IDS, TOKENS, SCORES, SYMMETRIC}, {HULL}),
        ("ubiai", {*EVERYWHERE, KB_IDS, TOKENS, SCORES, SYMMETRIC}, {HULL}),
        ("spert", {*EVERYWHERE, KB_IDS, SCORES, SPACING}, {HULL}),
        ("gliner", {*EVERYWHERE, KB_IDS, SCORES, SPACING, SYMMETRIC}, {HULL}),
        ("glirel", {*EVERYWHERE, KB_IDS, SCORES, SPACING, SYMMETRIC}, {HULL}),
        (
            "huggingface",
            {*EVERYWHERE, KB_IDS, SCORES, SPACING, SYMMETRIC, META},
            {HULL},
        ),
    ],
)
def test_lost_details_are_counted(tmp_path, name, lost, repaired):
    path, report = write(tmp_path, name, [make()])
    assert report.not_converted.keys() == lost
    assert report.repaired.keys() - {"tokens split at the border of an entity"} == (
        repaired
    )
    assert report.problems == []
    back = read(path, name)["doc7"]
    assert [e.label for e in back.entities] == ["PER", "PER", "EVENT"]
    assert {(r.label, r.symmetric) for r in back.relations} == {
        ("MET", SYMMETRIC not in lost),
        ("DID", False),
    }
    assert ("kb_id" in back.entities[0].attrs) == (KB_IDS not in lost)
    assert (back.tokens is not None) == (TOKENS not in lost)
    assert ("web" in str(back.meta)) == (META not in lost)


def test_every_writer_is_tested():
    (mark,) = test_lost_details_are_counted.pytestmark
    assert {name for name, _, _ in mark.args[1]} == WRITERS.keys()


def test_plain_json_lines_lose_nothing(tmp_path):
    path, _ = write(tmp_path, "jsonl", [make()])
    back, made = read(path, "jsonl")["doc7"], make()
    assert [e.fragments for e in back.entities] == [e.fragments for e in made.entities]
    assert [e.attrs for e in back.entities] == [e.attrs for e in made.entities]
    assert [r.attrs for r in back.relations] == [r.attrs for r in made.relations]
    assert (back.tokens, back.sentences) == (made.tokens, made.sentences)
    assert back.negatives == [("entities[0]", "entities[2]")]
    assert (back.complete, back.group, back.meta) == (False, "g", made.meta)


def test_counts_of_nothing():
    plain = Record("Ann left.", Source("x"))
    assert {name: count(plain) for name, count in COUNTS.items() if count(plain)} == {}


def test_fields_of_other_meaning_are_counted(tmp_path):
    names = {
        "jsonl": ["entities", "complete"],
        "prodigy": ["answer", "_task_hash"],
        "doccano": ["label", "id"],
        "ubiai": ["tokens"],
        "spert": ["tokens"],
        "gliner": ["ner", "id"],
        "glirel": ["tokenized_text"],
        "label_studio": ["text"],
    }
    for name, fields in names.items():
        record = Record("Ann left.", Source("x", id="1"))
        record.meta = {**dict.fromkeys(fields, "odd"), "good": 5}
        path, report = write(tmp_path, name, [record])
        assert report.not_converted[META] == len(fields), name
        assert '"good": 5' in path.read_text(), name
        assert "odd" not in path.read_text(), name


def test_names_of_attributes_with_other_meaning_are_counted(tmp_path):
    record = Record("Ann left.", Source("x", id="1"))
    record.entities = [EntityRecord("a", "P", [(0, 3)], attrs={"start": 7, "ok": 1})]
    path, report = write(tmp_path, "jsonl", [record])
    assert report.not_converted == {ATTRS: 1}
    (entity,) = read(path, "jsonl")["1"].entities
    assert entity.attrs == {"ok": 1} and entity.start == 0


def test_unknown_writer():
    with pytest.raises(ValueError, match="xml: unknown output format, expected"):
        find_writer("xml")

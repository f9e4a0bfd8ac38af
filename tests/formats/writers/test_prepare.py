"""What is done for all writers."""

import pytest

from rel_component.formats import (
    EntityRecord,
    FormatError,
    Report,
    WriteOptions,
    write_records,
)
from rel_component.schema import Schema

from .util import get_spans, make, read, write


def write_one(folder, record, name="jsonl", **options):
    path, report = write(folder, name, [record], **options)
    return next(iter(read(path, name).values())), report


def test_whitespace_around_entities_is_trimmed(tmp_path):
    record = make(" Ann  left ", [(0, 6, "P"), (5, 11, "V")], [("X", 0, 1)])
    back, report = write_one(tmp_path, record)
    assert list(get_spans(back).values()) == [("P", ((1, 4),)), ("V", ((6, 10),))]
    assert report.repaired == {"whitespace around an entity trimmed": 2}


def test_pieces_only_separated_by_whitespace_are_joined(tmp_path):
    record = make("New \n York", [])
    record.entities = [EntityRecord("0", "LOC", [(6, 10), (0, 3)])]
    back, report = write_one(tmp_path, record)
    assert back.entities[0].fragments == [(0, 10)]
    assert not report.repaired


def test_duplicates_are_merged(tmp_path):
    record = make(
        "Ann Bob",
        [(0, 3, "P"), (4, 7, "P"), (0, 4, "P")],
        [("X", 0, 1), ("X", 2, 1), ("Y", 1, 0), ("Y", 0, 1)],
        negatives=[("0", "1"), ("2", "1")],
    )
    back, report = write_one(tmp_path, record, symmetric=("Y",))
    assert report.n_merged["entities"] == {"exact duplicates": 1}
    assert report.n_merged["relations"] == {
        "exact duplicates": 1,
        "second directions of symmetric relations": 1,
    }
    assert [(r.label, r.head, r.tail, r.symmetric) for r in back.relations] == [
        ("X", "entities[0]", "entities[1]", False),
        ("Y", "entities[1]", "entities[0]", True),
    ]
    assert back.negatives == [("entities[0]", "entities[1]")]


def test_symmetric_labels_of_the_schema_count_too(tmp_path):
    schema = Schema({"Y": None}, symmetric=["Y"])
    record = make("Ann Bob", [(0, 3, "P"), (4, 7, "P")], [("Y", 0, 1)])
    back, _ = write_one(tmp_path, record, schema=schema)
    assert back.relations[0].symmetric


@pytest.mark.parametrize(
    "span,found",
    [
        ((2, 9, "P"), "'n' is at 2-9, which is outside the text (3 characters)"),
        ((-1, 2, "P"), "is at -1-2, which is outside"),
        ((1, 1, "P"), "'' is at 1-1, which is outside"),
        ((0, 3, " "), "'Ann' has no label"),
    ],
)
def test_invalid_entities(tmp_path, span, found):
    record = make("Ann", [(0, 3, "Q"), span], [("X", 0, 1), ("X", 0, 0)])
    back, report = write_one(tmp_path, record)
    assert len(back.entities) == len(back.relations) == 1
    entity, relation = report.problems
    assert entity.startswith("a.json doc 4 (id a, spans[1]): ") and found in entity
    assert entity.endswith("entity 'P' not written.") or span[2] == " "
    assert relation == (
        "a.json doc 4 (id a, links[0]): the entity '1' was not written; relation 'X' "
        "not written."
    )
    assert report.n_lost == {"entities": 1, "relations": 1}


def test_only_whitespace_and_no_label(tmp_path):
    record = make("Ann  left", [(3, 5, "P"), (0, 3, "P")], [("", 1, 1)])
    back, report = write_one(tmp_path, record)
    assert (len(back.entities), back.relations) == (1, [])
    entity, relation = report.problems
    assert "'  ' is only whitespace; entity 'P' not written." in entity
    assert "it has no label; relation '' not written." in relation


def test_empty_texts_are_left_out(tmp_path):
    corpus = [make(text, [(0, 1, "X")]) for text in ("", " \n", "\ufeff", "a")]
    for name in ("jsonl", "brat", "spert"):
        path, report = write(tmp_path / name, name, corpus)
        assert report.n_skipped["documents"] == {"text is empty": 3}
        assert report.n_skipped["entities"] == {"text is empty": 3}
        assert len(read(path, name)) == 1


def test_strict_writes_nothing_if_something_is_lost(tmp_path):
    record = make("Ann", [(0, 3, "P"), (0, 2, "P")])
    path = tmp_path / "x.jsonl"
    path.write_text("before")
    for strict in (True, False):
        report = Report()
        arguments = ([record], path, "prodigy", WriteOptions(), report)
        if strict:
            with pytest.raises(FormatError, match="1 item can't be written as prodigy"):
                write_records(*arguments, strict=True)
            assert [p.name for p in tmp_path.iterdir()] == ["x.jsonl"]
            assert path.read_text() == "before"
        else:
            write_records(*arguments)
            assert path.read_text() != "before"


def test_failing_source_keeps_the_existing_file(tmp_path):
    def records():
        yield make("Ann", [])
        raise RuntimeError("no more")

    for name in ("jsonl", "ubiai", "brat", "label_studio"):
        with pytest.raises(RuntimeError):
            write(tmp_path, name, records())
    assert list(tmp_path.iterdir()) == []


def test_records_are_read_one_by_one(tmp_path):
    alive = []

    def records():
        for i in range(5):
            alive.append(i)
            yield make(f"Ann {i}", [])
            # what was written is on its way before the next is made
            assert report.n_written["documents"] == i + 1

    report = Report()
    path = tmp_path / "x.jsonl"
    write_records(records(), path, "jsonl", WriteOptions(), report)
    assert len(alive) == 5

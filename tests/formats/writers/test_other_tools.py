"""What doccano, UBIAI, SpERT and plain JSON lines get."""

import json
import sys

import pytest
from pyarrow import parquet

from rel_component.formats import Report, WriteOptions, write_records
from rel_component.formats.writers.tokens import SPACING
from rel_component.schema import Schema

from .util import make, read, write


def sample(id_="a"):
    spans = [(0, 3, "P"), (8, 16, "LOC")]
    return make("Ann met New York.", spans, [("MET", 0, 1)], id=id_)


def test_doccano(tmp_path):
    corpus = [sample(), sample("b")]
    path, report = write(tmp_path, "doccano", corpus)
    first, second = map(json.loads, path.read_text().splitlines())
    assert first == {
        "id": "a",
        "text": "Ann met New York.",
        "entities": [
            {"id": 1, "label": "P", "start_offset": 0, "end_offset": 3},
            {"id": 2, "label": "LOC", "start_offset": 8, "end_offset": 16},
        ],
        "relations": [{"id": 1, "from_id": 1, "to_id": 2, "type": "MET"}],
        "Comments": [],
    }
    # ids are unique over the file
    assert [e["id"] for e in second["entities"]] == [3, 4]
    assert second["relations"] == [{"id": 2, "from_id": 3, "to_id": 4, "type": "MET"}]
    assert not report.hints


def test_advice_on_overlaps_in_doccano(tmp_path):
    record = make("Ann", [(0, 3, "P"), (0, 2, "Q")])
    _, report = write(tmp_path, "doccano", [record])
    assert any("some entities overlap; allow this" in hint for hint in report.hints)


def test_ubiai(tmp_path):
    path, report = write(tmp_path, "ubiai", [sample()])
    (document,) = json.loads(path.read_text())
    assert document["document"] == "Ann met New York."
    assert document["tokens"][1] == {
        **{"text": "New York", "start": 8, "end": 16, "entityLabel": "LOC"},
        **{"token_start": 2, "token_end": 3},
    }
    # the first tokens of the entities
    assert document["relations"] == [{"head": 0, "child": 2, "relationLabel": "MET"}]
    assert report.problems == []


def test_ubiai_with_entities_that_start_together(tmp_path):
    spans = [(0, 3, "P"), (8, 16, "LOC"), (8, 11, "X")]
    links = [("MET", 0, 1), ("MET", 2, 0), ("SELF", 0, 0)]
    path, report = write(tmp_path, "ubiai", [make("Ann met New York.", spans, links)])
    back = read(path, "ubiai")["a"]
    assert len(back.entities) == 3
    assert [r.label for r in back.relations] == ["SELF"]
    assert report.problems == [
        "a.json doc 4 (id a, links[0]): its tail 'New York' starts with the same "
        "token as another entity, and UBIAI only refers to the first token; relation "
        "'MET' not written.",
        "a.json doc 4 (id a, links[1]): its head 'New' starts with the same token "
        "as another entity, and UBIAI only refers to the first token; relation 'MET' "
        "not written.",
    ]


def test_spert(tmp_path):
    record = make("Ann\n met  New York.", [(0, 3, "P"), (10, 18, "LOC")], [("M", 0, 1)])
    schema = Schema({"S": None}, symmetric=["S"])
    path, report = write(tmp_path, "spert", [record], schema=schema)
    assert json.loads(path.read_text()) == [
        {
            "tokens": ["Ann", "met", "New", "York", "."],
            "entities": [
                {"type": "P", "start": 0, "end": 1},
                {"type": "LOC", "start": 2, "end": 4},
            ],
            "relations": [{"type": "M", "head": 0, "tail": 1}],
            "orig_id": "a",
        }
    ]
    assert report.not_converted == {SPACING: 1}
    types = json.loads(path.with_name("out_types.json").read_text())
    assert types["entities"]["LOC"] == {"short": "LOC", "verbose": "LOC"}
    symmetric = {
        label: entry["symmetric"] for label, entry in types["relations"].items()
    }
    assert symmetric == {"S": True, "M": False}


def test_plain_json_lines(tmp_path):
    record = sample()
    record.relations[0].attrs = {"score": 0.75}
    path, _ = write(tmp_path, "jsonl", [record])
    ann = {"start": 0, "end": 3, "label": "P", "text": "Ann"}
    york = {"start": 8, "end": 16, "label": "LOC", "text": "New York"}
    assert json.loads(path.read_text()) == {
        "text": "Ann met New York.",
        "entities": [ann, york],
        "relations": [{"label": "MET", "head": ann, "tail": york, "score": 0.75}],
        "complete": True,
        "id": "a",
    }


def test_no_documents(tmp_path):
    for name in ("ubiai", "label_studio", "spert", "gliner"):
        path, _ = write(tmp_path, name, [])
        assert json.loads(path.read_text()) == []
    for name in ("jsonl", "glirel"):
        path, _ = write(tmp_path, name, [])
        assert path.read_text() == ""
    path, _ = write(tmp_path, "huggingface", [])
    assert parquet.read_table(path).num_rows == 0 and read(path, "huggingface") == {}


def test_gliner(tmp_path):
    path, _ = write(tmp_path, "gliner", [sample()])
    assert json.loads(path.read_text()) == [
        {
            "tokenized_text": ["Ann", "met", "New", "York", "."],
            # the last word inclusive
            "ner": [[0, 0, "P"], [2, 3, "LOC"]],
            "relations": [[0, 1, "MET"]],
            "id": "a",
        }
    ]


def test_glirel(tmp_path):
    path, _ = write(tmp_path, "glirel", [sample(), sample("b")])
    first, second = map(json.loads, path.read_text().splitlines())
    assert first == {
        "tokenized_text": ["Ann", "met", "New", "York", "."],
        "ner": [[0, 0, "P", "Ann"], [2, 3, "LOC", "New York"]],
        "relations": [
            {
                "head": {"mention": "Ann", "position": [0, 0], "type": "P"},
                "tail": {"mention": "New York", "position": [2, 3], "type": "LOC"},
                "relation_text": "MET",
            }
        ],
        "id": "a",
    }
    assert second == {**first, "id": "b"}


def test_glirel_with_entities_at_the_same_words(tmp_path):
    spans = [(0, 3, "P"), (0, 3, "NAME"), (8, 16, "LOC")]
    links = [("MET", 0, 2), ("IN", 1, 2)]
    path, _ = write(tmp_path, "glirel", [make("Ann met New York.", spans, links)])
    back = read(path, "glirel")["a"]
    labels = {entity.id: entity.label for entity in back.entities}
    assert [(labels[r.head], r.label) for r in back.relations] == [
        ("P", "MET"),
        ("NAME", "IN"),
    ]


@pytest.mark.parametrize("suffix", [".parquet", ".jsonl"])
def test_huggingface(tmp_path, suffix):
    path = tmp_path / f"out{suffix}"
    report = Report()
    write_records([sample()], path, "huggingface", WriteOptions(), report)
    if suffix == ".parquet":
        table = parquet.read_table(path)
        (row,) = table.to_pylist()
        assert str(
            table.schema.field("entities").type.value_type.field("end").type
        ) == ("int32")
    else:
        row = json.loads(path.read_text())
    assert row == {
        "tokens": ["Ann", "met", "New", "York", "."],
        "entities": [
            {"type": "P", "start": 0, "end": 1},
            {"type": "LOC", "start": 2, "end": 4},
        ],
        "relations": [{"type": "MET", "head": 0, "tail": 1}],
        "orig_id": "a",
    }


def test_parquet_needs_pyarrow(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ValueError, match=r"pyarrow, which is not .* ends in \.jsonl"):
        write(tmp_path, "huggingface", [sample()])
    assert list(tmp_path.iterdir()) == []

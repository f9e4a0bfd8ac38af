"""Rows and tables: what the one has, the other has too."""

import datetime
import decimal
import json
from typing import get_args, get_origin, get_type_hints, is_typeddict

import pytest
from pyarrow import parquet

from rel_component.graph import KnowledgeGraph
from rel_component.graph.export.parquet import EdgeRow, NodeRow, write
from rel_component.inference.batch.rows import Row, dump_meta
from rel_component.parquet import make_schema
from tests.paths import DOCS

from .util import run, write_corpus


def check_fields(value, hint, where="row"):
    """Fail where a value and its TypedDict have not the same fields."""
    if is_typeddict(hint):
        hints = get_type_hints(hint)
        assert list(value) == list(hints), where
        for name, field in hints.items():
            check_fields(value[name], field, f"{where}.{name}")
    elif get_origin(hint) is list:
        assert value, f"{where} is empty, so that nothing is checked"
        for item in value:
            check_fields(item, *get_args(hint), where)


def test_rows_have_the_columns_of_the_table(model, tmp_path):
    corpus = write_corpus(tmp_path / "in.jsonl", 3)
    run([corpus], tmp_path / "out", model)
    part = tmp_path / "out" / "parts" / "part-000000"
    lines = part.with_suffix(".jsonl").read_text("utf8").splitlines()
    row, *others = map(json.loads, lines)
    check_fields(row, Row)
    table = parquet.read_table(part.with_suffix(".parquet"))
    assert table.to_pylist() == [row, *others]
    assert table.schema.metadata[b"rel_component.rows"] == b"1"
    documented = (DOCS / "batch.md").read_text("utf8")
    assert [name for name in row if f"| `{name}` |" not in documented] == []


def test_a_new_field_is_a_new_column():
    class More(Row):
        language: str

    assert set(make_schema(More).names) - set(make_schema(Row).names) == {"language"}


def test_graphs_have_the_columns_of_their_tables(tmp_path):
    ends = [
        {"start": i, "end": i + 1, "label": "X", "text": x} for i, x in enumerate("ab")
    ]
    relation = {"label": "R", "score": 0.5, "head": ends[0], "tail": ends[1]}
    graph = KnowledgeGraph()
    graph.add([{"id": "1", "text": "ab", "entities": ends, "relations": [relation]}])
    for path, hint in zip(write(graph, tmp_path), (NodeRow, EdgeRow)):
        for row in parquet.read_table(path).to_pylist():
            check_fields(row, hint)


@pytest.mark.parametrize(
    "value, expected",
    [
        (float("nan"), None),
        (float("-inf"), None),
        ([1.5, {"a": float("nan")}], [1.5, {"a": None}]),
        (decimal.Decimal("1.10"), "1.10"),
        (datetime.datetime(2024, 1, 2, 3, 4), "2024-01-02T03:04:00"),
        (datetime.date(2024, 1, 2), "2024-01-02"),
        (datetime.timedelta(hours=1), "1:00:00"),
        ("caf\u00e9 \u2028".encode(), "caf\u00e9 \u2028"),
        (b"\xff", "\\xff"),
        ([("k", 1)], [["k", 1]]),
        (10**30, 10**30),
        ("\udc80", "\udc80"),
    ],
)
def test_other_fields_are_json_whatever_their_type(value, expected):
    text = dump_meta({"x": value, "y": 1})
    text.encode("utf8")
    assert json.loads(text) == {"x": expected, "y": 1}


def test_fields_that_are_nested_too_deeply_are_cut():
    value = []
    for _ in range(5000):
        value = [value]
    assert "<nested too deeply>" in dump_meta({"x": value})

"""Rows are read, or it is said what is wrong with them."""

import json

import pytest

from rel_component.graph import read_rows
from rel_component.inference.batch.folder import OutputFolder


def test_invalid_input(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text('{"text": "x"}\n')
    with pytest.raises(ValueError, match=r"rows\.jsonl:1: expected an object with"):
        list(read_rows(path))
    with pytest.raises(ValueError, match="no parts of an extraction found"):
        list(read_rows(tmp_path))


END = {"start": 0, "end": 1, "label": "X", "text": "a"}
RELATION = {"label": "R", "score": 0.5, "head": END, "tail": END}


@pytest.mark.parametrize(
    "entity, relation, message",
    [
        ({**END, "text": 3}, RELATION, r"entities\[0\]\.text: found 3; expected a str"),
        ({"label": "X"}, RELATION, r"entities\[0\]\.start: found None; expected a num"),
        (3, RELATION, r"entities\[0\]: found 3; expected an object"),
        (END, {**RELATION, "score": "high"}, r"relations\[0\]\.score: found 'high'"),
        (END, {**RELATION, "head": 0}, r"relations\[0\]\.head: found 0; expected an e"),
        (END, {**RELATION, "tail": {}}, r"relations\[0\]\.tail\.start: found None"),
        (
            {**END, "text": "b"},
            RELATION,
            r"relations\[0\]\.head: .* one of the row's",
        ),
        (END, {**RELATION, "score": 5}, r"relations\[0\]\.score: found 5; .* 0 to 1"),
        (END, {**RELATION, "sentence": "x"}, r"relations\[0\]\.sentence: found 'x'"),
        (END, {**RELATION, "sentence": {"start": 0}}, r".*\.sentence\.end: found None"),
    ],
)
def test_invalid_fields(tmp_path, entity, relation, message):
    path = tmp_path / "rows.jsonl"
    row = {"id": None, "entities": [entity], "relations": [relation]}
    path.write_text(json.dumps(row), "utf8")
    with pytest.raises(ValueError, match=rf"rows\.jsonl:1: {message}"):
        list(read_rows(path))


def test_an_extraction_that_is_not_done_is_told(tmp_path):
    folder = OutputFolder(tmp_path)
    with folder.lock():
        row = {"id": "1", "text": "a", "entities": [], "relations": []}
        folder.commit(0, [row], [], {"chunk": 0}, ["jsonl"])
    (tmp_path / "run.json").write_text('{"chunks": 2}')
    with pytest.warns(UserWarning, match="1 of 2 chunks are done"):
        assert len(list(read_rows(tmp_path))) == 1


def test_other_fields_may_have_any_number(tmp_path):
    (tmp_path / "a.jsonl").write_text(
        f'{{"entities": [], "relations": [], "x": NaN, "y": {"9" * 40}}}\n'
    )
    (row,) = read_rows(tmp_path / "a.jsonl")
    assert row["y"] == int("9" * 40)


def test_unsupported_files(tmp_path):
    (tmp_path / "a.parquet").write_bytes(b"no")
    (tmp_path / "a.jsonl").write_bytes(b'{"id": "caf\xe9"}')
    for name, message in (("a.parquet", "as Parquet"), ("a.jsonl", "not JSON in UTF")):
        with pytest.raises(ValueError, match=f"{name}.*{message}"):
            list(read_rows(tmp_path / name))

import json

import pytest

from rel_component.formats import FormatError, Report, find_format

from .test_prodigy import TASK
from .test_ubiai import DOCUMENT
from .util import read, write_json, write_lines


def test_formats_are_recognised_by_content(tmp_path):
    assert find_format(write_json(tmp_path / "a.txt", [DOCUMENT])).name == "ubiai"
    assert find_format(write_lines(tmp_path / "b.json", [TASK])).name == "prodigy"
    assert find_format(write_json(tmp_path / "c.jsonl", [TASK])).name == "prodigy"


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("value", [TASK, [TASK]])
def test_containers(tmp_path, value, indent):
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps(value, indent=indent))
    docs, report = read(path)
    assert len(docs) == 1 and report.problems == []


def test_byte_order_mark_and_blank_lines(tmp_path):
    path = tmp_path / "a.jsonl"
    line = json.dumps(TASK)
    path.write_bytes(f"\ufeff{line}\r\n\r\n{line}\r\n".encode())
    docs, report = read(path)
    assert len(docs) == 2 and report.problems == []
    assert [d.user_data["rel_component_source"]["line"] for d in docs] == [1, 3]


@pytest.mark.parametrize(
    "encoding,problem,advice",
    [
        ("utf-16", "byte 0 is the mark of a UTF-16 file", "utf-16"),
        ("utf-16-le", "is NUL", "utf-16-le"),
        ("latin-1", "is 0xE9, which is not valid UTF-8", "latin-1"),
    ],
)
def test_other_encodings(tmp_path, encoding, problem, advice):
    path = tmp_path / "a.json"
    text = json.dumps([{**DOCUMENT, "note": "café"}], ensure_ascii=False)
    path.write_bytes(text.encode(encoding))
    docs, report = read(path)
    assert docs == []
    assert problem in report.problems[0]
    assert f"--encoding {advice}" in report.problems[0]
    docs, report = read(path, encoding=encoding)
    assert report.problems == [] and len(docs) == 1


def test_one_line_in_another_encoding_is_one_document_lost(tmp_path):
    path = tmp_path / "a.jsonl"
    line = json.dumps(TASK).encode()
    path.write_bytes(line + b"\n" + b'{"text": "caf\xe9"}\n' + line)
    docs, report = read(path)
    assert len(docs) == 2
    assert f"{path}:2: byte 13 " in report.problems[0]


def test_truncated_last_line(tmp_path):
    path = tmp_path / "a.jsonl"
    line = json.dumps(TASK)
    path.write_text(f"{line}\n{line[:-40]}")
    docs, report = read(path)
    assert len(docs) == 1
    assert f"{path}:2: not JSON" in report.problems[0]
    assert "ends in the middle" in report.problems[0]


def test_half_an_emoji_is_refused(tmp_path):
    path = tmp_path / "a.jsonl"
    broken = json.dumps(TASK).replace("Marie", "\\ud83d", 1)
    path.write_text(f"{broken}\n{json.dumps(TASK)}\n")
    docs, report = read(path)
    assert len(docs) == 1
    assert "half of a surrogate pair" in report.problems[0]


@pytest.mark.parametrize(
    "content,problem",
    [
        ("", "the file is empty"),
        (" \n\n ", "the file is empty"),
        ("Marie Curie worked.", "not recognised"),
        ("[]", "not recognised"),
        ("[1, 2]", "not recognised"),
        ('{"a": 1}', "the fields a"),
        ('[{"data": {}, "annotations": []}]', "looks like a Label Studio export"),
        ('[{"text": "", "annotation_id": 1, "lead_time": 1}]', "JSON-MIN"),
        ('{"text": "a", "label": []}', "looks like a doccano export"),
        ('{"doc_key": "a", "sentences": []}', "looks like DyGIE++"),
        ("EU B-ORG\nrejects O\nall O\n", "looks like columns"),
    ],
)
def test_what_is_no_annotation(tmp_path, content, problem):
    path = tmp_path / "a.json"
    path.write_text(content)
    docs, report = read(path)
    assert docs == []
    assert report.n_lost == {"files": 1}
    assert str(path) in report.problems[0] and problem in report.problems[0]


def test_missing_file_and_folder(tmp_path):
    _, report = read(tmp_path / "nothing.json")
    assert "there is no such file" in report.problems[0]
    _, report = read(tmp_path)
    assert "found a folder" in report.problems[0]


def test_wrong_format_named(tmp_path):
    path = write_json(tmp_path / "a.json", [DOCUMENT])
    with pytest.raises(FormatError, match="use --format ubiai"):
        find_format(path, "prodigy")
    with pytest.raises(FormatError, match="unknown, expected auto or one of"):
        find_format(path, "excel")


def test_deep_nesting_is_no_traceback(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps(TASK) + "\n" + "[" * 100_000 + "\n")
    docs, report = read(path)
    assert len(docs) == 1 and len(report.problems) == 1


def test_report_names_and_counts():
    report = Report()
    report.read("relations", 5)
    report.written("relations", 2)
    report.merged("relations", "exact duplicates")
    report.error("relations", "no such entity", "a.json: ...")
    assert report.unaccounted() == {"relations": 1}
    assert report.summary()[0] == (
        "relations: 5 read, 2 written, 1 merged (exact duplicates 1), "
        "1 skipped (no such entity 1)"
    )
    assert json.loads(json.dumps(report.to_json()))["problems"] == ["a.json: ..."]

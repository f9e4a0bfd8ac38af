import gzip
import json
import os
import zipfile
from pathlib import Path

import pytest

from rel_component.formats import (
    FORMATS,
    FormatError,
    Options,
    Report,
    find_format,
    iter_docs,
)
from rel_component.formats.io import decode

from .tools.test_prodigy import TASK
from .tools.test_ubiai import DOCUMENT
from .util import NLP, read, write_json, write_lines


def test_formats_are_recognised_by_content(tmp_path):
    assert find_format(write_json(tmp_path / "a.txt", [DOCUMENT])).name == "ubiai"
    assert find_format(write_lines(tmp_path / "b.json", [TASK])).name == "prodigy"
    assert find_format(write_json(tmp_path / "c.jsonl", [TASK])).name == "prodigy"


def test_folders_are_read_where_a_document_has_several_files(tmp_path):
    write_json(tmp_path / "a.json", [DOCUMENT])
    with pytest.raises(FormatError, match="without files of i2b2 or brat"):
        find_format(tmp_path)
    records = FORMATS["spert"].read(tmp_path, Options(), Report())
    with pytest.raises(FormatError, match=r"expected a file\. Pass the files in it"):
        list(records)


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


@pytest.mark.parametrize("encoding", ["utf-8", "UTF_8", "utf8", "utf-16-le", "utf-16"])
def test_byte_order_mark_with_a_given_encoding(tmp_path, encoding):
    path = tmp_path / "a.jsonl"
    mark = "" if encoding == "utf-16" else "\ufeff"
    path.write_bytes(f"{mark}{json.dumps(TASK)}\n".encode(encoding))
    docs, report = read(path, encoding=encoding)
    assert len(docs) == 1 and report.problems == []
    assert not docs[0].text.startswith("\ufeff")


@pytest.mark.parametrize(
    "encoding,problem,advice",
    [
        ("utf-16", "byte 0 is the BOM of a UTF-16 file", "utf-16"),
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
    assert f"{path}:2: byte {len(line) + 14} of the file is 0xE9" in report.problems[0]


def test_a_byte_is_counted_from_the_beginning_of_the_file(tmp_path):
    path = tmp_path / "a.jsonl"
    for begin in (b"\xef\xbb\xbf", b"\n\r\n"):
        line = json.dumps({**TASK, "note": "caf?"}).encode().replace(b"?", b"\xe9")
        content = begin + line + b"\n" + json.dumps(TASK).encode()
        path.write_bytes(content)
        _, report = read(path, encoding="utf-8-sig")
        at, number = content.index(b"\xe9"), 1 + begin.count(b"\n")
        assert f"{path}:{number}: byte {at} of the file is 0xE9" in report.problems[0]


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
    assert "an unpaired surrogate" in report.problems[0]


@pytest.mark.parametrize(
    "content,problem",
    [
        ("", "the file is empty"),
        (" \n\n ", "the file is empty"),
        ("Marie Curie worked.", "unknown format"),
        ("[]", "contains no documents, only []"),
        (" { }\n", "contains no documents, only { }"),
        ("[1, 2]", "unknown format"),
        ('{"a": 1}', "the fields a"),
        ('{"text": "a", "label": ["good"]}', "project that labels whole texts"),
        ('<View>\n  <Text name="text"/>\n</View>', "labeling config of a Label Studio"),
        ("8001\tMessage-Topic(e1,e2)\n8002\tOther\n", "looks like a key of SemEval"),
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
    assert "file or folder not found" in report.problems[0]
    _, report = read(tmp_path)
    assert "found a folder" in report.problems[0]


def test_archives_and_binary_files_are_named(tmp_path):
    path = tmp_path / "a.jsonl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.jsonl", json.dumps(TASK))
    for encoding in ("utf-8-sig", "latin-1"):
        _, report = read(path, encoding=encoding)
        assert report.problems == [
            f"{path}: this is a zip archive (or an Office document): unpack or export "
            f"it."
        ]
    path.write_bytes(gzip.compress(json.dumps(TASK).encode()))
    _, report = read(path)
    assert "this is a gzip archive: unpack it" in report.problems[0]
    path.write_bytes(b"ab\0\1")
    _, report = read(path)
    assert (
        "byte 2 of the file is NUL, expected UTF-8 text. This is a b"
        in report.problems[0]
    )


@pytest.mark.parametrize("name", ["a.jsonl", "folder", "folder/a.ann"])
def test_what_may_not_be_read_is_named(tmp_path, monkeypatch, name):
    write_lines(tmp_path / "a.jsonl", [TASK])
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "a.ann").write_text("")
    (tmp_path / "folder" / "a.txt").write_text("a")

    def refuse(path, *args, **kwargs):
        # not by chmod: tests may run as root
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "open", refuse)
    monkeypatch.setattr(os, "scandir", refuse)
    docs, report = read(tmp_path / name)
    assert docs == []
    (problem,) = report.problems
    assert problem.startswith(f"{tmp_path / name}: can't be read: Permission denied.")


@pytest.mark.parametrize("name", ["b.jsonl", "b.txt"])
def test_a_folder_of_mixed_formats_is_refused(tmp_path, name):
    (tmp_path / "a.txt").write_text("BRCA1")
    (tmp_path / "a.ann").write_text("T1\tGene 0 5\tBRCA1\n")
    (tmp_path / "README.md").write_text("Genes")
    (tmp_path / "stats.json").write_text('{"genes": 1}')
    docs, report = read(tmp_path)
    assert len(docs) == 1 and report.problems == []
    write_lines(tmp_path / name, [TASK])
    docs, report = read(tmp_path)
    assert docs == []
    (problem,) = report.problems
    assert problem.startswith(f"{tmp_path}: found {name}, which looks like Prodigy")


def test_an_input_given_twice_is_read_once(tmp_path):
    path = write_lines(tmp_path / "a.jsonl", [TASK])
    report = Report()
    docs = list(iter_docs([path, path], Options(), report, tokenizer=NLP.tokenizer))
    assert len(docs) == 1 and report.unaccounted() == {}
    assert report.n_merged["files"] == {"given again": 1}


def test_wrong_format_named(tmp_path):
    path = write_json(tmp_path / "a.json", [DOCUMENT])
    with pytest.raises(FormatError, match="use --format ubiai"):
        find_format(path, "prodigy")
    with pytest.raises(FormatError, match="unknown, expected auto or one of"):
        find_format(path, "excel")
    with pytest.raises(FormatError, match=r"triples\. Did you mean spert\?"):
        find_format(path, "sprt")


def test_deep_nesting_is_no_traceback(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps(TASK) + "\n" + "[" * 100_000 + "\n")
    docs, report = read(path)
    assert len(docs) == 1 and len(report.problems) == 1


def test_a_byte_order_mark_alone_is_an_empty_file(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"\xef\xbb\xbf\r\n")
    docs, report = read(path)
    assert docs == []
    assert report.problems == [f"{path}: the file is empty; expected annotations."]


def test_links_in_a_circle(tmp_path):
    for name in ("loop.jsonl", "folder"):
        (tmp_path / name).symlink_to(tmp_path / name)
        _, report = read(tmp_path / name)
        assert "file or folder not found" in report.problems[0]


def test_pipes_and_devices_are_refused(tmp_path):
    os.mkfifo(tmp_path / "a.jsonl")
    _, report = read(tmp_path / "a.jsonl")  # would wait for ever
    assert "a.jsonl: found a pipe or device, expected a file" in report.problems[0]


def test_report_names_and_counts():
    report = Report()
    report.read("relations", 5)
    report.written("relations", 2)
    report.merged("relations", "exact duplicates")
    report.error("relations", "no such entity", "a.json: ...")
    report.error("relations", "not readable", "a.json: ... too", n=0)
    assert report.unaccounted() == {"relations": 1}
    assert report.summary()[0] == (
        "relations: 5 read, 2 written, 1 merged (exact duplicates 1), "
        "1 skipped (no such entity 1)"
    )
    assert json.loads(json.dumps(report.to_json()))["problems"] == [
        "a.json: ...",
        "a.json: ... too",
    ]


PUBTATOR = "1|t|Anna met Bob\n1|a|x\n1\t0\t4\tAnna\tP\tD1\n1\t9\t12\tBob\tP\tD2\n"


@pytest.mark.parametrize("name", ["auto", "pubtator"])
def test_a_text_file_among_brat_files_may_have_another_format(tmp_path, name):
    (tmp_path / "a.ann").write_text("T1\tX 0 4\tfire\n")
    (tmp_path / "a.txt").write_text("fire")
    path = tmp_path / "pub.txt"
    path.write_text(PUBTATOR)
    assert find_format(path, name).name == "pubtator"
    _, report = read(tmp_path)
    assert "found pub.txt, which looks like PubTator" in report.problems[0]
    path.write_text("Only a text.")
    assert find_format(path).name == "brat"


@pytest.mark.parametrize(
    "data,advice",
    [
        ("Я знаю Анну и Боба, они живут в Москве".encode("cp1251"), "such as cp1251"),
        ("Ann met Zoë".encode("latin-1"), "probably latin-1"),
        ("Ann met Bob".encode("utf-16-be"), "--encoding utf-16-be"),
        ("Ann met Bob".encode("utf-16-le"), "--encoding utf-16-le"),
        ("Ann met Bob".encode("utf-32-le"), "--encoding utf-32-le"),
        ("Ann met Bob".encode("utf-32-be"), "--encoding utf-32-be"),
        ('{"text": "Анна", "label": "PERSON", "id": 1}'.encode("cp1251"), "cp1251"),
        ("Анна и Боб в Москве".encode() + b"\xff", "correct this place"),
        (b"Ann met Bob, a long text\0 with one such character", "remove them"),
    ],
)
def test_advice_on_encodings(tmp_path, data, advice):
    path = tmp_path / "a.jsonl"
    path.write_bytes(data)
    with pytest.raises(FormatError, match=advice):
        decode(data, path)


def test_objects_over_several_lines(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text("\n".join(json.dumps(TASK, indent=2) for _ in range(2)))
    _, report = read(path)
    assert len(report.problems) == 1
    assert "several objects of several lines, expected one" in report.problems[0]

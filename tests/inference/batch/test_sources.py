"""Files of all kinds: each document is found once, and what is broken is said."""

import json

import pytest
import spacy
from spacy.tokens import DocBin

from rel_component.inference.batch import Settings
from rel_component.inference.batch.plan import (
    Chunk,
    find_inputs,
    make_chunks,
    read_plan,
    write_plan,
)
from rel_component.inference.batch.sources import KINDS, lines
from rel_component.inference.batch.sources.item import MAX_BYTES

from .util import read_letters, read_rows, run

TEXTS = [
    "Ann works for Acme .",
    'He said "no", and\nleft .',
    "Bob works for Globex .",
    "Zoë",
]


def settings(**options):
    return Settings(model="m", **{"chunk_size": 3, **options})


def plan(path, **options):
    return list(make_chunks(find_inputs([str(path)]), settings(**options)))


def read(chunks, **options):
    """Items of chunks, as a worker reads them, chunk by chunk."""
    for chunk in chunks:
        for piece in chunk.pieces:
            from pathlib import Path

            place = (piece.start, piece.stop, piece.first)
            module = KINDS[piece.kind]
            items = list(module.read(Path(piece.source), *place, settings(**options)))
            assert len(items) == piece.count
            yield from items


def write_jsonl(path):
    rows = [{"text": text, "id": i} for i, text in enumerate(TEXTS)]
    text = "\n".join(map(json.dumps, rows))
    path.write_text("\ufeff" + text + "\n\n", encoding="utf8")


def write_csv(path):
    import csv

    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file, delimiter="\t" if path.suffix == ".tsv" else ",")
        writer.writerow(["id", "text", "year"])
        writer.writerows([i, text, 1999] for i, text in enumerate(TEXTS))


def write_parquet(path):
    import pyarrow
    from pyarrow import parquet

    table = pyarrow.table({"text": TEXTS, "id": list(range(len(TEXTS)))})
    parquet.write_table(table, path, row_group_size=3)


@pytest.mark.parametrize(
    "name, write",
    [
        ("a.jsonl", write_jsonl),
        ("a.csv", write_csv),
        ("a.tsv", write_csv),
        ("a.parquet", write_parquet),
    ],
)
@pytest.mark.parametrize("chunk_size", [1, 3, 10])
def test_each_document_is_read_once(tmp_path, name, write, chunk_size):
    write(tmp_path / name)
    chunks = plan(tmp_path / name, chunk_size=chunk_size)
    items = list(read(chunks))
    assert [item.task.text for item in items] == TEXTS
    assert [item.id for item in items] == ["0", "1", "2", "3"]
    assert [chunk.number for chunk in chunks] == list(range(len(chunks)))
    assert max(chunk.n_docs for chunk in chunks) <= chunk_size


def test_docbin_with_and_without_entities(model, tmp_path):
    nlp = spacy.blank("en")
    docs = [nlp.make_doc(text) for text in TEXTS]
    docs[2].ents = [docs[2].char_span(0, 3, "PERSON")]
    DocBin(docs=docs).to_disk(tmp_path / "a.spacy")
    run([tmp_path / "a.spacy"], tmp_path / "out", model, chunk_size=3)
    rows = read_rows(tmp_path / "out")
    assert [row["text"] for row in rows] == TEXTS
    found = [[entity["text"] for entity in row["entities"]] for row in rows]
    assert found == [["Ann", "Acme"], [], ["Bob"], []]


def test_text_files_of_a_folder_and_their_lines(tmp_path):
    for name in ("b.txt", "a.txt", "sub/c.txt", "other.doc"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(f"\ufeff{name}\nline 2\n", encoding="utf8")
    (chunk,) = plan(tmp_path)
    items = list(read([chunk]))
    assert [item.task.text for item in items] == [
        f"{name}\nline 2\n" for name in ("a.txt", "b.txt", "sub/c.txt")
    ]
    assert all(item.is_file for item in items)
    by_line = list(read(plan(tmp_path, by_line=True), by_line=True))
    assert [item.task.text for item in by_line][:3] == ["a.txt", "line 2", "b.txt"]
    globbed = [path.name for path in find_inputs([f"{tmp_path}/**/?.txt"])]
    assert globbed == ["a.txt", "b.txt", "c.txt"]


def test_a_plan_is_the_same_from_its_file(tmp_path):
    write_jsonl(tmp_path / "a.jsonl")
    write_csv(tmp_path / "b.csv")
    chunks = plan(tmp_path)
    assert [len(chunk.pieces) for chunk in chunks] == [1, 2, 1]
    assert write_plan(chunks, tmp_path / "plan") == (3, 8)
    assert list(read_plan(tmp_path / "plan")) == chunks
    assert isinstance(chunks[0], Chunk)


def test_broken_records_are_dead_letters_with_their_place(model, tmp_path):
    data = (
        b'id,text\n1,"Ann works for Acme ."\n2\n3,caf\xe9\n4,Bob works for Globex .\n'
    )
    (tmp_path / "a.csv").write_bytes(data)
    (tmp_path / "b.parquet").write_bytes(b"PAR1 but not really")
    (tmp_path / "c.spacy").write_bytes(b"neither")
    (tmp_path / "d.txt").write_bytes(b"\xff\xfe")
    (tmp_path / "e.jsonl").write_text('{"text": 3}\n[1]\nno\n{"tokens": ["Ann"]}\n')
    summary = run([tmp_path], tmp_path / "out", model)
    letters = {
        (x["source"].rpartition("/")[2], x["row"]): x
        for x in read_letters(tmp_path / "out")
    }
    assert {key: x["kind"] for key, x in letters.items()} == {
        ("a.csv", 3): "malformed",
        ("a.csv", 4): "undecodable",
        ("b.parquet", 1): "malformed",
        ("c.spacy", 1): "malformed",
        ("d.txt", 1): "undecodable",
        ("e.jsonl", 1): "malformed",
        ("e.jsonl", 2): "malformed",
        ("e.jsonl", 3): "malformed",
    }
    letter = letters["a.csv", 4]
    assert data[letter["start"] : letter["stop"]] == b"3,caf\xe9\n"
    assert "'text', a string" in letters["e.jsonl", 1]["reason"]
    assert (summary.read, summary.extracted) == (11, 3)


def test_a_line_too_long_for_the_memory_is_passed_over(tmp_path, monkeypatch):
    monkeypatch.setattr(lines, "MAX_BYTES", 100)
    assert MAX_BYTES > 100
    long = json.dumps({"text": "x" * 500})
    short = json.dumps({"text": "short"})
    (tmp_path / "a.jsonl").write_text(f"{short}\n{long}\n{short}\n", encoding="utf8")
    items = list(read(plan(tmp_path / "a.jsonl", chunk_size=1)))
    assert [item.kind for item in items] == ["", "too_long", ""]
    assert [item.place.number for item in items] == [1, 2, 3]


@pytest.mark.parametrize(
    "name, content, message",
    [
        (
            "a.csv",
            "id,body\n1,x\n",
            "columns id, body; expected one with the name text",
        ),
        ("a.docx", "x", "suffix .docx, expected one of .csv"),
        ("none.txt", None, "no such file or folder"),
    ],
)
def test_mistakes_are_said(tmp_path, name, content, message):
    if content is not None:
        (tmp_path / name).write_text(content)
    with pytest.raises(ValueError, match=message):
        plan(tmp_path / name)


def test_a_file_that_changes_under_the_run_stops_it(model, tmp_path):
    path = tmp_path / "a.jsonl"
    write_jsonl(path)

    def change(counts):
        with path.open("a") as file:
            file.write("{}\n")

    with pytest.raises(ValueError, match="has changed since the run began"):
        run([path], tmp_path / "out", model, chunk_size=1, on_chunk=change)

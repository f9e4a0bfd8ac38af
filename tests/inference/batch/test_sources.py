"""Files of all kinds: each document is found once, and what is broken is said."""

import decimal
import json
import os

import pytest
import spacy
from spacy.tokens import DocBin

from rel_component.inference.batch import ExtractSettings
from rel_component.inference.batch.plan import (
    Chunk,
    find_inputs,
    make_chunks,
    read_plan,
    write_plan,
)
from rel_component.inference.batch.sources import KINDS

from .util import read_letters, read_rows, run

# what is read does not depend on processes, and these take longer
pytestmark = pytest.mark.usefixtures("in_this_process")
TEXTS = [
    "Ann works for Acme .",
    'He said "no", and\nleft .',
    "Bob works for Globex .",
    "Zoë",
]


def settings(**options):
    return ExtractSettings(model="m", **{"chunk_size": 3, **options})


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
    assert write_plan(chunks, tmp_path / "plan")[:2] == (3, 8)
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


def test_a_line_that_is_too_long_is_passed_over(tmp_path):
    long = json.dumps({"text": "x" * 500})
    short = json.dumps({"text": "short"})
    (tmp_path / "a.jsonl").write_text(f"{short}\n{long}\n{short}\n", encoding="utf8")
    options = {"chunk_size": 1, "max_bytes": 100}
    items = list(read(plan(tmp_path / "a.jsonl", **options), **options))
    assert [item.kind for item in items] == ["", "too_long", ""]
    assert "expected at most 100 (--max-bytes)" in items[1].reason
    assert [item.place.number for item in items] == [1, 2, 3]


@pytest.mark.parametrize(
    "name, content, message",
    [
        (
            "a.csv",
            "id,body\n1,x\n",
            "columns id, body; expected text",
        ),
        ("a.docx", "x", "suffix .docx, expected one of .csv"),
        ("none.txt", None, "file or folder not found"),
    ],
)
def test_mistakes_are_said(tmp_path, name, content, message):
    if content is not None:
        (tmp_path / name).write_text(content)
    with pytest.raises(ValueError, match=message):
        plan(tmp_path / name)


def make_odd_table():
    """Each column would do to make a text unreadable."""
    import pyarrow as pa

    far = 10**18  # of microseconds
    columns = {
        "text": pa.array(
            ["Ann works for Acme .", b"Bob works for Globex ."], pa.binary()
        ),
        "id": pa.array([float("nan"), 2.0]),
        "nan": pa.array([float("nan"), 1.0]),
        "half": pa.array([float("inf"), 1.0], pa.float16()),
        "decimal": pa.array([decimal.Decimal("1.10"), None]),
        "nanoseconds": pa.array([1, None], pa.timestamp("ns")),
        "far": pa.array([far, None], pa.timestamp("us")),
        "nowhere": pa.array([1, None], pa.timestamp("ms", tz="Nowhere/Land")),
        "day": pa.array([10**8, None], pa.int32()).cast(pa.date32()),
        "long": pa.array([2**62, None], pa.duration("s")),
        "bytes": pa.array([b"\xff", b"abc"]),
        "unsigned": pa.array([2**64 - 1, None], pa.uint64()),
        "nothing": pa.nulls(2),
        "dictionary": pa.array(["a", "b"]).dictionary_encode(),
        "large": pa.array(["a", None], pa.large_string()),
        "list": pa.array([[1.0, float("nan")], None]),
        "struct": pa.array([{"a": float("nan"), "b": [b"x"]}, None]),
        "map": pa.array([[("k", 1)], None], pa.map_(pa.string(), pa.int64())),
        "days": pa.array([[far], None], pa.list_(pa.timestamp("us"))),
    }
    return pa.table(columns)


def test_no_other_column_of_parquet_costs_a_text(model, tmp_path):
    from pyarrow import parquet

    parquet.write_table(make_odd_table(), tmp_path / "a.parquet")
    summary = run([tmp_path / "a.parquet"], tmp_path / "out", model)
    rows = read_rows(tmp_path / "out")
    assert read_letters(tmp_path / "out") == []
    assert (summary.extracted, summary.dead) == (2, 0)
    assert [row["id"].rpartition(":")[2] for row in rows] == ["0", "2.0"]
    first, second = (json.loads(row["meta"]) for row in rows)
    assert set(first) == set(make_odd_table().schema.names) - {"text", "id", "nothing"}
    assert first["nan"] is None and first["list"] == [1.0, None]
    assert (first["decimal"], first["unsigned"]) == ("1.10", 2**64 - 1)
    assert first["days"] == "<list<element: timestamp[us]>>"
    assert (second["bytes"], second["nan"], "large" in second) == ("abc", 1.0, False)


def test_one_string_of_parquet_that_is_not_utf8_costs_no_other(model, tmp_path):
    import pyarrow as pa
    from pyarrow import parquet

    def strings(*values):
        return pa.array(values, pa.binary()).view(pa.string())

    columns = {
        "text": strings(b"Ann", b"a\xff", b"Bob", b"Cleo"),
        "id": strings(b"1", b"2", b"b\xff", b"4"),
    }
    parquet.write_table(pa.table(columns), tmp_path / "a.parquet")
    run([tmp_path / "a.parquet"], tmp_path / "out", model)
    rows = read_rows(tmp_path / "out")
    assert [row["text"] for row in rows] == ["Ann", "Bob", "Cleo"]
    assert [row["id"] for row in rows] == ["1", "b\\xff", "4"]
    (letter,) = read_letters(tmp_path / "out")
    assert (letter["row"], letter["kind"]) == (1, "undecodable")


@pytest.mark.parametrize(
    "value", ["NaN", "-Infinity", "1e999", "9" * 30, "[" * 800 + "]" * 800]
)
def test_no_other_field_of_json_costs_a_text(model, tmp_path, value):
    line = f'{{"text": "Ann works for Acme .", "x": {value}, "y": 1}}\n'
    (tmp_path / "a.jsonl").write_text(line, "utf8")
    run([tmp_path / "a.jsonl"], tmp_path / "out", model)
    (row,) = read_rows(tmp_path / "out")
    assert json.loads(row["meta"])["y"] == 1


def test_columns_of_one_name_are_all_kept(tmp_path):
    import pyarrow
    from pyarrow import parquet

    (tmp_path / "a.csv").write_text("note,text,note,note_2\na,Ann,b,c\n", "utf8")
    names, values = ["note", "text", "note", "note_2"], ["a", "Ann", "b", "c"]
    table = pyarrow.table([[value] for value in values], names=names)
    parquet.write_table(table, tmp_path / "a.parquet")
    for path in ("a.csv", "a.parquet"):
        (item,) = read(plan(tmp_path / path))
        assert item.task.text == "Ann"
        assert item.task.meta == {"note": "a", "note_2": "b", "note_2_2": "c"}


def test_one_table_without_texts_does_not_stop_the_others(model, tmp_path):
    import pyarrow
    from pyarrow import parquet

    (tmp_path / "a.csv").write_text("id,body\n1,Ann\n2,Bob\n", "utf8")
    parquet.write_table(pyarrow.table({"body": ["Ann"]}), tmp_path / "b.parquet")
    (tmp_path / "c.tsv").write_text("id\ttext\n1\tAnn works for Acme .\n", "utf8")
    summary = run([tmp_path], tmp_path / "out", model)
    assert (summary.read, summary.extracted, summary.dead) == (3, 1, 2)
    for letter in read_letters(tmp_path / "out"):
        assert letter["kind"] == "malformed"
        assert "expected text" in letter["reason"]
    # none of these has texts: the option is wrong
    paths = [tmp_path / "a.csv", tmp_path / "b.parquet"]
    with pytest.raises(ValueError, match=r"a\.csv: found the columns id, body"):
        run(paths, tmp_path / "other", model)


def test_a_file_that_changes_under_the_run_stops_it(model, tmp_path):
    path = tmp_path / "a.jsonl"
    write_jsonl(path)

    def change(counts):
        with path.open("a") as file:
            file.write("{}\n")

    with pytest.raises(ValueError, match=r"has changed since .* bytes, found .* now"):
        run([path], tmp_path / "out", model, chunk_size=1, on_chunk=change)


@pytest.mark.parametrize("is_hidden", [False, True])
def test_an_edit_that_keeps_the_length_stops_the_run(model, tmp_path, is_hidden):
    path = tmp_path / "a.jsonl"
    write_jsonl(path)

    def change(counts):
        stat = path.stat()
        path.write_bytes(path.read_bytes().replace(b"Bob", b"Tom"))
        if is_hidden:  # as `cp -p` and rsync do
            os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))

    with pytest.raises(ValueError, match="content has changed, with the same length"):
        run([path], tmp_path / "out", model, chunk_size=1, on_chunk=change)


def test_a_file_that_was_only_written_again_is_no_change(model, tmp_path):
    path = tmp_path / "a.jsonl"
    write_jsonl(path)

    def touch(counts):
        path.write_bytes(path.read_bytes())
        if counts["chunk"] == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run([path], tmp_path / "out", model, chunk_size=1, on_chunk=touch)
    assert run([path], tmp_path / "out", model, chunk_size=1).extracted == 4


def edit(folder):
    path = folder / "b.jsonl"
    path.write_bytes(path.read_bytes().replace(b"Bob", b"Tom"))


@pytest.mark.parametrize(
    "change, message",
    [
        (edit, r"b.jsonl: the content has changed, with the same length"),
        (lambda folder: (folder / "b.jsonl").write_text("{}"), r"had \d+ bytes, found"),
        (lambda folder: write_jsonl(folder / "c.jsonl"), "c.jsonl is new"),
        (lambda folder: (folder / "b.jsonl").unlink(), "b.jsonl no longer exists"),
        (
            lambda folder: write_jsonl(folder / "aa.jsonl"),
            "aa.jsonl instead of .*b.jsonl",
        ),
    ],
)
def test_a_run_of_another_input_says_what_is_other(model, tmp_path, change, message):
    (tmp_path / "in").mkdir()
    for name in ("a.jsonl", "b.jsonl"):
        write_jsonl(tmp_path / "in" / name)
    run([tmp_path / "in"], tmp_path / "out", model)
    change(tmp_path / "in")
    with pytest.raises(ValueError, match=message) as caught:
        run([tmp_path / "in"], tmp_path / "out", model)
    assert "Restore it" in str(caught.value)


CSV_HEAD = "id,text,year\n"
CSV_CASES = {
    "a long line": (f"1,{'x' * (3 << 20)},1999\n", [""]),
    "long, quoted": ('1,"' + f"{'x' * 999}\n" * 3000 + '",1999\n', [""]),
    "unclosed": ('1,"Ann,1999\n2,Bob,1999\n3,Cleo,1999\n', ["quotes", "", ""]),
    "unclosed, others": (
        '1,"Ann,1999\n2,"Bob",1999\n3,"Cl\neo",1999\n',
        ["expected after", "", ""],
    ),
    "unclosed at the end": ('1,Ann,1999\n2,"Bob,1999', ["", "unexpected end"]),
    "NUL": ("1,A\0nn,1999\n2,Bob,1999\n", ["NUL character in line 2", ""]),
    "NUL after a quote": (
        '1,"Ann,1999\n2,B\0ob,1999\n3,Cleo,1999\n',
        ["quotes", "line 3", ""],
    ),
    "too many": (
        '1,Ann,1999,?\n2,"B\nob",1,2,3\n3,C,1\n',
        [
            "4 values; expected 3",
            "5 values; expected 3, like the header (lines 3 to 4)",
            "",
        ],
    ),
    "carriage return": ("1,A\rnn,1999\n2,Bob,1999\n", ["with a line feed", ""]),
    "not closed but at once": ('1,"Ann"a,1999\n2,Bob,1999\n', ["expected after", ""]),
}


@pytest.mark.parametrize("chunk_size", [1, 2, 10])
@pytest.mark.parametrize("case", CSV_CASES)
def test_a_broken_record_does_not_hide_the_next(tmp_path, case, chunk_size):
    text, reasons = CSV_CASES[case]
    path = tmp_path / "a.csv"
    path.write_bytes((CSV_HEAD + text).encode())
    items = list(read(plan(path, chunk_size=chunk_size)))
    assert len(items) == len(reasons)
    for item, reason in zip(items, reasons):
        assert reason in item.reason and bool(reason) == bool(item.reason)
        assert (item.task is None) == bool(reason)
    data = path.read_bytes()
    for item in items:  # the line is the one where the record begins
        assert data[: item.place.start].count(b"\n") == item.place.number - 1
    good = [item for item in items if item.task is not None]
    assert all(item.task.meta["year"] for item in good)
    assert sum(item.place.stop - item.place.start for item in items) == len(data) - len(
        CSV_HEAD
    )


@pytest.mark.parametrize(
    "record", [f"2,{'x' * 500},1\n", '2,"' + "x\n" * 300 + '",1\n', f"2,{'x' * 500}"]
)
def test_a_record_that_is_too_long_is_passed_over(tmp_path, record):
    text = f"{CSV_HEAD}1,Ann,1999\n{record}"
    text += "3,Cleo,1999\n" if record[-1] == "\n" else ""
    (tmp_path / "a.csv").write_text(text)
    options = {"chunk_size": 1, "max_bytes": 100}
    items = list(read(plan(tmp_path / "a.csv", **options), **options))
    kinds = [item.kind for item in items]
    assert kinds[:2] == ["", "too_long"]
    assert "more than 100 bytes" in items[1].reason
    assert items[1].place.number == 3
    if record[-1] == "\n":
        assert items[-1].task.text == "Cleo"


def test_a_limit_of_a_record_is_not_one_of_the_file(tmp_path):
    (tmp_path / "a.csv").write_text(CSV_HEAD + "1,Annet,1999\n" * 50)
    options = {"max_bytes": len("1,Annet,1999\n")}
    items = list(read(plan(tmp_path / "a.csv", **options), **options))
    assert len(items) == 50 and all(item.task for item in items)


@pytest.mark.parametrize(
    "data, reason",
    [
        (b"", "the file is empty"),
        ("id,text\n1,Ann\n".encode("utf-16"), "header can't be read: found a NUL"),
        (b'id,"text\n1,Ann\n', "header can't be read: not a record"),
        (b"id,text\r1,Ann\r", "header can't be read: found a carriage return"),
    ],
)
def test_a_table_without_a_header_says_why(model, tmp_path, data, reason):
    (tmp_path / "a.csv").write_bytes(data)
    run([tmp_path / "a.csv"], tmp_path / "out", model)
    (letter,) = read_letters(tmp_path / "out")
    assert reason in letter["reason"]


def test_a_damaged_part_of_a_parquet_file_is_dead_letters(model, tmp_path):
    import pyarrow
    from pyarrow import parquet

    path = tmp_path / "a.parquet"
    texts = [f"Ann works for Acme {i} ." for i in range(40)]
    parquet.write_table(pyarrow.table({"text": texts}), path, row_group_size=10)
    place = parquet.ParquetFile(path).metadata.row_group(1).column(0)
    with path.open("r+b") as file:
        file.seek(place.dictionary_page_offset)
        file.write(b"\xff" * place.total_compressed_size)
    summary = run([path], tmp_path / "out", model, chunk_size=15)
    assert (summary.read, summary.extracted, summary.dead) == (40, 30, 10)
    letters = read_letters(tmp_path / "out")
    assert [letter["row"] for letter in letters] == list(range(10, 20))
    assert all("can't be read" in letter["reason"] for letter in letters)


def test_a_longer_text_than_spacy_allows(model, tmp_path):
    text = "word " * 210_000
    (tmp_path / "a.txt").write_text(text)
    options = {"max_length": len(text)}
    summary = run([tmp_path / "a.txt"], tmp_path / "out", model, **options)
    assert (summary.extracted, summary.dead) == (1, 0)


def test_an_id_that_is_no_number_is_none(model, tmp_path):
    line = '{"text": "Ann works for Acme .", "id": NaN}\n{"text": null, "id": 1}\n'
    (tmp_path / "a.jsonl").write_text(line)
    run([tmp_path / "a.jsonl"], tmp_path / "out", model)
    (row,) = read_rows(tmp_path / "out")
    assert row["id"].endswith("a.jsonl:1")

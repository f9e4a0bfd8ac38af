"""A run as a whole: rows, dead letters, resume, processes."""

import pytest

from .util import CODE, make_text, read_letters, read_rows, run, write_corpus


@pytest.fixture
def corpus(tmp_path):
    return write_corpus(tmp_path / "in.jsonl")


def test_each_document_has_one_row_in_order(model, corpus, tmp_path):
    summary = run([corpus], tmp_path / "out", model)
    rows = read_rows(tmp_path / "out")
    assert [row["id"] for row in rows] == [f"doc-{i}" for i in range(60)]
    assert [row["row"] for row in rows] == list(range(1, 61))
    assert rows[8]["text"] == make_text(8)
    assert rows[8]["meta"] == '{"year":1998}'
    (relation,) = rows[8]["relations"][:1]
    assert relation["label"] == "WORKS_FOR"
    for end in ("head", "tail"):
        span = relation[end]
        assert rows[8]["text"][span["start"] : span["end"]] == span["text"]
    assert (summary.read, summary.extracted, summary.dead) == (60, 60, 0)
    assert summary.relations == sum(len(row["relations"]) for row in rows) >= 60


def test_what_is_done_is_not_done_again(model, corpus, tmp_path):
    output = tmp_path / "out"

    def stop(counts):
        if counts["chunk"] == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run([corpus], output, model, on_chunk=stop)
    done = {path: path.stat().st_mtime_ns for path in (output / "parts").iterdir()}
    assert 6 <= len(done) < 12
    later = []
    run([corpus], output, model, on_chunk=lambda counts: later.append(counts["chunk"]))
    assert not set(later) & {0, 1, 2}
    assert all(path.stat().st_mtime_ns == time for path, time in done.items())
    assert len(read_rows(output)) == 60


def test_poison_goes_to_the_dead_letters(poisoned, tmp_path):
    texts = [make_text(i) for i in range(30)]
    texts[3], texts[4], texts[17] = "a SEGFAULT here", "RAISE an error", "x" * 500
    corpus = write_corpus(tmp_path / "in.jsonl", texts=texts)
    with corpus.open("ab") as file:
        file.write(b'{"text": "caf\xe9"}\n{"body": "?"}\n')
    options = {"max_length": 400, "code": str(CODE)}
    summary = run([corpus], tmp_path / "out", poisoned, **options)
    letters = {x["row"]: x for x in read_letters(tmp_path / "out")}
    kinds = {row: letter["kind"] for row, letter in letters.items()}
    expected = {4: "crashed", 5: "failed", 18: "too_long"}
    assert kinds == {**expected, 31: "undecodable", 32: "malformed"}
    assert letters[5]["reason"] == "RuntimeError: the model can't do this"
    assert letters[4]["excerpt"] == "a SEGFAULT here"
    assert (summary.read, summary.extracted, summary.dead) == (32, 27, 5)
    assert len(read_rows(tmp_path / "out")) == 27


def test_rows_do_not_depend_on_the_number_of_processes(model, corpus, tmp_path):
    for n in (1, 2):
        run([corpus], tmp_path / str(n), model, n_process=n)
    assert read_rows(tmp_path / "1") == read_rows(tmp_path / "2")


def test_another_run_is_refused(model, corpus, tmp_path):
    run([corpus], tmp_path / "out", model)
    with pytest.raises(ValueError, match=r"threshold = null, found now 0\.9"):
        run([corpus], tmp_path / "out", model, threshold=0.9)
    write_corpus(corpus, 61)
    with pytest.raises(ValueError, match="chunks = 6, found now 7"):
        run([corpus], tmp_path / "out", model)


def test_parts_of_a_plan_that_nothing_was_done_of_are_removed(model, corpus, tmp_path):
    output = tmp_path / "out"
    run([corpus], output, model)
    for file in (output / "done").iterdir():  # killed before it could be noted
        file.unlink()
    summary = run([corpus], output, model, chunk_size=30)
    assert summary.extracted == 60
    assert len(read_rows(output)) == 60
    assert len(list((output / "parts").glob("*.parquet"))) == 2


def test_half_a_pair_of_surrogates_goes_to_the_dead_letters(model, tmp_path):
    corpus = tmp_path / "in.jsonl"
    half = "\\ud83d"
    lines = [f'{{"text": "Ann {half}"}}', f'{{"text": "Bob", "id": "{half}"}}']
    lines += [f'{{"tokens": ["{half}"]}}', '{"text": "Cleo works for Acme"}']
    corpus.write_text("\n".join(lines) + "\n", "utf8")
    summary = run([corpus], tmp_path / "out", model)
    assert (summary.read, summary.extracted, summary.dead) == (4, 1, 3)
    letters = read_letters(tmp_path / "out")
    assert {letter["kind"] for letter in letters} == {"malformed"}
    assert "text has half a pair of surrogates" in letters[0]["reason"]


def test_the_output_may_stand_within_the_input(model, tmp_path):
    write_corpus(tmp_path / "in.jsonl", 20)
    for _ in range(2):
        summary = run([tmp_path], tmp_path / "out", model)
        assert (summary.read, summary.extracted) == (20, 20)

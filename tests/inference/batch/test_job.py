"""A run as a whole: rows, dead letters, resume, processes."""

import json
import os
import shutil
import signal
import time
from pathlib import Path

import pytest

from rel_component.graph import read_rows as read_graph_rows
from rel_component.inference.batch import ExtractSettings, job
from rel_component.inference.batch.extractor import MAX_ATTEMPTS, MAX_CRASHES, Extractor
from rel_component.inference.batch.folder import OutputFolder
from rel_component.inference.batch.plan import make_chunks
from rel_component.pipe.loading import find_extractor, load_pipeline
from rel_component.pipe.relation_pipes import RelationPipes

from .util import (
    CODE,
    NAMES,
    check_alike,
    make_text,
    read_letters,
    read_rows,
    run,
    write_corpus,
)

STARTS = (*NAMES, "Well")


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


def test_lost_parts_are_extracted_again(model, corpus, tmp_path):
    output = tmp_path / "out"
    run([corpus], output, model, formats=("jsonl",))
    rows = read_rows(output)
    OutputFolder(output).part(1, "jsonl").unlink()
    with pytest.raises(ValueError, match="part 1 is missing"):
        list(read_graph_rows(output))
    later = []
    again = run(
        [corpus],
        output,
        model,
        formats=("jsonl",),
        on_chunk=lambda counts: later.append(counts["chunk"]),
    )
    assert later == [1] and again.read == 60
    assert read_rows(output) == rows


@pytest.mark.usefixtures("in_this_process")
def test_given_entities_are_named_by_their_line(model, tmp_path, monkeypatch):
    monkeypatch.setattr(RelationPipes, "_known_types", ["PERSON"])
    entity = {"start": 0, "end": 3, "label": "PERSON"}
    texts = [make_text(0), make_text(1)]
    lines = [{"text": text, "entities": [entity]} for text in texts]
    lines[1]["entities"] = [{**entity, "end": 900}, {**entity, "label": "FOO"}]
    lines.append({**lines[0], "entities": [{**entity, "label": "FOO"}]})
    corpus = tmp_path / "in.jsonl"
    corpus.write_text("\n".join(map(json.dumps, lines)))
    summary = run([corpus], tmp_path / "out", model)
    (letter,) = read_letters(tmp_path / "out")
    assert "in.jsonl:2: entity PERSON at characters 0–900" in letter["reason"]
    assert "doesn't know the entity type FOO" in summary.first_warning


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
    rows = read_rows(tmp_path / "out")
    assert len(rows) == 27
    # the others are as if they had been alone
    nlp = load_pipeline(poisoned)
    check_alike(rows, [predict_alone(nlp, row) for row in rows])
    assert [row["text"] for row in rows] == [x for x in texts if x.startswith(STARTS)]


def predict_alone(nlp, row):
    """The row of a document that was in no batch, by the pipeline as users call it."""
    doc = nlp(row["text"])
    relations = [
        {
            "label": relation.label,
            "score": relation.score,
            "head": make_place(relation.head),
            "tail": make_place(relation.tail),
        }
        for relation in doc._.relations
    ]
    entities = [{**make_place(ent), "text": ent.text} for ent in doc.ents]
    return {**row, "entities": entities, "relations": relations}


def make_place(span):
    return {"start": span.start_char, "end": span.end_char, "label": span.label_}


def test_rows_do_not_depend_on_the_number_of_processes(unsure, corpus, tmp_path):
    for n in (1, 2, 3):
        run([corpus], tmp_path / str(n), unsure, n_process=n, threshold=0.0)
    rows = read_rows(tmp_path / "1")
    assert rows == read_rows(tmp_path / "2") == read_rows(tmp_path / "3")
    # else a comparison would show little
    scores = {x["score"] for row in rows for x in row["relations"]}
    assert len(scores) > 10


@pytest.mark.parametrize(
    "options",
    [{"chunk_size": 7}, {"chunk_size": 60}, {"batch_size": 1}, {"batch_words": 50}],
)
def test_rows_depend_on_batches_in_the_last_digit_at_most(
    unsure, corpus, tmp_path, options
):
    run([corpus], tmp_path / "out", unsure, threshold=0.0, **options)
    rows = read_rows(tmp_path / "out")
    assert [row["id"] for row in rows] == [f"doc-{i}" for i in range(60)]
    nlp = load_pipeline(unsure)
    find_extractor(nlp).use_threshold(0.0)
    check_alike(rows, [predict_alone(nlp, row) for row in rows])


def test_a_document_that_takes_the_whole_job_with_it_is_given_up(
    in_this_process, poisoned, tmp_path
):
    texts = [make_text(i) for i in range(30)]
    texts[17] = "one that TAKES ALL"
    corpus = write_corpus(tmp_path / "in.jsonl", texts=texts)
    deaths = 0
    while True:
        try:
            options = {"code": str(CODE), "n_process": 2}
            summary = run([corpus], tmp_path / "out", poisoned, **options)
            break
        except BaseException as error:
            assert type(error).__name__ == "Killed"
            deaths += 1
        assert deaths < 10
    assert deaths == MAX_ATTEMPTS + MAX_CRASHES
    # once it is suspect, its chunk runs with no other beside it
    alone = [(1, 1)] * (MAX_CRASHES + 1)
    assert in_this_process == [(2, 0), *[(2, 1)] * MAX_ATTEMPTS, *alone, (2, 2)]
    assert (summary.read, summary.extracted, summary.dead) == (30, 29, 1)
    (letter,) = read_letters(tmp_path / "out")
    assert (letter["row"], letter["kind"]) == (18, "crashed")
    assert f"{MAX_CRASHES} times, individually" in letter["reason"]
    assert len(read_rows(tmp_path / "out")) == 29


def test_who_stops_a_run_blames_no_document(poisoned, tmp_path):
    texts = [make_text(i) for i in range(100)]
    texts[15] = "one that SLEEPS"
    corpus = write_corpus(tmp_path / "in.jsonl", texts=texts)
    attempts = tmp_path / "out" / "attempts"

    def stop(counts):
        if counts["chunk"] > 1:  # chunk 1 was given to the other process before
            while not (attempts / "000001.json").exists():
                time.sleep(0.05)
            stopped.append(counts["chunk"])
            raise KeyboardInterrupt

    stopped = []
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            options = {"code": str(CODE), "n_process": 2}
            run([corpus], tmp_path / "out", poisoned, on_chunk=stop, **options)
        assert not list(attempts.iterdir())
    assert stopped == [2, 3]


@pytest.mark.parametrize("name", ["meta.json", "relation_extractor/model"])
def test_a_model_that_is_replaced_in_the_middle_stops_the_run(model, tmp_path, name):
    corpus = write_corpus(tmp_path / "in.jsonl")
    copy = Path(shutil.copytree(model, tmp_path / "model"))

    def retrain(counts):
        (copy / name).write_bytes((copy / name).read_bytes() + b" ")
        os.kill(counts["pid"], signal.SIGKILL)  # another one loads what is there now

    with pytest.raises(ValueError, match="model has changed since the run began"):
        run([corpus], tmp_path / "out", copy, on_chunk=retrain)


def test_a_chunk_that_was_killed_when_it_was_done_leaves_nothing(
    model, corpus, tmp_path
):
    folder, settings = OutputFolder(tmp_path / "out"), ExtractSettings(model=str(model))
    (chunk,) = make_chunks([corpus], settings)
    with folder.lock():
        counts = Extractor(settings, folder.path).extract(chunk)
        folder.remember(0, {**folder.recall(0), "n": 1})  # as before its last step
        again = Extractor(settings, folder.path).extract(chunk)
    # read from the file, whose parser does not give every float back exactly
    assert again.pop("seconds") == pytest.approx(counts.pop("seconds"))
    assert again == counts
    assert not list(folder.attempts.iterdir())


def test_another_plan_forgets_the_attempts_at_this_one(model, tmp_path):
    corpus = write_corpus(tmp_path / "in.jsonl", 20)
    folder = OutputFolder(tmp_path / "out")
    with folder.lock():
        folder.remember(0, {**folder.recall(0), "n": 3, "at": 1, "crashes": {"0": 9}})
    assert run([corpus], tmp_path / "out", model).dead == 0


def test_parts_of_a_million_chunks_are_kept(tmp_path):
    folder = OutputFolder(tmp_path)
    with folder.lock():
        folder.commit(1_000_000, [{"id": "1"}], [], {"chunk": 1_000_000}, ["jsonl"])
        folder.clean()
    assert folder.part(1_000_000, "jsonl").exists()


def test_files_of_others_in_the_output_are_kept(model, corpus, tmp_path):
    output = tmp_path / "out"
    names = ("notes.tmp", "parts/part-00000.csv", "parts/part-1.parquet")
    (output / "parts").mkdir(parents=True)
    for name in names:
        (output / name).write_text("mine", "utf8")
    with pytest.raises(ValueError, match="file or folder not found"):
        run([corpus], output, tmp_path / "none")
    run([corpus], output, model)
    # such as those of a file manager
    for name in (".DS_Store", "desktop.ini"):
        (output / "done" / name).write_bytes(b"\0")
        (output / "attempts" / name).write_bytes(b"\0")
    assert run([corpus], output, model).extracted == 60
    assert all((output / name).read_text("utf8") == "mine" for name in names)


def test_deep_nesting_goes_to_the_dead_letters(model, tmp_path):
    deep = "[" * 1000 + "]" * 1000
    lines = [f'{{"text": "Bob", "entities": [{deep}]}}', '{"text": "Ann"}']
    lines.append(f'{{"text": "Bob", "id": {deep}}}')
    (tmp_path / "in.jsonl").write_text("\n".join(lines) + "\n", "utf8")
    summary = run([tmp_path / "in.jsonl"], tmp_path / "out", model)
    assert (summary.extracted, summary.dead) == (1, 2)
    for letter in read_letters(tmp_path / "out"):
        assert "nested too deeply" in letter["reason"] and len(letter["reason"]) < 300


def test_another_run_is_refused(model, corpus, tmp_path):
    run([corpus], tmp_path / "out", model)
    with pytest.raises(ValueError, match=r"threshold = null, found 0\.9"):
        run([corpus], tmp_path / "out", model, threshold=0.9)
    write_corpus(corpus, 61)
    with pytest.raises(ValueError, match=r"in.jsonl: the file had .* bytes, found"):
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
    assert "text contains an unpaired surrogate" in letters[0]["reason"]


def test_the_output_may_stand_within_the_input(model, tmp_path):
    write_corpus(tmp_path / "in.jsonl", 20)
    for _ in range(2):
        summary = run([tmp_path], tmp_path / "out", model)
        assert (summary.read, summary.extracted) == (20, 20)


@pytest.mark.parametrize(
    "code, message",
    [
        ("import no_such_module", r"--code .*code\.py: .*ModuleNotFoundError.*no_such"),
        (
            "from spacy.language import Language\n"
            "def fail(*arguments, **options): raise ImportError('half installed')\n"
            "Language.from_disk = fail",
            "m: can't be loaded: ImportError: half installed",
        ),
    ],
)
def test_what_keeps_a_model_from_loading_is_said_at_once(
    model, corpus, tmp_path, code, message
):
    (tmp_path / "code.py").write_text(code, "utf8")
    with pytest.raises(ValueError, match=message):
        run([corpus], tmp_path / "out", model, code=str(tmp_path / "code.py"))


def test_a_run_goes_on_that_began_before_a_setting_was_added(model, corpus, tmp_path):
    output = tmp_path / "out"
    run([corpus], output, model)
    known = json.loads((output / "run.json").read_text("utf8"))
    del known["settings"]["max_bytes"], known["rows"]
    (output / "run.json").write_text(json.dumps(known), "utf8")
    assert run([corpus], output, model).read == 60
    with pytest.raises(ValueError, match="max_bytes = 67108864, found 500"):
        run([corpus], output, model, max_bytes=500)


def test_a_run_does_not_go_on_with_other_columns(model, corpus, tmp_path, monkeypatch):
    run([corpus], tmp_path / "out", model)
    monkeypatch.setattr(job, "ROWS_VERSION", 2)
    with pytest.raises(ValueError, match="rows = 1, found 2"):
        run([corpus], tmp_path / "out", model)

"""Whatever is killed: after a resume each row is there once. Few kills here; many, at
random moments and with a real model, in benchmarks/kill_extract.py."""

import multiprocessing
import os
import random
import shutil
import signal
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from rel_component.inference.batch import run_local
from rel_component.inference.batch.extractor import RunError

from .util import read_letters, read_rows, run, write_corpus

N = 120


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return write_corpus(tmp_path_factory.mktemp("corpus") / "in.jsonl", N)


@pytest.fixture(scope="module")
def expected(model, corpus, tmp_path_factory):
    output = tmp_path_factory.mktemp("whole") / "out"
    run([corpus], output, model)
    return read_rows(output)


def check(output, expected):
    assert read_rows(output) == expected
    assert read_letters(output) == []
    assert not [x for x in output.rglob("*") if x.suffix == ".tmp"]
    assert not list((output / "attempts").iterdir())


def kill_after(chunks):
    """Kill the process that has just done one of these chunks."""

    def on_chunk(counts):
        if counts["chunk"] in chunks:
            os.kill(counts["pid"], signal.SIGKILL)

    return on_chunk


def test_workers_are_killed(model, corpus, expected, tmp_path):
    options = {"n_process": 2, "on_chunk": kill_after({0, 3, 4, 11})}
    summary = run([corpus], tmp_path / "out", model, **options)
    assert (summary.read, summary.dead) == (N, 0)
    check(tmp_path / "out", expected)


def test_a_worker_is_killed_while_it_writes(model, corpus, expected, tmp_path):
    output = tmp_path / "out"

    def leave(counts):
        for name in ("parts", "done", "attempts"):
            (output / name / f".{counts['chunk']}.tmp").write_text("half", "utf8")

    run([corpus], output, model, on_chunk=leave)
    check(output, expected)


def test_the_driver_is_killed(model, corpus, expected, tmp_path):
    output, rng = tmp_path / "out", random.Random(0)
    context = multiprocessing.get_context("forkserver")
    n_killed = 0
    for n_done in (0, 1, 2, 4, 7, 9):
        driver = context.Process(target=run_forked, args=([corpus], output, model))
        driver.start()
        while driver.is_alive() and count_done(output) < n_done:
            time.sleep(0.002)
        time.sleep(rng.random() / 20)
        driver.kill()
        driver.join()
        n_killed += driver.exitcode == -signal.SIGKILL
    assert n_killed > 3
    run([corpus], output, model)
    check(output, expected)


def run_forked(*arguments):
    """Workers are forked from the driver itself, which takes no time."""
    run_local._get_context = lambda n_process: multiprocessing.get_context("fork")
    run(*arguments)


def count_done(output):
    folder = output / "done"
    return len(list(folder.glob("*.json"))) if folder.is_dir() else 0


def test_the_disk_is_full(model, corpus, expected, tmp_path):
    code = shutil.copy(Path(__file__).with_name("full_disk.py"), tmp_path)
    flag, output = tmp_path / "full", tmp_path / "out"
    options = {"code": str(code)}
    with pytest.raises(ValueError, match="No space left on device"):
        run([corpus], output, model, on_chunk=lambda counts: flag.touch(), **options)
    assert 0 < count_done(output) < N / 10
    assert not list((output / "parts").glob("*.tmp"))
    flag.unlink()
    run([corpus], output, model, **options)
    check(output, expected)


def test_one_run_at_a_time(model, corpus, tmp_path):
    def again(counts):
        with pytest.raises(ValueError, match="another run is writing"):
            run([corpus], tmp_path / "out", model)
        seen.append(counts["chunk"])

    seen = []
    run([corpus], tmp_path / "out", model, on_chunk=again)
    assert len(seen) == N / 10


def test_a_chunk_that_crashes_outside_of_documents(model, corpus, tmp_path):
    def on_chunk(counts):  # whoever has the last chunk dies, again and again
        raise AssertionError("no chunk is done")

    code = tmp_path / "code.py"
    code.write_text(
        "import os, signal\n"
        "from rel_component.inference.batch import extractor\n"
        "from rel_component.inference.batch.folder import OutputFolder\n"
        "extractor.MAX_OTHER = 2\n"
        "OutputFolder.commit = lambda *x: os.kill(os.getpid(), signal.SIGKILL)\n",
        encoding="utf8",
    )
    with pytest.raises(
        ValueError, match=r"Chunk 0 has crashed .* none of its documents"
    ):
        run([corpus], tmp_path / "out", model, code=str(code), on_chunk=on_chunk)


class Stillborn:
    """A worker whose process ends before it has loaded the model."""

    process = SimpleNamespace(exitcode=1)
    chunk, is_ready = None, False

    def receive(self):
        return None, None

    def stop(self):
        return False


@pytest.mark.parametrize("n_process, named", [(1, "1 process?"), (2, "2 processes?")])
def test_no_process_loads_the_model(monkeypatch, tmp_path, n_process, named):
    monkeypatch.setattr(run_local, "_Worker", lambda *args: Stillborn())
    monkeypatch.setattr(run_local, "_wait", lambda workers: workers[:1])
    with pytest.raises(RunError) as error:
        list(run_local.run_local(iter([]), None, tmp_path, n_process))
    assert f"3 times (exit code 1). Is there enough memory for {named}" in str(error)
    # and without it the same happens in a script
    assert '`if __name__ == "__main__":`' in str(error.value)

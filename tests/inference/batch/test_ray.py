"""The Ray engine: the same rows, the same resume, actors that may die."""

import gc
import os
import signal
import warnings
from contextlib import suppress

import pytest

from rel_component.inference.batch.run_ray import import_ray, start_local

from .util import CODE, make_text, read_letters, read_rows, run, write_corpus

# Ray's own, in this version
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module", autouse=True)
def cluster():
    """One for all tests: starting it takes longer than they do."""
    ray = import_ray()
    start_local(ray, 2)
    yield
    # Ray does not wait for the processes that it has told to end
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        ray.shutdown()
        gc.collect()


def test_same_rows_though_an_actor_is_killed_and_a_document_is_poison(
    poisoned, tmp_path
):
    texts = [make_text(i) for i in range(100)]
    texts[33], texts[71] = "a SEGFAULT here", "RAISE an error"
    corpus = write_corpus(tmp_path / "in.jsonl", texts=texts)
    killed = []

    def kill(counts):
        # one that the poisoned document has ended already can't be killed
        with suppress(ProcessLookupError):
            if not killed:
                os.kill(counts["pid"], signal.SIGKILL)
                killed.append(counts["pid"])

    code = CODE.with_name("impatient.py")
    options = {"code": str(code), "n_process": 2, "chunk_size": 20}
    run([corpus], tmp_path / "local", poisoned, **options)
    options["on_chunk"] = kill
    summary = run([corpus], tmp_path / "ray", poisoned, engine="ray", **options)
    assert killed and killed[0] != os.getpid()
    assert (summary.read, summary.extracted, summary.dead) == (100, 98, 2)
    assert read_rows(tmp_path / "ray") == read_rows(tmp_path / "local")
    assert read_letters(tmp_path / "ray") == read_letters(tmp_path / "local")


def test_goes_on_where_local_processes_stopped(model, tmp_path):
    corpus, output = write_corpus(tmp_path / "in.jsonl"), tmp_path / "out"

    def stop(counts):
        if counts["chunk"] == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run([corpus], output, model, on_chunk=stop)
    later = []
    run(
        [corpus],
        output,
        model,
        engine="ray",
        on_chunk=lambda counts: later.append(counts["chunk"]),
    )
    assert later and not set(later) & {0, 1, 2}
    assert [row["id"] for row in read_rows(output)] == [f"doc-{i}" for i in range(60)]


def test_a_model_that_is_none_is_said(tmp_path):
    corpus = write_corpus(tmp_path / "in.jsonl", 5)
    (tmp_path / "model").mkdir()
    with pytest.raises(ValueError, match="model is not a pipeline"):
        run([corpus], tmp_path / "out", tmp_path / "model", engine="ray")

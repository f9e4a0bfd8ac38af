"""The model in a process of its own: other requests are answered while it works."""

import json
import os
import signal
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from rel_component.inference.service import ServiceSettings, create_app
from rel_component.inference.service.jobs import Job, ModelEnded
from rel_component.inference.service.model_process import ModelProcess, load_models
from rel_component.inference.tasks import Task

from .conftest import TEXT
from .server import run_server, wait_until


@pytest.fixture(scope="module")
def process(model):
    (process,), info = load_models(model, ServiceSettings(max_tokens=100))
    assert info["labels"] == ["WORKS_FOR"]
    yield process
    process.end()


def test_answers_and_errors_are_returned(process, model):
    given = [{"start": 0, "end": 3, "label": "PERSON"}]
    jobs = [
        Job(Task(TEXT)),
        Job(Task("a " * 200)),
        Job(Task(TEXT, given, meta={"i": 1})),
    ]
    first, second, third = process(jobs)
    assert len(json.loads(first.content)["relations"]) == first.n_rows == 1
    assert second.status_code == 422 and second.reason == "size"
    assert "Found 200 tokens in one text; expected at most 100" in second.detail
    found = json.loads(third.content)
    assert found["entities"] == [{**given[0], "text": "Ann"}] and found["i"] == 1


def test_killed_process_is_detected_and_restarted(process):
    os.kill(process.pid, signal.SIGKILL)
    with pytest.raises(ModelEnded):
        process([Job(Task(TEXT))])
    with pytest.raises(ModelEnded):
        process([Job(Task(TEXT))])
    assert process.load()["labels"] == ["WORKS_FOR"]
    assert process([Job(Task(TEXT))])[0].n_rows == 1


def test_loading_errors_are_raised(tmp_path):
    with pytest.raises(ValueError, match="doesn't exist"):
        load_models(tmp_path / "nothing", ServiceSettings())


def test_process_ends_when_unreferenced(model):
    process = ModelProcess(model, ServiceSettings())
    pid = process.pid
    assert pid and process.wait()
    del process
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_hanging_model_blocks_nothing_and_is_restarted(model):
    app = create_app(model, ServiceSettings(timeout=3))
    (process,) = app.state.service.models
    body = {"chunks": [TEXT]}
    with run_server(app) as url, httpx.Client(base_url=url, trust_env=False) as client:
        os.kill(process.pid, signal.SIGSTOP)
        with ThreadPoolExecutor() as pool:
            waiting = pool.submit(client.post, "/predict", json=body, timeout=60)
            for path in ("/health", "/model", "/metrics"):
                assert client.get(path, timeout=2).status_code == 200
            assert waiting.result().status_code == 503
        assert "did not answer within 3 s" in waiting.result().json()["detail"]
        ends = "rel_component_model_ends_total 1.0"
        wait_until(lambda: ends in client.get("/metrics", timeout=60).text)
        wait_until(lambda: client.get("/ready", timeout=60).status_code == 200)
        answer = client.post("/predict", json=body, timeout=60)
        assert len(answer.json()) == 1

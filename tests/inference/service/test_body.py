"""Bodies with more in them than any request has are refused at once, in little room."""

import asyncio
import json
import threading
import time
import tracemalloc

import pytest
import spacy

from rel_component.inference.service import ServiceSettings, create_app
from rel_component.inference.service.body import parse
from rel_component.inference.service.problems import ServiceError
from rel_component.inference.service.runner import Runner

from .conftest import TEXT
from .server import run_client

MAX_BODY = ServiceSettings().max_body
JSON = {"content-type": "application/json"}


def fill(start, item, end):
    """RETURNS (bytes): a body that is as large as it may be."""
    n = (MAX_BODY - len(start) - len(end)) // len(item) - 1
    return start + item * n + item.rstrip(b",") + end


CHUNKS = b'{"chunks":['
DOCUMENT = b'{"documents":[{"text":"a","entities":['
ENTITY = b'{"start":-1,"end":-1,"label":"",}'.replace(b",}", b"}")
KEYS = b",".join(b'"%d":1' % i for i in range(100_000))
FLOODS = {
    "numbers": fill(CHUNKS, b"1,", b"]}"),
    "lists": fill(b'{"chunks":["a"],"entities_list":[', b"[],", b"]}"),
    "lists of lists": fill(b'{"chunks":["a"],"entities_list":[[', b"[],", b"]]}"),
    "objects": fill(CHUNKS, b'{"":1},', b"]}"),
    "empty objects": fill(b'{"documents":[', b"{},", b"]}"),
    "texts": fill(CHUNKS, b'"a",', b"]}"),
    "labels": fill(b'{"documents":[{"text":"a"}],"labels":[', b'"a",', b"]}"),
    "wrong labels": fill(b'{"documents":[{"text":"a"}],"labels":[', b"1,", b"]}"),
    "wrong entities": fill(DOCUMENT, ENTITY + b",", b"]}]}"),
    "wrong rows": fill(b'{"chunks":["a"],"entities_list":[[', b"[1,0,9],", b"]]}"),
    "keys": b'{"chunks":["a"],%b}' % KEYS,
    "keys of a document": b'{"documents":[{"text":"a",%b}]}' % KEYS,
    "keys of an entity": b"%b{%b}]}]}" % (DOCUMENT, KEYS),
    "depth": b'{"chunks":' + b"[" * 1_000_000,
    "digits": CHUNKS + b"9" * 1_000_000 + b"]}",
    "escapes": CHUNKS + b'"' + b"\\u0000" * 200_000 + b'"]}',
    "quotes": CHUNKS + b'"' + b'\\"' * 500_000 + b'"]}',
}


@pytest.mark.parametrize("name", FLOODS)
def test_floods_are_rejected(client, name):
    assert len(FLOODS[name]) <= MAX_BODY
    path = "/extract" if b"documents" in FLOODS[name][:20] else "/predict"
    begun = time.process_time()
    answer = client.post(path, content=FLOODS[name], headers=JSON)
    # some took 35 s of the processor: one error for each of a million items
    assert time.process_time() - begun < 2
    assert answer.status_code in (400, 413, 422), answer.text
    if name in ("numbers", "lists"):
        assert answer.status_code == 422
    found = answer.json()
    assert len(found["detail"]) < 400 and len(found["problems"]) <= 10


@pytest.mark.parametrize("name", FLOODS)
def test_floods_need_little_memory(name):
    tracemalloc.start()
    try:
        parse(FLOODS[name], ServiceSettings())
    except ServiceError:
        pass
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 50_000_000


def test_largest_allowed_body_is_parsed(client):
    """128 texts with 500 entities each, though they are of no use."""
    rows = [[i % 15, i % 15 + 3, f"T{i}, or so"] for i in range(500)]
    request = {"chunks": ["a" * 20] * 128, "entities_list": [rows] * 128}
    body = json.dumps(request, separators=(",", ":")).encode()
    assert len(body) < MAX_BODY
    assert parse(body, ServiceSettings()) == request


def test_commas_in_texts_are_not_limited(client):
    answer = client.post("/predict", json={"chunks": [f"{TEXT}{', ' * 90_000}"]})
    assert answer.status_code == 422 and "tokens in one text" in answer.json()["detail"]


def test_memory_of_requests_is_limited(client, monkeypatch):
    monkeypatch.setattr("rel_component.inference.service.service.MAX_HELD", 1e-5)
    answer = client.post("/predict", json={"chunks": [TEXT]})
    assert answer.status_code == 503 and answer.headers["retry-after"] == "1"
    assert "too large in total" in answer.json()["detail"]
    monkeypatch.undo()
    assert client.post("/predict", json={"chunks": [TEXT]}).status_code == 200


LONG = f"{TEXT}{' ' * 70_000}"


@pytest.mark.parametrize(
    "path, body",
    [
        ("/predict", {"chunks": [LONG]}),
        ("/extract", {"documents": [{"text": LONG}]}),
    ],
)
def test_a_large_body_does_not_wait_for_the_model(model, monkeypatch, path, body):
    app = create_app(spacy.load(model))
    check_turn(app, monkeypatch, path, body)


def check_turn(app, monkeypatch, path, body):
    """The next large body is parsed while the model is busy with the first one."""
    busy, may_go_on, run = threading.Event(), threading.Event(), Runner.__call__

    def wait_and_run(self, jobs):
        busy.set()
        assert may_go_on.wait(60)
        return run(self, jobs)

    monkeypatch.setattr(Runner, "__call__", wait_and_run)
    with run_client(app) as client:
        answers = []
        post = threading.Thread(
            target=lambda: answers.append(client.post(path, json=body))
        )
        post.start()
        assert busy.wait(60)
        is_locked = app.state.service.turn.locked()
        may_go_on.set()
        post.join()
    assert answers[0].status_code == 200 and not is_locked


def test_a_large_body_waits_for_others_within_the_time_limit(model):
    app = create_app(spacy.load(model), ServiceSettings(timeout=0.1))
    turn = app.state.service.turn = asyncio.Lock()
    asyncio.run(turn.acquire())
    with run_client(app) as client:
        answer = client.post("/predict", json={"chunks": [LONG]})
    assert answer.status_code == 503 and "Other large requests" in answer.text

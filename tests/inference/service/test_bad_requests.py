"""What can't be answered gets a 4xx that says what was expected."""

import json
import socket

import pytest
import spacy

from rel_component.inference.service import ServiceSettings, create_app

from .conftest import TEXT
from .server import run_client

JSON = {"content-type": "application/json"}


def entities(*rows):
    return json.dumps({"chunks": [TEXT], "entities_list": [rows]}).encode()


BAD = {
    b"": (400, "not JSON: EOF"),
    b"{": (400, "not JSON: EOF"),
    b"\x00\xff\xfe\x89PNG": (400, "not JSON: expected value at line 1 column 1"),
    b'{"chunks": ["\xff"]}': (400, "not JSON: invalid unicode code point"),
    b'{"chunks": ["\\ud800 "]}': (400, "not JSON: "),
    b'{"chunks": ["a"]} 1': (400, "not JSON: trailing characters"),
    b"[" * 100_000: (400, "not JSON: recursion limit exceeded"),
    b'{"chunks":' * 5_000: (400, "not JSON: recursion limit exceeded"),
    b"[]": (422, "body: found an empty list; expected an object"),
    b"null": (422, "body: found null; expected an object"),
    b"{}": (422, "chunks: found nothing; expected this field"),
    b'{"chunks": []}': (
        422,
        "chunks: found an empty list; expected a list that is not",
    ),
    b'{"chunks": "a"}': (422, "chunks: found 'a'; expected a list"),
    b'{"chunks": [3, null]}': (422, "chunks[0]: found 3; expected a string. (1 more)"),
    b'{"chunks": ["a\\u0000"]}': (422, "text without NUL characters (one is at 1)"),
    b'{"chunks": ["a"], "entity_list": []}': (422, "expected no such field"),
    b'{"chunks": ["a"], "entities_list": []}': (422, "a list of 1, one for each text"),
    b'{"chunks": ["a"], "entities_list": {}}': (422, "found an empty object; expected"),
    entities([0, 3]): (422, "[0][0][2]: found nothing; expected [first character"),
    entities([0, 3, "X", 1]): (422, "entities_list[0][0]: found a list of 4; expected"),
    entities(["0", 3, "X"]): (422, "[0][0][0]: found '0'; expected a whole number"),
    entities([0.5, 3, "X"]): (422, "[0][0][0]: found 0.5; expected a whole number"),
    entities([True, 3, "X"]): (422, "[0][0][0]: found true; expected a whole number"),
    entities([float("nan"), 3, "X"]): (422, "found NaN; expected a whole number"),
    entities([0, float("inf"), "X"]): (422, "found Infinity; expected a whole number"),
    entities([0, 10**30, "X"]): (422, "found characters 0 to a number of more than 20"),
    entities([-1, 3, "X"]): (422, "[0][0][0]: found -1; expected greater than or"),
    entities([0, 99, "X"]): (
        422,
        "found characters 0 to 99; expected start < end ≤ 18",
    ),
    entities([3, 3, "X"]): (422, "[0][0]: found characters 3 to 3; expected start <"),
    entities([0, 3, ""]): (422, "[0][0][2]: found ''; expected at least 1 character"),
    entities([0, 3, "X" * 999]): (422, "expected at most 200 characters"),
}


@pytest.mark.parametrize("body", BAD, ids=[str(body[:40]) for body in BAD])
def test_bad_body(client, body):
    status, expected = BAD[body]
    answer = client.post("/predict", content=body, headers=JSON)
    assert answer.status_code == status, answer.text
    found = answer.json()
    assert expected in found["detail"]
    assert len(found["detail"]) < 300
    assert found["request_id"] == answer.headers["x-request-id"]
    if status == 422:
        assert found["problems"][0].keys() == {"where", "found", "expected"}


def test_content_type_must_be_json(client):
    body = json.dumps({"chunks": ["a"]}).encode()
    for headers in ({}, {"content-type": "text/plain"}):
        answer = client.post("/predict", content=body, headers=headers)
        assert answer.status_code == 415
        assert "expected application/json" in answer.json()["detail"]
    answer = client.post(
        "/predict", content=body, headers={**JSON, "content-encoding": "gzip"}
    )
    assert answer.status_code == 415
    headers = {"content-type": "Application/JSON; charset=utf-8"}
    assert client.post("/predict", content=body, headers=headers).status_code == 200


def test_wrong_path_and_method(client):
    answer = client.get("/nothing")
    assert (
        answer.status_code == 404 and "expected one of /, " in answer.json()["detail"]
    )
    answer = client.get("/predict")
    assert answer.status_code == 405 and answer.headers["allow"] == "POST"


@pytest.fixture(scope="module")
def strict(model):
    settings = ServiceSettings(
        max_body=2000,
        max_texts=3,
        max_chars=100,
        max_entities=2,
        max_scores=1,
        max_queue=3,
        body_timeout=0.3,
    )
    with run_client(create_app(spacy.load(model), settings)) as client:
        yield client


def test_limits(strict):
    post = strict.post
    answer = post("/predict", json={"chunks": ["a"] * 4})
    assert answer.status_code == 413
    assert "chunks: found 4 texts; expected at most 3" in answer.json()["detail"]
    answer = post("/extract", json={"documents": [{"text": "a" * 60}] * 2})
    assert answer.status_code == 413
    assert "found 120 characters; expected at most 100" in answer.json()["detail"]
    rows = [[0, 1, "X"]] * 3
    answer = post("/predict", json={"chunks": [TEXT], "entities_list": [rows]})
    assert answer.status_code == 422
    assert "found 3; expected at most 2 entities" in answer.json()["detail"]
    answer = post("/predict", json={"chunks": ["Bob", f"{TEXT} and Bob"]})
    assert answer.status_code == 422
    assert answer.json()["detail"].startswith("chunks[1]: Found 3 entities in one text")
    request = {"documents": [{"text": TEXT}], "all_scores": True}
    answer = post("/extract", json=request)
    assert answer.status_code == 422
    assert "Found 2 scores; expected at most 1 in one answer" in answer.json()["detail"]
    assert post("/extract", json={**request, "min_score": 0.5}).status_code == 200


def test_large_body_is_rejected_while_reading(strict):
    answer = strict.post("/predict", content=b" " * 3000, headers=JSON)
    assert answer.status_code == 413
    assert "found 3000 bytes; expected at most 2000" in answer.json()["detail"]

    def parts():
        for _ in range(10):
            yield b" " * 500

    answer = strict.post("/predict", content=parts(), headers=JSON)
    assert answer.status_code == 413
    assert "found more than 2000 bytes" in answer.json()["detail"]


def test_body_timeout(strict):
    address = (strict.base_url.host, strict.base_url.port)
    head = b"POST /predict HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
    with socket.create_connection(address) as connection:
        connection.settimeout(30)
        connection.sendall(head + b'Content-Length: 100\r\n\r\n{"chunks"')
        answer = connection.recv(1000)
    assert answer.startswith(b"HTTP/1.1 408")
    assert strict.get("/health").status_code == 200

"""What an operator looks at: health, the model, metrics, logs, the key, the end."""

import json
import logging
import sys

import httpx
import pytest
import spacy

from rel_component.inference.service import ServiceSettings, create_app
from rel_component.inference.service.logs import JsonFormatter, describe_error
from rel_component.inference.service.settings import PREFIX, load_settings

from .conftest import TEXT
from .server import run_client

JSON = {"content-type": "application/json"}


def test_health_and_readiness(client):
    assert client.get("/health").json() == {"status": "ok"}
    assert client.get("/ready").json() == {"status": "ready"}


def test_model(client):
    found = client.get("/model").json()
    assert found["labels"] == ["WORKS_FOR"]
    assert found["entity_types"] == ["ORG", "PERSON"]
    assert found["finds_entities"] is True and found["threshold"] == 0.5
    assert found["limits"]["max_texts"] == ServiceSettings().max_texts
    assert found["versions"].keys() >= {"rel_component", "spacy"}


def test_metrics(client):
    client.post("/predict", json={"chunks": [TEXT]})
    client.post("/predict", json={})
    client.get("/nothing/like/this")
    text = client.get("/metrics").text
    assert 'rel_component_requests_total{path="/predict",status="422"} ' in text
    assert 'rel_component_requests_total{path="other",status="404"} ' in text
    assert 'rel_component_refused_total{reason="invalid"} ' in text
    assert "like/this" not in text
    assert "process_resident_memory_bytes" in text


def test_metrics_per_path(client):
    """None can be forgotten: they are taken from the routes."""
    paths = client.get("/openapi.json").json()["paths"]
    for path, methods in paths.items():
        for method in methods:
            client.request(method, path)
    client.get("/")
    text = client.get("/metrics").text
    for path in (*paths, "/", "/openapi.json"):
        assert f'rel_component_requests_total{{path="{path}",' in text


def test_request_ids(client):
    own = client.get("/health", headers={"x-request-id": "a-1.b_2"})
    assert own.headers["x-request-id"] == "a-1.b_2"
    for bad in ("a b", "x" * 65, "<b>"):
        answer = client.get("/health", headers={"x-request-id": bad})
        assert len(answer.headers["x-request-id"]) == 32


def test_logs_have_no_texts(model, caplog):
    with caplog.at_level("INFO", "rel_component.service"):
        with run_client(create_app(spacy.load(model))) as client:
            client.post("/predict", json={"chunks": [TEXT, "Bob"]})
            client.post("/predict", json={"chunks": [TEXT], "entities_list": [7]})
    lines = [json.loads(JsonFormatter().format(record)) for record in caplog.records]
    assert [line["message"] for line in lines] == [
        "ready",
        "request",
        "request",
        "stopped",
    ]
    good, bad = lines[1:3]
    assert (good["texts"], good["chars"], good["status"]) == (2, len(TEXT) + 3, 200)
    assert good.keys() >= {"time", "level", "request_id", "ms", "path", "method", "pid"}
    assert (bad["status"], bad["reason"]) == (422, "invalid")
    assert "Ann" not in json.dumps(lines)


def test_logs_have_texts_if_enabled(model, caplog):
    settings = ServiceSettings(log_texts=True)
    with caplog.at_level("INFO", "rel_component.service"):
        with run_client(create_app(spacy.load(model), settings)) as client:
            client.post("/predict", json={"chunks": [TEXT]})
    assert any(getattr(x, "fields", {}).get("text") == [TEXT] for x in caplog.records)
    try:
        raise ValueError(TEXT)
    except ValueError as error:
        assert TEXT not in str(describe_error(error, False))
        assert TEXT in str(describe_error(error, True))


def test_exceptions_of_other_loggers_are_formatted():
    try:
        raise ValueError("x")
    except ValueError:
        record = logging.LogRecord("a", 40, "", 1, "m", (), sys.exc_info())
    assert "ValueError: x" in json.loads(JsonFormatter().format(record))["traceback"]


def test_key(model):
    with run_client(
        create_app(spacy.load(model), ServiceSettings(api_key="geheim ü"))
    ) as client:
        for path in ("/", "/health", "/ready", "/openapi.json"):
            assert client.get(path).status_code == 200
        request = {"chunks": [TEXT]}
        key = "geheim ü".encode()
        for headers in ({}, {"x-api-key": "wrong"}, {"authorization": "Basic x"}):
            answer = client.post("/predict", json=request, headers=headers)
            assert answer.status_code == 401
            assert answer.headers["www-authenticate"] == "Bearer"
            assert "X-API-Key" in answer.json()["detail"]
            assert client.get("/metrics", headers=headers).status_code == 401
        for headers in ({b"x-api-key": key}, {b"authorization": b"Bearer " + key}):
            answer = client.post("/predict", json=request, headers=headers)
            assert answer.status_code == 200
        document = client.get("/openapi.json").json()
        assert document["paths"]["/predict"]["post"]["security"] == [
            {"key": []},
            {"bearer": []},
        ]


def test_too_many_requests_in_progress(model):
    app = create_app(spacy.load(model), ServiceSettings(max_requests=1))
    with run_client(app) as client:
        assert client.get("/model").status_code == 200
        with client.stream(
            "POST", "/predict", content=slowly(client), headers=JSON
        ) as answer:
            answer.read()
    assert slowly.found.status_code == 503
    assert slowly.found.headers["retry-after"] == "1"


def slowly(client):
    """The body of a request, and in the middle of it another request."""
    yield b"{"
    url = client.base_url.join("/model")
    slowly.found = httpx.get(url, trust_env=False, timeout=300)
    yield b"}"


def test_settings_are_read_from_environment(monkeypatch):
    monkeypatch.setenv(f"{PREFIX}MAX_BODY", "5")
    monkeypatch.setenv(f"{PREFIX}TIMEOUT", "0.5")
    monkeypatch.setenv(f"{PREFIX}API_KEY", "k")
    for text, value in {"1": True, "true": True, "0": False, "FALSE": False}.items():
        monkeypatch.setenv(f"{PREFIX}LOG_TEXTS", text)
        assert load_settings().log_texts is value
    settings = load_settings(max_body=None, max_texts=7)
    assert (settings.max_body, settings.timeout, settings.api_key) == (5, 0.5, "k")
    assert settings.max_texts == 7
    assert load_settings(max_body=9).max_body == 9


@pytest.mark.parametrize(
    "name,value,message",
    [
        ("MAX_BODY", "1.5", "REL_COMPONENT_MAX_BODY is '1.5'; expected a whole number"),
        ("TIMEOUT", "x", "REL_COMPONENT_TIMEOUT is 'x'; expected a number"),
        ("TIMEOUT", "nan", "REL_COMPONENT_TIMEOUT is 'nan'; expected a finite number"),
        ("DOCS", "maybe", "REL_COMPONENT_DOCS is 'maybe'; expected 0 or 1"),
        ("MAX_TEXTS", "0", "REL_COMPONENT_MAX_TEXTS is '0'; expected more than 0"),
        ("BATCH_WAIT", "-1", "REL_COMPONENT_BATCH_WAIT is '-1'; expected 0 or more"),
        ("MAX_QUEUE", "3", "Raise max_queue"),
        ("API_KEY", "", "REL_COMPONENT_API_KEY is ''; expected a key"),
    ],
)
def test_invalid_variables(monkeypatch, name, value, message):
    monkeypatch.setenv(PREFIX + name, value)
    with pytest.raises(ValueError, match=message):
        load_settings()


def test_invalid_options():
    with pytest.raises(ValueError, match=r"^max_texts is 0; expected more than 0"):
        load_settings(max_texts=0)

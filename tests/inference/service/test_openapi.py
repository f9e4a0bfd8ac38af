"""The API's description, and requests made from it or at random: no 5xx."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode

from rel_component.inference.service.messages import EXTRACT_EXAMPLE, PREDICT_EXAMPLE

from .random_requests import check_requests

GET = ("/health", "/ready", "/model", "/metrics")
REQUESTS = [
    *(
        ("POST", path, mode)
        for path in ("/predict", "/extract")
        for mode in GenerationMode
    ),
    # in these there is nothing that could be wrong
    *(("GET", path, GenerationMode.POSITIVE) for path in GET),
]


@pytest.mark.parametrize("method,path,mode", REQUESTS)
def test_no_request_causes_a_server_error(url, method, path, mode):
    check_requests(url, method, path, mode)


letters = st.characters(exclude_characters="\0", exclude_categories=["Cs"])


@st.composite
def documents(draw):
    text = draw(st.text(letters, max_size=40))
    if not text or draw(st.booleans()):
        return {"text": text}
    ends = st.lists(st.integers(0, len(text)), min_size=2, max_size=2, unique=True)
    label = st.text(letters, min_size=1, max_size=5)
    spans = draw(st.lists(st.tuples(ends.map(sorted), label), max_size=6))
    entities = [{"start": a, "end": b, "label": label} for (a, b), label in spans]
    return {"text": text, "entities": entities}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(documents(), min_size=1, max_size=4), st.floats(0, 1))
def test_any_text_and_entities_are_answered(client, found, threshold):
    request = {"documents": found, "threshold": threshold, "all_scores": True}
    answer = client.post("/extract", json=request)
    blank = [
        entity
        for document in found
        for entity in document.get("entities", [])
        if document["text"][entity["start"] : entity["end"]].isspace()
    ]
    if blank and answer.status_code == 422:
        assert "covers no token" in answer.json()["detail"]
        return
    assert answer.status_code == 200, answer.text
    for given_, row in zip(found, answer.json()["documents"], strict=True):
        assert row["text"] == given_["text"]
        for entity in row["entities"]:
            assert given_["text"][entity["start"] : entity["end"]] == entity["text"]
        ends = [(x["start"], x["end"], x["label"]) for x in row["entities"]]
        assert len(set(ends)) == len(ends)
        for entity in given_.get("entities", []):  # as whole tokens
            assert any(
                start < entity["end"] and entity["start"] < end
                for start, end, label in ends
                if label == entity["label"]
            )
        for relation in row["relations"]:
            assert relation["score"] >= threshold
            assert relation["head"] in row["entities"]


def test_examples_are_answered(client):
    document = client.get("/openapi.json").json()
    for path, name, example in (
        ("/predict", "PredictRequest", PREDICT_EXAMPLE),
        ("/extract", "ExtractRequest", EXTRACT_EXAMPLE),
    ):
        body = document["paths"][path]["post"]["requestBody"]["content"]
        assert body["application/json"]["schema"]["$ref"].endswith(f"/{name}")
        assert document["components"]["schemas"][name]["examples"] == [example]
        assert client.post(path, json=example).status_code == 200
    assert set(document["paths"]) == {path for _, path, _ in REQUESTS}


def test_description_works_offline(client):
    assert client.get("/docs").status_code == 404
    assert "cdn" not in client.get("/openapi.json").text

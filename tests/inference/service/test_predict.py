"""POST /predict, as the R-BERT service for Russian takes and gives it."""

import pytest
import spacy

from rel_component.inference.service import create_app

from .conftest import RUSSIAN, RUSSIAN_ENTITIES, TEXT
from .server import run_client


def test_entities_are_found_and_related(client):
    answer = client.post("/predict", json={"chunks": ["Nobody is here", TEXT]})
    assert answer.status_code == 200
    (relation,) = answer.json()
    assert relation.pop("relationship_strength") > 0.5
    assert relation == {
        "source_entity": "Ann",
        "target_entity": "Acme",
        "relationship_type": "WORKS_FOR",
        "relationship_description": None,
        "chunk_id": 1,
    }


@pytest.fixture(scope="module")
def russian(russian_model):
    with run_client(create_app(spacy.load(russian_model))) as client:
        yield client


def test_nested_entities_in_russian(russian):
    request = {"chunks": [RUSSIAN], "entities_list": [RUSSIAN_ENTITIES]}
    answer = russian.post("/predict", json=request)
    assert answer.status_code == 200, answer.text
    assert {
        (x["source_entity"], x["relationship_type"], x["target_entity"])
        for x in answer.json()
    } == {
        ("Иван Петров", "WORKS_AS", "Директор завода"),
        ("Иван Петров", "WORKPLACE", "завода"),
    }

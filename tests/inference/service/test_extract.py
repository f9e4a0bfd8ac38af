"""POST /extract: documents, and what is wanted of them."""

import pytest
import spacy
from spacy.training import Example
from spacy.util import load_config, load_model_from_config

from rel_component.corpus.readers import copy_without_relations
from rel_component.inference.service import create_app
from rel_component.relations import LabelConstraints
from rel_component.schema import Schema

from ...paths import CONFIGS
from ...util import make_doc
from .conftest import TEXT, train
from .server import run_client

ACYCLIC = LabelConstraints(acyclic=True)


def extract(client, text, **options):
    document = options.pop("document", {})
    request = {"documents": [{"text": text, **document}], **options}
    answer = client.post("/extract", json=request)
    assert answer.status_code == 200, answer.text
    (found,) = answer.json()["documents"]
    return found


def test_offsets_are_in_characters(client):
    found = extract(client, f"🎉 {TEXT}", document={"id": "a"})
    assert (found["id"], found["text"]) == ("a", f"🎉 {TEXT}")
    ann, acme = found["entities"]
    assert ann == {"start": 2, "end": 5, "label": "PERSON", "text": "Ann"}
    assert (acme["start"], acme["text"]) == (16, "Acme")
    (relation,) = found["relations"]
    assert (relation["head"], relation["tail"]) == (ann, acme)
    assert found["scores"] is None


def test_given_types_that_the_model_does_not_know_are_named():
    nlp = load_model_from_config(
        load_config(CONFIGS / "rel_tok2vec.cfg"), auto_fill=True
    )
    ends = [(0, 1, "PERSON"), (3, 4, "ORG")]
    gold = make_doc(nlp.vocab, TEXT, ends, [(0, "WORKS_FOR", 1)])
    nlp.initialize(lambda: [Example(copy_without_relations(gold), gold)])
    person = {"start": 0, "end": 3, "label": "PERSON"}
    with run_client(create_app(nlp)) as client:
        for label, unknown in (("FIRM", ["FIRM"]), ("ORG", [])):
            firm = {"start": 14, "end": 18, "label": label}
            found = extract(client, TEXT, document={"entities": [person, firm]})
            assert found["unknown_types"] == unknown


def test_threshold_and_labels(client):
    (relation,) = extract(client, TEXT)["relations"]
    score = relation["score"]
    assert extract(client, TEXT, threshold=score + 1e-6)["relations"] == []
    assert extract(client, TEXT, threshold=score)["relations"] == [relation]
    # the other direction too, at any score
    assert len(extract(client, TEXT, threshold=0.0)["relations"]) == 2
    assert extract(client, TEXT, labels=[])["relations"] == []
    assert extract(client, TEXT, labels=["WORKS_FOR"])["relations"] == [relation]
    answer = client.post(
        "/extract", json={"documents": [{"text": "a"}], "labels": ["X"]}
    )
    assert answer.status_code == 422
    assert "labels[0]: found 'X'; expected one of WORKS_FOR" in answer.json()["detail"]


def test_constraints_hold_at_any_threshold(model):
    nlp = spacy.load(model)
    schema = Schema({"WORKS_FOR": None}, constraints={"WORKS_FOR": ACYCLIC})
    nlp.get_pipe("relation_extractor").schema = schema
    with run_client(create_app(nlp)) as client:
        (relation,) = extract(client, TEXT, threshold=0.0)["relations"]
        known = client.get("/model").json()["schema"]
    assert relation["head"]["text"] == "Ann"
    assert known["relations"]["WORKS_FOR"]["acyclic"] is True


def test_all_scores(client):
    found = extract(client, f"{TEXT} and Bob", all_scores=True)
    scores = found["scores"]
    assert len(scores) == 6  # ordered pairs of three entities
    values = [score["score"] for score in scores]
    assert values == sorted(values, reverse=True)
    best = scores[0]
    heads = [found["entities"][best[end]]["text"] for end in ("head", "tail")]
    assert heads == ["Ann", "Acme"]
    middle = values[2]
    found = extract(client, f"{TEXT} and Bob", all_scores=True, min_score=middle)
    assert [score["score"] for score in found["scores"]] == values[:3]


def test_given_entities_are_whole_tokens(client):
    given = [
        {"start": 0, "end": 2, "label": "PERSON"},
        {"start": 14, "end": 18, "label": "ORG"},
        {"start": 10, "end": 18, "label": "ORG"},  # overlaps
    ]
    found = extract(client, TEXT, document={"entities": given}, all_scores=True)
    assert [entity["text"] for entity in found["entities"]] == [
        "Ann",
        "for Acme",
        "Acme",
    ]
    assert len(found["scores"]) == 6
    relations = {(x["head"]["text"], x["tail"]["text"]) for x in found["relations"]}
    assert ("Ann", "Acme") in relations
    # and the model reads doc.ents again where nothing is given
    assert [e["text"] for e in extract(client, TEXT)["entities"]] == ["Ann", "Acme"]
    none = extract(client, TEXT, document={"entities": []})
    assert none["entities"] == none["relations"] == []


def test_empty_and_blank_texts(client):
    for text in ("", " ", "\n\t", "."):
        found = extract(client, text)
        assert (found["entities"], found["relations"]) == ([], [])
    given = [{"start": 0, "end": 1, "label": "X"}]
    found = extract(client, " ", document={"entities": given})
    assert [entity["text"] for entity in found["entities"]] == [" "]


def test_model_without_entities_rejects_bare_texts(russian_model):
    with run_client(create_app(spacy.load(russian_model))) as client:
        answer = client.post("/predict", json={"chunks": ["Иван"]})
        assert answer.status_code == 422
        assert "chunks[0] has no entities, and the model" in answer.json()["detail"]
        assert client.get("/model").json()["finds_entities"] is False


@spacy.registry.misc("test_service_instances.v1")
def make_own_generator():
    return lambda doc: [(a, b) for a in doc.ents for b in doc.ents if a is not b]


@pytest.fixture(scope="module")
def own_generator():
    nlp = spacy.blank("en")
    instances = {"@misc": "test_service_instances.v1"}
    config = {"model": {"create_instance_tensor": {"get_instances": instances}}}
    nlp.add_pipe("relation_extractor", config=config)
    from ...util import make_doc

    relations = [(0, "WORKS_FOR", 1)]
    gold = make_doc(nlp.vocab, TEXT, [(0, 1, "PERSON"), (3, 4, "ORG")], relations)
    train(nlp, [gold])
    with run_client(create_app(nlp)) as client:
        yield client


def test_custom_generator_rejects_overlapping_entities(own_generator):
    entities = [[0, 3, "PERSON"], [14, 18, "ORG"]]
    request = {"chunks": [TEXT], "entities_list": [entities]}
    (relation,) = own_generator.post("/predict", json=request).json()
    assert relation["target_entity"] == "Acme"
    request["entities_list"][0].append([10, 18, "ORG"])
    answer = own_generator.post("/predict", json=request)
    assert answer.status_code == 422
    assert "1 of 3 given entities overlap others" in answer.json()["detail"]

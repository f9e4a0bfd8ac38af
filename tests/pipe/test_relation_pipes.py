"""Pipelines whose relations come from something else than a trained extractor: every
command takes them."""

import json

import pytest
import spacy
from spacy.language import Language
from spacy.tokens import DocBin

from rel_component import get_relations, set_relations
from rel_component.evaluation.report import evaluate_pipeline
from rel_component.inference.batch.extractor import load_models
from rel_component.inference.batch.settings import ExtractSettings
from rel_component.inference.service import create_app
from rel_component.pipe.loading import (
    find_extractor,
    find_relation_pipes,
    find_spans_key,
)
from rel_component.relations import Relation

from ..inference.service.server import run_client
from ..script_runner import load_script
from ..util import make_doc

NAMES = {"Ann": "PERSON", "Bob": "PERSON", "Acme": "ORG"}
WORKS = {
    "label": "WORKS_FOR",
    "id": "works",
    "head": "PERSON",
    "tail": "ORG",
    "between": "works for",
    "nearest": "both",
    "score": 0.9,
}
TEXT = "Ann works for Acme and Bob likes it"
ENTITIES = [(0, 1, "PERSON"), (3, 4, "ORG"), (5, 6, "PERSON")]


@Language.component("test_next_entity", assigns=["doc._.relations"])
def link_next(doc):
    """A pipe of somebody else's: each entity is followed by the next one."""
    set_relations(
        doc, [Relation(h, "NEXT", t, 0.8) for h, t in zip(doc.ents, doc.ents[1:])]
    )
    return doc


def build(*pipes):
    nlp = spacy.blank("en")
    nlp.add_pipe("entity_ruler").add_patterns(
        [{"label": label, "pattern": name} for name, label in NAMES.items()]
    )
    for pipe in pipes:
        added = nlp.add_pipe(pipe)
        if pipe == "relation_ruler":
            added.add_patterns([WORKS])
    return nlp


@pytest.fixture(scope="module", params=["relation_ruler", "test_next_entity"])
def model(request, tmp_path_factory):
    path = tmp_path_factory.mktemp("model")
    build(request.param).to_disk(path)
    return path


@pytest.fixture
def gold(tmp_path):
    doc = make_doc(spacy.blank("en").vocab, TEXT, ENTITIES, [(0, "WORKS_FOR", 1)])
    path = tmp_path / "dev.spacy"
    DocBin(docs=[doc] * 3, store_user_data=True).to_disk(path)
    return path


def find_label(model):
    return "WORKS_FOR" if "relation_ruler" in spacy.load(model).pipe_names else "NEXT"


def test_evaluate(model, gold, tmp_path):
    output = tmp_path / "metrics.json"
    run = load_script("evaluate")
    page = tmp_path / "report.html"
    run(model, gold, "--dev", gold, "--output", output, "--report", page, "--details")
    found = json.loads(output.read_text(encoding="utf8"))
    expected = 1.0 if find_label(model) == "WORKS_FOR" else 0.0
    assert found["all_gold"]["rel_micro_f"] == expected
    assert found["end_to_end"]["relations"]["rel_micro_f"] == expected
    assert found["tuning"] is None
    label = find_label(model)
    assert label in page.read_text(encoding="utf8")


def test_thresholds_of_rules(tmp_path, gold):
    build("relation_ruler").to_disk(tmp_path / "model")
    output = tmp_path / "metrics.json"
    run = load_script("evaluate")
    run(tmp_path / "model", gold, "--threshold", 0.95, "--output", output)
    found = json.loads(output.read_text(encoding="utf8"))
    assert found["all_gold"]["rel_micro_r"] == 0.0
    by_threshold = {row["threshold"]: row["all_gold"] for row in found["thresholds"]}
    assert by_threshold[0.9]["rel_micro_r"] == 1.0
    assert by_threshold[0.99]["rel_micro_r"] == 0.0
    # what no pattern scored is not found at any threshold
    assert by_threshold[0.0]["rel_micro_p"] == 1.0


def test_predict(model):
    label = find_label(model)
    printed = load_script("predict")(model, TEXT, "--label", label)
    assert f"Ann {label} Acme" in printed
    is_known = label == "WORKS_FOR"  # else the pipe does not say what it has
    printed = load_script("predict")(model, TEXT, "--label", "X", code=int(is_known))
    assert ("no label 'X'" in printed) == is_known


def test_extract(tmp_path):
    build("relation_ruler").to_disk(tmp_path)
    nlp, _ = load_models(ExtractSettings(model=str(tmp_path), threshold=0.95))
    assert nlp.get_pipe("relation_ruler").threshold == 0.95


def test_preannotate(model, tmp_path):
    texts = tmp_path / "texts.txt"
    texts.write_text(TEXT, encoding="utf8")
    output = tmp_path / "tasks.jsonl"
    run = load_script("preannotate")
    run(model, texts, "--format", "jsonl", "--output", output)
    row = json.loads(output.read_text(encoding="utf8"))
    assert row["relations"][0]["label"] == find_label(model)
    # as unsure as the score of the pattern says; none for the pipe without threshold
    assert row["uncertainty"] == pytest.approx(
        0.1 if find_label(model) == "WORKS_FOR" else 0.4
    )
    tasks = tmp_path / "tasks.json"
    run(model, texts, "--format", "label_studio", "--output", tasks)
    (config,) = tmp_path.glob("*.xml")
    text = config.read_text(encoding="utf8")
    assert find_label(model) in text and "PERSON" in text


def test_service(model):
    label = find_label(model)
    # loaded here, where the pipe of somebody else's is registered
    with run_client(create_app(spacy.load(model))) as service:
        info = service.get("/model").json()
        assert info["labels"] == ([label] if label == "WORKS_FOR" else [])
        body = {"documents": [{"text": TEXT}], "all_scores": True}
        (document,) = service.post("/extract", json=body).json()["documents"]
        assert document["relations"][0]["label"] == label
        given = [{"start": 0, "end": 3, "label": "PERSON"}]
        body = {"documents": [{"text": TEXT, "entities": given}]}
        (document,) = service.post("/extract", json=body).json()["documents"]
        assert document["relations"] == []


def test_other_commands(model, gold, tmp_path):
    page = tmp_path / "x.html"
    load_script("visualise")(TEXT, "--model", model, "--output", page)
    assert find_label(model) in page.read_text(encoding="utf8")
    assert "+0.0 to +0.0" in load_script("compare")(model, model, gold)


def test_a_command_that_needs_training_says_so(model, gold, tmp_path):
    assert "no trained relation extractor" in load_script("tune")(
        model, gold, tmp_path / "x", code=1
    )
    with pytest.raises(ValueError, match="no trained relation extractor"):
        find_extractor(spacy.load(model))


def test_several_components_seen_as_one():
    nlp = build("relation_ruler", "relation_extractor", "test_next_entity")
    extractor = nlp.get_pipe("relation_extractor")
    extractor.add_label("KNOWS")
    extractor.add_label("WORKS_FOR")
    extractor.cfg["symmetric"] = ["KNOWS"]
    extractor.threshold = 0.6
    extractor.thresholds = {"KNOWS": 0.3}
    pipes = find_relation_pipes(nlp)
    assert pipes.labels == ("WORKS_FOR", "KNOWS")
    assert (pipes.symmetric, pipes.extractor) == ({"KNOWS"}, extractor)
    # where two have a label, the trained one's threshold is shown
    assert pipes.get_thresholds([*pipes.labels, "OTHER"]).tolist() == [0.6, 0.3, 0.6]
    assert pipes.schema.pairs == {"WORKS_FOR": None, "KNOWS": None}
    nlp.remove_pipe("test_next_entity")
    pipes = find_relation_pipes(nlp)
    pipes.use_threshold(0.2)
    ruler = nlp.get_pipe("relation_ruler")
    assert (extractor.threshold, extractor.thresholds, ruler.threshold) == (
        0.2,
        {},
        0.2,
    )
    with pytest.raises(ValueError, match="test_next_entity has no threshold"):
        find_relation_pipes(build("test_next_entity")).use_threshold(0.2)
    ruler_alone = find_relation_pipes(build("relation_ruler"))
    assert ruler_alone.schema.pairs == {"WORKS_FOR": {("PERSON", "ORG")}}
    assert ruler_alone.entity_types == ("ORG", "PERSON")
    assert ruler_alone.thresholds == {} and ruler_alone.threshold == 0.0


def test_entities_of_a_group():
    nlp = spacy.blank("en")
    assert find_spans_key(nlp) is None
    nlp.add_pipe("relation_ruler", config={"spans_key": "all"})
    assert find_spans_key(nlp) == find_relation_pipes(nlp).spans_key == "all"
    with pytest.raises(ValueError, match="relation extractor or other component"):
        find_relation_pipes(build())


def test_rules_and_model_are_evaluated_together(gold):
    """The label that only a pattern has counts."""
    nlp = build("relation_extractor", "relation_ruler")
    data = [doc for doc in DocBin().from_disk(gold).get_docs(nlp.vocab)]
    nlp.get_pipe("relation_extractor").initialize(
        lambda: examples(nlp, data), labels=["KNOWS"]
    )
    figures = evaluate_pipeline(nlp, data, devs=data).data
    assert figures["all_gold"]["rel_per_label"]["WORKS_FOR"]["r"] == 1.0
    assert figures["label_thresholds"] == {"WORKS_FOR": 0.0}
    assert get_relations(nlp(TEXT))


def examples(nlp, docs):
    from spacy.training import Example

    return [Example(make_doc(nlp.vocab, TEXT, ENTITIES), doc) for doc in docs]

"""Figures of pipelines that predict entities are those of what they find."""

import pytest
import spacy
from spacy.tokens import Doc, Span
from spacy.training import Example

from rel_component import Relation, set_relations
from rel_component.corpus.readers import copy_without_relations
from rel_component.evaluation import tuning
from rel_component.evaluation.report import evaluate_pipeline
from rel_component.evaluation.tables import tabulate_end_to_end


@pytest.fixture(scope="module")
def nlp():
    """Takes Ann and Bob for people, and relates each person to each firm."""
    nlp = spacy.blank("en")
    ruler = nlp.add_pipe("entity_ruler")
    nlp.add_pipe("relation_extractor")
    examples = [Example(copy_without_relations(gold), gold) for gold in [make(nlp)]]
    sgd = nlp.initialize(lambda: examples)
    for _ in range(60):
        nlp.update(examples, sgd=sgd)
    names = {"Ann": "PERSON", "Bob": "PERSON", "Acme": "ORG"}
    ruler.add_patterns([{"label": x, "pattern": name} for name, x in names.items()])
    return nlp


def make(nlp, name="Ann", last=()):
    """Only Ann is a person."""
    words = [name, "works", "for", "Acme", *last]
    spaces = [True] * 3 + [False] * (1 + len(last))
    doc = Doc(nlp.vocab, words=words, spaces=spaces)
    org = Span(doc, 3, 4, label="ORG")
    if name == "Ann":
        person = Span(doc, 0, 1, label="PERSON")
        doc.ents = [person, org]
        set_relations(doc, [Relation(person, "WORKS_FOR", org)])
    else:
        doc.ents = [org]
        set_relations(doc, [])
    return doc


def get_precision(rows):
    (row,) = (row for row in rows if row["threshold"] == 0.5)
    return row["all_gold"]["rel_micro_p"]


def test_thresholds_are_those_of_entities_that_may_be_wrong(nlp):
    golds = [make(nlp), make(nlp, "Bob")]
    data = evaluate_pipeline(nlp, golds, devs=golds).data
    assert get_precision(data["thresholds"]) == 1.0
    assert get_precision(data["end_to_end"]["thresholds"]) == 0.5
    assert data["tuning"]["before"]["p"] == 0.5
    assert data["tuning"]["before"]["reliability"]["all"]["n"] == 2


def test_recall_is_that_of_labels_unknown_to_the_model_too(nlp):
    gold = make(nlp)
    person, org = gold.ents
    relations = [Relation(person, "WORKS_FOR", org), Relation(org, "HIRED", person)]
    set_relations(gold, relations)
    data = evaluate_pipeline(nlp, [gold]).data
    for part, scores in (
        (data, data["all_gold"]),
        (data["end_to_end"], data["end_to_end"]["relations"]),
    ):
        (row,) = (row for row in part["thresholds"] if row["threshold"] == 0.5)
        for name in ("rel_micro_r", "rel_macro_f", "rel_per_label"):
            assert row["all_gold"][name] == scores[name]
        assert scores["rel_micro_r"] == 0.5
    assert data["curves"][""]["n_gold"] == 2
    assert data["classification"]["gold_never_candidates"] == 1


def test_thresholds_are_tuned_on_what_is_found(nlp, monkeypatch):
    seen = []
    monkeypatch.setattr(
        tuning, "choose_thresholds", lambda pairs, **_: seen.append(pairs) or {}
    )
    golds = [make(nlp), make(nlp, "Bob")]
    tuning.tune(nlp, golds)
    with nlp.select_pipes(disable="entity_ruler"):
        tuning.tune(nlp, golds)
    assert [len(pairs.scores) for pairs in seen] == [4, 2]


def test_raw_text_is_evaluated_too(nlp):
    """In the pipeline's own tokens, "Acme" isn't found in "AcmeX"."""
    found = evaluate_pipeline(nlp, [make(nlp), make(nlp, last=["X"])]).data[
        "end_to_end"
    ]
    assert found["relations"]["rel_strict_f"] == 1.0
    raw = found["raw_text"]
    assert (raw["retokenized"], raw["relations"]["rel_strict_r"]) == (1, 0.5)
    table = tabulate_end_to_end(found)
    assert table.rows[-1][:2] == ["relations, strict, own tokens", "100.0"]
    assert "in 1 document differently" in table.note


def test_texts_that_are_too_long_are_named(nlp, monkeypatch):
    monkeypatch.setattr(nlp, "max_length", 3)
    found = evaluate_pipeline(nlp, [make(nlp)]).data["end_to_end"]
    assert list(found["raw_text"]) == ["problem"]
    assert "[E088]" in tabulate_end_to_end(found).note

import json
import os

import pytest
import spacy
from spacy.tokens import DocBin

from rel_component.evaluation.card import make_card
from tests.paths import DATA, ROOT

from ..script_runner import load_script
from ..util import make_doc
from .conftest import ENTITIES, TEXT

TUTORIAL = DATA / "tutorial"

run = load_script("evaluate")


@pytest.mark.parametrize(
    "data, expected",
    [
        ("no/such.spacy", "No corpus at"),
        (ROOT / "README.md", "README.md is not a .spacy file"),
    ],
)
def test_error_messages(model, data, expected):
    assert expected in run(model, data, code=1)


def test_both_protocols_and_chance_are_shown(tmp_path):
    output = tmp_path / "metrics.json"
    args = (TUTORIAL / "model", TUTORIAL / "dev.spacy", "--output", output)
    assert "generated pairs (tutorial)" in run(*args, "--details")
    figures = json.loads(output.read_text(encoding="utf8"))
    assert figures["mode"] == "gold entities"
    assert len(figures["thresholds"]) == len(figures["random_baseline"])


def test_end_to_end_if_the_pipeline_predicts_entities(model, tmp_path):
    """The entity ruler misses Bob and types Acme wrongly: right borders, not strict."""
    nlp = spacy.load(model)
    ruler = nlp.add_pipe("entity_ruler", before="relation_extractor")
    ruler.add_patterns([{"label": "PERSON", "pattern": x} for x in ("Ann", "Acme")])
    nlp.to_disk(tmp_path / "model")
    gold = make_doc(nlp.vocab, TEXT, ENTITIES, [(0, "WORKS_FOR", 1)])
    DocBin(docs=[gold], store_user_data=True).to_disk(tmp_path / "gold.spacy")
    args = (tmp_path / "model", tmp_path / "gold.spacy", "--threshold", "0.0001")
    printed = run(*args, "--output", tmp_path / "metrics.json")
    assert "end to end" in printed
    found = json.loads((tmp_path / "metrics.json").read_text(encoding="utf8"))
    found = found["end_to_end"]
    assert found["entities"]["ents_micro_p"] == 0.5
    assert found["entities"]["ents_micro_r"] == pytest.approx(1 / 3)
    assert found["tokens"]["tokens_accuracy"] == pytest.approx(4 / 6)
    assert found["relations"]["rel_micro_r"] == 1.0
    assert found["relations"]["rel_strict_r"] == 0.0


def test_another_schema(model, tmp_path):
    """At this threshold all six pairs have both labels; one tail for each of the three
    heads is left."""
    gold = make_doc(spacy.blank("en").vocab, TEXT, ENTITIES, [(0, "WORKS_FOR", 1)])
    write(tmp_path / "gold.spacy", gold)
    args = [model, tmp_path / "gold.spacy", "--threshold", "0", "--output"]
    schema = tmp_path / "schema.json"
    schema.write_text('{"relations": {"WORKS_FOR": {"max_tails": 1}}}')
    precisions = []
    for options in ([], ["--schema", schema]):
        run(*args, tmp_path / "metrics.json", *options)
        found = json.loads((tmp_path / "metrics.json").read_text(encoding="utf8"))
        precisions.append(found["all_gold"]["rel_micro_p"])
    assert precisions == pytest.approx([1 / (6 + 6), 1 / (3 + 6)])
    pipeline, meta = found["pipeline"], spacy.load(model).meta
    assert pipeline["constraints"] == ["WORKS_FOR max_tails = 1"]
    card = make_card(meta, pipeline, name="en_x", version="1")
    assert "Constraints: WORKS_FOR max_tails = 1." in card


def write(path, *docs):
    DocBin(docs=docs, store_user_data=True).to_disk(path)
    return path


def test_meaningless_scores_are_reported(model, vocab, tmp_path):
    path = tmp_path / "gold.spacy"
    gold = make_doc(vocab, TEXT, ENTITIES, [(0, "NEW", 1)])
    assert "the label NEW, unknown to the model" in run(model, write(path, gold))
    bare = make_doc(vocab, TEXT, ENTITIES, [])
    assert "no gold relations" in run(model, write(path, bare))
    gold = make_doc(vocab, TEXT, ENTITIES, [(0, "WORKS_FOR", 1)])
    gold.ents = []
    assert "no candidate pairs" in run(model, write(path, gold))
    fine = make_doc(vocab, TEXT, ENTITIES, [(0, "WORKS_FOR", 1)])
    assert "⚠" not in run(model, write(path, fine))


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no full device")
def test_full_disk(model, vocab, tmp_path):
    path = write(tmp_path / "a.spacy", make_doc(vocab, TEXT, ENTITIES, []))
    for option in ("--output", "--report"):
        full = tmp_path / "full.html"
        full.symlink_to("/dev/full")
        assert f"{full}: No space left" in run(model, path, option, full, code=1)
        full.unlink()

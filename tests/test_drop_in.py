"""What the tutorial's own code has saved, read here; see data/tutorial/README.md."""

import subprocess
import sys

import pytest
import spacy
import srsly
from spacy.cli.train import train as train_command
from spacy.tokens import Doc
from spacy.training import Example
from spacy.training.initialize import init_nlp
from spacy.training.loop import train
from spacy.util import import_file, load_config

from rel_component.corpus.readers import read_docs, read_gold_entities
from rel_component.relations import get_relation_data
from rel_component.scorer import read_example, score_tutorial_protocol
from tests.paths import DATA, SCRIPTS

from .script_runner import load_module
from .util import make_doc

DATA = DATA / "tutorial"
EXPECTED = srsly.read_json(DATA / "expected.json")
DOCS = {doc["name"]: doc for doc in EXPECTED["docs"]}


@pytest.fixture(scope="module")
def tutorial():
    return spacy.load(DATA / "model")


def read_rel(rel):
    """{"0,4": {label: probability}} as doc._.rel has it."""
    return {tuple(map(int, key.split(","))): scores for key, scores in rel.items()}


def predict(nlp, doc):
    found = make_doc(nlp.vocab, doc["words"], doc["ents"], spaces=doc["spaces"])
    return nlp(found)


def test_model_keeps_its_settings(tutorial):
    pipe = tutorial.get_pipe("relation_extractor")
    assert list(pipe.labels) == EXPECTED["labels"]
    assert pipe.threshold == EXPECTED["threshold"]


@pytest.mark.parametrize("name", DOCS)
def test_probabilities(tutorial, name):
    expected = read_rel(DOCS[name]["rel"])
    found = predict(tutorial, DOCS[name])._.rel
    assert found == {key: pytest.approx(x, abs=1e-5) for key, x in expected.items()}


@pytest.mark.parametrize("name", [name for name in DOCS if "gold" in DOCS[name]])
def test_relations_are_those_above_the_threshold(tutorial, name):
    doc = predict(tutorial, DOCS[name])
    assert {(r.head.start, r.label, r.tail.start) for r in doc._.relations} == {
        (head, label, tail)
        for (head, tail), row in read_rel(DOCS[name]["rel"]).items()
        for label, score in row.items()
        if score >= EXPECTED["threshold"]
    }


def test_batches_give_the_same(tutorial):
    docs = [
        make_doc(tutorial.vocab, doc["words"], doc["ents"], spaces=doc["spaces"])
        for doc in DOCS.values()
    ]
    for doc, expected in zip(tutorial.pipe(docs, batch_size=4), DOCS.values()):
        assert doc._.rel == {
            key: pytest.approx(x, abs=1e-5)
            for key, x in read_rel(expected["rel"]).items()
        }


def get_examples(nlp, split):
    if split == "dev":
        return list(read_gold_entities(DATA / "dev.spacy", nlp))
    examples = []
    for expected in (doc for doc in DOCS.values() if "gold" in doc):
        words, ents, spaces = (expected[x] for x in ("words", "ents", "spaces"))
        gold = make_doc(nlp.vocab, words, ents, spaces=spaces)
        gold._.rel = read_rel(expected["gold"])
        doc = make_doc(nlp.vocab, words, ents, spaces=spaces)
        examples.append(Example(doc, gold))
    return examples


@pytest.mark.parametrize("split", EXPECTED["scores"])
def test_scores_under_the_tutorials_protocol(tutorial, split):
    examples = get_examples(tutorial, split)
    for example in examples:
        example.predicted = tutorial(example.predicted)
    for threshold, expected in EXPECTED["scores"][split].items():
        docs = [read_example(x, threshold=float(threshold)) for x in examples]
        assert score_tutorial_protocol(docs) == pytest.approx(expected)


@pytest.mark.parametrize("split,n_docs", [("train", 10), ("dev", 3)])
def test_docbins(split, n_docs):
    docs = list(read_docs(DATA / f"{split}.spacy", spacy.blank("en")))
    assert len(docs) == n_docs
    texts = {x["text"]: x for x in srsly.read_jsonl(DATA / "annotations.jsonl")}
    for doc in docs:
        annotated = texts[doc.text]
        # by the last token of its ends, as Prodigy's rel.manual names them
        ends = {ent.end - 1: ent.text for ent in doc.ents}
        relations = [
            (x["head"], x["label"], x["child"]) for x in annotated["relations"]
        ]
        # as its parse_data.py: two labels, of which one is written both ways
        binds = [(h, "Binds", c) for h, label, c in relations if label == "Binds"]
        expected = {
            (ends[h], "Binds" if label == "Binds" else "Regulates", ends[c])
            for h, label, c in [*relations, *((c, x, h) for h, x, c in binds)]
        }
        found = {(r.head.text, r.label, r.tail.text) for r in doc._.relations}
        assert found == expected
        assert isinstance(doc, Doc) and get_relation_data(doc).complete


def test_config_trains(tmp_path):
    """The tutorial's config, unchanged but for paths and two steps."""
    config = load_config(
        DATA / "model" / "config.cfg",
        overrides={
            "paths.train": str(DATA / "train.spacy"),
            "paths.dev": str(DATA / "dev.spacy"),
            "training.max_steps": 2,
            "training.eval_frequency": 1,
        },
    )
    nlp = init_nlp(config)
    with open(tmp_path / "log", "w") as log:
        nlp, path = train(nlp, tmp_path, stdout=log, stderr=log)
    assert set(nlp.get_pipe("relation_extractor").labels) == set(EXPECTED["labels"])
    assert "rel_micro_f" in spacy.load(path).meta["performance"]


def test_loads_from_anywhere_with_nothing_imported(tmp_path):
    code = f"""
import spacy
nlp = spacy.load({str(DATA / "model")!r})
doc = nlp("Velorin inhibits Quastin.")
print(doc._.rel, nlp.get_pipe("relation_extractor").labels)
"""
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True
    )
    assert result.stdout.strip() == f"{{}} {tuple(EXPECTED['labels'])}", result.stderr


def test_the_tutorials_modules_and_code_option_still_work(tmp_path):
    names = {
        "rel_pipe": ("make_relation_extractor", "score_relations"),
        "rel_model": ("create_relation_model", "create_classification_layer")
        + ("create_instances", "create_tensors"),
    }
    for module, functions in names.items():
        assert all(hasattr(load_module(module), name) for name in functions)
    import_file("python_code", SCRIPTS / "custom_functions.py")  # what --code does
    overrides = {
        "paths.train": str(DATA / "train.spacy"),
        "paths.dev": str(DATA / "dev.spacy"),
        "training.max_steps": 2,
        "training.eval_frequency": 2,
    }
    train_command(DATA / "model/config.cfg", tmp_path, overrides=overrides)
    assert (tmp_path / "model-last/config.cfg").is_file()

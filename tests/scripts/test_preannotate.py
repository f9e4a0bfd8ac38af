"""Raw texts to an annotation tool and back, by way of a trained model."""

import json

import pytest
import spacy
from spacy.training import Example

from rel_component.corpus.readers import copy_without_relations
from rel_component.formats import WRITERS, Options, Report, iter_docs

from ..formats.util import triples
from ..script_runner import load_script
from ..util import make_doc
from .test_export import NLP, save

run = load_script("preannotate")
export = load_script("export")

TEXTS = {
    "a": "Ann works for Acme",
    "b": "Nobody is here",
    "c": "Bob met Ann at Acme, and Acme was closed.\n",
    "d": " \n",
}


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """Finds entities by rule, and that whoever stands before a firm works for it."""
    nlp = spacy.blank("en")
    ruler = nlp.add_pipe("entity_ruler")
    extractor = nlp.add_pipe("relation_extractor")
    extractor.add_label("KNOWS")
    gold = make_doc(
        nlp.vocab,
        "Ann works for Acme and Bob",
        [(0, 1, "PERSON"), (3, 4, "ORG"), (5, 6, "PERSON")],
        [(0, "WORKS_FOR", 1)],
    )
    examples = [Example(copy_without_relations(gold), gold)]
    optimizer = nlp.initialize(lambda: examples)
    names = {"Ann": "PERSON", "Bob": "PERSON", "Acme": "ORG"}
    ruler.add_patterns([{"label": names[x], "pattern": x} for x in names])
    for _ in range(80):
        nlp.update(examples, sgd=optimizer)
    path = tmp_path_factory.mktemp("model")
    nlp.to_disk(path)
    return path


@pytest.fixture
def texts(tmp_path):
    folder = tmp_path / "texts"
    folder.mkdir()
    for name, text in TEXTS.items():
        (folder / f"{name}.txt").write_text(text, encoding="utf8")
    return folder


def load(path, **options):
    report = Report()
    docs = list(iter_docs([path], Options(**options), report))
    assert report.problems == []
    return docs


def rows(path):
    return [json.loads(line) for line in path.read_text(encoding="utf8").splitlines()]


def test_the_most_uncertain_come_first(tmp_path, model, texts):
    path = tmp_path / "x.jsonl"
    output = run(model, texts, "--format", "jsonl", "--output", path)
    assert "documents: 4 read, 3 written, 1 skipped (text is empty 1)" in output
    assert f"3 texts written to {path} for correction" in output
    found = rows(path)
    uncertain = [row["uncertainty"] for row in found]
    assert uncertain == sorted(uncertain, reverse=True) and uncertain[0] > 0
    assert (found[-1]["id"], uncertain[-1]) == ("b", 0)
    (row,) = [row for row in found if row["id"] == "a"]
    (relation,) = row["relations"]
    assert (relation["label"], relation["head"]["text"]) == ("WORKS_FOR", "Ann")
    assert 0.5 <= relation["score"] <= 1


def test_the_input_is_not_overwritten(tmp_path, model):
    path = tmp_path / "texts.jsonl"
    path.write_text('{"text": "Ann works for Acme"}\n' * 3)
    said = run(model, path, "--output", tmp_path, "-n", 1, code=1)
    assert "which the output would overwrite" in said
    assert path.read_text().count("Ann") == 3


def test_order_and_number_of_texts(tmp_path, model, texts):
    path = tmp_path / "x.jsonl"

    def ids(*options):
        run(model, texts, "-f", "jsonl", "-o", path, *options)
        return [row["id"] for row in rows(path)]

    ranked = ids()
    assert ids("--limit", 1) == ranked[:1]
    assert ids("--rank-by", "none") == ["a", "b", "c"]
    assert ids("--rank-by", "none", "-n", 2) == ["a", "b"]
    assert set(ids("--rank-by", "mean", "--batch-size", 1)) == {"a", "b", "c"}


@pytest.mark.parametrize("name", WRITERS)
def test_corrected_texts_can_be_converted(tmp_path, model, texts, name):
    run(model, texts, "-f", name, "-o", tmp_path / "out")
    suffix = WRITERS[name].suffix
    path = tmp_path / "out" / f"texts{suffix}" if suffix else tmp_path / "out"
    docs = load(path, accept_unanswered=True)
    # brat lists documents by name: they are numbered
    found = {doc.user_data["rel_component_source"]["id"] for doc in docs}
    expected = {"brat": {"00001", "00002", "00003"}, "prodigy": {None}}
    assert {id_ and id_.split("-")[0] for id_ in found} == expected.get(
        name, set("abc")
    )
    (doc,) = [doc for doc in docs if doc.text.startswith("Ann works")]
    assert triples(doc) == [("Ann", "WORKS_FOR", "Acme")]


def test_predictions_are_not_converted_as_gold(tmp_path, model, texts):
    for name in ("prodigy", "label_studio"):
        path = tmp_path / f"x{WRITERS[name].suffix}"
        run(model, texts, "-f", name, "-o", path)
        assert load(path) == []


def test_configurations_include_the_labels_of_the_model(tmp_path, model, texts):
    run(model, texts, "-f", "brat", "-o", tmp_path / "brat")
    text = (tmp_path / "brat" / "annotation.conf").read_text()
    assert "KNOWS\tArg1:<ENTITY>, Arg2:<ENTITY>\n" in text
    run(model, texts, "-f", "label_studio", "-o", tmp_path)
    text = (tmp_path / "texts_config.xml").read_text()
    assert '<Relation value="KNOWS"/>' in text and '<Label value="ORG"/>' in text


def test_given_entities_are_kept(tmp_path, model):
    path = tmp_path / "in.jsonl"
    entities = [
        {"start": 0, "end": 3, "label": "ORG"},
        {"start": 0, "end": 8, "label": "PERSON"},
    ]
    path.write_text(json.dumps({"text": "Ann Acme", "entities": entities, "n": 5}))
    run(model, path, "-f", "jsonl", "-o", tmp_path / "out")
    (row,) = rows(tmp_path / "out" / "in.jsonl")
    assert [e["label"] for e in row["entities"]] == ["ORG", "PERSON"]
    assert row["n"] == 5


def test_entities_of_another_pipeline(tmp_path, model, texts):
    nlp = spacy.load(model)
    nlp.remove_pipe("entity_ruler")
    nlp.to_disk(tmp_path / "bare")
    arguments = (tmp_path / "bare", texts, "-f", "jsonl", "-o", tmp_path / "x.jsonl")
    output = run(*arguments, code=1)
    assert "texts text 1 has no entities, and the pipeline (relation_extr" in output
    assert "Nothing was written." in output and not (tmp_path / "x.jsonl").exists()
    run(*arguments, "--entities-from", model)
    assert any(row["relations"] for row in rows(tmp_path / "x.jsonl"))


def test_threshold(tmp_path, model, texts):
    path = tmp_path / "x.jsonl"
    run(model, texts, "-f", "jsonl", "-o", path, "--threshold", 0)
    assert sum(len(row["relations"]) for row in rows(path)) > 8
    output = run(model, texts, "-o", path, "--threshold", 7, code=1)
    assert "expected a number from 0 to 1" in output


def test_lines_of_a_file(tmp_path, model):
    path = tmp_path / "in.txt"
    path.write_text("Ann works for Acme\n\nBob left\n", encoding="utf8")
    run(model, path, "-f", "jsonl", "-o", tmp_path / "x.jsonl", "--lines")
    texts = [row["text"] for row in rows(tmp_path / "x.jsonl")]
    assert texts == ["Ann works for Acme", "Bob left"]


@pytest.mark.parametrize(
    "arguments,expected",
    [
        (("no/such",), "no/such: file or folder not found; expected texts."),
        ((".",), "no .txt file found in this folder"),
        (("TEXTS", "--rank-by", "x"), "--rank-by: found 'x', expected one of max,"),
        (("TEXTS", "-f", "xml"), "--format xml: unknown output format"),
        (("TEXTS", "-f", "brat", "-o", "FULL"), "this folder isn't empty"),
        (
            ("TEXTS", "--entities-from", "no/such"),
            "Pipeline no/such doesn't exist. Check",
        ),
    ],
)
def test_error_messages(tmp_path, model, texts, monkeypatch, arguments, expected):
    (tmp_path / "empty").mkdir()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "a.ann").write_text("mine")
    monkeypatch.chdir(tmp_path / "empty")
    named = {"TEXTS": texts, "FULL": tmp_path / "full"}
    output = run(model, *(named.get(x, x) for x in arguments), code=1)
    assert expected in output and "Nothing was written." in output
    assert [p for p in (tmp_path / "empty").rglob("*") if p.is_file()] == []


def test_a_model_without_relations(tmp_path, texts):
    spacy.blank("en").to_disk(tmp_path / "blank")
    output = run(tmp_path / "blank", texts, "-o", tmp_path / "x", code=1)
    assert "The pipeline (empty) has no relation extractor" in output


def test_export_of_predictions_between_gold_entities(tmp_path, model):
    entities = [(0, 1, "PERSON"), (3, 4, "ORG")]
    doc = make_doc(NLP.vocab, "Ann works for Acme", entities, [(1, "KNOWS", 0)])
    path = save(tmp_path / "dev.spacy", [doc])
    export(path, "-f", "jsonl", "-o", tmp_path / "x.jsonl", "--model", model)
    (row,) = rows(tmp_path / "x.jsonl")
    assert [r["label"] for r in row["relations"]] == ["WORKS_FOR"]
    assert 0.5 <= row["relations"][0]["score"] < 1
    run_options = ("-f", "jsonl", "-o", tmp_path / "y.jsonl", "--threshold", 0)
    export(path, *run_options, "--model", model)
    assert len(rows(tmp_path / "y.jsonl")[0]["relations"]) == 4

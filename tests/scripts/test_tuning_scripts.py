"""The commands around an evaluation: tune, compare, folds, learning curve, package."""

import json
import os
from statistics import stdev

import pytest
import spacy
from spacy.tokens import DocBin, Span
from spacy.training import Example
from spacy.util import load_config, load_model_from_config

from rel_component import Relation, set_relations
from rel_component.corpus.readers import copy_without_relations

from ..script_runner import SCRIPTS, load_script
from ..util import make_doc

CONFIG = SCRIPTS.parent / "configs/rel_tok2vec.cfg"
NAMES = ("Ann", "Bob", "Cid", "Dan", "Eve", "Fay", "Gil", "Hal")
SHORT = ("--set", "training.max_steps=3")


def make_docs(vocab, n=16):
    return [
        make_doc(
            vocab,
            f"{NAMES[i % 8]} works for Acme and {NAMES[(i + 1) % 8]} {i % 12}",
            [(0, 1, "PERSON"), (3, 4, "ORG"), (5, 6, "PERSON")],
            [(0, "WORKS_FOR", 1)] if i % 4 else [(2, "WORKS_FOR", 1)],
        )
        for i in range(n)
    ]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Data, and two pipelines of which one has learned nothing."""
    path = tmp_path_factory.mktemp("tuning")
    nlp = spacy.blank("en")
    nlp.add_pipe("relation_extractor")
    docs = make_docs(nlp.vocab)
    examples = [Example(copy_without_relations(doc), doc) for doc in docs]
    optimizer = nlp.initialize(lambda: examples)
    nlp.to_disk(path / "untrained")
    for _ in range(30):
        nlp.update(examples, sgd=optimizer)
    nlp.to_disk(path / "trained")
    for name in ("train", "dev", "test"):
        DocBin(docs=docs, store_user_data=True).to_disk(path / f"{name}.spacy")
    DocBin().to_disk(path / "empty.spacy")
    return path


def test_tune_saves_thresholds_and_calibration(folder, tmp_path):
    run = load_script("tune")
    output = tmp_path / "new" / "tuned"
    arguments = (folder / "trained", folder / "dev.spacy", output)
    said = run(*arguments, "--calibration", "platt", "--objective", "macro_f")
    assert "WORKS_FOR" in said and "Tuned pipeline" in said
    pipe = spacy.load(output).get_pipe("relation_extractor")
    assert list(pipe.calibration) == ["WORKS_FOR"]
    before = spacy.load(folder / "trained").get_pipe("relation_extractor")
    assert before.calibration == {} == pipe.max_distances
    assert "expected one of micro_f" in run(*arguments, "--objective", "f", code=1)
    assert "expected one of auto" in run(*arguments, "--calibration", "x", code=1)
    empty = (folder / "trained", folder / "empty.spacy", output)
    assert "contains no documents" in run(*empty, code=1)


def test_tune_learns_max_distances(folder, tmp_path):
    """From the training and the development documents."""
    nlp = spacy.load(folder / "trained")
    train = DocBin(docs=make_docs(nlp.vocab, 100), store_user_data=True)
    train.to_disk(tmp_path / "train.spacy")
    arguments = (folder / "trained", folder / "dev.spacy", tmp_path / "tuned")
    load_script("tune")(*arguments, "--max-distances", tmp_path / "train.spacy")
    pipe = spacy.load(tmp_path / "tuned").get_pipe("relation_extractor")
    assert pipe.max_distances["ORG"]["PERSON"] == [-1, -1]
    assert "ORG" not in pipe.max_distances.get("PERSON", {})


def test_evaluate_compares_a_tuned_model_with_the_original(folder, tmp_path):
    run = load_script("tune")
    run(folder / "trained", folder / "dev.spacy", tmp_path / "tuned",
        "--calibration", "platt")  # fmt: skip
    found = {}
    for model in (folder / "trained", tmp_path / "tuned"):
        output = tmp_path / "metrics.json"
        load_script("evaluate")(
            model, folder / "test.spacy", "--dev", folder / "dev.spacy",
            "--output", output, "--report", tmp_path / "report.md",
        )  # fmt: skip
        found[model.name] = json.loads(output.read_text(encoding="utf8"))
    plain, tuned = found["trained"], found["tuned"]
    assert (plain["tuning"]["source"], tuned["tuning"]["source"]) == ("dev", "model")
    for reading in ("all", "claims"):
        before = tuned["tuning"]["before"]["reliability"][reading]["ece"]
        assert before == pytest.approx(
            plain["tuning"]["before"]["reliability"][reading]["ece"], abs=1e-6
        )
    assert tuned["tuning"]["after"]["f"] == pytest.approx(
        tuned["all_gold"]["rel_micro_f"]
    )
    assert plain["tuning"]["before"]["f"] == pytest.approx(
        plain["all_gold"]["rel_micro_f"]
    )
    assert "expected one of .html, .md" in load_script("evaluate")(
        folder / "trained", folder / "test.spacy", "--report", "report.pdf", code=1
    )


def test_compare(folder, tmp_path):
    run = load_script("compare")
    output = tmp_path / "compared.json"
    models = (folder / "untrained", folder / "trained")
    said = run(*models, folder / "test.spacy", "--samples", 500, "--output", output)
    assert "If both pipelines were equally good" in said
    found = json.loads(output.read_text(encoding="utf8"))["micro_f"]
    assert found["difference"] > 0.5 and found["p"] < 0.05
    said = run(*models, folder / "test.spacy", "--end-to-end", code=1)
    assert "doesn't predict entities" in said


def test_documents_without_relations_to_tune_or_compare_on(folder, tmp_path):
    vocab = spacy.blank("en").vocab
    docs = make_docs(vocab)
    for name, label in (("none", None), ("other", "works_for")):
        for doc in docs:
            found = [] if label is None else [Relation(doc.ents[0], label, doc.ents[1])]
            set_relations(doc, found)
        path = tmp_path / f"{name}.spacy"
        DocBin(docs=docs, store_user_data=True).to_disk(path)
        expected = "in it" if label is None else "but works_for"
        for said in (
            load_script("tune")(folder / "trained", path, tmp_path / "x", code=1),
            load_script("compare")(*[folder / "trained"] * 2, path, code=1),
        ):
            assert f"{name}.spacy: found no relations WORKS_FOR" in said
            assert expected in said
        assert not (tmp_path / "x").exists()


def test_entity_types_that_the_pipeline_does_not_know(folder, tmp_path):
    docs = make_docs(spacy.blank("en").vocab)
    for doc in docs:
        ends = [Span(doc, x.start, x.end, label=x.label_.lower()) for x in doc.ents]
        doc.ents = ends
        set_relations(doc, [Relation(ends[0], "WORKS_FOR", ends[1])])
    path, model = tmp_path / "other.spacy", tmp_path / "model"
    DocBin(docs=docs, store_user_data=True).to_disk(path)
    nlp = load_model_from_config(load_config(CONFIG), auto_fill=True)
    golds = make_docs(nlp.vocab)
    nlp.initialize(lambda: [Example(copy_without_relations(x), x) for x in golds])
    nlp.to_disk(model)
    with pytest.warns(UserWarning, match="doesn't know the entity types org, person"):
        load_script("tune")(model, path, tmp_path / "x")
    said = load_script("evaluate")(model, path)
    assert "doesn't know the entity types org, person" in said


def test_cross_validate_and_learning_curve(folder, tmp_path):
    output = tmp_path / "folds.json"
    run = load_script("cross_validate")
    arguments = (CONFIG, folder, "--folds", 2, "--seeds", "0,1", *SHORT)
    said = run(*arguments, "--output", output)
    assert "2 of 2 folds" in said and "± folds" in said
    found = json.loads(output.read_text(encoding="utf8"))
    assert (found["documents"], len(found["runs"])) == (48, 2)
    assert sum(fold["documents"] for fold in found["runs"][0]["folds"]) == 48
    curve = tmp_path / "curve.json"
    said = load_script("learning_curve")(
        CONFIG, folder, "--shares", "0.5,1", "--seeds", "0", *SHORT, "--output", curve
    )
    assert "several seeds to distinguish a gain from noise" in said
    points = json.loads(curve.read_text(encoding="utf8"))["points"]
    assert points[0]["documents"] < points[1]["documents"] == 16
    report = tmp_path / "report.md"
    load_script("evaluate")(
        folder / "trained", folder / "test.spacy", "--cross-validation", output,
        "--learning-curve", curve, "--report", report,
    )  # fmt: skip
    text = report.read_text(encoding="utf8")
    assert "## Cross-validation" in text and "### Learning curve" in text


def test_pipelines_that_predict_entities_are_evaluated_from_the_text_too(
    folder, tmp_path
):
    """Entities in a group of spans, and scores that only a trained pipeline has."""
    output, curve, report = (tmp_path / x for x in ("folds.json", "c.json", "r.md"))
    config = CONFIG.parent / "joint_tok2vec.cfg"
    settings = [
        "training.max_steps=50",
        "training.optimizer.learn_rate=0.01",
        "components.tok2vec.model.encode.depth=1",
    ]
    arguments = [x for setting in settings for x in ("--set", setting)]
    said = load_script("cross_validate")(
        config, folder, "--folds", 2, *arguments, "--output", output
    )
    assert "2 of 2 folds: strict F from the text alone" in said
    found = json.loads(output.read_text(encoding="utf8"))
    (run,) = found["runs"]
    assert run["entities_f"] > 0.9 and run["strict_f"] > 0.5
    low, high = run["text_intervals"]["strict_f"]
    assert low <= run["strict_f"] <= high
    strict = [fold["strict_f"] for fold in run["folds"]]
    assert found["summary"]["strict_f"]["sd_folds"] == pytest.approx(stdev(strict))
    said = load_script("learning_curve")(
        config, folder, "--shares", "1", "--seeds", "0", *arguments, "--output", curve
    )
    assert "strict F from the text alone" in said
    load_script("evaluate")(
        folder / "trained", folder / "test.spacy", "--cross-validation", output,
        "--learning-curve", curve, "--report", report,
    )  # fmt: skip
    text = report.read_text(encoding="utf8")
    assert "entities F" in text and "strict F from the text alone" in text


@pytest.mark.parametrize(
    "arguments,expected",
    [
        (("--folds", 100), "Can't split 16 distinct texts or groups into 100 folds"),
        (("--seeds", "a"), "expected numbers separated by commas"),
        (("--names", "train,none"), "No corpus at"),
        (("--set", "max_steps"), "expected dotted.name=value"),
        (("--set", 'nlp.pipeline=["nothing"]'), "can't be trained"),
        (("--set", "training.patience=5"), "training.patience can't be set"),
        (("--set", "training.max_steps=0"), "so training doesn't end"),
        (("--set", "training.max_step=2"), "Did you mean max_steps?"),
    ],
)
def test_error_messages_of_cross_validate(folder, arguments, expected):
    run = load_script("cross_validate")
    assert expected in run(CONFIG, folder, *arguments, code=1)


# spaCy leaves the files of a package open
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_package_has_a_card_with_the_figures_of_this_model(folder, tmp_path):
    metrics = tmp_path / "metrics.json"
    model = folder / "trained"
    load_script("evaluate")(model, folder / "test.spacy", "--output", metrics)
    run = load_script("package")
    arguments = ("--name", "rel_test", "--no-build", "--metrics", metrics)
    said = run(model, tmp_path / "packages", *arguments)
    assert "Model card" in said
    (package,) = tmp_path.glob("packages/*")
    card = (package / "README.md").read_text(encoding="utf8")
    inside = package / "en_rel_test" / "en_rel_test-0.0.1" / "README.md"
    assert inside.read_text(encoding="utf8") == card
    assert not card.startswith("---")  # spacy-huggingface-hub writes a header
    figures = json.loads(metrics.read_text(encoding="utf8"))["all_gold"]
    assert f"{100 * figures['rel_micro_f']:.1f} (" in card
    for part in ("## Usage", "`WORKS_FOR`", "| test | 16 |", "## Limits"):
        assert part in card
    assert not (model / "README.md").exists()  # the trained model is left alone
    invalid = ("--name", "rel_test", "--no-build", "--version", "first")
    said = run(model, tmp_path / "invalid", *invalid, code=1)
    assert "--version first: not a version" in said
    assert not (tmp_path / "invalid").exists()
    wrong = (*arguments[:-1], model / "meta.json")
    expected = "no field 'all_gold': expected the --output of scripts/evaluate.py"
    assert expected in run(model, tmp_path / "packages", *wrong, code=1)
    for other, warning in (
        (folder / "untrained", "the card has no scores"),
        (model, "is older than"),
    ):
        os.utime(other / "meta.json", None)
        os.utime(metrics, (1, 1))
        assert warning in run(other, tmp_path / "packages", *arguments)
        card = (package / "README.md").read_text(encoding="utf8")
        assert "package was created without an evaluation" in card


@pytest.mark.parametrize("script", ["cross_validate", "learning_curve"])
def test_a_missing_gpu_is_named(script, folder, monkeypatch):
    """spaCy's training functions would silently train on CPU."""
    from rel_component.evaluation import training

    def refuse(gpu_id):
        raise ValueError(f"No GPU {gpu_id}.")

    monkeypatch.setattr(training, "require_gpu", refuse)
    said = load_script(script)(CONFIG, folder, "--gpu-id", 3, *SHORT, code=1)
    assert "rel_tok2vec.cfg can't be trained: No GPU 3." in said

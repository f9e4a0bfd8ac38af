"""The commands as a shell runs them: exit codes, messages, output."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import spacy
from spacy.tokens import DocBin
from spacy.training import Example

from rel_component.corpus.readers import copy_without_relations
from tests.paths import ROOT

from ..util import make_doc

TUTORIAL = ROOT / "tests/data/tutorial"


def run(*args: object, cwd: Path = ROOT) -> subprocess.CompletedProcess:
    command = [sys.executable, *map(str, args)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Finds that whoever stands before a firm works for it."""
    nlp = spacy.blank("en")
    nlp.add_pipe("relation_extractor").add_label("OTHER")  # type: ignore[attr-defined]
    gold = make_doc(
        nlp.vocab,
        "Ann works for Acme and Bob",
        [(0, 1, "PERSON"), (3, 4, "ORG"), (5, 6, "PERSON")],
        [(0, "WORKS_FOR", 1)],
    )
    examples = [Example(copy_without_relations(gold), gold)]
    optimizer = nlp.initialize(lambda: examples)
    for _ in range(80):
        nlp.update(examples, sgd=optimizer)
    path = tmp_path_factory.mktemp("model")
    nlp.to_disk(path)
    return path


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    path = tmp_path / "texts.jsonl"
    entities = [
        {"start": 0, "end": 3, "label": "PERSON"},
        {"start": 14, "end": 18, "label": "ORG"},
        {"start": 23, "end": 26, "label": "PERSON"},
    ]
    row = {"text": "Ann works for Acme and Bob", "entities": entities, "id": 3}
    path.write_text(json.dumps(row) + "\n", encoding="utf8")
    return path


def test_predict_prints_a_table(model, texts):
    result = run("scripts/predict.py", model, texts)
    assert result.returncode == 0, result.stderr
    (line,) = [line for line in result.stdout.splitlines() if "WORKS_FOR" in line]
    assert line.split()[:3] == ["Ann", "WORKS_FOR", "Acme"]


def test_predict_writes_json_lines(model, texts, tmp_path):
    output = tmp_path / "out.jsonl"
    result = run("scripts/predict.py", model, texts, "--output", output)
    assert result.returncode == 0, result.stderr
    row = json.loads(output.read_text(encoding="utf8"))
    assert row["id"] == 3
    assert [r["tail"]["text"] for r in row["relations"]] == ["Acme"]
    printed = run("scripts/predict.py", model, texts, "--json").stdout
    assert json.loads(printed) == row


def test_predict_filters_by_label_and_score(model, texts):
    args = ("scripts/predict.py", model, texts, "--json")
    assert len(json.loads(run(*args, "--label", "WORKS_FOR").stdout)["relations"]) == 1
    for option in (("--label", "OTHER"), ("--min-score", "1.1")):
        assert json.loads(run(*args, *option).stdout)["relations"] == []


@pytest.mark.parametrize(
    "args,expected",
    [
        (("no/such/model", "text"), "There is no pipeline no/such/model. Check"),
        (("MODEL", "no/such.jsonl"), "no such file"),
        (("MODEL", "Ann works for Acme"), "texts have no entities"),
        (
            ("MODEL", "Ann works for Acme", "--label", "WORKS-FOR"),
            "WORKS-FOR: the pipeline has no such label; it has OTHER, WORKS_FOR.",
        ),
    ],
)
def test_predict_says_what_is_wrong(model, args, expected):
    result = run(
        "scripts/predict.py", *(str(model) if x == "MODEL" else x for x in args)
    )
    assert result.returncode == 1
    assert expected in " ".join((result.stdout + result.stderr).split())
    assert "Traceback" not in result.stdout + result.stderr


@pytest.mark.parametrize(
    "data,expected",
    [
        ("no/such.spacy", "No corpus at"),
        ("README.md", "README.md is no .spacy file"),
    ],
)
def test_evaluate_says_what_is_wrong(model, data, expected):
    result = run("scripts/evaluate.py", model, data)
    assert result.returncode == 1
    assert expected in " ".join((result.stdout + result.stderr).split())
    assert "Traceback" not in result.stdout + result.stderr


def test_evaluate_shows_both_protocols_and_chance(tmp_path):
    output = tmp_path / "metrics.json"
    args = (TUTORIAL / "model", TUTORIAL / "dev.spacy", "--output", output)
    result = run("scripts/evaluate.py", *args, "--details")
    assert result.returncode == 0, result.stderr
    assert "generated pairs (tutorial)" in result.stdout
    figures = json.loads(output.read_text(encoding="utf8"))
    assert figures["mode"] == "gold entities"
    assert len(figures["thresholds"]) == len(figures["random_baseline"])


def test_tutorial_imports_and_code_option_still_work(tmp_path):
    code = (
        "from rel_pipe import make_relation_extractor, score_relations\n"
        "from rel_model import create_relation_model, create_classification_layer\n"
        "from rel_model import create_instances, create_tensors\n"
    )
    result = run("-c", code, cwd=ROOT / "scripts")
    assert result.returncode == 0, result.stderr
    train = ("-m", "spacy", "train", TUTORIAL / "model/config.cfg")
    paths = ("--paths.train", TUTORIAL / "train.spacy")
    paths += ("--paths.dev", TUTORIAL / "dev.spacy", "--output", tmp_path)
    steps = ("--training.max_steps", "2", "--training.eval_frequency", "2")
    result = run(*train, *paths, *steps, "-c", "./scripts/custom_functions.py")
    assert result.returncode == 0, result.stdout + result.stderr
    assert (tmp_path / "model-last/config.cfg").is_file()


@pytest.mark.parametrize("text", ["word " * 70, "word " * 2000, "one\ntwo " * 40])
def test_long_raw_texts_are_no_file_names(model, text):
    result = run("scripts/predict.py", model, text)
    assert result.returncode == 1
    assert "texts have no entities" in " ".join((result.stdout + result.stderr).split())


def test_threshold_can_be_lowered_and_is_checked(model, texts):
    args = ("scripts/predict.py", model, texts, "--json")
    assert len(json.loads(run(*args).stdout)["relations"]) == 1
    everything = json.loads(run(*args, "--threshold", "0").stdout)["relations"]
    assert len(everything) == 6 * 2  # pairs and labels
    result = run(*args, "--threshold", "7")
    assert result.returncode == 1
    assert "expected a number from 0 to 1" in " ".join(
        (result.stdout + result.stderr).split()
    )


def test_evaluate_end_to_end_where_the_pipeline_finds_entities(model, tmp_path):
    """The entity ruler misses Bob and types Acme wrongly: right borders, not strict."""
    nlp = spacy.load(model)
    ruler = nlp.add_pipe("entity_ruler", before="relation_extractor")
    ruler.add_patterns([{"label": "PERSON", "pattern": x} for x in ("Ann", "Acme")])
    nlp.to_disk(tmp_path / "model")
    entities = [(0, 1, "PERSON"), (3, 4, "ORG"), (5, 6, "PERSON")]
    gold = make_doc(
        nlp.vocab, "Ann works for Acme and Bob", entities, [(0, "WORKS_FOR", 1)]
    )
    DocBin(docs=[gold], store_user_data=True).to_disk(tmp_path / "gold.spacy")
    args = (tmp_path / "model", tmp_path / "gold.spacy", "--threshold", "0.0001")
    result = run("scripts/evaluate.py", *args, "--output", tmp_path / "metrics.json")
    assert result.returncode == 0, result.stderr
    assert "1 documents, end to end" in result.stdout
    found = json.loads((tmp_path / "metrics.json").read_text(encoding="utf8"))
    found = found["end_to_end"]
    assert found["entities"]["ents_micro_p"] == 0.5
    assert found["entities"]["ents_micro_r"] == pytest.approx(1 / 3)
    assert found["tokens"]["tokens_accuracy"] == pytest.approx(4 / 6)
    assert found["relations"]["rel_micro_r"] == 1.0
    assert found["relations"]["rel_strict_r"] == 0.0


def test_assemble_says_what_is_missing(model, tmp_path):
    result = run("scripts/assemble.py", model, model, tmp_path / "joined")
    assert result.returncode == 1 and "Traceback" not in result.stderr
    assert "does not find entities" in " ".join((result.stdout + result.stderr).split())


def test_predict_takes_and_gives_sperts_json(model, tmp_path):
    words = "Ann works for Acme and Bob".split()
    entities = [
        {"type": "PERSON", "start": 0, "end": 1},
        {"type": "ORG", "start": 3, "end": 4},
    ]
    path = tmp_path / "in.json"
    path.write_text(json.dumps([{"tokens": words, "entities": entities}]), "utf8")
    result = run("scripts/predict.py", model, path, "--format", "spert")
    assert result.returncode == 0, result.stderr
    (item,) = json.loads(result.stdout)
    assert item["tokens"] == words
    assert item["entities"] == entities
    assert item["relations"] == [{"type": "WORKS_FOR", "head": 0, "tail": 1}]


@pytest.mark.parametrize(
    "options, message",
    [
        (["--format", "xml"], "--format: found 'xml', expected one of table, jsonl"),
        (["--format", "table", "--output", "a"], "leave out --output"),
        (["--json", "--format", "spert"], "contradict"),
    ],
)
def test_predict_refuses_a_format(model, texts, options, message):
    result = run("scripts/predict.py", model, texts, *options)
    assert result.returncode == 1
    assert message in " ".join(result.stdout.split()), result.stderr


def test_predict_takes_a_folder_of_texts(model, tmp_path):
    (tmp_path / "a.txt").write_text("Ann works for Acme", "utf8")
    result = run("scripts/predict.py", model, tmp_path)
    assert result.returncode == 1
    assert "1 of 1 texts have no entities" in " ".join(result.stdout.split())

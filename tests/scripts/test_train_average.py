import pytest
import spacy
from spacy.tokens import DocBin

from ..paths import CONFIGS
from ..script_runner import load_script
from .test_tuning_scripts import make_docs

run = load_script("train_average")
CONFIG = CONFIGS / "joint_tok2vec.cfg"
SHORT = ("--set", "training.max_steps=4", "--set", "training.eval_frequency=4")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    path = tmp_path_factory.mktemp("average")
    docs = make_docs(spacy.blank("en").vocab)
    for name in ("train", "dev"):
        DocBin(docs=docs, store_user_data=True).to_disk(path / f"{name}.spacy")
    return path


def test_the_average_and_each_training_are_scored_and_saved(data, tmp_path):
    output = tmp_path / "average"
    said = run(CONFIG, data, "--output", output, "--seeds", "0,3", *SHORT)
    for word in ("ents_f", "rel_strict_f", "seed-0", "seed-3", "Average of 2"):
        assert word in said
    for name in ("seed-0/model-best", "seed-3/model-best", "model-best"):
        nlp = spacy.load(output / name)
        assert nlp.pipe_names == ["tok2vec", "entity_tagger", "relation_extractor"]
        assert "rel_strict_f" in nlp.meta["performance"]


def test_an_average_that_is_worse_than_a_training_is_named(data, tmp_path, monkeypatch):
    from rel_component.training import averaging

    scores = iter((0.5, 0.7, 0.6))
    monkeypatch.setattr(
        averaging, "evaluate_on_dev", lambda nlp: {"score": next(scores)}
    )
    said = run(CONFIG, data, "--output", tmp_path, "--seeds", "0,1", *SHORT)
    assert "worse than seed-1 alone" in said


@pytest.mark.parametrize("seeds, message", [
    ("1", "expected at least two different numbers"),
    ("0,0", "expected at least two different numbers"),
    ("a", "expected numbers separated by commas"),
])  # fmt: skip
def test_seeds_that_make_no_average(seeds, message, data, tmp_path):
    said = run(CONFIG, data, "--output", tmp_path, "--seeds", seeds, code=1)
    assert message in said
    assert not list(tmp_path.iterdir())


def test_missing_data(tmp_path):
    said = run(CONFIG, tmp_path, "--output", tmp_path / "average", code=1)
    assert "No corpus at" in said and "convert.py" in said

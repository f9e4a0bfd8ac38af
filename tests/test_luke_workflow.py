"""Annotto's annotations to a LUKE model, its scores and the relation of a pair."""

import pytest
from spacy.cli.train import train

pytest.importorskip("spacy_transformers")

from .script_runner import SCRIPTS, load_script
from .tiny_luke import make_luke

DATA = SCRIPTS.parent / "tests/data/annotto/annotation.jsonlines"
TEXT = "Hier, Anna a vu Rome."
SETTINGS = {
    "nlp.lang": "fr",
    "training.max_steps": 60,
    "training.eval_frequency": 30,
    "training.optimizer.learn_rate.initial_rate": 0.002,
    "training.optimizer.learn_rate.warmup_steps": 5,
}


@pytest.mark.parametrize("mode,hidden_width", [("one_pass", 32), ("pair_wise", 0)])
def test_from_annotations_to_the_relation_of_a_pair(tmp_path, mode, hidden_width):
    shown = load_script("convert")(
        DATA, "--output", tmp_path, "--lang", "fr", "--split", "1,0,0"
    )
    assert "annotto" in shown.lower()
    data = str(tmp_path / "train.spacy")
    model = "components.relation_extractor.model"
    train(
        SCRIPTS.parent / "configs/rel_luke.cfg",
        tmp_path / "model",
        overrides={
            **SETTINGS,
            "paths.train": data,
            "paths.dev": data,
            f"{model}.name": str(make_luke(tmp_path / "luke")),
            f"{model}.mode": mode,
            f"{model}.hidden_width": hidden_width,
            f"{model}.type_width": 0,
        },
    )
    best = tmp_path / "model/model-best"
    shown = load_script("evaluate")(best, data)
    assert "accuracy, NO_REL included 100.0" in shown
    assert "NO_REL" in shown.split("gold ↓ predicted →")[1]
    predict = load_script("predict")
    shown = predict(best, TEXT, "--head", "6:10:SUBJ", "--tail", "16:20:OBJ")
    assert "Anna → Rome: SAW" in shown
    shown = predict(best, TEXT, "--head", "16:20:OBJ", "--tail", "6:10:SUBJ")
    assert "Rome → Anna: NO_REL" in shown

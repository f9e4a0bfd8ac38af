"""Thresholds and calibration of labels, as the pipe stores and uses them."""

import numpy
import pytest
import spacy
from spacy.training import Example

from rel_component.corpus.readers import copy_without_relations

from ..util import make_doc


@pytest.fixture(scope="module")
def trained():
    nlp = spacy.blank("en")
    pipe = nlp.add_pipe("relation_extractor")
    for label in ("WORKS_FOR", "KNOWS"):
        pipe.add_label(label)
    gold = make_doc(
        nlp.vocab,
        "Ann works for Acme and Bob",
        [(0, 1, "PERSON"), (3, 4, "ORG"), (5, 6, "PERSON")],
        [(0, "WORKS_FOR", 1)],
    )
    examples = [Example(copy_without_relations(gold), gold)]
    optimizer = nlp.initialize(lambda: examples)
    for _ in range(40):
        nlp.update(examples, sgd=optimizer)
    return nlp, gold


@pytest.fixture
def pipe(trained):
    pipe = trained[0].get_pipe("relation_extractor")
    yield pipe
    pipe.thresholds, pipe.calibration, pipe.threshold = {}, {}, 0.5


def find(nlp, gold):
    doc = nlp(copy_without_relations(gold))
    return doc._.rel, {(r.head.text, r.label, r.tail.text) for r in doc._.relations}


def test_a_label_has_its_own_threshold(trained, pipe):
    nlp, gold = trained
    assert find(nlp, gold)[1] == {("Ann", "WORKS_FOR", "Acme")}
    pipe.thresholds = {"WORKS_FOR": 1.0}
    assert find(nlp, gold)[1] == set()
    pipe.thresholds = {"KNOWS": 0.0}
    assert len(find(nlp, gold)[1]) == 1 + 6
    pipe.threshold = 1.0  # of the other label
    assert {label for _, label, _ in find(nlp, gold)[1]} == {"KNOWS"}
    assert pipe.get_thresholds().tolist() == [1.0, 0.0]


def test_rel_shows_probabilities_after_calibration(trained, pipe):
    nlp, gold = trained
    before, _ = find(nlp, gold)
    pipe.calibration = {"WORKS_FOR": (0.5, -1.0)}
    after, _ = find(nlp, gold)
    p = before[(0, 3)]["WORKS_FOR"]
    odds = 0.5 * numpy.log(p / (1 - p)) - 1.0
    expected = 1 / (1 + numpy.exp(-odds))
    assert after[(0, 3)]["WORKS_FOR"] == pytest.approx(expected, abs=1e-5)
    assert after[(0, 3)]["KNOWS"] == before[(0, 3)]["KNOWS"]


@pytest.mark.parametrize("how", ["disk", "bytes"])
def test_both_are_saved_and_old_models_have_neither(trained, pipe, how, tmp_path):
    nlp, gold = trained

    def load():
        if how == "disk":
            nlp.to_disk(tmp_path / "model")
            return spacy.load(tmp_path / "model")
        return spacy.blank("en", config=nlp.config).from_bytes(nlp.to_bytes())

    pipe.thresholds, pipe.calibration = {"KNOWS": 0.125}, {"WORKS_FOR": (0.5, 1.5)}
    expected = find(nlp, gold)
    loaded = load()
    new = loaded.get_pipe("relation_extractor")
    assert new.thresholds == {"KNOWS": 0.125}
    assert new.calibration == {"WORKS_FOR": (0.5, 1.5)}
    found = make_doc(
        loaded.vocab, gold.text, [(e.start, e.end, e.label_) for e in gold.ents]
    )
    assert find(loaded, found) == expected
    for name in ("thresholds", "calibration"):
        del pipe.cfg[name]
    old = load().get_pipe("relation_extractor")
    assert (old.thresholds, old.calibration, old.threshold) == ({}, {}, 0.5)


def test_a_new_training_forgets_them(trained):
    _, gold = trained
    nlp = spacy.blank("en")
    pipe = nlp.add_pipe("relation_extractor")
    pipe.add_label("WORKS_FOR")
    pipe.thresholds, pipe.calibration = {"WORKS_FOR": 0.2}, {"WORKS_FOR": (2.0, 0.0)}
    nlp.initialize(lambda: [Example(copy_without_relations(gold), gold)])
    assert (pipe.thresholds, pipe.calibration) == ({}, {})


@pytest.mark.parametrize(
    "name,values,message",
    [
        ("thresholds", {"LIKES": 0.5}, "thresholds contains LIKES, but the labels are"),
        ("thresholds", {"KNOWS": 1.5}, "expected a number from 0 to 1"),
        ("calibration", {"LIKES": (1.0, 0.0)}, "calibration contains LIKES"),
        ("calibration", {"KNOWS": (-1.0, 0.0)}, "a slope above 0"),
        ("calibration", {"KNOWS": (1.0, float("nan"))}, "finite numbers"),
    ],
)
def test_what_can_not_be_is_refused(pipe, name, values, message):
    with pytest.raises(ValueError, match=message):
        setattr(pipe, name, values)

import pytest
import spacy
from spacy.training import Example

from rel_component.corpus.readers import copy_without_relations
from rel_component.relations import get_rel
from rel_component.training.callbacks import continue_from, create_continue_from

from ..util import make_doc


def make_examples(nlp, label="R"):
    gold = make_doc(nlp.vocab, 4, [(0, 1, "A"), (2, 3, "B")], [(0, label, 1)])
    return [Example(copy_without_relations(gold), gold)]


def make_nlp(label="R", seed=0):
    nlp = spacy.blank("en")
    nlp.add_pipe("relation_extractor")
    optimizer = nlp.initialize(lambda: make_examples(nlp, label))
    return nlp, optimizer


@pytest.fixture
def trained(tmp_path):
    nlp, optimizer = make_nlp()
    for _ in range(20):
        nlp.update(make_examples(nlp), sgd=optimizer)
    nlp.to_disk(tmp_path / "model")
    return nlp, tmp_path / "model"


def predict(nlp):
    return get_rel(nlp(make_examples(nlp)[0].predicted))


def test_training_starts_from_the_weights_that_were_trained(trained):
    nlp, path = trained
    new, _ = make_nlp()
    assert predict(new) != predict(nlp)
    create_continue_from(path)(new)
    assert predict(new) == predict(nlp)
    nlp.update(make_examples(nlp), sgd=nlp.resume_training())
    new.update(make_examples(new), sgd=new.resume_training())
    assert predict(new)[0, 2]["R"] == pytest.approx(predict(nlp)[0, 2]["R"], abs=1e-6)


def test_without_a_path_nothing_changes(trained):
    new, _ = make_nlp()
    before = predict(new)
    assert create_continue_from(None)(new) is new
    assert predict(new) == before


def test_other_components_and_other_labels_are_named(trained, tmp_path):
    _, path = trained
    other, _ = make_nlp("S")
    with pytest.raises(ValueError, match=r"labels \['R'\]; expected \['S'\]"):
        continue_from(other, path)
    with pytest.raises(ValueError, match=r"\['relation_extractor'\]; expected \[\]"):
        continue_from(spacy.blank("en"), path)
    with pytest.raises(ValueError, match="Can't continue from"):
        continue_from(other, tmp_path / "none")


def test_what_was_fitted_to_the_old_weights_is_forgotten(trained, tmp_path):
    nlp, path = trained
    pipe = nlp.get_pipe("relation_extractor")
    pipe.threshold, pipe.thresholds = 0.8, {"R": 0.9}
    pipe.calibration = {"R": (0.5, 0.1)}
    nlp.to_disk(path)
    new, _ = make_nlp()
    continue_from(new, path)
    found = new.get_pipe("relation_extractor")
    assert (found.threshold, found.thresholds, found.calibration) == (0.5, {}, {})


def test_a_training_that_goes_on_keeps_its_own_settings(trained):
    _, path = trained
    new, _ = make_nlp()
    new.config["training"]["max_steps"] = 99
    continue_from(new, path)
    assert new.config["training"]["max_steps"] == 99

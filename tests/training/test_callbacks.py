import pytest
import spacy
from spacy.tokens import DocBin
from spacy.training import Example
from spacy.training.initialize import init_nlp
from spacy.util import load_config, load_model_from_config

from rel_component.corpus.readers import copy_without_relations
from rel_component.relations import get_rel
from rel_component.training.callbacks import (
    continue_from,
    create_continue_from,
    create_steps_by_epochs,
)

from ..paths import CONFIGS
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


def test_entity_types_that_the_trained_pipeline_lacks_are_named(tmp_path):
    config = load_config(CONFIGS / "rel_tok2vec.cfg")

    def make(*types):
        nlp = load_model_from_config(config, auto_fill=True)
        ends = [(i, i + 1, label) for i, label in enumerate(types)]
        gold = make_doc(nlp.vocab, len(types), ends, [(0, "R", 1)])
        nlp.initialize(lambda: [Example(copy_without_relations(gold), gold)])
        return nlp

    make("A", "B").to_disk(tmp_path)
    message = "knows the entity types A, B; the training data also have C"
    with pytest.raises(ValueError, match=message):
        continue_from(make("A", "B", "C"), tmp_path)


def test_frozen_components_are_continued_too(trained):
    """They are disabled while spaCy initializes the others."""
    nlp, path = trained
    nlp.add_pipe("sentencizer", first=True)
    nlp.to_disk(path)
    new, _ = make_nlp()
    new.add_pipe("sentencizer", first=True)
    with new.select_pipes(disable=["relation_extractor"]):
        continue_from(new, path)
    assert predict(new) == predict(nlp)


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


def build_with_steps(tmp_path, max_steps, size=12, max_epochs=0, **limits):
    """A pipeline whose config has a corpus of 6 Docs with 4 tokens each, in batches of
    12 tokens."""
    docs = DocBin(store_user_data=True)
    for _ in range(6):
        docs.add(make_examples(spacy.blank("en"))[0].reference)
    docs.to_disk(tmp_path / "train.spacy")
    config = load_config(CONFIGS / "joint_tok2vec.cfg")
    config["training"]["max_epochs"] = max_epochs
    config["paths"]["train"] = config["paths"]["dev"] = str(tmp_path / "train.spacy")
    config["training"]["max_steps"] = max_steps
    config["training"]["batcher"] = {
        "@batchers": "spacy.batch_by_words.v1",
        "size": size,
        "tolerance": 0.0,
        "discard_oversize": False,
    }
    config["initialize"]["before_init"] = {
        "@callbacks": "rel_component.StepsByEpochs.v1",
        **limits,
    }
    return init_nlp(config)


@pytest.mark.parametrize(
    "limits, expected",
    [
        ({"epochs": 5, "at_least": 1}, 10),
        ({"epochs": 5, "at_least": 30}, 30),
        ({"epochs": 5, "at_least": 1, "at_most": 10}, 10),
    ],
)
def test_steps_depend_on_the_number_of_batches(tmp_path, limits, expected):
    nlp = build_with_steps(tmp_path, 0, **limits)
    assert nlp.config["training"]["max_steps"] == expected


@pytest.mark.parametrize(
    "at_most, which", [(7, "are 3.5 of 5 epochs"), (2, "are at most one epoch")]
)
def test_a_limit_that_takes_away_epochs_is_told(tmp_path, at_most, which):
    with pytest.warns(UserWarning, match=f"at_most = {at_most} steps, which {which}"):
        nlp = build_with_steps(tmp_path, 0, epochs=5, at_least=1, at_most=at_most)
    assert nlp.config["training"]["max_steps"] == at_most


def test_steps_if_batches_grow(tmp_path):
    """Two batches in the first epoch, one in the others."""
    growth = {"@schedules": "compounding.v1", "start": 12, "stop": 24, "compound": 2.0}
    nlp = build_with_steps(tmp_path, 0, growth, epochs=5, at_least=1)
    assert nlp.config["training"]["max_steps"] == 6


def test_a_given_number_of_steps_is_kept(tmp_path):
    nlp = build_with_steps(tmp_path, 3, epochs=5)
    assert nlp.config["training"]["max_steps"] == 3


def test_the_limit_of_a_corpus_without_an_end():
    @spacy.registry.readers("test_endless_corpus")
    def create_endless_corpus():
        def read(nlp):
            while True:
                yield from make_examples(nlp)

        return read

    config = load_config(CONFIGS / "joint_tok2vec.cfg")
    for name in ("train", "dev"):
        config["corpora"][name] = {"@readers": "test_endless_corpus"}
    config["training"]["max_steps"] = 0
    nlp = load_model_from_config(config, auto_fill=True)
    with pytest.warns(UserWarning, match="at most one epoch"):
        create_steps_by_epochs(5, at_most=7)(nlp)
    assert nlp.config["training"]["max_steps"] == 7


@pytest.mark.parametrize("name", [None, "joint_tok2vec"])
def test_without_a_corpus_in_the_config_the_number_is_kept(name):
    """Pipelines can be initialized from Python, with other examples."""
    nlp = spacy.blank("en")
    if name is not None:
        config = load_config(CONFIGS / f"{name}.cfg")
        nlp = load_model_from_config(config, auto_fill=True)
    nlp.config["training"]["max_steps"] = 0
    assert create_steps_by_epochs(5)(nlp) is nlp
    assert nlp.config["training"]["max_steps"] == 0


@pytest.mark.parametrize("max_epochs, expected", [(2, 4), (9, 18), (99, 100)])
def test_steps_of_a_number_of_epochs_given(tmp_path, max_epochs, expected):
    """The learning rate falls to 0 at the end of the last one."""
    limits = {"epochs": 5, "at_least": 100}
    nlp = build_with_steps(tmp_path, 0, max_epochs=max_epochs, **limits)
    assert nlp.config["training"]["max_steps"] == expected


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*.cfg")), ids=lambda x: x.stem)
def test_schedules_follow_the_number_of_steps(path):
    """And an optimizer can be created in Python, where spaCy doesn't replace the
    variable."""
    config = load_config(path, interpolate=False)
    rate = config["training"]["optimizer"]["learn_rate"]
    if not isinstance(rate, dict):
        return
    assert rate["total_steps"] == "${training.max_steps}"
    config["nlp"]["pipeline"], config["components"] = [], {}
    config["nlp"]["before_creation"] = None
    nlp = load_model_from_config(config, auto_fill=True)
    optimizer = nlp.create_optimizer()
    for _ in range(rate["warmup_steps"] + 50):
        optimizer.step_schedules()
    assert optimizer.learn_rate == pytest.approx(rate["initial_rate"])
    nlp.config["training"]["max_steps"] = rate["warmup_steps"] + 50
    nlp.config = nlp.config.interpolate()
    optimizer = nlp.create_optimizer()
    for _ in range(rate["warmup_steps"] + 49):
        optimizer.step_schedules()
    assert 0 < optimizer.learn_rate < rate["initial_rate"] / 10
    optimizer.step_schedules()
    assert optimizer.learn_rate == 0


def test_rules_are_those_of_the_new_training(tmp_path):
    def build(between):
        nlp, _ = make_nlp()
        ruler = nlp.add_pipe("relation_ruler")
        ruler.add_patterns([{"label": "W", "between": between}])
        return nlp

    build("old").to_disk(tmp_path / "old")
    nlp = create_continue_from(tmp_path / "old")(build("new"))
    assert nlp.get_pipe("relation_ruler").patterns == [{"label": "W", "between": "new"}]

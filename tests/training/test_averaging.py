import numpy
import pytest
import spacy
from spacy.tokens import DocBin
from spacy.training import Example
from thinc.api import Linear, PyTorchWrapper, chain

from rel_component.corpus.readers import copy_without_relations
from rel_component.training.averaging import (
    average_pipelines,
    evaluate_on_dev,
    mix_models,
    train_seeds,
)

from ..paths import CONFIGS
from ..util import get_params, make_doc

N_STEPS = {"training.max_steps": 3, "training.eval_frequency": 3}


def list_weights(nlp):
    return [
        node.get_param(name).copy()
        for _, pipe in nlp.pipeline
        for node, name in get_params(pipe.model)
    ]


def save(nlp, path, seed, label="R"):
    """A relation extractor with random weights."""
    rng = numpy.random.default_rng(seed)
    pipe = nlp.add_pipe("relation_extractor")
    gold = make_doc(nlp.vocab, 3, [(0, 1, "A"), (2, 3, "A")], [(0, label, 1)])
    nlp.initialize(lambda: [Example(copy_without_relations(gold), gold)])
    for node, name in get_params(pipe.model):
        node.set_param(name, rng.normal(size=node.get_param(name).shape).astype("f"))
    pipe.cfg.update(thresholds={label: 0.9}, calibration={label: (0.5, 0.1)})
    nlp.to_disk(path)
    return list_weights(nlp)


def test_the_average_of_three_pipelines(tmp_path):
    paths = [tmp_path / str(seed) for seed in range(3)]
    weights = [save(spacy.blank("en"), x, seed) for seed, x in enumerate(paths)]
    nlp = average_pipelines(paths)
    for mixed, *its in zip(list_weights(nlp), *weights, strict=True):
        numpy.testing.assert_allclose(mixed, sum(its) / 3, rtol=1e-5, atol=1e-6)
    pipe = nlp.get_pipe("relation_extractor")
    assert (pipe.thresholds, pipe.calibration, pipe.max_distances) == ({}, {}, {})


def test_torch_weights_are_averaged():
    torch = pytest.importorskip("torch")

    def make(value):
        layer = torch.nn.Linear(2, 2)
        layer.register_buffer("ids", torch.arange(2))
        with torch.no_grad():
            layer.weight.fill_(value)
        return chain(PyTorchWrapper(layer), Linear(2, 2)).initialize()

    model = make(1.0)
    mix_models(model, make(4.0), 1 / 3)
    state = model.layers[0].shims[0]._model.state_dict()
    assert state["weight"].tolist() == [[2.0, 2.0], [2.0, 2.0]]
    assert state["ids"].tolist() == [0, 1]


def test_other_labels_and_other_shapes_are_named(tmp_path):
    save(spacy.blank("en"), tmp_path / "a", 0)
    save(spacy.blank("en"), tmp_path / "b", 0, label="S")
    with pytest.raises(ValueError, match="can't be averaged: their components or lab"):
        average_pipelines([tmp_path / "a", tmp_path / "b"])
    with pytest.raises(ValueError, match=r"W has the shape \(2, 3\) in one and \(2, 4"):
        mix_models(Linear(2, 3).initialize(), Linear(2, 4).initialize(), 0.5)
    with pytest.raises(ValueError, match="their layers differ"):
        mix_models(Linear(2, 3), chain(Linear(2, 3), Linear(3, 2)), 0.5)


@pytest.fixture
def settings(tmp_path, vocab):
    docs = [
        make_doc(vocab, f"{x} likes {y}", [(0, 1, "A"), (2, 3, "A")], [(0, "R", 1)])
        for x, y in zip("abcdefgh", "bcdefgha")
    ]
    path = tmp_path / "train.spacy"
    DocBin(docs=docs, store_user_data=True).to_disk(path)
    return {"paths.train": str(path), "paths.dev": str(path), **N_STEPS}


def test_trainings_start_from_the_same_weights(settings, tmp_path):
    config = CONFIGS / "joint_tok2vec.cfg"
    still = {**settings, "training.optimizer.learn_rate": 0.0}
    still["training.optimizer.use_averages"] = False
    still["training.optimizer.L2"] = 0.0
    for values, is_same in ((still, True), (settings, False)):
        paths = train_seeds(config, values, tmp_path / str(is_same), [0, 1])
        assert list(paths) == ["seed-0", "seed-1"]
        first, second = (list_weights(spacy.load(x)) for x in paths.values())
        equal = [numpy.array_equal(*pair) for pair in zip(first, second, strict=True)]
        assert all(equal) is is_same


def test_scores_are_those_of_training(settings, tmp_path):
    settings["training.max_steps"] = 30
    (path,) = train_seeds(CONFIGS / "rel_tok2vec.cfg", settings, tmp_path, [0]).values()
    nlp = spacy.load(path)
    before = {k: v for k, v in nlp.meta["performance"].items() if "loss" not in k}
    found = evaluate_on_dev(nlp)
    assert found["rel_micro_f"] > 0
    assert {key: found[key] for key in before} == pytest.approx(before)


def test_what_cannot_be_trained_is_named(settings, tmp_path):
    settings["paths.train"] = str(tmp_path / "none.spacy")
    with pytest.raises(
        ValueError, match="can't be trained: No corpus"
    ):
        train_seeds(CONFIGS / "rel_tok2vec.cfg", settings, tmp_path, [0])

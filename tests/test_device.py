"""The relation extractor on a device whose arrays refuse what a GPU's refuse."""

import json

import numpy
import pytest
import spacy
from spacy.training import Example
from thinc.api import reduce_mean

from rel_component.inference.rows import to_row
from rel_component.model.entities.tagger import create_entity_tagger
from rel_component.model.v1 import (
    create_classification_layer,
    create_relation_model,
    create_tensors,
)
from rel_component.pipe.entity_tagger import EntityTagger
from rel_component.pipe.extractor import RelationExtractor
from rel_component.pipe.loss import PairLoss

from .device import DeviceArray, device, to_device
from .model.pairs.test_architecture import (
    ENTITIES,
    GENERATOR,
    N_WORDS,
    OPTIONS,
    VOCAB,
    WIDTH,
    build,
    make_batch,
)
from .util import TokenTable, get_params, make_doc

__all__ = ["device"]

RELATIONS = [(0, "X", 1), (1, "Y", 0)]
# what stands for the encoder, which has its own tests
HOST = ("token_table", "doc_table")


def build_v1(n_labels=2):
    table = numpy.random.default_rng(0).normal(size=(N_WORDS, WIDTH)).astype("float32")
    model = create_relation_model(
        create_tensors(TokenTable(table), reduce_mean(), GENERATOR),
        create_classification_layer(),
    )
    X = make_batch(ENTITIES)
    model.initialize(X=X, Y=numpy.zeros((len(X[1]), n_labels), dtype="float32"))
    return model


MODELS = {
    "v1": build_v1,
    "max_dropout": lambda: build(dropout=0.0, type_dropout=0.5),
    **{f"pair {name}": lambda x=x: build(**x) for name, x in OPTIONS.items()},
}


@pytest.mark.parametrize("crf", [False, True])
def test_tagger_finds_and_learns_the_same_as_on_the_host(device, crf):
    golds = [
        make_doc(VOCAB, "w0 w1 w2 w3", [(0, 2, "A"), (3, 4, "B")]),
        make_doc(VOCAB, ""),
        make_doc(VOCAB, "w3 w1 w4", [(1, 2, "A")]),
    ]
    found = []
    for is_device in (False, True):
        rng = numpy.random.default_rng(0)
        table = TokenTable(rng.normal(size=(5, 3)).astype("float32"))
        model = create_entity_tagger(table, crf=crf, dropout=0.0)
        model.initialize(X=golds, Y=numpy.zeros((1, 9)))
        weights = rng.normal(size=(9, 3)).astype("float32")
        model.get_ref("output").set_param("W", weights)
        pipe = EntityTagger(VOCAB, model)
        pipe.cfg["labels"] = ["A", "B"]
        if is_device:
            to_device(model, host=HOST)
        docs = [make_doc(VOCAB, [t.text for t in gold]) for gold in golds]
        predicted = pipe.predict(docs)
        losses = pipe.update(list(map(Example, docs, golds)))
        pipe.set_annotations(docs, predicted)
        ents = [(e.start, e.end, e.label_) for doc in docs for e in doc.ents]
        found.append((ents, predicted.scores, losses, table.get_grad("E")))
    (ents, scores, losses, gradient), (others, *rest) = found
    assert ents == others
    assert rest[0] == pytest.approx(scores, abs=1e-5)
    assert rest[1] == pytest.approx(losses)
    assert rest[2] == pytest.approx(gradient, abs=1e-5)


def make_pipe(model, loss=None):
    pipe = RelationExtractor(VOCAB, model, loss=loss)
    pipe.cfg["labels"] = ["X", "Y"]
    pipe.cfg["calibration"] = {"X": [0.5, 0.1]}
    pipe.cfg["symmetric"] = ["Y"]
    return pipe


def make_examples():
    """Three documents, one of them without entities."""
    words = [f"w{i}" for i in range(N_WORDS)]
    specs = [(words, ENTITIES, RELATIONS), (words, [], [])]
    specs.append((words[:4], ENTITIES[:3], []))
    golds = [make_doc(VOCAB, *spec, spans_key="sc") for spec in specs]
    given = [make_doc(VOCAB, *spec[:2], spans_key="sc") for spec in specs]
    return [Example(doc, gold) for doc, gold in zip(given, golds)]


def get_gradients(model):
    return {
        (i, name): node.get_grad(name)
        for i, node in enumerate(model.walk())
        for name in node.param_names
        if node.has_grad(name)
    }


@pytest.mark.parametrize("name", MODELS)
def test_scores_and_gradients_are_those_of_the_host(device, name):
    found = []
    for is_device in (False, True):
        pipe, examples = make_pipe(MODELS[name]()), make_examples()
        if is_device:
            to_device(pipe.model, host=HOST)
        docs = [example.predicted for example in examples]
        pipe.set_annotations(docs, pipe.predict(docs))
        numpy.random.seed(0)
        losses = pipe.update(examples)
        gradients = get_gradients(pipe.model)
        if is_device:
            nodes = list(pipe.model.walk())
            for (i, key), value in gradients.items():
                if nodes[i].name not in HOST:
                    assert isinstance(value, DeviceArray)
                    gradients[i, key] = value.array
        found.append((losses, gradients, [doc._.rel for doc in docs], docs))
    (loss, gradients, rel, _), (loss_, gradients_, rel_, docs) = found
    assert loss_ == pytest.approx(loss)
    assert gradients_.keys() == gradients.keys()
    for key, expected in gradients.items():
        assert gradients_[key] == pytest.approx(expected, abs=1e-6)
    for one, two in zip(rel, rel_):
        assert one.keys() == two.keys()
        for pair, cells in one.items():
            assert two[pair] == pytest.approx(cells, abs=1e-6)
            assert all(type(score) is float for score in two[pair].values())
    assert any(rel_)
    json.dumps([to_row(doc) for doc in docs])
    bytes_ = [doc.to_bytes() for doc in docs]
    assert spacy.tokens.Doc(VOCAB).from_bytes(bytes_[0])._.rel.keys() == rel_[0].keys()


LOSSES = {
    "positive_weight": {"positive_weight": 3.0},
    "focal_gamma": {"focal_gamma": 2.0},
    "negatives": {"negatives_per_positive": 1.0},
    "mean": {"reduction": "mean"},
    "positives": {"reduction": "positives"},
}


@pytest.mark.parametrize("name", LOSSES)
def test_every_loss_is_computed_on_the_device(device, name):
    found = []
    for is_device in (False, True):
        pipe, examples = make_pipe(build(), PairLoss(**LOSSES[name])), make_examples()
        if is_device:
            to_device(pipe.model, host=HOST)
        numpy.random.seed(0)
        losses = pipe.update(examples)
        (table,) = (n for n, _ in get_params(pipe.model) if n.name == "token_table")
        found.append((losses["relation_extractor"], table.get_grad("E")))
    assert type(found[1][0]) is float
    assert found[1][0] == pytest.approx(found[0][0])
    assert found[1][1] == pytest.approx(found[0][1], abs=1e-6)


def test_the_device_refuses_what_a_gpu_refuses():
    array = DeviceArray(numpy.ones(2))
    for call in (
        lambda: numpy.asarray(array),
        lambda: numpy.exp(array),
        lambda: numpy.concatenate([array, array]),
        lambda: array + numpy.ones(2),
        lambda: numpy.ones(2) * array,
        lambda: json.dumps(array),
    ):
        with pytest.raises(TypeError):
            call()
    assert (array + 1).array.tolist() == [2, 2]

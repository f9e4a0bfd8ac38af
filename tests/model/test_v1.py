import numpy
import pytest
from spacy.util import registry
from thinc.api import (
    Linear,
    Logistic,
    Maxout,
    Relu,
    Softmax,
    chain,
    reduce_max,
    reduce_mean,
    with_array,
)

from rel_component.model import activations, v1
from rel_component.model.candidates import PairGenerator, get_candidates

from ..util import (
    Float64Ops,
    TokenTable,
    check_function_gradients,
    check_model_gradients,
    make_doc,
)

# entities overlap and share tokens; the pairs of each are many
SPANS = [(0, 3, "A"), (0, 1, "B"), (2, 4, "A")]
CLASSIFIERS = {
    "default": lambda: v1.create_classification_layer(),
    "linear": lambda: Linear(),
    "linear>>softmax": lambda: chain(Linear(nO=4), Softmax()),
    "maxout>>linear": lambda: chain(Maxout(nO=4, nP=2), Linear(), Logistic()),
    "nested": lambda: chain(chain(Linear(nO=4), Relu(nO=4)), Softmax()),
    "softmax": lambda: Softmax(),
    "with_array": lambda: with_array(Linear()),
}


@pytest.fixture
def batch(vocab):
    docs = [
        make_doc(vocab, 4, SPANS, spans_key="sc"),
        make_doc(vocab, 2, spans_key="sc"),
        make_doc(vocab, 4, SPANS[:2], spans_key="sc"),
    ]
    return docs, get_candidates(PairGenerator(spans_key="sc"), docs)


def build(batch, rng, classify="default", pooling=reduce_mean, n_labels=2):
    tokens = TokenTable(rng.normal(size=(4, 3)).astype("float32"))
    tensors = v1.create_tensors(tokens, pooling(), PairGenerator(spans_key="sc"))
    model = v1.create_relation_model(tensors, CLASSIFIERS[classify]())
    Y = numpy.zeros((len(batch[1]), n_labels), dtype="float32")
    model.initialize(X=batch, Y=Y)
    for name in ("W", "b"):
        for node in model.walk():
            if name in node.param_names:
                value = rng.normal(size=node.get_param(name).shape)
                node.set_param(name, value.astype("float32"))
    return model


def naive(model, batch):
    """The tutorial's way: one row `[head; tail]` of pooled tokens for each pair."""
    _, candidates = batch
    table = model.layers[0].get_ref("tok2vec").get_param("E")
    pooled = [
        table[start:end].mean(axis=0)
        for start, end in candidates.entities.spans.tolist()
    ]
    rows = [numpy.hstack([pooled[h], pooled[t]]) for h, t in candidates.pairs]
    return model.layers[1].predict(numpy.asarray(rows, dtype="float32"))


@pytest.mark.parametrize("block_size", [1 << 15, 3, 1])
@pytest.mark.parametrize("classify", CLASSIFIERS)
def test_scores_are_the_tutorials(batch, rng, monkeypatch, classify, block_size):
    monkeypatch.setattr(v1, "BLOCK_SIZE", block_size)
    model = build(batch, rng, classify)
    Y = model.predict(batch)
    assert Y.shape == (8, 2)
    numpy.testing.assert_allclose(Y, naive(model, batch), rtol=1e-5)


@pytest.mark.parametrize("pooling", [reduce_mean, reduce_max])
@pytest.mark.parametrize("classify", CLASSIFIERS)
def test_gradients(batch, rng, classify, pooling):
    model = build(batch, rng, classify, pooling)
    # a Softmax passes the gradient of its logits, as the cross-entropy's is
    truth = numpy.eye(2)[rng.integers(0, 2, size=8)]
    weights = rng.normal(size=(8, 2))

    def cross_entropy(Y):
        return -(truth * numpy.log(Y)).sum(), Y - truth

    def weighted(Y):
        return (Y * weights).sum(), weights

    check_model_gradients(
        model, batch, cross_entropy if "softmax" in model.name else weighted
    )


@pytest.mark.parametrize("block_size", [1 << 15, 3])
def test_linear_over_pairs(rng, monkeypatch, block_size):
    """Is a Linear over the concatenated vectors, forward and backward."""
    monkeypatch.setattr(v1, "BLOCK_SIZE", block_size)
    vectors = rng.normal(size=(4, 3)).astype("float32")
    pairs = rng.integers(0, 4, size=(7, 2), dtype="int32")
    dY = rng.normal(size=(7, 2)).astype("float32")
    split, whole = Linear(nO=2, nI=6).initialize(), Linear(nO=2, nI=6).initialize()
    for linear in (split, whole):
        linear.set_param("W", rng.normal(size=(2, 6)).astype("float32"))
        linear.set_param("b", numpy.asarray([1, -2], dtype="float32"))
    split.set_param("W", whole.get_param("W"))
    found, bp_found = v1.linear_over_pairs(split, vectors, pairs)
    X, bp_X = v1.concatenate_pairs(whole, vectors, pairs)
    numpy.testing.assert_array_equal(X, vectors[pairs].reshape(7, 6))
    expected, bp_expected = whole.begin_update(X)
    numpy.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
    numpy.testing.assert_allclose(
        bp_found(dY), bp_X(bp_expected(dY)), rtol=1e-4, atol=1e-5
    )
    for name in ("W", "b"):
        numpy.testing.assert_allclose(
            split.get_grad(name), whole.get_grad(name), rtol=1e-4, atol=1e-5
        )


@pytest.mark.parametrize("layer", [v1.linear_over_pairs, v1.concatenate_pairs])
@pytest.mark.parametrize("n_pairs", [0, 7])
def test_gradients_of_pairs(rng, layer, n_pairs):
    linear = Linear(nO=2, nI=6).initialize()
    linear.ops = Float64Ops()
    pairs = rng.integers(0, 4, size=(n_pairs, 2), dtype="int32")
    vectors = rng.normal(size=(4, 3))
    check_function_gradients(lambda X: layer(linear, X, pairs), vectors)


@pytest.mark.parametrize("block_size", [1 << 14, 3])
def test_logistic(rng, monkeypatch, block_size):
    monkeypatch.setattr(activations, "BLOCK_SIZE", block_size)
    X = rng.normal(size=(5, 2)).astype("float32") * 50
    X[0] = (1000, -1000)
    with numpy.errstate(over="ignore"):
        expected = 1 / (1 + numpy.exp(-X))
    found = activations.Logistic().predict(X.copy())
    numpy.testing.assert_allclose(found, expected, rtol=1e-5)
    layer = activations.Logistic()
    layer.ops = Float64Ops()
    check_function_gradients(lambda X: layer(X.copy(), True), rng.normal(size=(3, 2)))


def test_logistic_is_named_as_thincs():
    """So that a model saved by the tutorial loads."""
    assert activations.Logistic().name == Logistic().name


@pytest.mark.parametrize("classify", ["default", "softmax"])
def test_no_pairs(vocab, batch, rng, classify):
    model = build(batch, rng, classify)
    docs = [make_doc(vocab, 4, SPANS[:1], spans_key="sc"), make_doc(vocab, 0)]
    inputs = docs, get_candidates(PairGenerator(spans_key="sc"), docs)
    Y, backprop = model(inputs, is_train=True)
    assert Y.shape == (0, 2)
    backprop(Y)
    tokens = model.layers[0].get_ref("tok2vec")
    assert not tokens.get_grad("E").any()


@pytest.mark.parametrize(
    "name", ["rel_model.v1", "rel_instance_tensor.v1", "rel_classification_layer.v1"]
)
def test_registered(name):
    assert registry.architectures.get(name).__module__ == v1.__name__

import numpy
import pytest
from spacy.util import registry
from thinc.api import Ragged

from rel_component.model.pooling import create_entity_pooling

from ..util import get_params, numeric_gradient, use_float64

KINDS = ["mean", "max", "first", "last", "mean_max", "attention"]
ROWS = numpy.asarray([[1, 8], [3, 2], [5, 5]], dtype="float32")
every_kind = pytest.mark.parametrize("kind", KINDS)


def build(kind):
    rng = numpy.random.default_rng(0)
    pooling = create_entity_pooling(kind)
    X = Ragged(ROWS, numpy.asarray([2, 1], dtype="int32"))
    pooling.initialize(X=X)
    for node, name in get_params(pooling):
        value = rng.normal(size=node.get_param(name).shape)
        node.set_param(name, value.astype("float32"))
    return pooling, X


@pytest.mark.parametrize(
    "kind, first",
    [
        ("mean", [2, 5]),
        ("max", [3, 8]),
        ("first", [1, 8]),
        ("last", [3, 2]),
        ("mean_max", [2, 5, 3, 8]),
    ],
)
def test_values(kind, first):
    pooling, X = build(kind)
    Y = pooling.predict(X)
    assert Y[0].tolist() == first
    assert Y[1].tolist() == [5, 5] * (len(first) // 2)


def test_attention_is_a_weighted_mean():
    pooling, X = build("attention")
    Y = pooling.predict(X)
    assert 1 < Y[0, 0] < 3 and 2 < Y[0, 1] < 8
    numpy.testing.assert_allclose(Y[1], [5, 5], rtol=1e-6)


@every_kind
def test_gradients(kind):
    pooling, X = build(kind)
    use_float64(pooling)
    data = ROWS.astype("float64")
    weights = numpy.random.default_rng(1).normal(size=pooling.predict(X).shape)

    def get_loss():
        return float((pooling.predict(Ragged(data, X.lengths)) * weights).sum())

    _, backprop = pooling(Ragged(data, X.lengths), True)
    found = backprop(weights.copy()).dataXd
    numpy.testing.assert_allclose(found, numeric_gradient(get_loss, data), atol=1e-6)
    for node, name in get_params(pooling):
        expected = numeric_gradient(get_loss, node.get_param(name))
        numpy.testing.assert_allclose(node.get_grad(name), expected, atol=1e-6)


def test_unknown_kind_is_refused_by_the_config():
    with pytest.raises(ValueError, match="mean_max"):
        registry.resolve(
            {"p": {"@architectures": "rel_component.EntityPooling.v1", "kind": "sum"}}
        )

import numpy
import pytest
from thinc.api import Linear, NumpyOps

from rel_component.model import arrays

OPS = NumpyOps()


@pytest.mark.parametrize(
    "convert,dtype,n_dim",
    [
        (arrays.to_ints1d, "int32", 1),
        (arrays.to_ints2d, "int32", 2),
        (arrays.to_floats2d, "float32", 2),
    ],
)
def test_arrays_of_the_device(convert, dtype, n_dim):
    array = numpy.arange(6).reshape((6,) if n_dim == 1 else (2, 3))
    for given in (array, array.astype("float64")):
        found = convert(OPS, given)
        assert found.dtype == dtype and found.ndim == n_dim
        numpy.testing.assert_array_equal(found, array)


def test_parameters():
    layer = Linear(nO=2, nI=3).initialize()
    assert arrays.get_matrix(layer, "W") is layer.get_param("W")
    assert arrays.get_vector(layer, "b") is layer.get_param("b")


def test_multiply(monkeypatch, rng):
    """With rows that fill whole products, and rows left over."""
    monkeypatch.setattr(arrays, "MOST_MULTIPLIED", 60)
    monkeypatch.setattr(arrays, "LEAST_ROWS", 2)
    for n_rows in (0, 1, 4, 5, 14):
        for width, n_columns in ((3, 4), (40, 5), (3, 0)):
            X = rng.normal(size=(n_rows, width)).astype("float32")
            W = rng.normal(size=(width, n_columns)).astype("float32")
            numpy.testing.assert_allclose(arrays.multiply(OPS, X, W), X @ W, atol=1e-5)
            out = numpy.full((n_rows + 2, n_columns), 7, dtype="float32")
            arrays.multiply(OPS, X, W, out[1:-1])
            numpy.testing.assert_allclose(out[1:-1], X @ W, atol=1e-5)
            assert (out[[0, -1]] == 7).all()

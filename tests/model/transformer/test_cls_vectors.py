"""The vector of [CLS] from spacy-transformers, alone and in a pipeline."""

import numpy
import pytest

pytest.importorskip("spacy_transformers")

from spacy_transformers.data_classes import TransformerData
from thinc.api import Ragged
from transformers.file_utils import ModelOutput

from rel_component.model.transformer.cls_vectors import cls_vectors


def make_data(hidden=None):
    data = TransformerData.empty()
    if hidden is None:
        return data
    output = ModelOutput(last_hidden_state=hidden)
    return TransformerData(data.wordpieces, output, Ragged(*(data.align.data,) * 2))


@pytest.fixture
def windows():
    return numpy.random.default_rng(0).normal(size=(2, 4, 3)).astype("float32")


def test_mean_over_windows_and_zeros_for_empty_texts(windows):
    X = [make_data(windows), make_data(), make_data(windows[:1])]
    Y = cls_vectors(1.0).predict(X)
    assert Y.shape == (3, 3)
    numpy.testing.assert_allclose(Y[0], windows[:, 0].mean(axis=0), rtol=1e-6)
    assert not Y[1].any()
    numpy.testing.assert_allclose(Y[2], windows[0, 0], rtol=1e-6)


@pytest.mark.parametrize("grad_factor", [1.0, 0.5])
def test_gradient(windows, grad_factor):
    X = [make_data(windows), make_data(), make_data(windows[:1])]
    _, backprop = cls_vectors(grad_factor)(X, True)
    dY = numpy.arange(9, dtype="float32").reshape(3, 3)
    first, last = backprop(dY)  # an empty text has no output to pass a gradient to
    (d_first,), (d_last,) = first.tensors, last.tensors
    assert d_first.shape == windows.shape and not d_first[:, 1:].any()
    numpy.testing.assert_allclose(d_first[:, 0], [grad_factor * dY[0] / 2] * 2)
    numpy.testing.assert_allclose(d_last[0, 0], grad_factor * dY[2])

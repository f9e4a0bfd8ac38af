"""Gradients are checked in test_architecture.py."""

import numpy
import pytest

from rel_component.model.pairs.buckets import get_types
from rel_component.model.pairs.dropout import Dropout
from rel_component.model.pairs.hidden import PairHidden, Terms
from rel_component.model.pairs.score import score_pairs

from .test_architecture import ENTITIES, N_WORDS, OPTIONS, build, make_batch


@pytest.mark.parametrize("name", ["default", "only vectors", "biaffine", "logit_scale"])
def test_logits(rng, name):
    """Of the hidden layer, the bias, the tables and the bilinear form, each once."""
    docs, candidates = make_batch(ENTITIES, ENTITIES[2:])
    model = build(**OPTIONS[name])
    n_entities, nK = len(candidates.entities), model.get_dim("nK")
    widths = (2, 2, nK, nK)
    terms = Terms(*(rng.normal(size=(n_entities, x)).astype("f") for x in widths))
    types = get_types(model, candidates)
    drop = Dropout(model, N_WORDS * numpy.arange(3), is_train=False)
    hidden = PairHidden(model, docs, candidates, types, terms, None, drop)
    found, _ = score_pairs(model, hidden, terms, candidates)
    block = hidden.locate(slice(0, len(candidates)))
    Z, _ = hidden(block)
    classify = model.get_ref("classify")
    W, b = classify.get_param("W"), classify.get_param("b")
    expected = model.attrs["hidden_scale"] * (Z @ W.T) + b
    for table, codes in zip(hidden.buckets.tables, block.codes, strict=True):
        expected = expected + model.attrs["direct_scale"] * table[codes, 2:]
    if nK:
        heads, tails = candidates.pairs.T
        bilinear = model.get_param("biaffine").reshape(nK, 2, nK)
        at_head, at_tail = terms.biaffine_heads[heads], terms.biaffine_tails[tails]
        expected = expected + numpy.einsum("pk,klm,pm->pl", at_head, bilinear, at_tail)
    assert expected.any()
    numpy.testing.assert_allclose(found, expected, atol=1e-5)

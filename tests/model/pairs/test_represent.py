"""Gradients are checked in test_architecture.py."""

import numpy
import pytest
from thinc.api import reduce_mean

from rel_component.model.pairs.dropout import Dropout
from rel_component.model.pairs.represent import represent_entities

from .test_architecture import ALL_OFF, ENTITIES, N_WORDS, build, make_batch


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"context_around": 2},
        {"context_doc": True},
        {"vectors": False, "context_around": 1},
        {"context_around": 1, "context_doc": True},
    ],
)
@pytest.mark.parametrize("has_wholes", [True, False])
def test_vectors_and_context(rng, options, has_wholes):
    """Beside a plain loop over entities."""
    docs, candidates = make_batch(ENTITIES, [], ENTITIES[3:])
    tokens = rng.normal(size=(N_WORDS * len(docs), 2)).astype("float32")
    wholes = rng.normal(size=(len(docs), 3)).astype("float32") if has_wholes else None
    model = build(**options, pooling=reduce_mean)
    offsets = N_WORDS * numpy.arange(len(docs) + 1)
    drop = Dropout(model, offsets, is_train=False)
    found, _ = represent_entities(
        model, tokens, wholes, offsets, candidates, drop, is_train=False
    )
    around = options.get("context_around", 0)
    for row, (start, end) in enumerate(candidates.entities.spans.tolist()):
        d = candidates.entities.docs[row]
        doc = tokens[offsets[d] : offsets[d + 1]]
        windows = []
        if options.get("vectors", True):
            windows.append(doc[start:end])
        if around:
            windows.append(doc[max(0, start - around) : start])
            windows.append(doc[end : end + around])
        if options.get("context_doc"):
            windows.append(doc)
        parts = [x.mean(axis=0) if len(x) else numpy.zeros(2) for x in windows]
        if wholes is not None:
            parts.append(wholes[d])
        numpy.testing.assert_allclose(found[row], numpy.hstack(parts), atol=1e-5)


def test_without_vectors_and_context(rng):
    _, candidates = make_batch(ENTITIES)
    tokens = rng.normal(size=(N_WORDS, 2)).astype("float32")
    model = build(**ALL_OFF)
    offsets = numpy.asarray([0, N_WORDS])
    drop = Dropout(model, offsets, is_train=False)
    found, backprop = represent_entities(
        model, tokens, None, offsets, candidates, drop, is_train=False
    )
    assert found.shape == (len(ENTITIES), 1) and not found.any()
    d_tokens, d_wholes = backprop(numpy.ones_like(found))
    assert d_tokens.shape == tokens.shape and not d_tokens.any()
    assert d_wholes is None

"""Gradients are checked in test_architecture.py."""

import numpy
import pytest

from rel_component.model.pairs.buckets import get_types
from rel_component.model.pairs.dropout import Dropout
from rel_component.model.pairs.hidden import PairHidden, Terms
from rel_component.model.pairs.layers import sum_prefixes

from .test_architecture import ENTITIES, N_WORDS, build, make_batch


def get_span(candidates, row):
    """First token of an entity and one past the last, counted over the batch."""
    start, end = candidates.entities.spans[row]
    first = N_WORDS * candidates.entities.docs[row]
    return first + start, first + end


@pytest.mark.parametrize("has_tokens", [True, False])
def test_hidden_layer_is_the_sum_of_its_terms(rng, has_tokens):
    """Beside the plain loop over pairs: head, tail, buckets, and the mean of the tokens
    between, which is nothing where entities touch or overlap."""
    docs, candidates = make_batch(ENTITIES, [], ENTITIES[1:4])
    model = build(shared_words=True)
    n_tokens, n_entities = N_WORDS * len(docs), len(candidates.entities)
    tokens = rng.normal(size=(n_tokens, 2)).astype("float32")
    terms = Terms(*(rng.normal(size=(n_entities, 2)).astype("f") for _ in range(4)))
    offsets = N_WORDS * numpy.arange(len(docs) + 1)
    sums, _ = sum_prefixes(model.ops, tokens, offsets)
    hidden = PairHidden(
        model,
        docs,
        candidates,
        get_types(model, candidates),
        terms,
        sums if has_tokens else None,
        Dropout(model, offsets, is_train=False),
    )
    block = hidden.locate(slice(0, len(candidates)))
    found, _ = hidden(block)
    n_between = 0
    for i, (head, tail) in enumerate(candidates.pairs.tolist()):
        row = terms.heads[head] + terms.tails[tail]
        for table, codes in zip(hidden.tables, block.codes, strict=True):
            row = row + table[codes[i]]
        first, second = sorted(get_span(candidates, row) for row in (head, tail))
        between = tokens[first[1] : second[0]]
        if has_tokens and len(between):
            row = row + between.mean(axis=0)
            n_between += 1
        numpy.testing.assert_allclose(found[i], numpy.maximum(row, 0), atol=1e-5)
    assert (n_between > 0) == has_tokens
    assert found.any()


def test_blocks_are_slices_of_all_pairs():
    docs, candidates = make_batch(ENTITIES, ENTITIES[:3])
    model = build()
    n_entities = len(candidates.entities)
    terms = Terms(*(numpy.zeros((n_entities, 2), dtype="f") for _ in range(4)))
    types = get_types(model, candidates)
    drop = Dropout(model, N_WORDS * numpy.arange(3), is_train=False)
    hidden = PairHidden(model, docs, candidates, types, terms, None, drop)
    whole, part = (hidden.locate(rows) for rows in (slice(0, 26), slice(7, 21)))
    for name in ("heads", "tails", "first", "second", "weights"):
        expected = getattr(whole, name)[7:21]
        numpy.testing.assert_array_equal(getattr(part, name), expected)
    for found, expected in zip(part.codes, whole.codes, strict=True):
        numpy.testing.assert_array_equal(found, expected[7:21])

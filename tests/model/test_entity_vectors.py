import numpy
import pytest
from thinc.api import reduce_first, reduce_last, reduce_max, reduce_mean, reduce_sum

from rel_component.model.candidates import PairGenerator, get_candidates
from rel_component.model.entity_vectors import (
    EntityVectors,
    get_token_offsets,
    get_token_rows,
    pool_entities,
)

from ..util import (
    Float64Ops,
    TokenTable,
    check_function_gradients,
    check_model_gradients,
    make_doc,
)

POOLINGS = {
    "mean": (reduce_mean, lambda x: x.mean(axis=0)),
    "sum": (reduce_sum, lambda x: x.sum(axis=0)),
    "max": (reduce_max, lambda x: x.max(axis=0)),
    "first": (reduce_first, lambda x: x[0]),
    "last": (reduce_last, lambda x: x[-1]),
}
# nested, crossing, repeated and same-start entities share tokens
SPANS = [(0, 4, "A"), (0, 1, "A"), (0, 1, "B"), (2, 5, "A"), (4, 6, "B")]


@pytest.fixture
def batch(vocab):
    """The words of both documents are the rows of one table: they share them too."""
    docs = [
        make_doc(vocab, 6, SPANS, spans_key="sc"),
        make_doc(vocab, 0, spans_key="sc"),
        make_doc(vocab, 5, SPANS[:3], spans_key="sc"),
    ]
    return docs, get_candidates(PairGenerator(spans_key="sc"), docs)


@pytest.mark.parametrize("name", POOLINGS)
def test_pools_each_entity(batch, rng, name):
    _, candidates = batch
    table = rng.normal(size=(6, 3)).astype("float32")
    make_pooling, naive = POOLINGS[name]
    model = EntityVectors(TokenTable(table), make_pooling())
    entities = candidates.entities
    expected = [naive(table[start:end]) for start, end in entities.spans.tolist()]
    found = model.predict(batch)
    numpy.testing.assert_allclose(found, expected, rtol=1e-5)
    assert found.shape == (8, 3)


@pytest.mark.parametrize("name", POOLINGS)
def test_gradient_of_shared_tokens(batch, rng, name):
    weights = rng.normal(size=(8, 3))
    model = EntityVectors(TokenTable(rng.normal(size=(6, 3))), POOLINGS[name][0]())
    check_model_gradients(model, batch, lambda Y: ((Y * weights).sum(), weights))


def test_gradient_of_pooling(rng):
    pooling = reduce_mean()
    pooling.ops = Float64Ops()
    rows, lengths = numpy.asarray([0, 1, 2, 1, 1]), numpy.asarray([3, 1, 1])
    check_function_gradients(
        lambda tokens: pool_entities(tokens, rows, lengths, pooling, True),
        rng.normal(size=(4, 2)),
    )


def test_token_rows(batch):
    docs, candidates = batch
    offsets = get_token_offsets([numpy.zeros((len(doc), 1)) for doc in docs])
    assert offsets.tolist() == [0, 6, 6, 11]
    rows, lengths = get_token_rows(candidates.entities, offsets)
    expected = [
        [offsets[doc] + i for i in range(start, end)]
        for doc, (start, end) in zip(
            candidates.entities.docs, candidates.entities.spans
        )
    ]
    assert rows.tolist() == [row for rows_ in expected for row in rows_]
    assert lengths.tolist() == [len(x) for x in expected]
    assert (rows.dtype, lengths.dtype) == ("int32", "int32")


@pytest.mark.parametrize("n_words", [0, 3])
def test_no_entities(vocab, rng, n_words):
    docs = [make_doc(vocab, n_words)]
    model = EntityVectors(
        TokenTable(numpy.ones((3, 2), dtype="float32")), reduce_mean()
    )
    Y, backprop = model((docs, get_candidates(PairGenerator(), docs)), is_train=True)
    assert Y.shape == (0, 2)
    backprop(Y)
    assert not model.get_ref("tok2vec").get_grad("E").any()

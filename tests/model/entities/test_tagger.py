import numpy
import pytest
from numpy.testing import assert_allclose
from spacy.util import registry
from thinc.api import set_dropout_rate

from rel_component.model.entities.tagger import (
    add_gradient,
    create_entity_tagger,
    decode,
    forbid_entities,
    get_loss,
    get_transitions,
)
from rel_component.model.entities.tags import UNKNOWN, TagSet

from ...util import TokenTable, check_model_gradients, make_doc
from .brute_force import weigh_paths

N_TYPES = 2
N_TAGS = TagSet(N_TYPES).n_tags


def make_tagger(vocab, rng, **options):
    """An initialized tagger with random weights, on documents of 4, 0 and 3 words."""
    docs = [make_doc(vocab, words) for words in ("w0 w1 w2 w3", "", "w3 w1 w4")]
    table = TokenTable(rng.normal(size=(5, 3)).astype("float32"))
    model = create_entity_tagger(table, **options)
    model.initialize(X=docs, Y=numpy.zeros((1, N_TAGS)))
    for node in model.walk():
        for name in node.param_names:
            shape = node.get_param(name).shape
            node.set_param(name, rng.normal(size=shape).astype("float32"))
    return model, docs


@pytest.mark.parametrize("crf", [False, True], ids=["free", "crf"])
@pytest.mark.parametrize("n_unknown", [0, 3])
def test_gradients_are_those_of_finite_differences(crf, n_unknown, vocab, rng):
    lengths = numpy.asarray([4, 0, 3])
    tags = numpy.asarray([1, 5, 0, 7, 0, 2, 6])
    tags[:n_unknown] = UNKNOWN
    window = registry.architectures.get("spacy.MaxoutWindowEncoder.v2")
    encode = window(width=3, window_size=1, maxout_pieces=2, depth=1)
    model, docs = make_tagger(vocab, rng, crf=crf, encode=encode)

    assert model.predict(docs).shape == (7, N_TAGS)

    def loss(scores):
        value, gradient, d_transitions = get_loss(model, scores, lengths, tags)
        if not model.has_grad("between"):  # only with the gradient that is compared
            add_gradient(model, d_transitions)
        return value, gradient

    check_model_gradients(model, docs, loss)


def test_loss_of_a_crf_is_the_likelihood_of_the_path(vocab, rng):
    model, docs = make_tagger(vocab, rng, crf=True)
    tags = numpy.asarray([1, 5, 0, 7, 0, 2, 6])
    scores = model.predict(docs)
    loss, _, _ = get_loss(model, scores, numpy.asarray([4, 0, 3]), tags)
    expected = 0.0
    for part in (slice(4), slice(4, 7)):
        paths, values, log_sum = weigh_paths(
            scores[part], get_transitions(model), N_TYPES
        )
        expected += log_sum - values[paths.index(tuple(tags[part]))]
    assert_allclose(loss, expected, rtol=1e-5)


def test_dropout_is_the_trainings_or_its_own(vocab, rng):
    for own, rate, drops in ((None, 0.5, True), (0.0, 0.5, False), (0.5, 0.0, True)):
        model, docs = make_tagger(vocab, rng, dropout=own)
        set_dropout_rate(model, rate)
        differs = not numpy.allclose(model(docs, is_train=True)[0], model.predict(docs))
        assert differs == drops


def test_dropped_cells_have_no_gradient(vocab, rng):
    model, docs = make_tagger(vocab, rng, dropout=0.5)
    scores, backprop = model(docs, is_train=True)
    # as the last layer is linear, scores are the sum over the cells that were kept
    d_scores = rng.normal(size=scores.shape).astype("float32")
    backprop(d_scores)
    W, b = (model.get_ref("output").get_param(x) for x in "Wb")
    dW = model.get_ref("output").get_grad("W")
    table = model.get_ref("tok2vec")
    assert_allclose((dW * W).sum(), (d_scores * (scores - b)).sum(), rtol=1e-4)
    assert_allclose(
        (table.get_grad("E") * table.get_param("E")).sum(), (dW * W).sum(), rtol=1e-4
    )


def test_tokens_that_are_forbidden_are_outside(vocab, rng):
    model, _ = make_tagger(vocab, rng)
    lengths = numpy.asarray([4, 0, 3])
    rows = numpy.asarray([0, 1, 0, 1, 1, 0, 0], dtype=bool)
    for _ in range(20):
        scores = forbid_entities(rng.normal(size=(7, N_TAGS)), rows)
        assert (decode(model, scores, lengths)[rows] == 0).all()

import tracemalloc

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from spacy.util import registry
from spacy.vocab import Vocab
from thinc.api import Adam, reduce_max, reduce_mean, set_dropout_rate

from rel_component.model.candidates import PairGenerator, get_candidates
from rel_component.model.pairs import score
from rel_component.model.pairs.architecture import create_pair_model
from rel_component.model.pairs.buckets import get_types

from ...util import DocTable, TokenTable, check_model_gradients, get_params, make_doc

VOCAB = Vocab()
N_WORDS, WIDTH = 9, 2
# nested, crossing, same-start and far entities; C is a type the model does not know
ENTITIES = [(0, 3, "A"), (0, 1, "B"), (2, 4, "A"), (6, 7, "C"), (8, 9, "B")]
GENERATOR = PairGenerator(spans_key="sc")

SWITCHES = [
    "vectors",
    "types",
    "distance",
    "nesting",
    "boundaries",
    "entities_between",
    "shared_words",
    "context_between",
]
ALL_OFF = dict.fromkeys(SWITCHES, False)
OPTIONS = {
    "default": {},
    **{f"no {switch}": {switch: False} for switch in SWITCHES},
    **{f"only {switch}": {**ALL_OFF, switch: True} for switch in SWITCHES},
    "nothing": ALL_OFF,
    "context_around": {"context_around": 2},
    "context_doc": {"context_doc": True},
    "only context_around": {**ALL_OFF, "context_around": 2},
    "biaffine": {"biaffine_width": 2},
    "only biaffine": {**ALL_OFF, "vectors": True, "biaffine_width": 2},
    "softmax": {"output": "softmax"},
    "logit_scale": {"logit_scale": 0.5},
    "doc_vector": {"doc_vector": True},
    "only doc_vector": {**ALL_OFF, "doc_vector": True},
    "all": {
        "context_around": 1,
        "context_doc": True,
        "doc_vector": True,
        "biaffine_width": 2,
        "output": "softmax",
    },
}
every_option = pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)


def make_batch(*all_entities):
    words = [f"w{i}" for i in range(N_WORDS)]
    docs = [
        make_doc(VOCAB, [words[len(x)], *words[1:]], x, spans_key="sc")
        for x in all_entities
    ]
    for doc in docs:
        doc[5].is_sent_start = True
    return docs, get_candidates(GENERATOR, docs)


def build(*, n_labels=2, pooling=reduce_mean, encoder=None, hidden_width=2, **options):
    """A model whose parameters are all random, so that none can be forgotten, and
    small enough for scores between 0 and 1."""
    rng = numpy.random.default_rng(0)
    table = rng.normal(size=(N_WORDS, WIDTH)).astype("float32")
    if options.get("doc_vector"):
        options = {**options, "doc_vector": DocTable(table[:, ::-1].copy())}
    model = create_pair_model(
        encoder or TokenTable(table),
        pooling(),
        GENERATOR,
        hidden_width=hidden_width,
        **{"vector_dropout": 0.0, **options},
    )
    model.attrs["entity_types"] = ["A", "B"]
    X = make_batch(ENTITIES)
    model.initialize(X=X, Y=numpy.zeros((len(X[1]), n_labels), dtype="float32"))
    for node, name in get_params(model):
        value = 0.1 * rng.normal(size=node.get_param(name).shape)
        node.set_param(name, value.astype("float32"))
    return model


def cross_entropy(scores, truth):
    """Of labels that are independent, and the gradient that the model expects."""
    loss = truth * numpy.log(scores) + (1 - truth) * numpy.log(1 - scores)
    return -loss.sum(), scores - truth


def softmax_cross_entropy(scores, truth):
    """Of one label or none, which is what is left of the probability."""
    rest = numpy.log(1 - scores.sum(axis=1)) * (1 - truth.sum(axis=1))
    return -(truth * numpy.log(scores)).sum() - rest.sum(), scores - truth


@every_option
def test_gradients(rng, options):
    """Of all parameters and of the tokens, whose table is the encoder's."""
    batch = make_batch(ENTITIES[:4], [], ENTITIES[3:])
    model = build(**options)
    truth = numpy.eye(3)[rng.integers(0, 3, size=len(batch[1]))][:, :2]
    loss = softmax_cross_entropy
    if model.attrs["output"] == "sigmoid":
        truth, loss = rng.integers(0, 2, size=truth.shape), cross_entropy
    check_model_gradients(model, batch, lambda Y: loss(Y, truth))


@pytest.mark.parametrize("block_size", [1, 7])
def test_gradients_in_blocks(rng, monkeypatch, block_size):
    monkeypatch.setattr(score, "BLOCK_SIZE", block_size)
    batch = make_batch(ENTITIES[:3], ENTITIES[3:])
    truth = rng.integers(0, 2, size=(len(batch[1]), 2))
    model = build(biaffine_width=2, context_around=1, pooling=reduce_max)
    check_model_gradients(model, batch, lambda Y: cross_entropy(Y, truth))


@pytest.mark.parametrize(
    "rates",
    [
        {"dropout": 0.5},
        {"vector_dropout": 0.5},
        {"dropout": 0.3, "vector_dropout": 0.5},
    ],
)
def test_gradients_with_dropout(rng, rates):
    batch = make_batch(ENTITIES, ENTITIES[:3])
    truth = rng.integers(0, 2, size=(len(batch[1]), 2))
    model = build(**rates, context_doc=True, biaffine_width=2)
    check_model_gradients(
        model, batch, lambda Y: cross_entropy(Y, truth), is_train=True
    )


@every_option
def test_block_size_does_not_change_scores(monkeypatch, options):
    batch, model = make_batch(ENTITIES, ENTITIES[2:]), build(**options)
    expected = model.predict(batch)
    for block_size in (1, 7):
        monkeypatch.setattr(score, "BLOCK_SIZE", block_size)
        numpy.testing.assert_allclose(model.predict(batch), expected, atol=1e-6)


@every_option
def test_every_option_scores_and_reacts(options):
    """Each switch that is on changes scores between different pairs; one vector for
    the whole document does not."""
    batch, model = make_batch(ENTITIES), build(**options)
    scores = model.predict(batch)
    assert scores.shape == (20, 2) and scores.dtype == "float32"
    assert ((0 < scores) & (scores < 1)).all()
    n_different = len(numpy.unique(scores.round(6), axis=0))
    is_same = options in (ALL_OFF, OPTIONS["only doc_vector"])
    assert (n_different > 1) == (not is_same)


batches = st.lists(
    st.lists(st.sampled_from(ENTITIES), max_size=5, unique=True), min_size=1, max_size=4
)
seeds = st.integers(0, 9)


def by_pair(model, batch):
    """The scores of each document: {(head, tail): scores} by (start, end, type)."""
    docs, candidates = batch
    scores = model.predict(batch)
    entities = candidates.entities
    keys = list(zip(map(tuple, entities.spans.tolist()), entities.types.tolist()))
    return [
        {
            (keys[h], keys[t]): row
            for (h, t), row in zip(
                candidates.pairs[candidates.of_doc(i)[1]].tolist(),
                scores[candidates.of_doc(i)[1]],
            )
        }
        for i in range(len(docs))
    ]


def assert_same(found, expected):
    for found_doc, expected_doc in zip(found, expected, strict=True):
        assert found_doc.keys() == expected_doc.keys()
        for pair, row in found_doc.items():
            numpy.testing.assert_allclose(row, expected_doc[pair], atol=1e-5)


@pytest.fixture(scope="module", params=["default", "all"])
def model(request):
    return build(**OPTIONS[request.param])


@given(batch=batches)
def test_batching_does_not_change_scores(model, batch):
    together = by_pair(model, make_batch(*batch))
    alone = [by_pair(model, make_batch(entities))[0] for entities in batch]
    assert_same(together, alone)


@given(batch=batches, seed=seeds)
def test_permuting_documents_permutes_scores(model, batch, seed):
    order = numpy.random.default_rng(seed).permutation(len(batch))
    expected = by_pair(model, make_batch(*batch))
    found = by_pair(model, make_batch(*(batch[i] for i in order)))
    assert_same(found, [expected[i] for i in order])


@given(batch=batches, seed=seeds)
def test_permuting_pairs_permutes_scores(model, batch, seed):
    docs, candidates = make_batch(*batch)
    scores = model.predict((docs, candidates))
    order = numpy.concatenate(
        [
            pairs.start
            + numpy.random.default_rng(seed).permutation(pairs.stop - pairs.start)
            for pairs in (candidates.of_doc(i)[1] for i in range(len(docs)))
        ]
    ).astype(int)
    permuted = type(candidates)(
        candidates.entities, candidates.pairs[order], candidates.offsets
    )
    found = model.predict((docs, permuted))
    numpy.testing.assert_allclose(found, scores[order], atol=1e-5)


@given(batch=batches)
def test_order_of_entities_does_not_matter(model, batch):
    expected = by_pair(model, make_batch(*batch))
    assert_same(by_pair(model, make_batch(*(x[::-1] for x in batch))), expected)


@every_option
def test_saving_and_loading_does_not_change_scores(options):
    batch, model = make_batch(ENTITIES), build(**options)
    zeros = numpy.zeros((N_WORDS, WIDTH), dtype="float32")
    if options.get("doc_vector"):
        options = {**options, "doc_vector": DocTable(zeros.copy())}
    fresh = create_pair_model(
        TokenTable(zeros), reduce_mean(), GENERATOR, hidden_width=2, **options
    )
    loaded = fresh.from_bytes(model.to_bytes())
    assert loaded.attrs["entity_types"] == ["A", "B"]
    numpy.testing.assert_array_equal(loaded.predict(batch), model.predict(batch))


def test_unknown_types_are_one_type():
    model = build()
    _, candidates = make_batch([(0, 1, "A"), (2, 3, "B"), (4, 5, "C"), (6, 7, "")])
    assert get_types(model, candidates).tolist() == [1, 2, 0, 0]
    scores = [
        model.predict(make_batch([(0, 1, "A"), (2, 3, type_)]))
        for type_ in ("C", "D", "B")
    ]
    numpy.testing.assert_array_equal(scores[0], scores[1])
    assert abs(scores[0] - scores[2]).max() > 1e-3


def test_type_dropout_hides_types_in_training():
    model = build(type_dropout=1.0)
    _, candidates = make_batch([(0, 1, "A"), (2, 3, "B")])
    assert get_types(model, candidates).tolist() == [1, 2]
    assert get_types(model, candidates, is_train=True).tolist() == [0, 0]


@pytest.mark.parametrize(
    "dropout,rate,is_active", [(None, 0.5, True), (0.0, 0.5, False), (0.5, 0.0, True)]
)
def test_dropout_rate(dropout, rate, is_active):
    """null follows the training's rate; a number is used instead of it."""
    batch, model = make_batch(ENTITIES), build(dropout=dropout)
    set_dropout_rate(model, rate)
    expected = model.predict(batch)
    found, _ = model(batch, is_train=True)
    assert numpy.allclose(found, expected) != is_active
    numpy.testing.assert_array_equal(model.predict(batch), expected)


def test_doc_vector_only_affects_its_document():
    batch = make_batch(ENTITIES[:2], ENTITIES[:4])
    model = build(doc_vector=True)
    first, second = by_pair(model, batch)
    model.get_ref("doc_vector").get_param("E")[4] += 1.0  # the second's row
    assert_same([first], by_pair(model, batch)[:1])
    moved = by_pair(model, batch)[1]
    assert any(not numpy.allclose(moved[pair], second[pair]) for pair in second)


def test_logit_scale_scales_what_a_step_changes():
    """With the same step on all parameters the logits move that much further."""
    batch, moved = make_batch(ENTITIES), []
    for logit_scale in (1.0, 5.0):
        model = build(logit_scale=logit_scale, vectors=False, context_between=False)
        for name in model.param_names:
            if model.has_param(name):
                model.set_param(name, 0.0 * model.get_param(name))
        classify = model.get_ref("classify")
        classify.set_param("W", 0.0 * classify.get_param("W"))
        classify.set_param("b", 0.0 * classify.get_param("b"))
        model.set_param("_distance", model.get_param("_distance") + 0.001)
        moved.append(model.predict(batch) - 0.5)
    assert_allclose(moved[1], 5 * moved[0], rtol=1e-2)


def test_softmax_includes_no_relation():
    scores = build(output="softmax", n_labels=3).predict(make_batch(ENTITIES))
    assert scores.shape == (20, 3)
    assert (scores.sum(axis=1) < 1).all() and scores.sum(axis=1).max() > 0.5


@every_option
def test_no_pairs(options):
    model = build(**options)
    batch = make_batch([], ENTITIES[:1])
    scores, backprop = model(batch, is_train=True)
    assert scores.shape == (0, 2)
    backprop(scores)
    assert not model.get_ref("tok2vec").get_grad("E").any()


def test_thousand_entities_in_bounded_memory():
    """10⁶ pairs: 8 MB of scores and 8 MB of pairs, and little besides."""
    encoder = TokenTable(numpy.ones((1000, WIDTH), dtype="float32"))
    model = build(encoder=encoder, hidden_width=22, biaffine_width=16)
    entities = [(i, i + 1, "A") for i in range(1000)]
    docs = [make_doc(VOCAB, 1000, entities, spans_key="sc")]
    candidates = get_candidates(GENERATOR, docs)
    assert len(candidates) == 999_000
    for is_train in (False, True):
        tracemalloc.start()
        scores, backprop = model((docs, candidates), is_train)
        if is_train:
            backprop(scores)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert scores.shape == (999_000, 2)
        assert peak < 50 * 2**20


@pytest.mark.parametrize("name", ["default", "softmax", "biaffine", "only vectors"])
def test_overfits(rng, name):
    batch = make_batch(ENTITIES)
    truth = numpy.eye(3)[rng.integers(0, 3, size=len(batch[1]))][:, :2].astype("f")
    model = build(**{**OPTIONS[name], "hidden_width": 32})
    optimizer = Adam(0.02)
    for _ in range(200):
        scores, backprop = model.begin_update(batch)
        backprop(scores - truth)
        model.finish_update(optimizer)
    assert ((model.predict(batch) > 0.5) == truth).all()


def test_registered():
    create = registry.architectures.get("rel_component.PairModel.v1")
    assert create is create_pair_model

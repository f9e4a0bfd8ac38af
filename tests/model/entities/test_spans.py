import numpy
import pytest
import spacy
from spacy.pipeline.spancat import build_ngram_range_suggester
from spacy.tokens import Span
from spacy.training import Example
from thinc.api import Model, NumpyOps, set_dropout_rate

from rel_component.model.entities import spans as spans_module
from rel_component.model.entities.spans import create_biaffine_spans

TEXTS = [
    "The University of Northern Paris moved",
    "Paris",
    "New York City Hall is in New York City",
]
NESTED = {
    0: [(1, 5, "ORG"), (4, 5, "CITY"), (3, 5, "CITY")],
    1: [(0, 1, "CITY")],
    2: [(0, 4, "ORG"), (0, 3, "CITY"), (6, 9, "CITY")],
}


def embed():
    """A layer whose output for a token depends on the token only."""

    def forward(model, docs, is_train):
        rng = numpy.random.default_rng
        vectors = [
            numpy.asarray(
                [rng(len(t.text) + 7 * t.i).standard_normal(6) for t in doc], "float32"
            ).reshape(-1, 6)
            for doc in docs
        ]
        return vectors, lambda d_vectors: docs

    return Model("embed", forward, dims={"nO": 6})


@pytest.fixture
def docs():
    return list(map(spacy.blank("en").make_doc, [*TEXTS, ""]))


@pytest.fixture
def spans(docs):
    return build_ngram_range_suggester(1, 5)(docs, ops=NumpyOps())


@pytest.fixture
def model(docs, spans, rng):
    model = create_biaffine_spans(embed(), hidden_width=4, max_length=3, nO=2)
    model.initialize(X=(docs, spans))
    for node in model.walk():
        for name in node.param_names:
            shape = node.get_param(name).shape
            node.set_param(name, 0.3 * rng.standard_normal(shape).astype("float32"))
    return model


def score_slowly(model, doc, start, end):
    """The definition, for a single span."""
    output, project = (x for x in model.walk() if x.name == "linear")
    (combine,) = (x for x in model.walk() if x.name == "score_spans")
    X = embed().predict([doc])[0] @ project.get_param("W").T + project.get_param("b")
    a, b, first, last, inside = numpy.split(X, 5, axis=1)
    hidden = first[start] + last[end - 1] + inside[start:end].mean(axis=0)
    hidden += combine.get_param("lengths")[min(end - start, 3) - 1]
    features = numpy.hstack([a[start] * b[end - 1], hidden.clip(min=0)])
    logits = features @ output.get_param("W").T + output.get_param("b")
    return 1 / (1 + numpy.exp(-logits))


def test_scores_are_those_of_the_definition(model, docs, spans):
    scores = model.predict((docs, spans))
    expected = [
        score_slowly(model, doc, *borders)
        for i, doc in enumerate(docs)
        for borders in spans[i].dataXd
    ]
    assert len(expected) == 56
    assert scores == pytest.approx(numpy.asarray(expected), abs=1e-5)


def test_a_batch_has_the_scores_of_its_documents(model, docs, spans, monkeypatch):
    together = model.predict((docs, spans))
    monkeypatch.setattr(spans_module, "BLOCK_SIZE", 6)
    assert model.predict((docs, spans)) == pytest.approx(together, abs=1e-6)
    apart = [model.predict(([doc], spans[i])) for i, doc in enumerate(docs)]
    assert together == pytest.approx(numpy.vstack(apart), abs=1e-6)


def test_untrained_nothing_is_an_entity(docs, spans):
    """Otherwise, the pairs of all spans would need too much memory."""
    model = create_biaffine_spans(embed(), hidden_width=4, max_length=3, nO=2)
    model.initialize(X=(docs, spans))
    assert model.predict((docs, spans)).max() < 0.1


def test_dropout_is_that_of_the_training(model, docs, spans):
    set_dropout_rate(model, 0.5)
    dropped, _ = model((docs, spans), is_train=True)
    assert not numpy.allclose(dropped, model.predict((docs, spans)))


def test_gradients_are_those_of_the_cross_entropy(model, docs, spans, rng):
    truth = rng.integers(0, 2, (56, 2)).astype("float32")

    def get_loss():
        scores = model.predict((docs, spans)).astype("float64")
        return -(truth * numpy.log(scores) + (1 - truth) * numpy.log1p(-scores)).sum()

    scores, backprop = model.begin_update((docs, spans))
    backprop(scores - truth)
    for node in model.walk():
        for name in node.param_names:
            param, gradient = node.get_param(name).copy(), node.get_grad(name)
            assert numpy.count_nonzero(gradient) > param.size / 2
            for index in numpy.ndindex(param.shape):
                losses = []
                for step in (0.001, -0.001):
                    changed = param.copy()
                    changed[index] += step
                    node.set_param(name, changed)
                    losses.append(get_loss())
                node.set_param(name, param)
                slope = (losses[0] - losses[1]) / 0.002
                assert gradient[index] == pytest.approx(slope, rel=0.03, abs=0.03)


def test_nested_entities_are_learned(tmp_path):
    nlp = spacy.blank("en")
    config = {
        "suggester": {
            "@misc": "spacy.ngram_range_suggester.v1",
            "min_size": 1,
            "max_size": 5,
        },
        "model": {
            "@architectures": "rel_component.BiaffineSpans.v1",
            "hidden_width": 16,
            "tok2vec": {
                "@architectures": "spacy.HashEmbedCNN.v2",
                "width": 32,
                "depth": 2,
                "embed_size": 200,
                "window_size": 1,
                "maxout_pieces": 2,
                "subword_features": True,
                "pretrained_vectors": None,
            },
        },
    }
    nlp.add_pipe("spancat", config=config)
    examples = []
    for i, text in enumerate(TEXTS):
        gold = nlp.make_doc(text)
        gold.spans["sc"] = [Span(gold, *entity) for entity in NESTED[i]]
        examples.append(Example(nlp.make_doc(text), gold))
    optimizer = nlp.initialize(lambda: examples)
    for _ in range(60):
        nlp.update(examples, sgd=optimizer, drop=0.0)
    assert nlp.evaluate(examples)["spans_sc_f"] == 1.0
    nlp.to_disk(tmp_path)
    loaded = spacy.load(tmp_path)
    assert loaded.evaluate(examples)["spans_sc_f"] == 1.0
    assert not loaded("").spans["sc"]
    doc = loaded("Paris")
    (city,) = doc.spans["sc"]
    assert 0.5 <= city._.entity_score < 1.0

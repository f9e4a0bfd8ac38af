"""With a tiny random BERT of few positions: long texts lose nothing."""

import numpy
import pytest
import spacy
from spacy.tokens import Span
from spacy.training import Example
from thinc.api import Adam, fix_random_seed

pytest.importorskip("spacy_transformers")

from rel_component import Relation, get_relations, set_relations
from rel_component.corpus.readers import copy_without_relations
from rel_component.model.transformer.architecture import (
    PieceLimit,
    get_piece_limit,
)
from rel_component.model.transformer.checkpoint import CheckpointError


def make_nlp(checkpoint, window=16, stride=None, **settings):
    nlp = spacy.blank("en")
    spans = {"@span_getters": "spacy-transformers.strided_spans.v1"}
    model = {
        "@architectures": "rel_component.TransformerModel.v1",
        "name": str(checkpoint),
        "get_spans": {**spans, "window": window, "stride": stride or window},
        **settings,
    }
    nlp.add_pipe("transformer", config={"model": model})
    nlp.initialize()
    return nlp


def count_vectors(doc):
    """Word pieces that each token was read as."""
    return doc._.trf_data.align.lengths.tolist()


def test_long_windows_are_split_without_truncation(checkpoint):
    nlp = make_nlp(checkpoint)
    text = "ann works for acme . " * 4 + "aaaa bbbb aaaa bbbb aaaa bbbb " * 3
    doc = nlp(text)
    assert all(count_vectors(doc))
    assert nlp.get_pipe("transformer").model.attrs["get_spans"].n_divided == 3
    # as spacy-transformers has it, tokens at the windows' ends have no vector
    plain = make_nlp(
        checkpoint, **{"@architectures": "spacy-transformers.TransformerModel.v3"}
    )
    assert not all(count_vectors(plain(text)))


def test_short_texts_are_not_split(checkpoint):
    nlp = make_nlp(checkpoint)
    limit = nlp.get_pipe("transformer").model.attrs["get_spans"]
    docs = [nlp.make_doc("ann works for acme"), nlp.make_doc("")]
    assert limit(docs) == limit.get_spans(docs)
    assert limit.n_divided == 0


def test_the_parts_of_a_window_cover_it_and_fit(checkpoint):
    nlp = make_nlp(checkpoint, window=64)
    model = nlp.get_pipe("transformer").model
    limit = PieceLimit(lambda docs: [[doc[:]] for doc in docs], model)
    doc = nlp.make_doc("aaaa b aaaaaaa ann works bbbbb . " * 6)
    ((*parts,),) = limit([doc])
    assert get_piece_limit(model) == 17
    assert max(limit.count_pieces(parts)) <= 17
    assert parts[0].start == 0
    assert parts[-1].end == len(doc)
    for left, right in zip(parts, parts[1:]):
        assert left.start < right.start <= left.end < right.end
    assert len(parts) == 16


@pytest.mark.parametrize("limit", [20, 10**30])
def test_long_tokens_are_reported(checkpoint, limit):
    nlp = make_nlp(checkpoint)
    # many checkpoints do not say how much they take: their positions do
    nlp.get_pipe("transformer").model.tokenizer.model_max_length = limit
    with pytest.warns(UserWarning, match="'aaaaaaaaaaa.* has more than 17 word pieces"):
        doc = nlp("ann works for " + "a" * 40 + " .")
    assert all(count_vectors(doc))


def test_bfloat16_computes_nearly_the_same_and_learns(checkpoint):
    nlp, rough = make_nlp(checkpoint), make_nlp(checkpoint, bfloat16_on_cpu=True)
    exact = nlp("ann works for acme .")._.trf_data.model_output.last_hidden_state
    found = rough("ann works for acme .")._.trf_data.model_output.last_hidden_state
    assert found.dtype == "float32"
    assert numpy.abs(found - exact).max() < 0.1
    assert (found != exact).any()


@pytest.mark.parametrize("has_it", [True, False])
def test_bfloat16_may_depend_on_the_processor(has_it, checkpoint, monkeypatch):
    name = "rel_component.model.transformer.encoder.computes_in_bfloat16"
    monkeypatch.setattr(name, lambda: has_it)
    text, vectors = "ann works for acme .", []
    for setting in (None, has_it):
        doc = make_nlp(checkpoint, bfloat16_on_cpu=setting)(text)
        vectors.append(doc._.trf_data.model_output.last_hidden_state)
    assert (vectors[0] == vectors[1]).all()


def train(nlp, n_steps=40):
    """Loss of each step of learning two entities."""
    listener = {
        "@architectures": "spacy-transformers.TransformerListener.v1",
        "grad_factor": 1.0,
        "pooling": {"@layers": "reduce_mean.v1"},
    }
    model = {
        "@architectures": "spacy.TransitionBasedParser.v2",
        "state_type": "ner",
        "extra_state_tokens": False,
        "hidden_width": 32,
        "maxout_pieces": 2,
        "use_upper": False,
        "tok2vec": listener,
    }
    nlp.add_pipe("ner", config={"model": model})
    text, entities = "ann works for acme", [(0, 3, "PERSON"), (14, 18, "ORG")]

    def get_examples():
        return [Example.from_dict(nlp.make_doc(text), {"entities": entities})]

    fix_random_seed(0)
    optimizer = nlp.initialize(get_examples)
    found = []
    for _ in range(n_steps):
        losses = nlp.update(get_examples(), sgd=optimizer)
        found.append(losses["ner"])
    return found


def test_pipeline_in_bfloat16_is_trained_and_saved(checkpoint, tmp_path):
    rough = make_nlp(checkpoint, bfloat16_on_cpu=True)
    losses, expected = train(rough), train(make_nlp(checkpoint))
    assert losses[-1] < losses[0] / 2
    assert losses == pytest.approx(expected, rel=0.2, abs=0.1)
    assert losses != expected
    rough.to_disk(tmp_path)
    loaded = spacy.load(tmp_path)
    docs = [nlp("ann works for acme") for nlp in (rough, loaded)]
    one, two = (doc._.trf_data.model_output.last_hidden_state for doc in docs)
    assert (one == two).all()
    assert isinstance(
        loaded.get_pipe("transformer").model.attrs["get_spans"], PieceLimit
    )


def get_gradients(nlp):
    """Those that the transformer has, and its parameters that have none."""
    parameters = dict(nlp.get_pipe("transformer").model.transformer.named_parameters())
    found = {n: p.grad for n, p in parameters.items() if p.grad is not None}
    return found, parameters.keys() - found.keys()


LONG = "ann works for acme . " * 3 + "aaaa bbbb aaaa"


def make_relation_nlp(checkpoint, **settings):
    """A transformer without dropout and a relation extractor, and examples."""
    no_dropout = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    nlp = make_nlp(checkpoint, transformer_config=no_dropout, **settings)
    listener = {
        "@architectures": "spacy-transformers.TransformerListener.v1",
        "pooling": {"@layers": "reduce_mean.v1"},
    }
    model = {"@architectures": "rel_component.PairModel.v1", "tok2vec": listener}
    model |= {
        "dropout": 0.0,
        "vector_dropout": 0.0,
        "pooling": {"@layers": "reduce_mean.v1"},
        "get_instances": {"@misc": "rel_component.PairGenerator.v1"},
    }
    nlp.add_pipe("relation_extractor", config={"model": model})
    texts = ["ann works for acme", LONG, "a b ann works for acme .", "ann acme"]
    golds = []
    for text in texts:
        gold = nlp.make_doc(text)
        ann, acme = (text.split().index(word) for word in ("ann", "acme"))
        gold.ents = [
            Span(gold, ann, ann + 1, "PERSON"),
            Span(gold, acme, acme + 1, "ORG"),
        ]
        set_relations(gold, [Relation(gold.ents[0], "WORKS_FOR", gold.ents[1])])
        golds.append(gold)
    return nlp, [Example(copy_without_relations(gold), gold) for gold in golds]


def test_accumulated_gradients_match_one_batch(checkpoint):
    nlp, examples = make_relation_nlp(checkpoint)
    nlp.initialize(lambda: examples)
    for _ in range(3):  # what decides on pairs begins with zeros, and so its gradient
        nlp.update(examples, sgd=Adam(0.01))
    transformer = nlp.get_pipe("transformer").model.transformer
    transformer.zero_grad()  # nlp.update finishes the encoder before its listeners
    nlp.update(examples, sgd=False)
    expected = {key: x.clone() for key, x in get_gradients(nlp)[0].items()}
    transformer.zero_grad()
    for part in (examples[:1], examples[1:3], examples[3:]):
        nlp.update(part, sgd=False)
    found, without = get_gradients(nlp)
    assert without == {"pooler.dense.weight", "pooler.dense.bias"}
    assert found.keys() == expected.keys()
    for key, gradient in found.items():
        assert numpy.allclose(gradient, expected[key], atol=1e-5), key
    assert max(float(x.abs().max()) for x in found.values()) > 0.01


def test_too_many_frozen_layers(checkpoint):
    with pytest.raises(CheckpointError, match=r"^frozen_layers is 3, .* has 2 layers"):
        make_relation_nlp(checkpoint, frozen_layers=3)


@pytest.mark.parametrize("n_frozen", [1, 2])
def test_frozen_layers_stay_while_others_learn(checkpoint, n_frozen):
    nlp, examples = make_relation_nlp(checkpoint, frozen_layers=n_frozen)
    nlp.initialize(lambda: examples)
    transformer = nlp.get_pipe("transformer").model.transformer
    before = {n: p.detach().clone() for n, p in transformer.named_parameters()}
    optimizer = Adam(0.01)
    losses = [
        nlp.update(examples, sgd=optimizer)["relation_extractor"] for _ in range(20)
    ]
    assert losses[-1] < losses[0] / 2
    changed = {
        int(name.split(".")[2]) if "layer." in name else name
        for name, parameter in transformer.named_parameters()
        if not (parameter == before[name]).all()
    }
    assert changed == ({1} if n_frozen == 1 else set())


def test_settings_can_be_changed_on_loading(checkpoint, tmp_path):
    make_nlp(checkpoint).to_disk(tmp_path)
    exact = spacy.load(tmp_path)
    model = {"bfloat16_on_cpu": True, "frozen_layers": 1}
    rough = spacy.load(
        tmp_path, config={"components": {"transformer": {"model": model}}}
    )
    docs = [nlp("ann works for acme") for nlp in (exact, rough)]
    one, two = (doc._.trf_data.model_output.last_hidden_state for doc in docs)
    assert 0 < numpy.abs(one - two).max() < 0.1
    assert len(get_gradients(rough)[1]) == len(get_gradients(exact)[1])
    transformer = rough.get_pipe("transformer").model.transformer
    assert not transformer.embeddings.word_embeddings.weight.requires_grad


def test_a_pipeline_for_mixed_precision_works_without_gpu(checkpoint):
    nlp, examples = make_relation_nlp(checkpoint, mixed_precision=True)
    nlp.initialize(lambda: examples)
    losses = [nlp.update(examples)["relation_extractor"] for _ in range(2)]
    assert losses[1] != losses[0]
    assert nlp("ann works for acme")._.trf_data.width == 12


def test_a_copy_encodes_the_same(checkpoint):
    nlp = make_nlp(checkpoint)
    doc = nlp(LONG)
    copied = nlp.get_pipe("transformer").model.copy()
    found = copied.predict([nlp.make_doc(LONG)]).doc_data[0].model_output
    expected = doc._.trf_data.model_output.last_hidden_state
    assert numpy.allclose(found.last_hidden_state, expected, atol=1e-5)


@pytest.mark.parametrize("window, stride", [(16, 12), (200, 200)])
def test_a_long_document_trains_and_predicts(checkpoint, window, stride):
    """3,000 tokens; each has a vector, an entity cut by a window too."""
    nlp, _ = make_relation_nlp(checkpoint, window=window, stride=stride)
    text = "ann works for acme . a aaaa b ann bbbb " * 300
    gold = nlp.make_doc(text)
    # 3 and 8 tokens on both sides of a window's end
    gold.ents = [Span(gold, 14, 17, "PERSON"), Span(gold, 28, 36, "ORG")]
    set_relations(gold, [Relation(gold.ents[0], "WORKS_FOR", gold.ents[1])])
    example = Example(copy_without_relations(gold), gold)
    nlp.initialize(lambda: [example])
    optimizer = Adam(0.01)
    losses = [
        nlp.update([example], sgd=optimizer)["relation_extractor"] for _ in range(6)
    ]
    assert losses[-1] < losses[0] / 2
    doc = nlp(copy_without_relations(gold))
    assert len(doc) == 3000
    assert all(count_vectors(doc))
    assert [r.label for r in get_relations(doc)] == ["WORKS_FOR"]


def test_initialized_without_texts_and_run_on_none(checkpoint):
    nlp = spacy.blank("en")
    architecture = "rel_component.TransformerModel.v1"
    windows = {"@span_getters": "spacy-transformers.doc_spans.v1"}
    model = {
        "@architectures": architecture,
        "name": str(checkpoint),
        "get_spans": windows,
    }
    model = nlp.add_pipe("transformer", config={"model": model}).model
    nlp.initialize()
    assert model.predict([]).doc_data == []
    assert [len(doc) for doc in nlp.pipe(["", "ann works"])] == [0, 2]

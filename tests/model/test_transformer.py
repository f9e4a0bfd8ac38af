"""With a tiny random BERT of few positions: long texts lose nothing."""

import numpy
import pytest
import spacy
from spacy.training import Example
from thinc.api import fix_random_seed

pytest.importorskip("spacy_transformers")

from rel_component.model.transformer import PieceLimit, get_piece_limit


def make_nlp(checkpoint, window=16, **settings):
    nlp = spacy.blank("en")
    spans = {"@span_getters": "spacy-transformers.strided_spans.v1"}
    model = {
        "@architectures": "rel_component.TransformerModel.v1",
        "name": str(checkpoint),
        "get_spans": {**spans, "window": window, "stride": window},
        **settings,
    }
    nlp.add_pipe("transformer", config={"model": model})
    nlp.initialize()
    return nlp


def count_vectors(doc):
    """Word pieces that each token was read as."""
    return doc._.trf_data.align.lengths.tolist()


def test_windows_of_many_pieces_are_divided_and_nothing_is_truncated(checkpoint):
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


def test_short_texts_are_left_alone(checkpoint):
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


def test_a_token_that_is_too_long_is_named(checkpoint):
    nlp = make_nlp(checkpoint)
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


def test_a_pipeline_in_bfloat16_learns_as_another_and_is_saved(checkpoint, tmp_path):
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

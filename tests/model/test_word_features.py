import numpy
import pytest
import spacy
from spacy.training import Example
from spacy.util import load_config, load_model_from_config
from thinc.api import NumpyOps

from rel_component.corpus.readers import copy_tokens
from rel_component.model.word_features import (
    create_with_word_features,
    create_word_features,
    forward_extract,
)

from ..paths import CONFIGS
from ..util import make_doc

TEXTS = ["El presidente de Telefónica S.A.", "", "ELLA vive en Gdansk (1998)"]


@pytest.fixture
def docs():
    nlp = spacy.blank("es")
    return [nlp.make_doc(text) for text in TEXTS]


def extract(doc, features):
    model = create_word_features(4, features).layers[0]
    (rows,), _ = forward_extract(model, [doc], False)
    return rows


def test_words_with_the_same_feature_share_a_hash(docs):
    rows = extract(spacy.blank("en").make_doc("Anna anna ANNA hanna x"), ["lower"])
    assert len({int(x) for x in rows[:3, 0]}) == 1
    assert len({int(x) for x in rows[:, 0]}) == 3
    rows = extract(spacy.blank("en").make_doc("Anna Berta ANNA a1b 1998 98"), ["shape"])
    assert rows[0, 0] == rows[1, 0]
    assert rows[4, 0] == rows[5, 0]
    assert len({int(x) for x in rows[:, 0]}) == 4
    rows = extract(spacy.blank("en").make_doc("Ianowska Novak Dvorska"), ["suffix3"])
    assert rows[0, 0] == rows[2, 0] != rows[1, 0]


def test_features_of_one_word_have_different_hashes(docs):
    (row,) = extract(spacy.blank("en").make_doc("ab"), ["lower", "prefix3", "suffix2"])
    assert len(set(row.tolist())) == 3


def test_each_token_gets_a_vector_and_learns(docs):
    model = create_word_features(6)
    model.initialize(docs)
    vectors, backprop = model.begin_update(docs)
    assert [v.shape for v in vectors] == [(len(doc), 6) for doc in docs]
    backprop([v * 0 + 1 for v in vectors])
    tables = [node for node in model.walk() if node.name == "hashembed"]
    assert len(tables) == 6
    assert all(numpy.abs(table.get_grad("E")).sum() > 0 for table in tables)


def test_beside_an_encoder_both_get_their_part_of_the_gradient(docs):
    one, two = create_word_features(4), create_word_features(3, ["shape"])
    model = create_with_word_features(one, two)
    model.initialize(docs)
    assert model.get_dim("nO") == 7
    joined, backprop = model.begin_update(docs)
    assert [v.shape for v in joined] == [(len(doc), 7) for doc in docs]
    expected = [numpy.hstack(x) for x in zip(one.predict(docs), two.predict(docs))]
    for row, value in zip(joined, expected):
        NumpyOps().xp.testing.assert_allclose(row, value, rtol=1e-5)
    gradients = [v * 0 for v in joined]
    gradients[0][:, -3:] = 1
    backprop(gradients)
    shared = [node.get_grad("E") for node in one.walk() if node.name == "hashembed"]
    own = [node.get_grad("E") for node in two.walk() if node.name == "hashembed"]
    assert not any(grad.any() for grad in shared)
    assert all(grad.any() for grad in own)


def test_an_unknown_feature_is_named():
    with pytest.raises(ValueError, match="found 'infix3'; expected lower, shape"):
        create_word_features(4, ["lower", "infix3"])


def test_words_are_not_saved_with_the_model(docs):
    model = create_word_features(4)
    model.initialize(docs)
    before = model.to_bytes()
    model.predict([spacy.blank("es").make_doc("hunter2 y otras palabras")])
    assert model.to_bytes() == before
    assert b"hunter2" not in before and b"Gdansk" not in before


@pytest.mark.parametrize("n_vectors", [0, 3])
def test_static_vectors_are_used_where_the_vocabulary_has_some(n_vectors, tmp_path):
    nlp = spacy.blank("en")
    for i in range(n_vectors):
        nlp.vocab.set_vector(f"w{i}", numpy.full(5, i + 1.0, dtype="float32"))
    docs = [nlp.make_doc("w0 w1 unseen w2"), nlp.make_doc("")]

    def create():
        return create_word_features(4, ["shape"], static_vectors=True)

    model = create()
    model.initialize(docs)
    vectors, backprop = model.begin_update(docs)
    assert [v.shape for v in vectors] == [(4, 4), (0, 4)]
    # all have the same shape of letters
    assert numpy.allclose(vectors[0][0], vectors[0][1]) == (n_vectors == 0)
    backprop([v * 0 + numpy.arange(4, dtype="f") for v in vectors])
    names = {node.name for node in model.walk() if node.grad_names}
    assert ("static_vectors" in names) == (n_vectors > 0)
    again = create().from_bytes(model.to_bytes())
    numpy.testing.assert_allclose(again.predict(docs)[0], vectors[0])


def test_batches_of_empty_texts_are_skipped_in_training():
    config = load_config(
        CONFIGS / "joint_tok2vec.cfg",
        overrides={"components.tok2vec.model.encode.depth": 1},
    )
    nlp = load_model_from_config(config, auto_fill=True)
    doc = make_doc(
        nlp.vocab, "Ann works for Acme", [(0, 1, "P"), (3, 4, "O")], [(0, "R", 1)]
    )
    sgd = nlp.initialize(lambda: [Example(copy_tokens(doc), doc)])
    empty = nlp.make_doc("")
    nlp.update([Example(empty, nlp.make_doc(""))], sgd=sgd)
    assert nlp("").ents == ()

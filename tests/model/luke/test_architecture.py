"""LUKE with tiny random checkpoints: what transformers computes, and no pair lost."""

import json
import shutil
import warnings

import numpy
import pytest
import spacy
from spacy.training import Example

pytest.importorskip("spacy_transformers")

from rel_component import get_relations
from rel_component.corpus.readers import copy_without_relations
from rel_component.model.candidates import PairGenerator, get_candidates
from rel_component.model.luke.architecture import score_logits
from rel_component.model.luke.encoder import get_tokenizer, get_transformer
from rel_component.relations import get_rel

from ...tiny_luke import NO_RELATION, make_classifier, make_luke
from ...util import make_doc

LABELS = ["employs", NO_RELATION, "works_for"]


@pytest.fixture(scope="module")
def luke(tmp_path_factory):
    return make_luke(tmp_path_factory.mktemp("luke"))


@pytest.fixture(scope="module")
def classifier(tmp_path_factory):
    return make_classifier(tmp_path_factory.mktemp("classifier"), LABELS)


def make_gold(vocab, n_between=0):
    words = f"Ann works for {'x ' * n_between}Acme but Bolt left"
    n = 3 + n_between
    entities = [(0, 1, "PERSON"), (n, n + 1, "ORG"), (n + 2, n + 3, "ORG")]
    return make_doc(vocab, words, entities, [(0, "works_for", 1)])


def make_nlp(checkpoint, golds=None, **settings):
    nlp = spacy.blank("en")
    model = {
        "@architectures": "rel_component.LukeModel.v1",
        "name": str(checkpoint),
        "get_instances": {"@misc": "rel_instance_generator.v1"},
        **settings,
    }
    nlp.add_pipe("relation_extractor", config={"model": model})
    golds = golds or [make_gold(nlp.vocab)]
    examples = [Example(copy_without_relations(gold), gold) for gold in golds]
    nlp.initialize(lambda: examples)
    return nlp


def get_model(nlp):
    return nlp.get_pipe("relation_extractor").model


def score(nlp, docs):
    model = get_model(nlp)
    return model.predict((docs, get_candidates(PairGenerator(), docs)))


def classify_by_transformers(path, docs):
    """Probabilities of all ordered pairs, one at a time."""
    import torch
    from transformers import AutoTokenizer, LukeForEntityPairClassification

    tokenizer = AutoTokenizer.from_pretrained(path, task="entity_pair_classification")
    model = LukeForEntityPairClassification.from_pretrained(path)
    rows = []
    for doc in docs:
        found = get_candidates(PairGenerator(), [doc])
        spans = [(ent.start_char, ent.end_char) for ent in doc.ents]
        for head, tail in found.pairs.tolist():
            entities = [spans[head], spans[tail]]
            inputs = tokenizer(doc.text, entity_spans=entities, return_tensors="pt")
            with torch.no_grad():
                rows.append(torch.softmax(model(**inputs).logits, -1)[0].numpy())
    return numpy.stack(rows)


def test_pair_wise_is_luke_for_entity_pair_classification(classifier):
    nlp = make_nlp(classifier, mode="pair_wise")
    docs = [make_gold(nlp.vocab), make_gold(nlp.vocab, 3), make_gold(nlp.vocab, 1)]
    expected = classify_by_transformers(classifier, docs)
    assert nlp.get_pipe("relation_extractor").labels == ("employs", "works_for")
    numpy.testing.assert_allclose(score(nlp, docs), expected[:, [0, 2]], atol=1e-5)
    assert len(expected) == 18
    assert expected.std(axis=0).min() > 0.01


def test_logits_match_the_loaded_classifier(classifier, luke):
    nlp = make_nlp(classifier, mode="pair_wise")
    from transformers import LukeForEntityPairClassification

    model = get_model(nlp)
    weights = LukeForEntityPairClassification.from_pretrained(classifier).classifier
    W = weights.weight.detach().numpy()[[1, 0, 2]]  # no relation first
    numpy.testing.assert_array_equal(model.get_ref("classify").get_param("W"), W)
    vectors = numpy.random.default_rng(0).normal(size=(2, 16)).astype("float32")
    logits, _ = score_logits(model, vectors, numpy.asarray([[0, 1]], dtype="int32"))
    numpy.testing.assert_allclose(logits, vectors.reshape(1, -1) @ W.T, 1e-5)
    # without a classifier of its own the labels are those of the data
    assert make_nlp(luke, mode="pair_wise").get_pipe("relation_extractor").labels == (
        "works_for",
    )


def test_classifier_without_no_relation_and_with_missing_labels(tmp_path):
    make_classifier(tmp_path, ["employs", "works_for"])
    nlp = make_nlp(tmp_path, mode="pair_wise")
    docs = [make_gold(nlp.vocab)]
    expected = classify_by_transformers(tmp_path, docs)
    numpy.testing.assert_allclose(score(nlp, docs), expected, atol=0.01)
    golds = [
        make_doc(nlp.vocab, "Ann at Bolt", [(0, 1, "P"), (2, 3, "O")], [(0, "new", 1)])
    ]
    nlp = make_nlp(tmp_path, golds, mode="pair_wise")
    labels = nlp.get_pipe("relation_extractor").labels
    assert labels == ("employs", "works_for", "new")
    assert score(nlp, docs).shape == (6, 3)


def test_one_pass_is_luke_with_all_entities(luke):
    """The vectors are those of transformers for the whole text."""
    import torch
    from transformers import AutoTokenizer, LukeModel

    nlp = make_nlp(luke)
    doc = make_gold(nlp.vocab, 2)
    model = get_model(nlp)
    score(nlp, [doc])
    tokenizer = AutoTokenizer.from_pretrained(luke)
    spans = [(ent.start_char, ent.end_char) for ent in doc.ents]
    inputs = tokenizer(doc.text, entity_spans=spans, return_tensors="pt")
    with torch.no_grad():
        found = LukeModel.from_pretrained(luke)(**inputs).entity_last_hidden_state[0]
    pairs = get_candidates(PairGenerator(), [doc]).pairs
    logits, _ = score_logits(model, found.numpy(), pairs)
    exp = numpy.exp(logits)
    expected = (exp / exp.sum(axis=1, keepdims=True))[:, 1:]
    numpy.testing.assert_allclose(score(nlp, [doc]), expected, atol=1e-5)


@pytest.mark.parametrize("mode", ["one_pass", "pair_wise"])
def test_batches_and_unused_entities_do_not_change_scores(luke, mode):
    golds = [make_gold(spacy.blank("en").vocab, n) for n in (0, 6, 2)]
    nlp = make_nlp(luke, golds, mode=mode, all_entities=True)
    docs = [make_gold(nlp.vocab, n) for n in (0, 6, 2)]
    whole = score(nlp, docs)
    model = get_model(nlp)
    assert get_transformer(model.get_ref("encoder")).config.entity_vocab_size == 6
    model.get_ref("encoder").attrs["reading"].batch_pieces = 30
    numpy.testing.assert_allclose(score(nlp, docs), whole, atol=1e-5)
    one_by_one = numpy.concatenate([score(nlp, [doc]) for doc in docs])
    numpy.testing.assert_allclose(one_by_one, whole, atol=1e-5)
    from rel_component.model.luke.checkpoint import keep_special_entities

    encoder = model.get_ref("encoder")
    keep_special_entities(get_tokenizer(encoder), get_transformer(encoder))
    assert get_transformer(encoder).config.entity_vocab_size == 4
    numpy.testing.assert_allclose(score(nlp, docs), whole, atol=1e-6)


@pytest.mark.parametrize("mode", ["one_pass", "pair_wise"])
def test_long_texts_lose_no_pair(luke, mode):
    nlp = make_nlp(luke, mode=mode, window=30)
    near, far = make_gold(nlp.vocab, 1), make_gold(nlp.vocab, 80)
    scores = score(nlp, [near, far])
    assert scores.shape == (12, 1)
    assert numpy.isfinite(scores).all()
    read = []
    encoder = get_model(nlp).get_ref("encoder")
    original = encoder.layers[0]._func

    def record(model, arrays, is_train):
        read.append(arrays["attention_mask"].sum(axis=1).max())
        return original(model, arrays, is_train)

    encoder.layers[0]._func = record
    numpy.testing.assert_allclose(score(nlp, [far]), scores[6:], atol=1e-5)
    assert 20 < max(read) <= 30


def test_long_entities_are_read_by_their_ends(luke):
    nlp = make_nlp(luke, window=20)
    doc = make_doc(nlp.vocab, "Ann " + "abcdef " * 20, [(0, 1, "A"), (1, 21, "B")])
    with pytest.warns(UserWarning, match="first and last"):
        assert score(nlp, [doc]).shape == (2, 1)


@pytest.mark.parametrize(
    "settings",
    [
        {"hidden_width": 32, "type_width": 4, "output": "sigmoid"},
        {"mode": "pair_wise", "window": 20},
        {"bfloat16_on_cpu": True, "hidden_width": 32},
    ],
    ids=["one_pass", "pair_wise_in_windows", "bfloat16"],
)
def test_overfits_and_survives_saving(tmp_path, settings):
    """Also without the folder of the checkpoint, and with mLUKE's tokenizer."""
    folder = make_luke(tmp_path / "luke", multilingual="mode" not in settings)
    vocab = spacy.blank("en").vocab
    golds = [make_gold(vocab), make_gold(vocab, 2), make_gold(vocab, 9)]
    nlp = make_nlp(folder, golds, **settings)

    def get_examples():
        return [Example(copy_without_relations(gold), gold) for gold in golds]

    optimizer = nlp.resume_training()
    optimizer.learn_rate = 0.003
    for _ in range(60):
        nlp.update(get_examples(), sgd=optimizer)
    assert nlp.evaluate(get_examples())["rel_micro_f"] == 1.0
    nlp.to_disk(tmp_path / "model")
    shutil.rmtree(folder)
    loaded = spacy.load(tmp_path / "model")
    # how texts are read is the config's, also of a pipeline that is trained
    start = "components.relation_extractor.model"
    changed = {f"{start}.batch_pieces": 64, f"{start}.window": 12}
    other = get_model(spacy.load(tmp_path / "model", config=changed))
    reading = other.get_ref("encoder").attrs["reading"]
    assert (reading.batch_pieces, reading.window) == (64, 12)
    doc = copy_without_relations(golds[1])
    found, again = get_rel(nlp(doc)), get_rel(loaded(doc))
    assert found == again
    assert type(get_tokenizer(get_model(loaded).get_ref("encoder"))).__name__ in (
        "LukeTokenizer",
        "MLukeTokenizer",
    )
    assert [r.label for r in get_relations(loaded(doc))] == ["works_for"]


def test_gradients_reach_embeddings_and_types(luke):
    nlp = make_nlp(luke, hidden_width=8, type_width=2)
    model = get_model(nlp)
    doc = make_gold(nlp.vocab)
    _, backprop = model.begin_update(([doc], get_candidates(PairGenerator(), [doc])))
    backprop(numpy.ones((6, 1), dtype="float32"))
    assert numpy.abs(model.get_grad("types")[1:]).min() > 0
    table = get_transformer(model.get_ref("encoder")).entity_embeddings
    gradient = table.entity_embeddings.weight.grad.numpy()
    assert (numpy.abs(gradient).sum(axis=1) > 0).tolist() == [False, False, True, False]


def test_documents_without_pairs_pass_through(luke):
    nlp = make_nlp(luke)
    docs = list(nlp.pipe(["", "nothing here"]))
    assert [get_relations(doc) for doc in docs] == [[], []]
    example = Example(nlp.make_doc("nothing"), nlp.make_doc("nothing"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        nlp.update([example], sgd=nlp.resume_training())


def test_saved_tokenizer_has_few_entities(luke, tmp_path):
    encoder = get_model(make_nlp(luke)).get_ref("encoder")
    get_tokenizer(encoder).save_pretrained(tmp_path)
    saved = json.loads((tmp_path / "entity_vocab.json").read_text("utf8"))
    assert saved == {"[PAD]": 0, "[UNK]": 1, "[MASK]": 2, "[MASK2]": 3}


def test_mixed_precision_is_disabled_without_gpu(luke):
    nlp = make_nlp(luke, mixed_precision=True)
    gold = make_gold(nlp.vocab)
    examples = [Example(copy_without_relations(gold), gold)]
    losses = [nlp.update(examples)["relation_extractor"] for _ in range(2)]
    assert losses[1] != losses[0]

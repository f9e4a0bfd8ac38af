import numpy
import pytest
import spacy
import srsly
from spacy.tokens import Span, SpanGroup
from spacy.training import Example
from spacy.util import registry

from rel_component import get_relations
from rel_component.corpus.readers import copy_without_relations
from rel_component.entity_scores import set_entity_scores
from rel_component.model.candidates import PairGenerator, get_entities
from rel_component.pipe.extractor import get_scores_of
from rel_component.relations import (
    LabelConstraints,
    get_relation_data,
    get_relation_keys,
)
from rel_component.schema import Schema

from ..util import make_doc

A, B, C, D = [(i, i + 1, "PERSON") for i in (0, 2, 4, 6)]
# (words, entities, relations)
TRAIN = [
    ("Ann likes Bob .", [A, B], [(0, "LIKES", 1)]),
    ("Bob hates Ann .", [A, B], [(0, "HATES", 1)]),
    ("Eve likes Dan and Bob .", [A, B, C], [(0, "LIKES", 1), (0, "LIKES", 2)]),
    ("Dan hates Eve and Ann .", [A, B, C], [(0, "HATES", 1), (0, "HATES", 2)]),
    ("Dan met Ann .", [A, B], []),
    ("Nobody came .", [], []),
    ("Ann came .", [A], []),
    ("", [], []),
]
LABELS = ("LIKES", "HATES")

TOK2VEC = {
    "@architectures": "spacy.HashEmbedCNN.v2",
    "pretrained_vectors": None,
    "width": 16,
    "depth": 2,
    "embed_size": 100,
    "window_size": 1,
    "maxout_pieces": 2,
    "subword_features": True,
}
LISTENER = {"@architectures": "spacy.Tok2VecListener.v1", "width": 16}


def v1_config(tok2vec=TOK2VEC, generator="rel_instance_generator.v1", **options):
    return {
        "@architectures": "rel_model.v1",
        "create_instance_tensor": {
            "@architectures": "rel_instance_tensor.v1",
            "tok2vec": tok2vec,
            "pooling": {"@layers": "reduce_mean.v1"},
            "get_instances": {"@misc": generator, **options},
        },
        "classification_layer": {
            "@architectures": "rel_classification_layer.v1",
            "nO": None,
            "nI": None,
        },
    }


def pair_config(tok2vec=TOK2VEC, generator="rel_component.PairGenerator.v1", **options):
    return {
        "@architectures": "rel_component.PairModel.v1",
        "tok2vec": tok2vec,
        "pooling": {"@layers": "reduce_mean.v1"},
        "get_instances": {"@misc": generator, **options},
        "hidden_width": 16,
        "vector_dropout": 0.0,
    }


MODELS = {"v1": v1_config, "pair model": pair_config}
every_model = pytest.mark.parametrize("make_config", MODELS.values(), ids=MODELS)


def make_examples(nlp, data=TRAIN, *, gold_entities=True, **options):
    examples = []
    for words, entities, relations in data:
        given = entities if gold_entities else []
        gold = make_doc(nlp.vocab, words, entities, relations, **options)
        examples.append(Example(make_doc(nlp.vocab, words, given), gold))
    return examples


def make_nlp(make_config=v1_config, *, data=TRAIN, shared=False, **config):
    """An initialized pipeline."""
    nlp = spacy.blank("en")
    if shared:
        nlp.add_pipe("tok2vec", config={"model": TOK2VEC})
    model = make_config(LISTENER if shared else TOK2VEC)
    nlp.add_pipe("relation_extractor", config={"model": model, **config})
    examples = make_examples(nlp, data)
    nlp.initialize(lambda: examples)
    return nlp


def train(nlp, examples, n_steps=60):
    optimizer = nlp.resume_training()
    optimizer.learn_rate = 0.01
    losses = {}
    for _ in range(n_steps):
        losses = {}
        nlp.update(examples, sgd=optimizer, losses=losses)
    return losses


@pytest.fixture(scope="module", params=MODELS)
def trained(request):
    nlp = make_nlp(MODELS[request.param])
    train(nlp, make_examples(nlp))
    return nlp


def get_docs(nlp, data=TRAIN):
    return [make_doc(nlp.vocab, words, entities) for words, entities, _ in data]


def as_rel(docs):
    return [
        {pair: pytest.approx(x, abs=1e-5) for pair, x in d._.rel.items()} for d in docs
    ]


def test_add_pipe_with_defaults():
    nlp = spacy.blank("en")
    pipe = nlp.add_pipe("relation_extractor")
    examples = make_examples(nlp)
    nlp.initialize(lambda: examples)
    assert pipe.labels == LABELS and pipe.threshold == 0.5
    losses = nlp.update(examples)
    assert losses["relation_extractor"] > 0
    doc = nlp(make_doc(nlp.vocab, *TRAIN[0][:2]))
    assert list(doc._.rel) == [(0, 2), (2, 0)]
    assert all(0 < score < 1 for row in doc._.rel.values() for score in row.values())


def test_overfits(trained):
    scores = trained.evaluate(make_examples(trained))
    assert scores["rel_micro_f"] == scores["rel_macro_f"] == scores["rel_strict_f"] == 1
    assert scores["rel_candidate_recall"] == 1
    assert scores["rel_per_label"]["LIKES"]["support"] == 3
    (doc,) = trained.pipe(get_docs(trained)[:1])
    assert [tuple(map(str, relation[:3])) for relation in doc._.relations] == [
        ("Ann", "LIKES", "Bob")
    ]
    assert 0.5 < doc._.relations[0].score < 1


def to_disk(nlp, path):
    nlp.to_disk(path / "model")
    return spacy.load(path / "model")


def to_bytes(nlp, path):
    fresh = spacy.util.load_model_from_config(nlp.config, auto_fill=True)
    return fresh.from_bytes(nlp.to_bytes())


@pytest.mark.parametrize("save", [to_disk, to_bytes])
def test_saving_and_loading_does_not_change_scores(trained, save, tmp_path):
    loaded = save(trained, tmp_path)
    expected = list(trained.pipe(get_docs(trained)))
    found = list(loaded.pipe(get_docs(loaded)))
    assert [doc._.rel for doc in found] == [doc._.rel for doc in expected]
    assert list(map(get_relation_keys, found)) == list(map(get_relation_keys, expected))
    assert loaded.get_pipe("relation_extractor").labels == LABELS


@pytest.mark.parametrize("batch_size", [1, 3, 100])
def test_batches_do_not_change_scores(trained, batch_size):
    """Among the documents are empty ones, and ones without or with one entity."""
    alone = [trained(doc) for doc in get_docs(trained)]
    found = list(trained.pipe(get_docs(trained), batch_size=batch_size))
    assert [doc._.rel for doc in found] == as_rel(alone)
    for doc in found:
        data = get_relation_data(doc)
        assert len(data.spans) == len(doc.ents)
        assert len(data.pairs) == len(doc.ents) * max(len(doc.ents) - 1, 0)


def test_several_processes(trained):
    expected = list(trained.pipe(get_docs(trained)))
    found = list(trained.pipe(get_docs(trained), n_process=2, batch_size=2))
    assert [doc._.rel for doc in found] == as_rel(expected)
    assert list(map(get_relation_keys, found)) == [
        get_relation_keys(d) for d in expected
    ]


@pytest.mark.parametrize("docs", [[], [("", [], [])], [("", [], [])] * 2])
def test_nothing_to_do(trained, docs):
    docs = get_docs(trained, docs)
    pipe = trained.get_pipe("relation_extractor")
    assert list(trained.pipe(docs)) == docs
    pipe.set_annotations(docs, pipe.predict(docs))
    assert [get_relations(doc) for doc in docs] == [[]] * len(docs)


def test_docs_of_another_vocab(trained):
    docs = get_docs(spacy.blank("de"))
    docs.insert(
        1,
        make_doc(spacy.blank("fr").vocab, "a\xa0b \n c", [(0, 1, "NEW"), (2, 3, "B")]),
    )
    expected = [trained(doc)._.rel for doc in get_docs(trained)]
    found = list(trained.pipe(docs))
    assert get_relation_data(found.pop(1)).types == ["NEW", "B"]
    assert [doc._.rel for doc in found] == [
        {pair: pytest.approx(x, abs=1e-5) for pair, x in rel.items()}
        for rel in expected
    ]


def test_repeated_prediction_replaces(trained):
    (doc,) = get_docs(trained)[:1]
    first = dict(trained(doc)._.rel)
    assert trained(doc)._.rel == first
    doc.ents = doc.ents[:1]
    assert trained(doc)._.rel == {} and doc._.relations == []


@every_model
def test_shared_encoder(make_config):
    """Also in batches without a pair the encoder gets its gradient."""
    nlp = make_nlp(make_config, shared=True)
    examples = make_examples(nlp)
    train(nlp, [examples[-1], examples[-2]], n_steps=2)
    train(nlp, examples)
    scores = nlp.evaluate(make_examples(nlp))
    assert scores["rel_micro_f"] == 1


@every_model
@pytest.mark.parametrize(
    "rows",
    [[], [TRAIN[-1]], [TRAIN[-2]], [TRAIN[-3]], TRAIN[-3:]],
    ids=["no documents", "empty", "one entity", "no entity", "all of these"],
)
def test_update_without_pairs(make_config, rows):
    nlp = make_nlp(make_config)
    pipe = nlp.get_pipe("relation_extractor")
    losses = pipe.update(make_examples(nlp, rows), sgd=nlp.resume_training())
    assert losses == {"relation_extractor": 0.0}


def test_update_learns_on_gold_entities():
    """However poor the predicted ones are."""
    nlp = make_nlp()
    without, given = (make_examples(nlp, gold_entities=x) for x in (False, True))
    pipe = nlp.get_pipe("relation_extractor")
    loss, expected = (pipe.update(x)["relation_extractor"] for x in (without, given))
    assert loss == pytest.approx(expected) and loss > 0


def test_update_accumulates_losses_and_gradients():
    nlp = make_nlp()
    pipe = nlp.get_pipe("relation_extractor")
    examples = make_examples(nlp)
    classify = pipe.model.layers[1].layers[0]
    losses = pipe.update(examples)
    loss, gradient = losses["relation_extractor"], classify.get_grad("b").copy()
    assert pipe.update(examples, losses=losses) is losses
    assert losses["relation_extractor"] == pytest.approx(2 * loss)
    numpy.testing.assert_allclose(classify.get_grad("b"), 2 * gradient, rtol=1e-4)


def test_get_loss():
    nlp = make_nlp()
    pipe = nlp.get_pipe("relation_extractor")
    examples = make_examples(nlp, TRAIN[:2])
    scores = numpy.full((4, 2), 0.5, dtype="float32")
    loss, gradient = pipe.get_loss(examples, scores)
    assert gradient.tolist() == [[-0.5, 0.5], [0.5, 0.5], [0.5, -0.5], [0.5, 0.5]]
    assert loss == pytest.approx(0.5)


def test_unknown_truth_has_no_gradient():
    nlp = make_nlp()
    pipe = nlp.get_pipe("relation_extractor")
    examples = make_examples(nlp, TRAIN[2:3], complete=False)
    _, gradient = pipe.get_loss(examples, numpy.full((6, 2), 0.5, dtype="float32"))
    assert gradient.tolist() == [[-0.5, 0], [-0.5, 0]] + [[0, 0]] * 4


@pytest.mark.parametrize("threshold", [0.0, 0.3, 0.5, 1.0])
def test_threshold(trained, threshold):
    pipe = trained.get_pipe("relation_extractor")
    before = pipe.cfg["threshold"]
    pipe.cfg["threshold"] = threshold
    docs = list(trained.pipe(get_docs(trained)))
    pipe.cfg["threshold"] = before
    for doc in docs:
        data = get_relation_data(doc)
        assert len(doc._.relations) == (data.scores >= threshold).sum()
        assert all(relation.score >= threshold for relation in doc._.relations)
    n_pairs = sum(len(entities) * (len(entities) - 1) for _, entities, _ in TRAIN)
    n_found = sum(len(doc._.relations) for doc in docs)
    assert {0.0: n_found == 2 * n_pairs, 1.0: n_found == 0}.get(threshold, n_found == 6)


def test_labels():
    nlp = spacy.blank("en")
    pipe = nlp.add_pipe("relation_extractor")
    assert pipe.labels == ()
    assert [pipe.add_label("A"), pipe.add_label("B"), pipe.add_label("A")] == [1, 1, 0]
    assert pipe.labels == ("A", "B")


@pytest.mark.parametrize("label", [1, None, b"A"])
def test_label_is_no_string(label):
    pipe = spacy.blank("en").add_pipe("relation_extractor")
    with pytest.raises(ValueError, match=r"Relation label .* is a \w+; expected a str"):
        pipe.add_label(label)


def test_labels_of_initialize_come_first():
    nlp = spacy.blank("en")
    pipe = nlp.add_pipe("relation_extractor")
    examples = make_examples(nlp)
    pipe.initialize(lambda: examples, labels=["HATES", "NEVER_SEEN"])
    assert pipe.labels == ("HATES", "NEVER_SEEN")
    doc = nlp(get_docs(nlp)[0])
    assert set(doc._.rel[0, 2]) == {"HATES", "NEVER_SEEN"}


@every_model
def test_label_after_initialize_is_refused(make_config):
    """It would have no weights, and shift the others' scores."""
    nlp = make_nlp(make_config)
    pipe = nlp.get_pipe("relation_extractor")
    assert pipe.add_label("LIKES") == 0
    with pytest.raises(ValueError, match="cannot add any more labels"):
        pipe.add_label("NEW")
    assert pipe.labels == LABELS


def test_no_labels():
    nlp = spacy.blank("en")
    nlp.add_pipe("relation_extractor")
    examples = make_examples(nlp, [("Ann met Bob .", [A, B], [])])
    with pytest.raises(
        ValueError, match="none of the 1 training documents contains rel"
    ):
        nlp.initialize(lambda: examples)


@pytest.mark.parametrize(
    "data,max_length",
    [(TRAIN[:4], 1), ([("Ann likes", [A], [(0, "LIKES", 0)])], None)],
)
def test_no_pairs_to_initialize_with(data, max_length):
    nlp = spacy.blank("en")
    model = v1_config(max_length=max_length)
    nlp.add_pipe("relation_extractor", config={"model": model})
    examples = make_examples(nlp, data)
    message = rf"none of the {len(data)} training documents .*max_length"
    with pytest.raises(ValueError, match=message):
        nlp.initialize(lambda: examples)


def test_lost_relations_are_reported():
    nlp = spacy.blank("en")
    nlp.add_pipe("relation_extractor", config={"model": v1_config(max_length=2)})
    examples = make_examples(nlp)
    with pytest.warns(
        UserWarning, match=r"2 of 6 gold relations .* must be at least 4 "
    ):
        nlp.initialize(lambda: examples)
    scores = nlp.evaluate(make_examples(nlp))
    assert scores["rel_candidate_recall"] == pytest.approx(4 / 6)


@registry.misc("tests.forward_pairs.v1")
def create_forward_pairs(max_gap: int):
    """A user's generator, of the tutorial's kind."""

    def get_instances(doc):
        return [
            (head, tail)
            for i, head in enumerate(doc.ents)
            for tail in doc.ents[i + 1 :]
            if tail.start - head.end <= max_gap
        ]

    return get_instances


@every_model
def test_own_instance_generator(make_config):
    nlp = spacy.blank("en")
    model = make_config(generator="tests.forward_pairs.v1", max_gap=3)
    nlp.add_pipe("relation_extractor", config={"model": model})
    examples = make_examples(nlp)
    nlp.initialize(lambda: examples)
    train(nlp, examples)
    assert nlp.evaluate(make_examples(nlp))["rel_micro_f"] == 1
    docs = list(nlp.pipe(get_docs(nlp)))
    assert list(docs[0]._.rel) == [(0, 2)]
    assert list(docs[2]._.rel) == [(0, 2), (0, 4), (2, 4)]
    assert docs[-1]._.rel == {}


def test_entities_in_span_groups():
    """Nested and same-start entities, and their types, come from `doc.spans`."""
    nlp = spacy.blank("en")
    config = {"model": pair_config(spans_key="sc")}
    pipe = nlp.add_pipe("relation_extractor", config=config)
    entities = [(0, 3, "ORG"), (0, 1, "PLACE"), (1, 2, "FIELD")]
    words = "Paris Physics Institute"
    gold = make_doc(
        nlp.vocab, words, entities, [(0, "IN", 1), (0, "DOES", 2)], spans_key="sc"
    )
    doc = make_doc(nlp.vocab, words, entities, spans_key="sc")
    examples = [Example(doc, gold)]
    nlp.initialize(lambda: examples)
    assert pipe.model.attrs["entity_types"] == ["FIELD", "ORG", "PLACE"]
    train(nlp, examples)
    found = nlp(make_doc(nlp.vocab, words, entities, spans_key="sc"))
    assert {(r.head.text, r.label, r.tail.text) for r in found._.relations} == {
        (words, "IN", "Paris"),
        (words, "DOES", "Physics"),
    }


def test_joint_with_entity_ruler():
    """Entities that another pipe has set just before."""
    nlp = make_nlp()
    train(nlp, make_examples(nlp))
    ruler = nlp.add_pipe("entity_ruler", first=True)
    ruler.add_patterns([{"label": "PERSON", "pattern": x} for x in ("Ann", "Bob")])
    (relation,) = nlp("Ann likes Bob .")._.relations
    assert (relation.head.text, relation.label) == ("Ann", "LIKES")
    assert isinstance(relation.tail, Span)


SYMMETRIC = [
    ("Ann married Bob .", [A, B], [(0, "MARRIED", 1)]),
    ("Eve met Dan .", [A, B], [(1, "MARRIED", 0)]),  # written the other way
    ("Dan likes Ann .", [A, B], [(0, "LIKES", 1)]),
]


@every_model
def test_symmetric_labels(make_config):
    """Found in both directions with one score, and counted once."""
    nlp = spacy.blank("en")
    pipe = nlp.add_pipe("relation_extractor", config={"model": make_config()})
    examples = make_examples(nlp, SYMMETRIC)
    pipe.initialize(lambda: examples, symmetric=["MARRIED"])
    train(nlp, examples)
    scores = nlp.evaluate(make_examples(nlp, SYMMETRIC))
    assert (
        scores["rel_micro_f"] == 1
        and scores["rel_per_label"]["MARRIED"]["support"] == 1 + 1
    )
    married, met, likes = (doc._.rel for doc in nlp.pipe(get_docs(nlp, SYMMETRIC)))
    for rel in (married, met):
        assert rel[0, 2]["MARRIED"] == rel[2, 0]["MARRIED"] > 0.5
    assert likes[0, 2]["LIKES"] > 0.5 > likes[2, 0]["LIKES"]


def test_symmetric_labels_of_a_generator_that_gives_one_direction():
    """The later entity first: the label is learned and found all the same, and a label
    with a direction only where the generator gave the pair."""
    nlp = spacy.blank("en")
    pipe = nlp.add_pipe("relation_extractor")
    pipe.model.attrs["get_instances"] = lambda doc: [(doc.ents[1], doc.ents[0])]
    examples = make_examples(nlp, [*SYMMETRIC[:2], ("Dan likes Ann .", [A, B], [])])
    for label in ("MARRIED", "LIKES"):
        pipe.add_label(label)
    pipe.initialize(lambda: examples, symmetric=["MARRIED"])
    train(nlp, examples)
    married, met, likes = nlp.pipe(get_docs(nlp, SYMMETRIC))
    for doc in (married, met):
        assert [r.label for r in doc._.relations] == ["MARRIED"] * 2
        assert "LIKES" not in doc._.rel[0, 2] and "LIKES" in doc._.rel[2, 0]
    assert likes._.relations == []


TYPED = [(0, 1, "PERSON"), (2, 3, "ORG"), (4, 5, "ORG")]
SCHEMA = {"relations": {"WORKS_FOR": {"pairs": [["PERSON", "ORG"]]}}}


@pytest.mark.parametrize("from_file", [True, False])
@every_model
def test_schema(make_config, from_file, tmp_path):
    """Pairs that it does not allow are neither scored nor found; it is saved."""
    nlp = spacy.blank("en")
    pipe = nlp.add_pipe(
        "relation_extractor", config={"model": make_config(), "threshold": 0.0}
    )
    data = [("Ann joined Acme and Bolt", TYPED, [(0, "WORKS_FOR", 1)])]
    examples = make_examples(nlp, data)
    srsly.write_json(tmp_path / "schema.json", SCHEMA)
    options = {"schema_path": tmp_path / "schema.json"} if from_file else {}
    pipe.initialize(lambda: examples, learn_schema=not from_file, **options)
    nlp.to_disk(tmp_path / "model")
    docs = get_docs(nlp, data)
    docs.append(
        make_doc(spacy.blank("de").vocab, "a b c", [(0, 1, "NEW"), (2, 3, "ORG")])
    )
    for model in (nlp, spacy.load(tmp_path / "model")):
        doc, other = model.pipe([doc.copy() for doc in docs])
        assert list(doc._.rel) == [(0, 2), (0, 4)]
        assert other._.rel == {} and other._.relations == []


def test_schema_contradicted_by_data(tmp_path):
    nlp = spacy.blank("en")
    pipe = nlp.add_pipe("relation_extractor")
    data = [
        ("Ann joined Acme and Bolt", TYPED, [(0, "WORKS_FOR", 1), (2, "WORKS_FOR", 1)])
    ]
    examples = make_examples(nlp, data)
    srsly.write_json(tmp_path / "schema.json", SCHEMA)
    with pytest.warns(UserWarning) as warned:
        pipe.initialize(lambda: examples, schema_path=tmp_path / "schema.json")
    messages = [str(warning.message) for warning in warned]
    assert "1 relations in the training data contradict the schema" in messages[0]
    assert "ORG —WORKS_FOR→ ORG (1)" in messages[0]
    assert len(messages) == 1 or "1 of 2 gold relations" in messages[1]


def test_unknown_labels_of_a_training_that_goes_on_are_named(tmp_path):
    make_nlp().to_disk(tmp_path)
    nlp = spacy.load(tmp_path)
    gold = make_doc(nlp.vocab, 3, [(0, 1, "A"), (2, 3, "A")], [(0, "NEW", 1)])
    examples = [Example(copy_without_relations(gold), gold)]
    with pytest.warns(UserWarning, match="can't learn NEW, since its labels are"):
        nlp.update(examples)


def test_a_schema_as_plain_data_is_refused():
    pipe = make_nlp().get_pipe("relation_extractor")
    with pytest.raises(ValueError, match="schema is a dict; expected a Schema, such"):
        pipe.schema = {"relations": {}}


def test_constraints(tmp_path):
    """Kept at any threshold, in each document, together with a ruler, and saved."""
    nlp = make_nlp(threshold=0.0)
    pipe = nlp.get_pipe("relation_extractor")
    before = as_rel(nlp.pipe(get_docs(nlp)))
    assert len(nlp(get_docs(nlp)[0])._.relations) == 4  # two labels, both ways
    pipe.schema = Schema(
        dict.fromkeys(LABELS),
        constraints={
            "LIKES": LabelConstraints(acyclic=True),
            "HATES": LabelConstraints(max_heads=1),
        },
    )
    ruler = nlp.add_pipe("relation_ruler", before="relation_extractor")
    ruler.add_patterns([{"label": "LIKES", "between": "likes", "order": "tail_first"}])
    nlp.to_disk(tmp_path)
    for model in (nlp, spacy.load(tmp_path)):
        first, *others = model.pipe(get_docs(nlp))
        found = [(x.head.text, x.label, x.tail.text) for x in first._.relations]
        assert found == [
            ("Ann", "HATES", "Bob"),
            ("Bob", "LIKES", "Ann"),
            ("Bob", "HATES", "Ann"),
        ]
        for i in (0, 2, 3):  # without a match: the scores are as they were
            assert others[i]._.rel == before[i + 1]
    with pytest.raises(ValueError, match="LIKES is symmetric and acyclic"):
        examples = make_examples(nlp)
        srsly.write_json(tmp_path / "schema.json", pipe.schema.to_dict())
        path = tmp_path / "schema.json"
        pipe.initialize(lambda: examples, symmetric=["LIKES"], schema_path=path)


def test_constraints_that_the_data_does_not_keep(tmp_path):
    nlp = spacy.blank("en")
    pipe = nlp.add_pipe("relation_extractor")
    data = [("Ann joined Acme and Bolt", TYPED, [(0, "W", 1), (0, "W", 2)])]
    examples = make_examples(nlp, data)
    path = tmp_path / "schema.json"
    srsly.write_json(path, {"relations": {"W": {"max_tails": 1}}})
    with pytest.warns(UserWarning, match=r"most often max_tails of W \(1\)"):
        pipe.initialize(lambda: examples, schema_path=path)


def test_single_label():
    """Of each pair the best label, whatever the others' scores."""
    nlp = make_nlp(threshold=0.0, single_label=True)
    for doc in nlp.pipe(get_docs(nlp)):
        data = get_relation_data(doc)
        assert data.decided.tolist() == [
            [row, column] for row, column in enumerate(data.scores.argmax(axis=1))
        ]


def test_scores_of_entities_weigh_relations(trained):
    """Of those that an entity tagger has found; others count as certain."""
    pipe = trained.get_pipe("relation_extractor")
    doc, plain = get_docs(trained)[2], get_docs(trained)[2]
    ents = doc.ents
    set_entity_scores(doc, {ents[0]: 0.5, ents[1]: 0.25})
    for uses, factors in ((False, (1, 1, 1)), (True, (0.5, 0.25, 1))):
        pipe.use_entity_scores = uses
        _, scores = pipe.predict([plain, doc])
        pairs, expected = pipe.predict([plain])
        n = len(expected)
        assert scores[:n] == pytest.approx(expected, abs=1e-6)
        weights = numpy.asarray(factors)[pairs.pairs].prod(axis=1)
        assert scores[n:] == pytest.approx(expected * weights[:, None], abs=1e-6)
    pipe.use_entity_scores = False


def test_scores_of_a_span_group_weigh_relations():
    """Of the group that the extractor reads, as spaCy's `spancat` stores them."""
    nlp = spacy.blank("en")
    doc = nlp("Ann met Bob")
    spans = [Span(doc, 0, 1, "PERSON"), Span(doc, 2, 3, "PERSON")]
    doc.spans["sc"] = SpanGroup(doc, spans=spans, attrs={"scores": [0.5, 0.25]})
    for spans_key, expected in (("sc", [0.5, 0.25]), ("other", [1.0, 1.0])):
        doc.spans["other"] = spans
        entities = get_entities([doc], spans_key)
        assert get_scores_of([doc], entities, [spans_key]).tolist() == expected


class Backward(PairGenerator):
    """Of two entities only the pair whose head comes last."""

    def get_pairs(self, docs, entities):
        found = super().get_pairs(docs, entities)
        return found.select(found.pairs[:, 0] > found.pairs[:, 1])


@pytest.mark.parametrize("symmetric", [[], ["LIKES"], ["LIKES", "HATES"]])
def test_generator_of_the_second_direction_loses_nothing(symmetric):
    data = [("Ann likes Bob .", [A, B], [(1, "LIKES", 0)]), TRAIN[4]]
    nlp = spacy.blank("en")
    pipe = nlp.add_pipe("relation_extractor", config={"model": v1_config()})
    pipe.model.attrs["get_instances"] = Backward()
    examples = make_examples(nlp, data)
    pipe.initialize(
        lambda: examples, nlp=nlp, labels=["LIKES", "HATES"], symmetric=symmetric
    )
    truth = pipe.get_truth(examples)
    assert truth.labels.sum() == 1.0
    ways = {(0, 1), (1, 0)} if "LIKES" in symmetric else {(1, 0)}
    candidates, scores = pipe.predict([examples[0].predicted])
    assert {tuple(pair) for pair in candidates.pairs.tolist()} == ways
    # the pair that was added is no candidate for labels that have a direction
    column = 1 if symmetric == ["LIKES"] else 0
    assert numpy.isnan(scores[:, column]).sum() <= (symmetric == ["LIKES"])


@pytest.mark.parametrize(
    "options, message",
    [
        ({"labels": "LIKES"}, "labels is 'LIKES'; expected a list"),
        ({"labels": [5]}, r"labels is \[5\]"),
        ({"labels": [""]}, r"labels is \[''\]"),
        ({"symmetric": "LIKES"}, "symmetric is 'LIKES'"),
        ({"symmetric": ["NO"]}, r"symmetric contains \['NO'\], but the labels are"),
        ({"schema_path": "nothing.json"}, "nothing.json: schema file not found"),
        ({"schema_path": 5}, "5 is not a path"),
    ],
)
def test_settings_of_initialize_are_refused_by_name(options, message):
    nlp = spacy.blank("en")
    pipe = nlp.add_pipe("relation_extractor", config={"model": v1_config()})
    examples = make_examples(nlp)
    with pytest.raises(ValueError, match=message):
        pipe.initialize(lambda: examples, nlp=nlp, **options)


def test_settings_are_refused_by_name():
    nlp = spacy.blank("en")
    for name, value in (
        ("threshold", "0.5"),
        ("threshold", 2),
        ("predicted_share", -0.5),
    ):
        with pytest.raises(ValueError, match=f"^{name} is {value!r}; expected a num"):
            nlp.add_pipe("relation_extractor", config={name: value})
    pipe = nlp.add_pipe("relation_extractor")
    pipe.add_label("LIKES")
    for name, value in (
        ("threshold", None),
        ("threshold", "0.5"),
        ("threshold", float("nan")),
        ("thresholds", None),
        ("thresholds", 0.5),
        ("calibration", None),
    ):
        with pytest.raises(ValueError, match=f"^{name} is {value!r}; expected"):
            setattr(pipe, name, value)
    for name, value in (
        ("thresholds", "0.5"),
        ("thresholds", None),
        ("calibration", None),
        ("calibration", (1.0,)),
    ):
        with pytest.raises(ValueError, match=rf"^{name}\['LIKES'\] is"):
            setattr(pipe, name, {"LIKES": value})
    with pytest.raises(ValueError, match=r"threshold is '0.5'"):
        pipe.use_threshold("0.5")
    with pytest.raises(ValueError, match="label '' is"):
        pipe.add_label("")


def test_initialize_without_examples():
    nlp = spacy.blank("en")
    pipe = nlp.add_pipe("relation_extractor")
    pipe.add_label("LIKES")
    with pytest.raises(ValueError, match=r"two entities .*initialize\(lambda: exampl"):
        nlp.initialize()


def test_two_extractors_do_not_take_from_each_other(tmp_path):
    """Each has labels of its own; those of the first stay."""
    nlp = make_nlp(data=TRAIN[:1])
    other = make_nlp(data=TRAIN[1:2])
    nlp.add_pipe("relation_extractor", name="second", source=other)
    train(nlp, make_examples(nlp, TRAIN[:1]), n_steps=1)
    first, second = nlp.get_pipe("relation_extractor"), nlp.get_pipe("second")
    assert (first.labels, second.labels) == (("LIKES",), ("HATES",))
    first.threshold = second.threshold = 0.0
    doc = nlp(nlp(get_docs(nlp)[0]))  # twice is once
    assert {r.label for r in doc._.relations} == {"LIKES", "HATES"}
    assert len(doc._.relations) == 4
    assert doc._.rel.keys() == {(0, 2), (2, 0)}
    assert all(cells.keys() == {"LIKES", "HATES"} for cells in doc._.rel.values())
    for pipe, name in ((first, "LIKES"), (second, "HATES")):
        alone = get_docs(nlp)[0]
        pipe(alone)
        for pair, cells in alone._.rel.items():
            assert doc._.rel[pair][name] == cells[name]
    nlp.to_disk(tmp_path)
    again = spacy.load(tmp_path)
    assert again(get_docs(again)[0])._.rel == doc._.rel


@pytest.mark.parametrize("output", ["sigmoid", "softmax"])
def test_untrained_scores_are_the_shares_of_the_labels(output):
    """If most logits had to fall at first, the layers that learn words would fall with
    them, and learn nothing if all entities have one type."""
    nlp = spacy.blank("en")
    model = {**pair_config(), "output": output}
    nlp.add_pipe("relation_extractor", config={"model": model})
    golds = [
        make_doc(nlp.vocab, "a b c d e f", [(i, i + 1, "E") for i in range(6)], found)
        for found in [[(0, "X", 1), (1, "X", 2), (0, "Y", 2)], [(3, "X", 1)]]
    ]
    nlp.initialize(
        lambda: [Example(copy_without_relations(gold), gold) for gold in golds]
    )
    scores = get_relation_data(nlp(copy_without_relations(golds[0]))).scores
    # of 60 pairs
    assert scores.mean(axis=0) == pytest.approx([4 / 62, 2 / 62], rel=0.05)


def test_entities_that_a_spancat_does_not_suggest_are_told():
    nlp = spacy.blank("en")
    suggester = {"@misc": "spacy.ngram_range_suggester.v1", "min_size": 1}
    config = {"suggester": {**suggester, "max_size": 2}, "spans_key": "sc"}
    nlp.add_pipe("spancat", config=config).add_label("E")
    config = {"model": pair_config(spans_key="sc")}
    extractor = nlp.add_pipe("relation_extractor", config=config)
    entities = [(0, 3, "E"), (4, 5, "E")]
    gold = make_doc(nlp.vocab, "a b c d e", entities, [(0, "R", 1)], spans_key="sc")
    examples = [Example(copy_without_relations(gold), gold)]
    with pytest.warns(UserWarning, match=r"1 of 2 entities .* has more than 2 tokens"):
        extractor.initialize(lambda: examples, nlp=nlp)

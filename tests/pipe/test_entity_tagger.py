import numpy
import pytest
import spacy
from spacy.tokens import Doc, DocBin, Span
from spacy.training import Example

from rel_component.entity_scores import get_entity_scores
from rel_component.model.entities.tags import UNKNOWN, TagSet
from rel_component.pipe.entity_tagger import get_tags, split_evenly

from ..util import make_doc
from .test_extractor import LISTENER, TOK2VEC, pair_config

# (words, entities)
TRAIN = [
    ("Ann works in New York .", [(0, 1, "PERSON"), (3, 5, "PLACE")]),
    ("Bob left Ann in Rome", [(0, 1, "PERSON"), (2, 3, "PERSON"), (4, 5, "PLACE")]),
    ("the old man of New York City", [(0, 3, "PERSON"), (4, 7, "PLACE")]),
    ("Nobody came .", []),
    ("", []),
]
LABELS = ["PERSON", "PLACE"]


def tagger_config(tok2vec=TOK2VEC, **options):
    return {
        "@architectures": "rel_component.EntityTagger.v1",
        "tok2vec": tok2vec,
        **options,
    }


def make_examples(nlp, data=TRAIN):
    golds = [make_doc(nlp.vocab, words, entities) for words, entities in data]
    return [Example(Doc(nlp.vocab, words=[t.text for t in x]), x) for x in golds]


def make_nlp(*, shared=False, data=TRAIN, **options):
    """An initialized pipeline."""
    nlp = spacy.blank("en")
    if shared:
        nlp.add_pipe("tok2vec", config={"model": TOK2VEC})
    model = tagger_config(LISTENER if shared else TOK2VEC, **options)
    nlp.add_pipe("entity_tagger", config={"model": model})
    nlp.initialize(lambda: make_examples(nlp, data))
    return nlp


def train(nlp, examples, n_steps=50, **options):
    optimizer = nlp.resume_training()
    optimizer.learn_rate = 0.02
    for _ in range(n_steps):
        losses = nlp.update(examples, sgd=optimizer, **options)
    return losses


def get_docs(nlp, data=TRAIN):
    return [example.predicted for example in make_examples(nlp, data)]


def get_ents(doc):
    return [(ent.start, ent.end, ent.label_) for ent in doc.ents]


@pytest.fixture(scope="module", params=[False, True], ids=["free", "crf"])
def trained(request):
    nlp = make_nlp(crf=request.param)
    train(nlp, make_examples(nlp))
    return nlp


def test_overfits(trained):
    assert trained.get_pipe("entity_tagger").labels == tuple(LABELS)
    for doc, (_, entities) in zip(trained.pipe(get_docs(trained)), TRAIN):
        assert get_ents(doc) == entities
        assert doc.has_annotation("ENT_IOB") or not len(doc)
    scores = trained.evaluate(make_examples(trained))
    assert scores["ents_f"] == 1.0 and set(scores["ents_per_type"]) == set(LABELS)


def test_transitions_learn(trained):
    model = trained.get_pipe("entity_tagger").model
    if "between" in model.param_names:
        assert numpy.count_nonzero(model.get_param("between")) > 2
        assert numpy.count_nonzero(model.get_param("within")) > 2


@pytest.mark.parametrize(
    "encode",
    [
        {
            "@architectures": "spacy.MaxoutWindowEncoder.v2",
            "width": 16,
            "window_size": 1,
            "maxout_pieces": 2,
            "depth": 1,
        },
        {
            "@architectures": "spacy.TorchBiLSTMEncoder.v1",
            "width": 16,
            "depth": 1,
            "dropout": 0.0,
        },
    ],
    ids=["convolution", "bilstm"],
)
def test_layers_of_its_own_learn(encode):
    nlp = make_nlp(shared=True, encode=encode)
    data = [x for x in TRAIN if x[0]]
    train(nlp, make_examples(nlp, data))
    docs = list(nlp.pipe(get_docs(nlp, data)))
    assert [get_ents(doc) for doc in docs] == [entities for _, entities in data]


def test_scores_are_kept_with_the_doc(trained):
    doc = trained(get_docs(trained)[2])
    scores = get_entity_scores(doc)
    assert sorted(scores) == get_ents(doc)
    assert all(0.5 < score <= 1.0 for score in scores.values())
    assert doc.ents[0]._.entity_score == scores[get_ents(doc)[0]]
    assert doc[0:1]._.entity_score is None
    again = Doc(doc.vocab).from_bytes(doc.to_bytes())
    assert get_entity_scores(again) == scores
    data = DocBin(docs=[doc], store_user_data=True).to_bytes()
    (again,) = DocBin().from_bytes(data).get_docs(doc.vocab)
    assert get_entity_scores(again) == scores
    assert get_entity_scores(make_doc(doc.vocab, "no scores")) == {}


def test_batch_is_like_single_documents(trained):
    alone = [trained(doc) for doc in get_docs(trained)]
    for batch_size in (2, 10):
        batch = trained.pipe(get_docs(trained), batch_size=batch_size)
        for doc, single in zip(batch, alone, strict=True):
            assert get_ents(doc) == get_ents(single)
            assert get_entity_scores(doc) == pytest.approx(
                get_entity_scores(single), abs=1e-5
            )


def test_large_batches_are_decoded_in_parts(trained, monkeypatch):
    """To limit memory; a document that is longer than a part is one of its own."""
    expected = trained.get_pipe("entity_tagger").predict(get_docs(trained))
    monkeypatch.setattr("rel_component.pipe.entity_tagger.MAX_CELLS", 50)
    found = trained.get_pipe("entity_tagger").predict(get_docs(trained))
    for name in ("spans", "types", "offsets"):
        assert getattr(found, name).tolist() == getattr(expected, name).tolist()
    assert found.scores == pytest.approx(expected.scores, abs=1e-6)
    lengths = numpy.asarray([3, 0, 2, 9, 0, 1, 1])
    parts = list(split_evenly(lengths, 5))
    assert [lengths[docs].tolist() for docs, _ in parts] == [[3, 0, 2], [9], [0, 1, 1]]
    assert [(x.start, x.stop) for _, x in parts] == [(0, 5), (5, 14), (14, 16)]


def test_documents_without_tokens(trained):
    assert [doc.ents for doc in trained.pipe(["", ""])] == [(), ()]
    empty = make_examples(trained, [("", [])])
    assert trained.update(empty) == {"entity_tagger": 0.0}
    assert trained.get_pipe("entity_tagger").predict([]).offsets.tolist() == [0]


def test_saving_keeps_everything(trained, tmp_path):
    trained.to_disk(tmp_path)
    loaded = [spacy.load(tmp_path)]
    loaded.append(spacy.blank("en").from_config(trained.config))
    loaded[1].from_bytes(trained.to_bytes())
    for nlp in loaded:
        for doc, other in zip(get_docs(nlp), get_docs(trained)):
            doc, other = nlp(doc), trained(other)
            assert get_ents(doc) == get_ents(other)
            assert get_entity_scores(doc) == pytest.approx(get_entity_scores(other))


def test_entities_of_a_doc_stay(trained):
    doc = get_docs(trained)[0]
    doc.ents = [Span(doc, 2, 4, "GIVEN")]
    doc = trained(doc)
    ents, scores = get_ents(doc), get_entity_scores(doc)
    assert ents[:2] == [(0, 1, "PERSON"), (2, 4, "GIVEN")]
    assert [*scores] == [ent for ent in ents if ent[2] != "GIVEN"]
    doc = trained(doc)  # all are given now
    assert get_ents(doc) == ents and get_entity_scores(doc) == scores


def test_a_doc_may_be_in_a_batch_twice(trained):
    doc, expected = get_docs(trained)[1], trained(get_docs(trained)[1])
    for found in trained.pipe([doc, doc, doc]):
        assert get_ents(found) == get_ents(expected)
        assert len(get_entity_scores(found)) == len(found.ents)


def test_what_was_not_annotated_is_not_learned():
    nlp = make_nlp()
    pipe = nlp.get_pipe("entity_tagger")
    (example,) = make_examples(nlp, TRAIN[:1])
    gold = example.reference
    gold.set_ents([gold[0:1]], missing=[gold[3:5]], default="unmodified")
    gold.set_ents([Span(gold, 0, 1, "PERSON")], missing=[gold[3:5]], default="outside")
    tags = get_tags(example, LABELS, TagSet(2))
    assert tags.tolist() == [7, 0, 0, UNKNOWN, UNKNOWN, 0]
    scores = pipe.model.predict([example.predicted])
    _, gradient = pipe.get_loss([example], scores)
    assert (gradient[3:5] == 0).all() and (gradient[[0, 1, 2, 5]] != 0).any(
        axis=1
    ).all()
    nothing = Example(example.predicted, Doc(nlp.vocab, words=[t.text for t in gold]))
    assert (get_tags(nothing, LABELS, TagSet(2)) == UNKNOWN).all()
    assert pipe.get_loss([nothing], scores)[0] == 0.0


def test_gold_tokens_may_differ(vocab):
    gold = make_doc(vocab, "in New York City today", [(1, 4, "PLACE")])
    example = Example(Doc(vocab, words=["in", "New York", "City", "today"]), gold)
    assert get_tags(example, LABELS, TagSet(2)).tolist() == [0, 2, 6, 0]
    # one token that is partly in the entity is not known
    example = Example(Doc(vocab, words=["in New", "York", "City", "today"]), gold)
    assert get_tags(example, LABELS, TagSet(2)).tolist() == [UNKNOWN] * 3 + [0]
    # an entity of another type is outside
    assert get_tags(example, ["TIME"], TagSet(1)).tolist() == [0] * 4


def test_labels_come_from_the_data_or_the_config():
    nlp = spacy.blank("en")
    pipe = nlp.add_pipe("entity_tagger", config={"model": tagger_config()})
    with pytest.raises(ValueError, match="contain no entities in"):
        pipe.initialize(lambda: make_examples(nlp, TRAIN[3:]), nlp=nlp)
    with pytest.warns(UserWarning, match=r"3 entities .* as non-entities: PLACE"):
        pipe.initialize(lambda: make_examples(nlp), nlp=nlp, labels=["PERSON"])
    assert pipe.labels == pipe.label_data == ("PERSON",)
    assert get_tags(make_examples(nlp)[0], pipe.labels, TagSet(1))[3] == 0
    with pytest.raises(ValueError, match="expected a string"):
        pipe.add_label(3)


def test_label_after_initialize_is_refused():
    """It would have no weights, and shift the tags of the others."""
    nlp = make_nlp()
    pipe = nlp.get_pipe("entity_tagger")
    assert pipe.add_label("PLACE") == 0
    more = make_examples(nlp, [*TRAIN, ("today", [(0, 1, "TIME")])])
    for call in (lambda: pipe.add_label("TIME"), lambda: nlp.initialize(lambda: more)):
        with pytest.raises(ValueError, match="PERSON, PLACE, and cannot add any more"):
            call()
    assert pipe.labels == ("PERSON", "PLACE")
    nlp.initialize(lambda: make_examples(nlp))


def test_unknown_types_of_a_training_that_goes_on_are_named(trained, tmp_path):
    """They are learned as no entities; `initialize` says so of its own data."""
    trained.to_disk(tmp_path)
    nlp = spacy.load(tmp_path)
    train(nlp, make_examples(nlp), 1)
    more = make_examples(nlp, [("today", [(0, 1, "TIME")])])
    with pytest.warns(UserWarning, match="can't learn TIME, since its labels are PER"):
        train(nlp, more, 1)
    train(nlp, more, 1)  # once


def test_is_sourced_with_a_shared_encoder():
    nlp = make_nlp(shared=True)
    train(nlp, make_examples(nlp))
    expected = [get_ents(nlp(doc)) for doc in get_docs(nlp)]
    other = spacy.blank("en")
    nlp.replace_listeners("tok2vec", "entity_tagger", ["model.tok2vec"])
    other.add_pipe("entity_tagger", source=nlp)
    assert [get_ents(other(doc)) for doc in get_docs(other)] == expected


def test_trains_beside_relations_frozen_and_annotating():
    nlp = make_nlp(shared=True)
    nlp.add_pipe("relation_extractor", config={"model": pair_config(LISTENER)})
    relations = [[(0, "IN", 1)], [(0, "IN", 2), (1, "IN", 2)], [(0, "IN", 1)], [], []]

    def examples():
        golds = [
            make_doc(nlp.vocab, words, entities, links)
            for (words, entities), links in zip(TRAIN, relations)
        ]
        return [Example(Doc(nlp.vocab, words=[t.text for t in x]), x) for x in golds]

    nlp.initialize(examples)
    losses = train(nlp, examples(), annotates=["tok2vec", "entity_tagger"])
    assert set(losses) == {"tok2vec", "entity_tagger", "relation_extractor"}
    scores = nlp.evaluate(examples())
    assert scores["ents_f"] == scores["rel_strict_f"] == 1.0
    weights = nlp.get_pipe("entity_tagger").model.to_bytes()
    train(nlp, examples(), n_steps=3, exclude=["tok2vec", "entity_tagger"])
    assert nlp.get_pipe("entity_tagger").model.to_bytes() == weights


def test_several_processes():
    nlp = make_nlp()
    train(nlp, make_examples(nlp))
    texts = ["Ann works in New York .", "Bob left Ann in Rome"] * 3
    for doc in nlp.pipe(texts, n_process=2, batch_size=2):
        assert doc.ents and get_ents(doc) == sorted(get_entity_scores(doc))


def test_probabilities_of_a_long_batch_are_those_of_each_document():
    nlp = make_nlp()
    pipe = nlp.get_pipe("entity_tagger")
    rng = numpy.random.default_rng(0)
    output = pipe.model.get_ref("output")
    output.set_param("W", rng.normal(size=output.get_param("W").shape).astype("f"))
    docs = get_docs(nlp) * 3
    found = pipe.predict(docs)
    assert len(found.scores) > 10
    for i, doc in enumerate(docs):
        single = pipe.predict([doc])
        rows = slice(found.offsets[i], found.offsets[i + 1])
        assert found.spans[rows].tolist() == single.spans.tolist()
        numpy.testing.assert_allclose(found.scores[rows], single.scores, atol=1e-5)


def test_blocked_tokens_stay_blocked(trained):
    doc = get_docs(trained, TRAIN[:1])[0]
    doc.set_ents([], blocked=[doc[0:1]], default="missing")
    for _ in range(2):
        doc = trained.get_pipe("entity_tagger")(doc)
        assert [ent.text for ent in doc.ents] == ["New York"]

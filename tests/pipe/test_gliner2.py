"""The zero-shot pipe, on the library's own classes with random weights."""

import sys

import pytest
import spacy
from spacy.training import Example

from rel_component.entity_scores import get_entity_scores
from rel_component.evaluation import predict_on_gold_entities
from rel_component.inference.preannotation import describe_model
from rel_component.model.numpy_blas import use_numpy_blas
from rel_component.pipe.gliner2 import GLiNER2Pipe, load_checkpoint
from rel_component.pipe.loading import find_relation_pipes

from ..tiny_gliner2 import make_gliner2
from ..util import make_doc

pytest.importorskip("gliner2")
pytest.importorskip("torch")
# of the library, and of the transformers version that spacy-transformers asks for
pytestmark = pytest.mark.filterwarnings("ignore")

TEXTS = ["Ann works for Acme Inc. in Rome", "Bob 🙂 left", "", " \n", "Ça va, Zoë?"]
ENTITIES = {"PERSON": "a human", "ORG": {"name": "company", "threshold": 0.2}}
RELATIONS = {
    "WORKS_FOR": {
        "name": "works for",
        "description": "is employed by",
        "head": "PERSON",
        "tail": ["ORG", "PERSON"],
    },
    "KNOWS": "has met",
}


@pytest.fixture(scope="module", params=["span", "boundary"])
def checkpoint(request, tmp_path_factory):
    return make_gliner2(tmp_path_factory.mktemp("gliner2"), request.param)


def build(checkpoint, **config):
    nlp = spacy.blank("en")
    settings = {
        "checkpoint": str(checkpoint),
        "entities": ENTITIES,
        "relations": RELATIONS,
        "threshold": 0.0,
        "entity_threshold": 0.0,
        **config,
    }
    nlp.add_pipe("gliner2", config=settings)
    return nlp


def describe(doc):
    ents = [(ent.start, ent.end, ent.label_) for ent in doc.ents]
    relations = sorted(
        (r.head.start, r.head.end, r.label, r.tail.start, r.tail.end, round(r.score, 4))
        for r in doc._.relations
    )
    return ents, relations


def test_predictions_are_within_the_text(checkpoint):
    nlp = build(checkpoint)
    docs = list(nlp.pipe(TEXTS))
    assert docs[0].ents and not docs[2].ents and not docs[3].ents
    assert {ent.label_ for doc in docs for ent in doc.ents} <= {"PERSON", "ORG"}
    found = [relation for doc in docs for relation in doc._.relations]
    assert found
    assert {relation.label for relation in found} <= {"WORKS_FOR", "KNOWS"}
    for doc in docs:
        scores = get_entity_scores(doc)
        assert set(scores) == {(e.start, e.end, e.label_) for e in doc.ents}
        assert all(s >= 0.2 for (_, _, type_), s in scores.items() if type_ == "ORG")
        for head, label, tail, score in doc._.relations:
            assert head in doc.ents and tail in doc.ents and head != tail
            assert 0 <= score <= 1
            assert label == "KNOWS" or head.label_ == "PERSON"


def test_one_by_one_and_in_batches(checkpoint):
    texts = [text for text in TEXTS if text.strip()] * 3
    nlp = build(checkpoint, batch_size=4)
    expected = [describe(nlp(text)) for text in texts]
    assert [describe(doc) for doc in nlp.pipe(texts, batch_size=5)] == expected
    assert any(relations for _, relations in expected)


def test_thresholds(checkpoint):
    text = " ".join(TEXTS)
    all_found = build(checkpoint)(text)
    assert all_found._.relations
    scores = [relation.score for relation in all_found._.relations]
    limit = sorted(scores)[len(scores) // 2]
    nlp = build(checkpoint)
    find_relation_pipes(nlp).use_threshold(limit)
    found = nlp(text)._.relations
    assert all(relation.score >= limit - 1e-6 for relation in found)
    nlp = build(checkpoint, entity_threshold=1.0)
    # the other has a threshold of its own
    assert {ent.label_ for ent in nlp(text).ents} == {"ORG"}


def test_long_texts_are_split_into_chunks(checkpoint):
    """Chunks that share words, each as it is read alone."""
    text = "Ann works for Acme while Bob sleeps and Cy met Dee in Rome yesterday"
    nlp = build(checkpoint, chunk_size=5, chunk_overlap=2)
    doc = nlp(text)
    assert max(ent.end for ent in doc.ents) == len(doc)
    assert max(ent.end - ent.start for ent in doc.ents) <= 5
    assert all(
        max(r.head.end, r.tail.end) - min(r.head.start, r.tail.start) <= 7
        for r in doc._.relations
    )
    first = build(checkpoint)(" ".join(text.split()[:5]))
    scores = get_entity_scores(doc)
    for key, score in get_entity_scores(first).items():
        # the second chunk may have a better one, of the words that both have
        assert key not in scores or scores[key] >= score - 1e-5
    assert list(nlp.pipe([text * 6]))


def test_given_entities_are_kept(checkpoint):
    nlp = build(checkpoint)
    entities = [(0, 1, "PERSON"), (3, 5, "ORG")]
    doc = nlp(make_doc(nlp.vocab, "Ann works for Acme Inc. in Rome", entities))
    assert describe(doc)[0] == entities
    assert all({r.head, r.tail} == set(doc.ents) for r in doc._.relations)
    assert nlp(make_doc(nlp.vocab, "Nobody is here", [])).ents == ()
    entities = [(0, 1, "PERSON"), (3, 4, "ORG")]
    gold = make_doc(nlp.vocab, "Ann works for Acme", entities, [(0, "OWNS", 1)])
    (example,) = predict_on_gold_entities(nlp, [gold])
    assert [ent.text for ent in example.predicted.ents] == ["Ann", "Acme"]
    assert nlp.evaluate([Example(nlp.make_doc(gold.text), gold)])["rel_micro_r"] == 0


def test_entities_of_a_span_group(checkpoint):
    doc = build(checkpoint, spans_key="all")("Ann works for Acme Inc. in Rome")
    assert doc.ents == () and len(doc.spans["all"]) > 1
    assert len({(s.start, s.end, s.label) for s in doc.spans["all"]}) == len(
        doc.spans["all"]
    )


def test_symmetric_relations(checkpoint):
    doc = build(checkpoint, symmetric=["KNOWS"])(" ".join(TEXTS))
    found = {(r.head, r.tail) for r in doc._.relations if r.label == "KNOWS"}
    assert found and all((tail, head) in found for head, tail in found)


def test_only_a_text_loads_the_checkpoint():
    """Not what looks for a component's model, as `add_pipe` does for some values of
    PYTHONHASHSEED."""
    nlp = build("unused")
    assert not hasattr(nlp.get_pipe("gliner2"), "model")
    nlp.add_pipe("tok2vec").find_listeners(nlp.get_pipe("gliner2"))
    nlp.remove_pipe("tok2vec")
    use_numpy_blas(nlp)


@pytest.fixture
def threads():
    """Of torch, as they are where a larger model has run. A fork does not have them,
    and torch would wait for them there."""
    import torch

    n_threads = torch.get_num_threads()
    torch.set_num_threads(2)
    (torch.ones(1000, 1000) @ torch.ones(1000, 1000)).exp().sum()
    yield
    torch.set_num_threads(n_threads)


@pytest.mark.usefixtures("threads")
def test_save_load_and_processes(checkpoint, tmp_path):
    nlp = build(checkpoint)
    nlp.to_disk(tmp_path / "model")
    loaded = spacy.load(tmp_path / "model")
    texts = [text for text in TEXTS if text.strip()]
    expected = [describe(doc) for doc in loaded.pipe(texts)]
    fresh = spacy.load(tmp_path / "model").from_bytes(nlp.to_bytes())
    docs = fresh.pipe(texts * 2, n_process=2, batch_size=3)
    assert [describe(doc) for doc in docs] == expected * 2
    assert fresh.get_pipe("gliner2")._model is None  # loaded where it is used


def test_describe_model(checkpoint):
    nlp = build(checkpoint)
    options = describe_model(nlp)
    assert options.entity_types == ("PERSON", "ORG")
    assert options.schema.pairs == {
        "WORKS_FOR": {("PERSON", "ORG"), ("PERSON", "PERSON")},
        "KNOWS": None,
    }


class FakeModel:
    """Answers as the library does, also with what it answers wrongly."""

    def __init__(self, result):
        self.result = result

    def batch_extract(self, texts, schemas, **options):
        assert all(text in ("Ann works for Acme",) for text in texts)
        return [self.result] * len(texts)


def item(start, end, score=0.9, **more):
    return {"start": start, "end": end, "confidence": score, "text": "?", **more}


def run_fake(entities, relations, **config):
    nlp = build("unused", **config)
    result = {"entities": entities, "relation_extraction": relations}
    nlp.get_pipe("gliner2")._model = FakeModel(result)
    return nlp("Ann works for Acme")


def test_heads_and_tails_are_matched_with_entities():
    people = [item(0, 3), item(0, 9, 0.5)]  # overlap: the better one counts
    firms = [item(14, 19)]  # with the full stop that the library has added
    ends = {"head": item(0, 9, 0.6), "tail": item(14, 19, 0.7)}
    doc = run_fake(
        {"PERSON": people, "company": firms},
        {"works for: is employed by": [ends, ends], "works for": []},
    )
    assert describe(doc) == (
        [(0, 1, "PERSON"), (3, 4, "ORG")],
        [(0, 1, "WORKS_FOR", 3, 4, 0.6)],
    )
    # the types that the relation may link, and a score of the whole
    ends = {"head": item(14, 18), "tail": item(0, 3), "confidence": 0.3}
    names = {"PERSON": people, "company": firms}
    assert describe(run_fake(names, {"works for": [ends]}))[1] == []
    assert describe(run_fake(names, {"KNOWS": [ends]}))[1] == [
        (3, 4, "KNOWS", 0, 1, 0.3)
    ]
    # an end that is no entity, one that is only the added full stop, a loop
    for head, tail in ((item(4, 9), item(0, 3)), (item(18, 19), item(0, 3))):
        assert run_fake(names, {"KNOWS": [{"head": head, "tail": tail}]})._.rel == {}
    loop = {"head": item(0, 3), "tail": item(0, 3)}
    assert run_fake(names, {"KNOWS": [loop]})._.relations == []


def test_existing_relations_are_kept():
    nlp = build("unused")
    ends = {"head": item(14, 18), "tail": item(0, 3)}
    result = {"entities": {}, "relation_extraction": {"KNOWS": [ends]}}
    nlp.get_pipe("gliner2")._model = FakeModel(result)
    ruler = nlp.add_pipe("relation_ruler", first=True)
    ruler.add_patterns([{"label": "WORKS_FOR", "head": "PERSON", "tail": "ORG"}])
    entities = [(0, 1, "PERSON"), (3, 4, "ORG")]
    doc = nlp(make_doc(nlp.vocab, "Ann works for Acme", entities))
    assert {r.label for r in doc._.relations} == {"WORKS_FOR", "KNOWS"}


@pytest.mark.parametrize(
    "config, message",
    [
        ({"entities": {"A": 3}}, r"entities\.A is 3; expected a description"),
        ({"entities": {"A": {"nam": "x"}}}, r"entities\.A has unknown field\(s\) nam"),
        ({"entities": {"A": {"head": "x"}}}, r"unknown field\(s\) head"),
        ({"entities": {"A": {"name": "B"}, "B": ""}}, "two labels have the name 'B'"),
        (
            {"relations": {"R": {"head": 3}}},
            r"relations\.R\.head is 3; expected an ent",
        ),
        ({"relations": {"R": {"tail": ["X"]}}}, r"relations\.R links X, but the entit"),
        (
            {"relations": {"R": {"threshold": 2}}},
            r"relations\.R\.threshold is 2; exp",
        ),
        ({"threshold": -1}, "threshold is -1"),
    ],
)
def test_invalid_settings(config, message):
    with pytest.raises(ValueError, match=message):
        settings = {"entities": ENTITIES, "relations": RELATIONS, **config}
        GLiNER2Pipe(spacy.blank("en").vocab, **settings)


def test_missing_checkpoint(tmp_path, monkeypatch):
    with pytest.raises(ValueError, match="Can't load the GLiNER2 checkpoint") as caught:
        build(tmp_path / "none")("Ann")
    assert "\n" not in str(caught.value)
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(ValueError, match=r"folder with config.json and model.safetens"):
        build(tmp_path)("Ann")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(ValueError, match="without network access, copy the folder"):
        load_checkpoint("fastino/no-such-checkpoint")


def test_missing_library(monkeypatch):
    monkeypatch.setitem(sys.modules, "gliner2", None)
    with pytest.raises(
        ValueError, match=r"requires the packages gliner2 and torch: pip"
    ):
        GLiNER2Pipe(spacy.blank("en").vocab).load_model()

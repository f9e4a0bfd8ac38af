from collections import Counter

import pytest
import spacy
from spacy.tokens import Doc, Span
from spacy.training import Example

from rel_component.corpus.docbin import CorpusFile
from rel_component.corpus.readers import copy_without_relations, read_docs
from rel_component.entity_scores import set_entity_scores
from rel_component.formats.words import squeeze
from rel_component.inference.distillation import (
    label_texts,
    leave_out,
    split_sentences,
)
from rel_component.inference.tasks import Task
from rel_component.model.candidates import PairGenerator
from rel_component.relations import get_relation_data

from ..util import make_doc

SCORES = {"Ann": 0.9, "Bob": 0.7}


@pytest.fixture
def teacher():
    """Knows names with a score each; two of them are related with 0.3."""
    nlp = spacy.blank("en")

    @spacy.Language.component("names", assigns=["doc.ents"])
    def find_names(doc: Doc) -> Doc:
        doc.ents = [
            Span(doc, token.i, token.i + 1, label="PERSON")
            for token in doc
            if token.text in SCORES
        ]
        set_entity_scores(doc, {ent: SCORES[ent.text] for ent in doc.ents})
        return doc

    nlp.add_pipe("names")
    nlp.add_pipe("relation_extractor", config={"use_entity_scores": False})
    entities = [(0, 1, "PERSON"), (2, 3, "PERSON")]
    gold = make_doc(nlp.vocab, "Ann and Bob", entities, [(0, "R", 1)])
    nlp.initialize(lambda: [Example(copy_without_relations(gold), gold)])
    return nlp


def label(nlp, *texts, **options):
    counts = Counter()
    docs = list(label_texts(nlp, [Task(x) for x in texts], counts, **options))
    return [doc.text for doc in docs], dict(counts)


def test_only_texts_whose_entities_are_all_certain(teacher):
    texts = ("Ann and Ann", "Ann and Bob", "Nobody", "")
    found, counts = label(teacher, *texts, min_score=0.8)
    assert found == ["Ann and Ann"]
    assert counts == {
        "kept": 1,
        "uncertain": 1,
        "without entities": 2,
        "entities": 2,
        "relations": 1,
        "unscored": 0,
    }
    assert label(teacher, *texts, min_score=0.6)[0] == ["Ann and Ann", "Ann and Bob"]


def test_scores_of_all_pairs_are_learned(teacher, tmp_path):
    (doc,) = label_texts(teacher, [Task("Ann and Ann")], Counter())
    scores = get_relation_data(doc).scores.copy()
    assert scores.shape == (2, 1) and (scores > 0).all() and (scores < 1).all()
    corpus = CorpusFile()
    corpus.add(doc)
    corpus.write(tmp_path / "train.spacy")
    (gold,) = read_docs(tmp_path / "train.spacy", spacy.blank("en"))
    example = Example(copy_without_relations(gold), gold)
    truth = teacher.get_pipe("relation_extractor").get_truth([example])
    assert truth.labels.tolist() == scores.tolist()


@pytest.mark.parametrize("spans_key", [None, "all"])
def test_entities_are_where_students_look_for_them(teacher, spans_key):
    """In `doc.ents` for flat entities, and in a group of spans for nested ones, as in
    converted documents: a student with the other kind learns to find nothing."""
    if spans_key is not None:
        instances = PairGenerator(spans_key=spans_key)
        extractor = teacher.get_pipe("relation_extractor")
        extractor.model.attrs["get_instances"] = instances
        ruler = teacher.add_pipe("span_ruler", first=True, config={"spans_key": "all"})
        ruler.add_patterns([{"label": "PERSON", "pattern": x} for x in SCORES])
        teacher.remove_pipe("names")
    (doc,) = label_texts(teacher, [Task("Ann and Ann")], Counter())
    expected = [(0, 1, "PERSON"), (2, 3, "PERSON")]
    for spans in (doc.ents, doc.spans["entities"]):
        assert [(x.start, x.end, x.label_) for x in spans] == expected
    assert get_relation_data(doc).scores.shape == (2, 1)


def test_known_texts_are_left_out():
    counts = Counter()
    split = Task("", tokens=["Ann", "left", "."])
    tasks = [Task("Ann  left.\n"), Task("Bob left."), split, Task("Bob left. ")]
    assert list(leave_out(tasks, {squeeze("Ann left.")}, counts)) == [tasks[1]]
    assert counts == {"known": 2, "repeated": 1}


def test_texts_are_split_into_sentences(teacher):
    given = Task("One. Two.", entities=[])
    tasks = [Task(" One is here. Two is not!\n", meta={"id": 1}), given, Task(" ")]
    assert list(split_sentences(teacher, tasks)) == [
        Task("One is here.", meta={"id": 1}),
        Task("Two is not!", meta={"id": 1}),
        given,
    ]


def test_long_and_invalid_texts_are_named(teacher):
    with pytest.raises(ValueError, match=r"text 2: .* contains an unpaired surrogate"):
        list(split_sentences(teacher, [Task("One."), Task("\ud800")]))
    # in linear time
    parts = list(split_sentences(teacher, [Task("(" * 50_000)]))
    assert "".join(part.text for part in parts) == "(" * 50_000


def test_scores_of_other_components(teacher):
    """Of span groups as spancat sets them; none as by `ner`; given entities."""

    @spacy.Language.component("spans", assigns=["doc.spans"])
    def find_spans(doc: Doc) -> Doc:
        doc.user_data.clear()
        doc.spans["sc"] = [Span(doc, 0, 1, label="PERSON")]
        if doc.text == "Ann left":
            doc.spans["sc"].attrs["scores"] = [0.4]
        return doc

    teacher.add_pipe("spans", after="names")
    extractor = teacher.get_pipe("relation_extractor")
    extractor.model.attrs["get_instances"].spans_key = "sc"
    counts = label(teacher, "Ann left", "Bob left", min_score=0.5)[1]
    assert (counts["uncertain"], counts["kept"], counts["unscored"]) == (1, 1, 1)
    given = Task("Bob left", entities=[{"start": 0, "end": 3, "label": "PERSON"}])
    counts = Counter()
    assert len(list(label_texts(teacher, [given], counts, min_score=1.0))) == 1
    assert not counts["unscored"]

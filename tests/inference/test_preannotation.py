import pytest
import spacy
from spacy.training import Example

from rel_component.corpus.readers import copy_without_relations
from rel_component.formats import Record, Source
from rel_component.inference.preannotation import (
    describe_model,
    preannotate,
    rank,
)
from rel_component.inference.tasks import Task
from rel_component.pipe.loading import find_extractor

from ..util import make_doc

PATTERNS = [
    {"label": "PERSON", "pattern": "Ann"},
    {"label": "PERSON", "pattern": "Bob"},
    {"label": "ORG", "pattern": "Acme"},
]
TEXT = "Ann works for Acme"


def make_nlp(symmetric=(), schema=None):
    """Finds entities by rule; its relation extractor is not trained."""
    nlp = spacy.blank("en")
    ruler = nlp.add_pipe("entity_ruler")
    extractor = nlp.add_pipe("relation_extractor", config={"threshold": 0.0})
    for label in ("KNOWS", "WORKS_FOR"):
        extractor.add_label(label)
    gold = make_doc(
        nlp.vocab, TEXT, [(0, 1, "PERSON"), (3, 4, "ORG")], [(0, "WORKS_FOR", 1)]
    )
    nlp.initialize(lambda: [Example(copy_without_relations(gold), gold)])
    ruler.add_patterns(PATTERNS)
    extractor.cfg["symmetric"] = list(symmetric)
    extractor.cfg["schema"] = schema
    return nlp


def test_the_most_uncertain_come_first():
    def make(number, uncertainty):
        return Record(str(number), Source("x"), meta={"uncertainty": uncertainty})

    values = [0.5, 0.9, 0.0, 0.9, 1.0]
    corpus = [make(i, value) for i, value in enumerate(values)]
    assert [r.text for r in rank(iter(corpus))] == ["4", "1", "3", "0", "2"]
    assert [r.text for r in rank(corpus, 2)] == ["4", "1"]
    assert next(rank(corpus)) == corpus[4]
    assert list(rank([])) == []


def test_records_in_the_order_of_the_texts():
    nlp = make_nlp()
    given = [{"start": 0, "end": 3, "label": "ORG"}]
    tasks = [
        Task(TEXT, meta={"id": 7, "source": "web", "relations": []}),
        Task(TEXT, given),
        Task("Ann and Bob", meta={"id": "b"}),
        Task(""),
    ]
    found = list(preannotate(nlp, iter(tasks), batch_size=2, source="x.jsonl"))
    assert [r.text for r in found] == [task.text for task in tasks]
    assert [[e.label for e in r.entities] for r in found] == [
        ["PERSON", "ORG"],
        # given ones are kept, and no others looked for
        ["ORG"],
        ["PERSON", "PERSON"],
        [],
    ]
    assert found[0].source == Source("x.jsonl", index=0, id="7")
    assert found[1].source == Source("x.jsonl", index=1)
    assert found[0].meta.keys() == {"source", "uncertainty"}
    assert len(found[0].relations) == 4
    scores = [r.attrs["score"] for r in found[0].relations]
    assert all(0 <= score <= 1 for score in scores)
    # the threshold is 0: the lower a score, the more uncertain it is
    assert found[0].meta["uncertainty"] == pytest.approx(1 - min(scores), abs=1e-4)
    assert found[1].meta["uncertainty"] == 0


def test_entities_of_another_pipeline():
    nlp = make_nlp()
    extractor = spacy.blank("en", vocab=nlp.vocab)
    extractor.add_pipe("relation_extractor", source=nlp)
    with pytest.raises(ValueError, match="texts text 2 has no entities, and the pipel"):
        list(preannotate(extractor, [Task(TEXT, []), Task(TEXT)]))
    ner_pipeline = make_nlp()
    (record,) = preannotate(extractor, [Task(TEXT)], ner_pipeline=ner_pipeline)
    assert [e.text for e in record.entities] == ["Ann", "Acme"]


def test_what_a_model_can_predict():
    schema = {"relations": {"KNOWS": {"pairs": [["PERSON", "PERSON"]]}}}
    nlp = make_nlp(symmetric=["KNOWS"], schema=schema)
    nlp.meta["name"], nlp.meta["version"] = "ads", "1.2"
    options = describe_model(nlp)
    assert options.predictions
    assert options.model_version == "en_ads-1.2"
    assert options.schema.pairs == {
        "KNOWS": frozenset([("PERSON", "PERSON")]),
        "WORKS_FOR": None,
    }
    assert options.symmetric_labels == {"KNOWS"}
    assert set(options.entity_types) == {"PERSON", "ORG"}


def test_a_pipeline_without_extractor():
    with pytest.raises(ValueError, match=r"\(empty\) has no relation extractor"):
        find_extractor(spacy.blank("en"))

"""Relations of spacy-llm's own REL task, with a model that answers by rote."""

from typing import Iterable

import pytest
import spacy
from spacy.tokens import DocBin

from rel_component.evaluation import predict_end_to_end
from rel_component.pipe.loading import find_relation_pipes

from ..util import make_doc

pytest.importorskip("spacy_llm")
from spacy_llm.registry import registry
from spacy_llm.tasks.rel.items import RelationItem

ANSWERS = {
    "Ann": (
        '{"dep": 0, "dest": 1, "relation": "WORKS_FOR"}\n'
        '{"dep": "ENT2", "dest": "ENT1", "relation": "KNOWS"}\n'
        '{"dep": 0, "dest": 1, "relation": "WORKS_FOR"}\n'
        '{"dep": 9, "dest": 1, "relation": "KNOWS"}\nNo more.'
    ),
    "Cy": "I can't find any.",
}
TEXT = "Ann works for Acme, as Bob knows.  Or not?"


@registry.llm_models("rel_component_test.Rote.v1")
def make_rote():
    class Rote:
        context_length = 10_000

        def __call__(self, prompts: Iterable[Iterable[str]]) -> Iterable[Iterable[str]]:
            for of_doc in prompts:
                yield [self.answer(prompt) for prompt in of_doc]

        def answer(self, prompt: str) -> str:
            text = prompt.split("Text:")[-1]
            return next((x for name, x in ANSWERS.items() if name in text), "")

    return Rote()


def build():
    nlp = spacy.blank("en")
    names = {"Ann": "PERSON", "Bob": "PERSON", "Cy": "PERSON", "Acme": "ORG"}
    ruler = nlp.add_pipe("entity_ruler")
    ruler.add_patterns([{"label": x, "pattern": name} for name, x in names.items()])
    task = {"@llm_tasks": "spacy.REL.v1", "labels": "WORKS_FOR,KNOWS"}
    model = {"@llm_models": "rel_component_test.Rote.v1"}
    nlp.add_pipe("llm", config={"task": task, "model": model})
    nlp.add_pipe("llm_relations")
    return nlp


def show(doc):
    return [(r.head.text, r.label, r.tail.text, r.score) for r in doc._.relations]


EXPECTED = [("Ann", "WORKS_FOR", "Acme", 1.0), ("Bob", "KNOWS", "Acme", 1.0)]


def test_relations_on_the_original_text():
    doc = build()(TEXT)
    assert (doc.text, show(doc)) == (TEXT, EXPECTED)
    assert [ent.text for ent in doc.ents] == ["Ann", "Acme", "Bob"]
    assert doc._.rel == {(0, 3): {"WORKS_FOR": 1.0}, (6, 3): {"KNOWS": 1.0}}
    copies = DocBin(docs=[doc], store_user_data=True).to_bytes()
    (copy,) = DocBin().from_bytes(copies).get_docs(doc.vocab)
    assert show(copy) == EXPECTED


def test_pipe_as_tuples():
    texts = [(TEXT, 1), ("Cy is here", 2), ("Nobody", 3), ("", 4), (TEXT, 5)]
    found = list(build().pipe(texts, as_tuples=True))
    assert [(doc.text, x) for doc, x in found] == texts
    assert [len(show(doc)) for doc, _ in found] == [2, 0, 0, 0, 2]


def test_relations_can_be_read_without_the_component():
    """On the marked text, as the task leaves it."""
    nlp = build()
    nlp.remove_pipe("llm_relations")
    doc = nlp(TEXT)
    assert "[ENT0:PERSON]" in doc.text and show(doc) == EXPECTED


def test_text_that_contains_a_marker():
    """Only marks behind entities are taken away."""
    text = "See [ENT0:PERSON] of Ann"
    assert build()(text).text == text


def test_evaluate():
    nlp = build()
    assert set(find_relation_pipes(nlp).labels) == {"WORKS_FOR", "KNOWS"}
    words = [token.text for token in nlp.make_doc(TEXT)]
    entities = [(0, 1, "PERSON"), (3, 4, "ORG"), (6, 7, "PERSON")]
    links = [(0, "WORKS_FOR", 1), (2, "KNOWS", 1)]
    gold = make_doc(nlp.vocab, words, entities, links)
    (example,) = predict_end_to_end(nlp, [gold])
    assert show(example.predicted) == show(gold)


@pytest.mark.parametrize("item", [(0, 5), "x", None])
def test_lists_from_other_sources_are_rejected(item):
    doc = make_doc(spacy.blank("en").vocab, "Ann met Bob", [(0, 1, "P"), (2, 3, "P")])
    with pytest.raises(ValueError, match=r"doc\._\.rel\[0\] is .* RelationItem of"):
        doc._.rel = [item]
    doc._.rel = [RelationItem(dep=0, dest=2, relation="KNOWS")]
    with pytest.raises(ValueError, match=r"rel\[0\] is .* doc\.ents has 2 entities"):
        doc._.relations  # noqa: B018
    doc._.rel = []
    assert doc._.relations == []

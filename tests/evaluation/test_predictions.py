import pytest
import spacy

from rel_component.evaluation import predict_end_to_end, predict_on_gold_entities
from rel_component.evaluation.predictions import read_examples

from ..util import make_doc

ENTITIES = [(0, 1, "PERSON"), (3, 4, "ORG"), (5, 6, "PERSON")]


@pytest.fixture
def ruled():
    """A pipeline whose entity ruler would overwrite what is given, and gold."""
    nlp = spacy.blank("en")
    ruler = nlp.add_pipe("entity_ruler")
    nlp.add_pipe("relation_extractor")
    words = "Ann works for Acme and Bob"
    gold = make_doc(nlp.vocab, words, ENTITIES, [(0, "WORKS_FOR", 1)])
    examples = [spacy.training.Example(nlp.make_doc(gold.text), gold)]
    nlp.initialize(lambda: examples)
    ruler.add_patterns([{"label": "X", "pattern": "works"}])
    return nlp, gold


def test_gold_entities_are_not_found_anew(ruled):
    nlp, gold = ruled
    (example,) = predict_on_gold_entities(nlp, [gold])
    assert [ent.label_ for ent in example.predicted.ents] == ["PERSON", "ORG", "PERSON"]
    assert nlp.pipe_names == ["entity_ruler", "relation_extractor"]


def test_end_to_end_knows_nothing_but_the_tokens(ruled):
    nlp, gold = ruled
    (example,) = predict_end_to_end(nlp, [gold])
    assert [(ent.text, ent.label_) for ent in example.predicted.ents] == [
        ("works", "X")
    ]
    assert example.reference is gold


@pytest.mark.parametrize("predict", [predict_end_to_end, predict_on_gold_entities])
def test_documents_of_another_vocabulary(ruled, predict):
    """The pipeline's word vectors and norms are those of its own vocabulary."""
    nlp, gold = ruled
    here = predict(nlp, [gold])[0]
    bins = spacy.tokens.DocBin(docs=[gold], store_user_data=True)
    (elsewhere,) = bins.get_docs(spacy.blank("xx").vocab)
    (example,) = predict(nlp, [elsewhere])
    assert example.predicted.vocab is nlp.vocab
    assert example.predicted.to_json() == here.predicted.to_json()
    assert read_examples(nlp, [example]) == read_examples(nlp, [here])

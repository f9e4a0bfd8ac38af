import pytest
import spacy
from spacy.language import Language
from spacy.training import Example

from rel_component.corpus.readers import copy_without_relations
from rel_component.entity_scores import set_entity_scores
from rel_component.evaluation.pair_scores import collect_pairs
from rel_component.evaluation.predictions import predict_end_to_end
from rel_component.evaluation.thresholds import choose_thresholds
from rel_component.evaluation.tuning import tune

from ..scripts.test_tuning_scripts import NAMES, make_docs


@Language.component("test_tuning_half_sure")
def be_half_sure(doc):
    set_entity_scores(doc, dict.fromkeys(doc.ents, 0.6))
    return doc


@pytest.fixture(scope="module")
def nlp():
    """Finds entities of which it is half sure."""
    nlp = spacy.blank("en")
    ruler = nlp.add_pipe("entity_ruler")
    nlp.add_pipe("test_tuning_half_sure")
    nlp.add_pipe("relation_extractor", config={"use_entity_scores": True})
    golds = make_docs(nlp.vocab)
    examples = [Example(copy_without_relations(gold), gold) for gold in golds]
    optimizer = nlp.initialize(lambda: examples)
    for _ in range(15):
        nlp.update(examples, sgd=optimizer)
    ruler.add_patterns([{"label": "PERSON", "pattern": name} for name in NAMES])
    ruler.add_patterns([{"label": "ORG", "pattern": "Acme"}])
    return nlp


def test_thresholds_are_those_of_the_scores_that_the_tuned_pipeline_gives(nlp):
    """It calibrates the scores of relations before those of entities multiply them."""
    golds, extractor = make_docs(nlp.vocab), nlp.get_pipe("relation_extractor")
    chosen = tune(nlp, golds, min_support=1)
    assert chosen["calibration"] and chosen["thresholds"]
    assert extractor.calibration == {}  # not modified
    try:
        extractor.calibration = chosen["calibration"]
        pairs = collect_pairs(predict_end_to_end(nlp, golds), extractor.labels)
    finally:
        extractor.calibration = {}
    assert chosen["thresholds"] == choose_thresholds(pairs, min_support=1)

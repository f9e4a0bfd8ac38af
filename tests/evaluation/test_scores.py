import pytest
import spacy

from rel_component.evaluation import (
    get_random_baseline,
    predict_on_gold_entities,
    score_thresholds,
)

from ..util import make_doc


@pytest.fixture
def trained():
    """A pipeline whose entity ruler would overwrite what is given."""
    nlp = spacy.blank("en")
    nlp.add_pipe("entity_ruler").add_patterns([{"label": "X", "pattern": "works"}])
    nlp.add_pipe("relation_extractor")
    gold = make_doc(
        nlp.vocab,
        "Ann works for Acme and Bob",
        [(0, 1, "PERSON"), (3, 4, "ORG"), (5, 6, "PERSON")],
        [(0, "WORKS_FOR", 1)],
    )
    examples = [spacy.training.Example(nlp.make_doc(gold.text), gold)]
    optimizer = nlp.initialize(lambda: examples)
    for _ in range(80):
        nlp.update(examples, sgd=optimizer)
    return nlp, gold


def test_gold_entities_are_not_found_anew(trained):
    nlp, gold = trained
    (example,) = predict_on_gold_entities(nlp, [gold])
    assert [ent.label_ for ent in example.predicted.ents] == ["PERSON", "ORG", "PERSON"]
    assert nlp.pipe_names == ["entity_ruler", "relation_extractor"]


def test_thresholds_from_everything_to_nothing(trained):
    nlp, gold = trained
    examples = predict_on_gold_entities(nlp, [gold])
    low, middle, high = score_thresholds(examples, [0.0, 0.5, 1.1])
    assert low["all_gold"]["rel_micro_r"] == 1.0
    assert low["all_gold"]["rel_micro_p"] == pytest.approx(1 / 6)
    assert middle["all_gold"]["rel_micro_f"] == 1.0
    assert high["all_gold"]["rel_micro_r"] == 0.0


def test_random_baseline_is_seeded_and_over_the_same_pairs(trained):
    nlp, gold = trained
    examples = predict_on_gold_entities(nlp, [gold])
    first, again, other = (
        score_thresholds(get_random_baseline(examples, seed), [0.0, 0.3, 0.7])
        for seed in (0, 0, 1)
    )
    assert first == again
    assert first != other
    assert first[0]["all_gold"]["rel_micro_p"] == pytest.approx(1 / 6)
    assert examples[0].predicted._.rel  # the predictions are left as they were


def test_single_label_counts_only_the_best_of_a_pair(trained):
    nlp, gold = trained
    nlp.get_pipe("relation_extractor").cfg["labels"] = ["WORKS_FOR"]
    examples = predict_on_gold_entities(nlp, [gold])
    data = examples[0].predicted.user_data["rel_component"]
    data["labels"] = ["WORKS_FOR", "OTHER"]
    data["scores"] = data["scores"].repeat(2, axis=1)
    data["scores"][:, 1] *= 0.5
    every, best = (
        score_thresholds(examples, [0.0], single_label=single)[0]["all_gold"]
        for single in (False, True)
    )
    assert every["rel_micro_p"] == pytest.approx(1 / 12)
    assert best["rel_micro_p"] == pytest.approx(1 / 6)

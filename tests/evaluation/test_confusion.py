import numpy
import pytest
from sklearn.metrics import accuracy_score, confusion_matrix, f1_score
from spacy.training import Example

from rel_component.evaluation.confusion import (
    NO_ENTITY,
    entity_confusion_matrix,
    relation_confusion_matrix,
    score_classes,
)
from rel_component.evaluation.pair_scores import collect_pairs
from rel_component.scorer import NO_REL

from ..util import make_doc
from .predictions import make_example, make_random_examples

LABELS = ("A", "B", "C")
HALF = numpy.full(3, 0.5)


def test_classes_as_scikit_learn(vocab, rng):
    pairs = collect_pairs(make_random_examples(vocab, rng, 60), LABELS)
    gold, predicted = relation_confusion_matrix(pairs, HALF)
    assert len(gold) == len(pairs)
    found = score_classes(gold, predicted)
    assert found["accuracy"] == pytest.approx(accuracy_score(gold, predicted))
    for name, average, labels in (
        ("micro_f", "micro", LABELS),
        ("macro_f", "macro", LABELS),
        ("macro_f_with_no_rel", "macro", (*LABELS, NO_REL)),
    ):
        expected = f1_score(gold, predicted, labels=labels, average=average)
        assert found[name] == pytest.approx(expected), name
    matrix = found["matrix"]
    assert matrix["labels"][-1] == NO_REL
    expected = confusion_matrix(gold, predicted, labels=matrix["labels"])
    assert matrix["counts"] == expected.tolist()


def classify(vocab, relations, scores, symmetric=frozenset()):
    entities = [(0, 1, "X"), (1, 2, "X")]
    example = make_example(vocab, "a b", (entities, relations), scores=scores)
    pairs = collect_pairs([example], ("A", "B"), symmetric)
    return list(zip(*relation_confusion_matrix(pairs, numpy.full(2, 0.5))))


def test_a_wrong_label(vocab):
    found = classify(vocab, [(0, "A", 1)], {(0, "B", 1): 0.9})
    assert found == [("A", "B"), (NO_REL, NO_REL)]


def test_a_right_label_among_several_counts(vocab):
    scores = {(0, "A", 1): 0.6, (0, "B", 1): 0.9}
    assert classify(vocab, [(0, "A", 1)], scores)[0] == ("A", "A")
    both = [(0, "A", 1), (0, "B", 1)]
    assert classify(vocab, both, {(0, "A", 1): 0.6})[0] == ("A", "A")
    assert classify(vocab, [], scores)[0] == (NO_REL, "B")


def test_a_symmetric_label_counts_once(vocab):
    scores = {(0, "A", 1): 0.9, (1, "A", 0): 0.9}
    found = classify(vocab, [(1, "A", 0)], scores, frozenset("A"))
    # B has a direction, so the other way round is a pair too
    assert found == [("A", "A"), (NO_REL, NO_REL)]
    found = classify(vocab, [(1, "A", 0)], scores, frozenset("AB"))
    assert found == [("A", "A")]


def test_nothing_to_classify():
    found = score_classes([], [])
    assert found["n"] == 0
    assert found["accuracy"] is found["micro_f"] is found["macro_f"] is None
    assert found["matrix"] == {"labels": [NO_REL], "counts": [[0]]}
    only = score_classes([NO_REL], [NO_REL])
    assert (only["accuracy"], only["micro_f"]) == (1.0, None)


def test_entities(vocab):
    gold = make_doc(vocab, "a b c d", [(0, 1, "X"), (1, 2, "X"), (2, 4, "Y")])
    found = make_doc(vocab, "a b c d", [(0, 1, "X"), (1, 2, "Y"), (3, 4, "Y")])
    matrix = entity_confusion_matrix([Example(found, gold)])
    assert matrix["labels"] == ["X", "Y", NO_ENTITY]
    assert matrix["counts"] == [[1, 1, 0], [0, 0, 1], [0, 1, 0]]


def test_entities_with_two_types_on_a_span(vocab):
    docs = [
        make_doc(vocab, "a b", [(0, 1, x) for x in types], spans_key="sc")
        for types in ("XY", "YZ")
    ]
    matrix = entity_confusion_matrix([Example(docs[1], docs[0])], "sc")
    cells = {
        (one, other): n
        for one, row in zip(matrix["labels"], matrix["counts"])
        for other, n in zip(matrix["labels"], row)
        if n
    }
    assert cells == {("Y", "Y"): 1, ("X", "Z"): 1}

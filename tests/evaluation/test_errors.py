import pytest

from rel_component.evaluation.errors import KINDS, find_errors
from rel_component.scorer import read_example, score_relations

from .predictions import make_example, make_random_examples

WORDS = "Ann Lee works for Acme Inc in Rome"
ANN, ACME, ROME = (0, 2, "PERSON"), (4, 6, "ORG"), (7, 8, "PLACE")
ENTITIES = [ANN, ACME, ROME]
GOLD = (ENTITIES, [(0, "A", 1)])


def find(
    vocab, entities=None, scores=None, gold=GOLD, symmetric=frozenset(), **options
):
    example = make_example(vocab, WORDS, gold, entities, scores, **options)
    errors = find_errors([example], symmetric=symmetric)
    scored = read_example(example, symmetric=symmetric)
    check_counts(errors, [scored])
    return errors


def check_counts(errors, docs):
    """The errors are the false negatives and the false positives."""
    real = [error for error in errors if not error.is_strict_only]
    untyped = lambda keys: {(k.head[:2], k.label, k.tail[:2]) for k in keys}  # noqa: E731
    missed = sum(len(untyped(d.gold) - untyped(d.predicted)) for d in docs)
    wrong = sum(len(untyped(d.predicted) - untyped(d.gold)) for d in docs)
    assert sum(error.gold is not None for error in real) == missed
    assert sum(error.predicted is not None for error in real) == wrong
    assert {error.kind for error in errors} <= set(KINDS)


def test_no_error(vocab):
    assert find(vocab, scores={(0, "A", 1): 0.9}) == []


def test_missed(vocab):
    (error,) = find(vocab, scores={(0, "A", 1): 0.4})
    assert error.kind == "missed"
    assert error.gold_score == pytest.approx(0.4)
    assert (error.gold.head, error.gold.tail) == ((0, 7, "PERSON"), (18, 26, "ORG"))


def test_never_a_candidate(vocab):
    (error,) = find(vocab, left_out={(0, 1)})
    assert (error.kind, error.gold_score) == ("never a candidate", None)


def test_a_label_that_the_schema_forbids_was_no_candidate(vocab):
    (error,) = find(vocab, scores={(0, "A", 1): float("nan")})
    assert error.kind == "never a candidate"


def test_wrong_label(vocab):
    (error,) = find(vocab, scores={(0, "A", 1): 0.4, (0, "B", 1): 0.8})
    assert error.kind == "wrong label"
    assert (error.predicted.label, error.score) == ("B", pytest.approx(0.8))


def test_direction_flipped(vocab):
    (error,) = find(vocab, scores={(1, "A", 0): 0.8})
    assert error.kind == "direction flipped"
    assert error.predicted.head == error.gold.tail


def test_flipped_and_right_is_spurious(vocab):
    (error,) = find(vocab, scores={(0, "A", 1): 0.9, (1, "A", 0): 0.8})
    assert (error.kind, error.gold) == ("spurious", None)


def test_flipped_goes_before_wrong_label_which_is_then_spurious(vocab):
    errors = find(vocab, scores={(1, "A", 0): 0.8, (0, "B", 1): 0.7})
    assert [error.kind for error in errors] == ["direction flipped", "spurious"]
    assert errors[1].predicted.label == "B"


def test_entity_missed(vocab):
    (error,) = find(vocab, [ANN, ROME])
    assert error.kind == "entity missed"
    assert error.note == "not predicted: “Acme Inc”"
    (error,) = find(vocab, [])
    assert error.note == "not predicted: “Ann Lee” and “Acme Inc”"


def test_boundary_takes_the_relation_that_stands_for_it(vocab):
    short = (4, 5, "ORG")
    (error,) = find(vocab, [ANN, short, ROME], {(0, "A", 1): 0.8})
    assert error.kind == "boundary"
    assert error.note == "“Acme Inc” predicted as “Acme”"
    assert error.predicted.tail == (18, 22, "ORG")
    errors = find(vocab, [ANN, short, ROME], {(0, "B", 1): 0.8})
    assert [error.kind for error in errors] == ["boundary", "spurious"]
    assert errors[1].note == "“Acme” is not a gold entity"


def test_a_missed_entity_comes_before_a_boundary(vocab):
    (error,) = find(vocab, [(0, 1, "PERSON")])
    assert error.kind == "entity missed"


def test_type_where_the_relation_is_right(vocab):
    other = (4, 6, "PLACE")
    (error,) = find(vocab, [ANN, other, ROME], {(0, "A", 1): 0.8})
    assert error.kind == "type"
    assert error.is_strict_only
    assert error.note == "“Acme Inc” is ORG, predicted as PLACE"


@pytest.mark.parametrize(
    "scores,is_wrong",
    [({}, False), ({(0, "B", 1): 0.8}, True), ({(1, "A", 0): 0.8}, True)],
)
def test_type_where_the_relation_was_lost(vocab, scores, is_wrong):
    (error,) = find(vocab, [ANN, (4, 6, "PLACE"), ROME], scores)
    assert error.kind == "type"
    assert not error.is_strict_only
    assert (error.predicted is not None) == is_wrong


def test_spurious(vocab):
    errors = find(vocab, scores={(0, "A", 1): 0.9, (0, "B", 2): 0.7, (2, "B", 0): 0.6})
    assert [error.kind for error in errors] == ["spurious", "spurious"]
    assert all(error.note == "" for error in errors)


def test_symmetric_relations_count_once(vocab):
    gold = (ENTITIES, [(1, "A", 0)])
    both = {(0, "A", 1): 0.9, (1, "A", 0): 0.9}
    only = frozenset("A")
    assert find(vocab, scores=both, gold=gold, symmetric=only) == []
    (error,) = find(vocab, gold=gold, symmetric=only)
    assert error.kind == "missed"
    (error,) = find(vocab, scores=both, gold=(ENTITIES, []), symmetric=only)
    assert error.kind == "spurious"
    # one direction was scored, and the label of the other is wrong
    (error,) = find(vocab, scores={(1, "B", 0): 0.9}, gold=gold, symmetric=only)
    assert error.kind == "wrong label"


def test_the_highest_score_stands_for_the_lost_relation(vocab):
    scores = {(0, "B", 1): 0.7, (0, "C", 1): 0.9}
    options = {"labels": ("A", "B", "C"), "thresholds": (0.5,) * 3}
    errors = find(vocab, scores=scores, **options)
    assert [(e.kind, e.predicted.label) for e in errors] == [
        ("wrong label", "C"),
        ("spurious", "B"),
    ]


def test_errors_are_those_of_the_scorer(vocab, rng):
    for symmetric in (frozenset(), frozenset("B")):
        examples = make_random_examples(vocab, rng, 60)
        docs = [read_example(example, symmetric=symmetric) for example in examples]
        errors = find_errors(examples, symmetric=symmetric)
        check_counts(errors, docs)
        scores = score_relations(docs)
        n_found = sum(row["support"] for row in scores["rel_per_label"].values())
        n_lost = sum(error.gold is not None for error in errors)
        assert scores["rel_micro_r"] == pytest.approx(1 - n_lost / n_found)


def test_entities_of_a_span_group(vocab):
    example = make_example(vocab, WORDS, GOLD, scores={(0, "A", 1): 0.4})
    for doc in (example.reference, example.predicted):
        doc.spans["sc"] = doc.ents
        doc.ents = []
    (error,) = find_errors([example], spans_key="sc")
    assert error.kind == "missed"
    (error,) = find_errors([example])
    assert error.kind == "entity missed"

import itertools

import numpy
import pytest
from sklearn.metrics import average_precision_score, precision_recall_curve

from rel_component.evaluation.pair_scores import PairScores, collect_pairs
from rel_component.evaluation.thresholds import (
    choose_thresholds,
    count_at,
    draw_by_chance,
    get_curve,
    get_curves,
    score_thresholds,
)
from rel_component.relations import get_relation_data

from .predictions import (
    make_example,
    make_random_examples,
    score_each_threshold,
)

LABELS = ("A", "B", "C")


def make_pairs(columns, docs=None, n_lost=0):
    """(scores, truth) of each label, a document for each pair."""
    scores = numpy.asarray([column[0] for column in columns], dtype="float32").T
    truth = numpy.asarray([column[1] for column in columns], dtype=bool).T
    return PairScores(
        labels=LABELS[: len(columns)],
        scores=scores,
        truth=truth,
        counted=numpy.ones(scores.shape, dtype=bool),
        docs=numpy.arange(len(scores)) if docs is None else docs,
        n_gold=truth.sum(axis=0) + n_lost,
    )


@pytest.mark.parametrize("symmetric", [frozenset(), frozenset("B"), frozenset(LABELS)])
def test_counts_are_those_of_the_scorer(vocab, rng, symmetric):
    examples = make_random_examples(vocab, rng, 30)
    pairs = collect_pairs(examples, LABELS, symmetric)
    for threshold in (0.05, 0.3, 0.5, 0.9):
        (row,) = score_each_threshold(examples, [threshold], symmetric)
        tp, n_predicted, n_gold = count_at(pairs, numpy.full(3, threshold))
        assert row["all_gold"]["rel_micro_p"] == pytest.approx(tp / n_predicted)
        assert row["all_gold"]["rel_micro_r"] == pytest.approx(tp / n_gold)
        for label, curve in get_curves(pairs).items():
            scores = row["all_gold"]["rel_per_label"][label]
            assert scores["f"] == pytest.approx(curve.f[curve.at(threshold)])


@pytest.mark.parametrize("symmetric", [frozenset(), frozenset("B")])
@pytest.mark.parametrize("single_label", [False, True])
def test_fast_scores_are_those_of_the_scorer(vocab, rng, symmetric, single_label):
    examples = make_random_examples(vocab, rng, 30, symmetric=symmetric)
    pairs = collect_pairs(examples, LABELS, symmetric)
    pairs = pairs.best_only() if single_label else pairs
    thresholds = (0.0, 0.3, 0.9, 1.0)
    slow = score_each_threshold(examples, thresholds, symmetric, single_label)
    for expected, found in zip(slow, score_thresholds(pairs, thresholds)):
        for protocol in ("all_gold", "tutorial_protocol"):
            for name, value in found[protocol].items():
                if name != "rel_per_label":
                    assert value == pytest.approx(expected[protocol][name]), name
        labels = expected["all_gold"]["rel_per_label"]
        assert found["all_gold"]["rel_per_label"].keys() == labels.keys()
        for label, row in found["all_gold"]["rel_per_label"].items():
            assert row == pytest.approx(labels[label])


def test_thresholds_from_everything_to_nothing(vocab):
    entities = [(0, 1, "X"), (1, 2, "X"), (2, 3, "X")]
    scores = {(0, "A", 1): 0.9}
    example = make_example(
        vocab, "a b c", (entities, [(0, "A", 1)]), scores=scores, labels=("A",)
    )
    pairs = collect_pairs([example], ("A",))
    low, middle, high = (x["all_gold"] for x in score_thresholds(pairs, [0, 0.5, 1]))
    assert (low["rel_micro_r"], low["rel_micro_p"]) == (1.0, pytest.approx(1 / 6))
    assert middle["rel_micro_f"] == 1.0
    assert high["rel_micro_r"] == 0.0


def test_chance_is_seeded_and_over_the_same_pairs(vocab, rng):
    pairs = collect_pairs(make_random_examples(vocab, rng, 5), LABELS)
    first, again, other = (
        score_thresholds(draw_by_chance(pairs, seed), [0.0, 0.3, 0.7])
        for seed in (0, 0, 1)
    )
    assert first == again != other
    (row,) = score_thresholds(pairs, [0.0])
    assert first[0]["all_gold"] == row["all_gold"]  # everything


def test_what_was_not_annotated_does_not_count(vocab):
    entities = [(0, 1, "X"), (1, 2, "X"), (2, 3, "X")]
    example = make_example(
        vocab,
        "a b c",
        (entities, [(0, "A", 1)]),
        scores={(0, "A", 1): 0.9, (1, "A", 2): 0.8, (2, "A", 0): 0.7},
        complete=False,
        negatives=[(2, 0)],
    )
    pairs = collect_pairs([example], ("A", "B"))
    assert count_at(pairs, numpy.full(2, 0.5)) == (1, 2, 1)
    (row,) = score_each_threshold([example], [0.5])
    assert row["all_gold"]["rel_micro_p"] == 0.5


def test_same_spans_with_two_types_count_once(vocab):
    example = make_example(vocab, "a b", ([(0, 1, "X"), (1, 2, "X")], [(0, "A", 1)]))
    data = get_relation_data(example.predicted)
    data["spans"] = numpy.asarray([(0, 1), (1, 2), (1, 2)], dtype="int32")
    data["types"] = ["X", "X", "Y"]
    data["pairs"] = numpy.asarray([(0, 1), (0, 2)], dtype="int32")
    data["scores"] = numpy.asarray([(0.2, 0.0), (0.9, 0.0)], dtype="float32")
    pairs = collect_pairs([example], ("A", "B"))
    assert count_at(pairs, numpy.full(2, 0.5)) == (1, 1, 1)


def test_nothing_to_collect(vocab):
    assert not len(collect_pairs([], LABELS))
    empty = make_example(vocab, "a b", ([], []))
    pairs = collect_pairs([empty], LABELS)
    assert choose_thresholds(pairs) == {}
    assert count_at(pairs, numpy.full(3, 0.5)) == (0, 0, 0)


def test_curve_as_scikit_learn(rng):
    truth = rng.random(300) < 0.3
    scores = numpy.round(0.5 * rng.random(300) + 0.4 * truth, 2).astype("float32")
    curve = get_curve(scores, truth, int(truth.sum()))
    precision, recall, thresholds = precision_recall_curve(truth, scores)
    numpy.testing.assert_allclose(curve.precision[::-1], precision)
    numpy.testing.assert_allclose(curve.recall[::-1], recall)
    numpy.testing.assert_allclose(curve.thresholds[:0:-1], thresholds)
    expected = average_precision_score(truth, scores)
    assert curve.average_precision() == pytest.approx(expected)


def test_relations_that_were_no_candidates_lower_recall():
    curve = get_curve(numpy.asarray([0.9, 0.1]), numpy.asarray([True, False]), 2)
    assert curve.recall.tolist() == [0.0, 0.5, 0.5]
    assert curve.f[curve.at(0.5)] == pytest.approx(2 / 3)


def find_best(pairs, get_value):
    """By trying all."""
    grids = [
        [2.0, *numpy.unique(pairs.scores[:, column])]
        for column in range(len(pairs.labels))
    ]
    return max(get_value(numpy.asarray(x)) for x in itertools.product(*grids))


def get_micro_f(pairs, thresholds):
    tp, n_predicted, n_gold = count_at(pairs, thresholds)
    return 2 * tp / (n_predicted + n_gold)


def apply(pairs, chosen, default=0.5):
    return numpy.asarray([chosen.get(label, default) for label in pairs.labels])


def test_micro_f_is_the_best_of_all_combinations(rng, monkeypatch):
    from rel_component.evaluation import thresholds

    monkeypatch.setattr(thresholds, "LEAST_SHARE", 0.0)
    for _ in range(20):
        truth = rng.random((12, 2)) < 0.4
        scores = numpy.round(0.6 * rng.random((12, 2)) + 0.3 * truth, 2)
        pairs = make_pairs(list(zip(scores.T, truth.T)), n_lost=1)
        chosen = choose_thresholds(pairs, min_support=1)
        best = find_best(pairs, lambda x, pairs=pairs: get_micro_f(pairs, x))
        assert get_micro_f(pairs, apply(pairs, chosen)) == pytest.approx(best)


@pytest.mark.parametrize("objective", ["micro_f", "macro_f", "precision"])
def test_only_the_best_label_of_a_pair_has_a_threshold(objective):
    right = [True] * 20 + [False] * 20
    low, high = [0.1] * 20, [0.3, 0.45] * 10
    pairs = make_pairs(
        [(high + low, right), (low + high, [not x for x in right]), (low * 2, right)]
    ).best_only()
    chosen = choose_thresholds(pairs, objective=objective)
    assert {label: 0.1 < x < 0.3 for label, x in chosen.items()} == {
        "A": True,
        "B": True,
    }
    assert get_curves(pairs)["C"].average_precision() == 0


def test_macro_f_is_the_best_of_each_label(rng, monkeypatch):
    from rel_component.evaluation import thresholds

    monkeypatch.setattr(thresholds, "LEAST_SHARE", 0.0)
    truth = rng.random((40, 2)) < 0.4
    pairs = make_pairs(list(zip((0.6 * rng.random((40, 2)) + 0.2 * truth).T, truth.T)))
    chosen = choose_thresholds(pairs, objective="macro_f", min_support=1)
    for label, curve in get_curves(pairs).items():
        assert curve.f[curve.at(chosen.get(label, 0.5))] == curve.f.max()


def test_a_precision_is_kept_with_the_most_recall():
    scores = [0.9, 0.8, 0.7, 0.6, 0.5, 0.4]
    truth = [True, True, False, True, False, True]
    pairs = make_pairs([(scores, truth)])
    options = {"objective": "precision", "min_support": 1, "default": 0.99}
    assert choose_thresholds(pairs, min_precision=0.7, **options) == {"A": 0.55}
    assert choose_thresholds(pairs, min_precision=1.0, **options) == {"A": 0.75}
    # where it can't be had, the best there is
    wrong_first = make_pairs([(scores, [False, True, True, False, False, False])])
    found = choose_thresholds(wrong_first, min_precision=0.9, **options)
    assert found == {"A": 0.65}


def test_a_label_stays_at_the_default_unless_another_is_better():
    separable = make_pairs([([0.9, 0.8, 0.2, 0.1] * 5, [True, True, False, False] * 5)])
    assert choose_thresholds(separable) == {}
    low = make_pairs([([0.4, 0.3, 0.2, 0.1] * 5, [True, True, False, False] * 5)])
    assert choose_thresholds(low) == {"A": 0.25}
    assert choose_thresholds(low, min_support=11) == {}


def test_one_document_does_not_decide():
    scores = [0.9, 0.8, 0.7, 0.6, 0.55, 0.2]
    truth = [True, True, True, True, False, False]
    pairs = make_pairs([(scores, truth)], docs=numpy.arange(6))
    assert choose_thresholds(pairs, min_support=1) == {}
    ten_times = make_pairs([(scores * 10, truth * 10)], docs=numpy.arange(60))
    assert 0.55 < choose_thresholds(ten_times)["A"] < 0.6


def test_relations_that_were_no_candidates_count_in_the_samples_too():
    # at 0.5: 10 of 10 right; at 0.3: 20 of 45, which is better where recall is low
    scores = [0.9] * 10 + [0.3] * 35
    truth = [True] * 20 + [False] * 25
    pairs = make_pairs([(scores, truth)], n_lost=40)
    assert choose_thresholds(pairs, objective="macro_f")["A"] <= 0.3
    pairs = make_pairs([(scores, truth)])
    assert choose_thresholds(pairs, objective="macro_f") == {}


def test_unknown_objective():
    with pytest.raises(ValueError, match="expected one of micro_f"):
        choose_thresholds(make_pairs([([0.5], [True])]), objective="f")

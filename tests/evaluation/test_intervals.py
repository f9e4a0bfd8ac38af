import itertools

import numpy
import pytest

from rel_component.evaluation.intervals import compare, get_intervals
from rel_component.scorer import read_example, score_relations

from .predictions import make_example, make_random_examples


def read(examples):
    return [read_example(example) for example in examples]


def test_intervals_hold_the_figures(vocab, rng):
    docs = read(make_random_examples(vocab, rng, 40))
    scores, found = score_relations(docs), get_intervals(docs)
    for name in ("micro", "strict", "macro"):
        for part in "prf":
            low, high = found[f"{name}_{part}"]
            assert low < scores[f"rel_{name}_{part}"] < high
    for label, row in found["per_label"].items():
        low, high = row["f"]
        assert low < scores["rel_per_label"][label]["f"] < high
    assert found == get_intervals(docs)
    assert found != get_intervals(docs, seed=1)


def test_more_documents_give_narrower_intervals(vocab, rng):
    docs = read(make_random_examples(vocab, rng, 160))
    widths = []
    for n in (10, 40, 160):
        low, high = get_intervals(docs[:n])["micro_f"]
        widths.append(high - low)
    assert widths[0] > widths[1] > widths[2]


def test_each_sample_is_scored_as_the_scorer_does(vocab, rng, monkeypatch):
    from rel_component.evaluation import intervals

    docs = read(make_random_examples(vocab, rng, 5))
    drawn = numpy.asarray([[2, 0, 1, 1, 1], [0, 5, 0, 0, 0]])
    monkeypatch.setattr(intervals, "draw_documents", lambda *_: drawn)
    low, high = get_intervals(docs, level=1.0)["macro_f"]
    sampled = [
        score_relations([d for d, n in zip(docs, row) for _ in range(n)])["rel_macro_f"]
        for row in drawn
    ]
    assert (low, high) == pytest.approx((min(sampled), max(sampled)))


@pytest.mark.parametrize("n_docs", [0, 1])
def test_too_few_documents(vocab, rng, n_docs):
    docs = read(make_random_examples(vocab, rng, 3)[:n_docs])
    found = get_intervals(docs)
    assert found["micro_f"] is None
    assert all(row["f"] is None for row in found["per_label"].values())


def test_nothing_to_score(vocab):
    docs = read([make_example(vocab, "a b", ([], []))] * 3)
    assert get_intervals(docs)["micro_f"] is None
    assert compare(docs, docs)["micro_f"]["p"] == 1.0


def make_two(vocab, n_better, n_worse):
    """Documents in which the second model finds one relation more, or less."""
    entities = [(0, 1, "X"), (1, 2, "X")]
    gold = (entities, [(0, "A", 1)])
    miss = make_example(vocab, "a b", gold)
    hit = make_example(vocab, "a b", gold, scores={(0, "A", 1): 0.9})
    first = [miss] * n_better + [hit] * n_worse
    second = [hit] * n_better + [miss] * n_worse
    return read(first), read(second)


def test_equal_models_do_not_differ(vocab, rng):
    docs = read(make_random_examples(vocab, rng, 10))
    found = compare(docs, docs)
    for name in ("micro_f", "macro_f"):
        assert found[name]["difference"] == 0.0
        assert found[name]["p"] == 1.0
        assert found[name]["interval"] == (0.0, 0.0)


def test_p_is_that_of_all_swaps(vocab):
    first, second = make_two(vocab, 6, 1)
    found = compare(first, second, n_samples=20_000)["micro_f"]
    f = [score_relations(docs)["rel_micro_f"] for docs in (first, second)]
    assert found["difference"] == pytest.approx(f[1] - f[0])
    n_larger = 0
    for swaps in itertools.product((False, True), repeat=7):
        one = [b if swap else a for a, b, swap in zip(first, second, swaps)]
        other = [a if swap else b for a, b, swap in zip(first, second, swaps)]
        gap = (
            score_relations(other)["rel_micro_f"] - score_relations(one)["rel_micro_f"]
        )
        n_larger += abs(gap) >= abs(f[1] - f[0]) - 1e-9
    assert found["p"] == pytest.approx(n_larger / 2**7, abs=0.01)


def test_a_clear_difference_is_significant(vocab):
    found = compare(*make_two(vocab, 20, 1))["micro_f"]
    assert found["p"] < 0.001
    low, high = found["interval"]
    assert 0 < low < found["difference"] < high


def test_other_documents_are_refused(vocab, rng):
    docs = read(make_random_examples(vocab, rng, 6))
    with pytest.raises(ValueError, match="give both the same documents"):
        compare(docs, docs[1:])
    with pytest.raises(ValueError, match="give both the same documents"):
        compare(docs, docs[::-1])

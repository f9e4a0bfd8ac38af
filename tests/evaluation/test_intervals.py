import numpy
import pytest

from rel_component.evaluation.intervals import get_intervals
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

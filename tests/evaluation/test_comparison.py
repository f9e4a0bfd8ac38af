import itertools

import pytest
import spacy
from spacy.tokens import DocBin

from rel_component.evaluation.comparison import compare, compare_pipelines
from rel_component.scorer import read_example, score_relations

from ..util import make_doc
from .predictions import make_example, make_random_examples


def read(examples):
    return [read_example(example) for example in examples]


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
    with pytest.raises(ValueError, match="use the same documents"):
        compare(docs, docs[1:])
    with pytest.raises(ValueError, match="use the same documents"):
        compare(docs, docs[::-1])


def test_a_label_may_have_a_direction_in_one_of_the_models(tmp_path):
    nlps = {}
    for name, symmetric in (("one", []), ("other", ["S"])):
        nlp = nlps[name] = spacy.blank("en")
        ruler = nlp.add_pipe("relation_ruler", config={"symmetric": symmetric})
        ruler.add_patterns([{"label": "S", "order": "head_first"}])
        nlp.to_disk(tmp_path / name)
    gold = make_doc(nlp.vocab, "a b", [(0, 1, "A"), (1, 2, "A")], [(1, "S", 0)])
    DocBin(docs=[gold], store_user_data=True).to_disk(tmp_path / "a.spacy")
    paths = (tmp_path / "one", tmp_path / "other", tmp_path / "a.spacy")
    found = compare_pipelines(*paths)
    assert (found["micro_f"]["first"], found["micro_f"]["second"]) == (1.0, 1.0)


def test_nothing_to_score(vocab):
    docs = read([make_example(vocab, "a b", ([], []))] * 3)
    assert compare(docs, docs)["micro_f"]["p"] == 1.0

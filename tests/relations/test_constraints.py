from itertools import combinations
from math import log

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rel_component.relations import LabelConstraints, RelationData, apply_constraints


def make_data(links, n_entities=5, threshold=0.5, places=None):
    """links: {(head, tail): score} of one label, R."""
    places = places or range(n_entities)
    pairs = numpy.asarray(list(links), dtype="int32").reshape(-1, 2)
    scores = numpy.asarray(list(links.values()), dtype="float32").reshape(-1, 1)
    return RelationData(
        spans=numpy.asarray([(i, i + 1) for i in places], dtype="int32"),
        types=["X"] * n_entities,
        pairs=pairs,
        labels=["R"],
        scores=scores,
        decided=numpy.argwhere(scores >= threshold).astype("int32"),
    )


def constrain(data, threshold=0.5, symmetric=(), **constraints):
    found = apply_constraints(
        data,
        {"R": LabelConstraints(**constraints)},
        {"R": threshold},
        symmetric=frozenset(symmetric),
    )
    assert found.decided.dtype == "int32"
    return {tuple(pair): score for pair, _, score in found.list_decided()}


def test_the_total_counts():
    """Not the best first: 0.9 would leave only 0.5 to the others."""
    data = make_data({(0, 1): 0.9, (0, 3): 0.8, (2, 1): 0.85, (2, 3): 0.5})
    assert list(constrain(data, max_tails=1, max_heads=1)) == [(0, 3), (2, 1)]
    assert list(constrain(data, max_tails=1)) == [(0, 1), (2, 1)]
    assert list(constrain(data, max_heads=1)) == [(0, 1), (0, 3)]
    assert len(constrain(data, max_heads=2)) == 4
    assert len(constrain(data)) == 4


NODES = st.integers(0, 3)
SCORES = st.sampled_from([0.1, 0.5, 0.6, 0.75, 0.9, 1.0])
LINKS = st.dictionaries(
    st.tuples(NODES, NODES).filter(lambda pair: pair[0] != pair[1]), SCORES, max_size=8
)


@given(LINKS, st.integers(1, 2), st.integers(1, 2), st.sampled_from([0.5, 0.6]))
def test_best_total_of_log_odds(links, max_tails, max_heads, threshold):
    data = make_data(links, threshold=threshold)
    found = constrain(data, threshold, max_tails=max_tails, max_heads=max_heads)

    def add_up(pairs):
        scores = [min(links[pair], 1 - 1e-7) for pair in pairs]
        return sum(log(p / (1 - p)) - log(threshold / (1 - threshold)) for p in scores)

    def is_allowed(pairs):
        heads, tails = zip(*pairs) if pairs else ((), ())
        return all(heads.count(x) <= max_tails for x in heads) and all(
            tails.count(x) <= max_heads for x in tails
        )

    likely = [pair for pair, score in links.items() if score >= threshold]
    choices = [x for n in range(len(likely) + 1) for x in combinations(likely, n)]
    best = max(add_up(x) for x in choices if is_allowed(x))
    assert set(found) <= set(likely) and is_allowed(list(found))
    assert add_up(found) == pytest.approx(best, abs=1e-4)
    # one that is just at the threshold is found too
    for pair in set(likely) - set(found):
        assert not is_allowed([*found, pair])


def test_nearest_wins_a_tie():
    data = make_data({(0, 1): 0.9, (0, 2): 0.9, (0, 3): 0.9}, places=[20, 5, 22, 99, 0])
    assert list(constrain(data, max_tails=1)) == [(0, 2)]
    data = make_data(
        {(0, 1): 0.9, (0, 2): 0.9, (0, 3): 0.91}, places=[20, 5, 22, 99, 0]
    )
    assert list(constrain(data, max_tails=1)) == [(0, 3)]


def test_symmetric_labels_have_partners():
    """Both directions stay or go, and one limit counts for both."""
    scores = {(0, 1): 0.9, (1, 2): 0.8, (2, 3): 0.9}
    data = make_data({**scores, **{(b, a): x for (a, b), x in scores.items()}})
    expected = {(0, 1), (1, 0), (2, 3), (3, 2)}
    assert set(constrain(data, symmetric="R", max_tails=1)) == expected
    assert len(constrain(data, symmetric="R", max_heads=2)) == 6
    ring = {(0, 1): 0.9, (1, 2): 0.8, (0, 2): 0.7}  # halves would be worth more
    assert set(constrain(make_data(ring), symmetric="R", max_tails=1)) == {(0, 1)}


def test_acyclic():
    data = make_data({(0, 1): 0.9, (1, 2): 0.8, (2, 0): 0.7, (2, 3): 0.6, (3, 3): 0.9})
    assert list(constrain(data, acyclic=True)) == [(0, 1), (1, 2), (2, 3)]
    found = constrain(data, acyclic=True, max_tails=1)
    assert list(found) == [(0, 1), (1, 2), (2, 3)]  # 2 → 3 in the place of 2 → 0


def test_transitive():
    """What follows is found if it is a candidate, as sure as the weaker of the best
    relations of its head and its tail."""
    links = {(0, 1): 0.9, (1, 2): 0.6, (0, 2): 0.1, (2, 3): 0.8, (1, 3): float("nan")}
    data = make_data(links)
    found = constrain(data, transitive=True)
    assert found == pytest.approx({(0, 1): 0.9, (1, 2): 0.6, (0, 2): 0.6, (2, 3): 0.8})
    assert data.scores[2, 0] == numpy.float32(0.1)  # the model's are not changed
    ways = {(0, 1): 0.8, (1, 3): 0.6, (0, 2): 0.9, (2, 3): 0.7, (0, 3): 0.0}
    assert constrain(make_data(ways), transitive=True)[0, 3] == pytest.approx(0.7)


@given(LINKS)
def test_all_that_follows(links):
    pairs = {(a, b): 0.1 for a in range(4) for b in range(4) if a != b}
    found = constrain(make_data({**pairs, **links}), transitive=True)
    expected = {pair for pair, score in links.items() if score >= 0.5}
    for _ in range(4):
        expected |= {(a, d) for a, b in expected for c, d in expected if b == c}
    assert set(found) == {(a, b) for a, b in expected if a != b}
    assert all(score >= 0.5 for score in found.values())


def test_other_labels_are_left_alone():
    data = make_data({(0, 1): 0.9, (1, 2): 0.8, (0, 2): 0.1})
    both = data.replace(
        labels=["S", "R"],
        scores=numpy.repeat(data.scores, 2, axis=1),
        decided=numpy.asarray([[0, 0], [0, 1], [1, 1], [2, 0]], dtype="int32"),
    )
    rules, thresholds = {"R": LabelConstraints(transitive=True)}, {"R": 0.5, "S": 0.5}
    found = apply_constraints(both, rules, thresholds)
    assert found.decided.tolist() == [[0, 0], [0, 1], [1, 1], [2, 0], [2, 1]]
    found = apply_constraints(both, rules, thresholds, single_label=True)
    assert found.decided.tolist() == both.decided.tolist()
    unknown = apply_constraints(both, {"T": LabelConstraints(max_tails=1)}, thresholds)
    assert unknown.decided.tolist() == both.decided.tolist()

from itertools import combinations

import numpy
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment

from rel_component.relations.matching import (
    Reach,
    choose_by_weight,
    choose_within_limits,
)

NODES = st.integers(0, 3)
# few different weights: many ties
GRAPHS = st.dictionaries(st.tuples(NODES, NODES), st.integers(1, 6), max_size=8)
LIMITS = st.none() | st.integers(1, 3)


def to_arrays(graph):
    edges = numpy.asarray(list(graph), dtype=int).reshape(-1, 2)
    return (*edges.T, numpy.asarray(list(graph.values()), dtype=int))


def keeps(ends, limit):
    return limit is None or all(list(ends).count(end) <= limit for end in set(ends))


@given(GRAPHS, LIMITS, LIMITS)
def test_as_good_as_the_best_of_all_choices(graph, max_tails, max_heads):
    keep = choose_within_limits(*to_arrays(graph), max_tails, max_heads)
    edges = list(graph)
    best = max(
        sum(graph[edge] for edge in some)
        for n in range(len(edges) + 1)
        for some in combinations(edges, n)
        if keeps([head for head, _ in some], max_tails)
        and keeps([tail for _, tail in some], max_heads)
    )
    chosen = [edge for edge, is_kept in zip(edges, keep) if is_kept]
    assert keeps([head for head, _ in chosen], max_tails)
    assert keeps([tail for _, tail in chosen], max_heads)
    assert sum(graph[edge] for edge in chosen) == best


def test_as_good_as_scipy():
    weights = numpy.random.default_rng(0).integers(1, 10**9, (30, 40))
    heads, tails = numpy.ones(weights.shape, dtype=bool).nonzero()
    keep = choose_within_limits(heads, tails, weights.ravel(), 1, 1)
    rows, columns = linear_sum_assignment(weights, maximize=True)
    assert weights.ravel()[keep].sum() == weights[rows, columns].sum()


@given(GRAPHS, LIMITS, LIMITS)
def test_no_cycles(graph, max_tails, max_heads):
    heads, tails, weights = to_arrays(graph)
    if not graph:
        return
    order = numpy.argsort(-weights, kind="stable")
    keep = choose_by_weight(
        heads, tails, order, max_tails=max_tails, max_heads=max_heads, acyclic=True
    )
    chosen = {edge for edge, is_kept in zip(graph, keep) if is_kept}
    assert keeps([head for head, _ in chosen], max_tails)
    assert keeps([tail for _, tail in chosen], max_heads)
    assert not has_cycle(chosen)
    for edge in set(graph) - chosen:  # each that is left out had to be
        more = {*chosen, edge}
        assert (
            not keeps([head for head, _ in more], max_tails)
            or not keeps([tail for _, tail in more], max_heads)
            or has_cycle(more)
        )
    assert keep[order[0]] or heads[order[0]] == tails[order[0]]


def has_cycle(edges):
    nodes = {node for edge in edges for node in edge}
    while nodes:
        ends = {node for node in nodes if not any(edge[0] == node for edge in edges)}
        if not ends:
            return True
        nodes, edges = nodes - ends, {edge for edge in edges if edge[1] not in ends}
    return False


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=12))
def test_reach(links):
    reach = Reach(10)
    known = {(node, node) for node in range(10)}
    for start, end in links:
        reach.add(start, end)
        before = {a for a, b in known if b == start}
        known |= {(a, b) for a in before for c, b in known if c == end}
    for start in range(10):
        for end in range(10):
            assert reach.has(start, end) == ((start, end) in known)

"""Choose the best relations of one label: limits per entity, and no cycles."""

from collections import Counter
from heapq import heappop, heappush
from typing import Any, Dict, List, Optional, Set, Tuple

import numpy

Limit = Optional[int]


class Reach:
    """Which nodes of a directed graph can be reached from which, as links are added.

    n_nodes (int): the number of nodes. Each reaches itself.
    """

    def __init__(self, n_nodes: int) -> None:
        # one bit per pair of nodes
        self.bits = numpy.packbits(numpy.eye(n_nodes, dtype=bool), axis=1)

    def has(self, start: Any, end: Any) -> Any:
        """RETURNS (bool): whether there is a path; an array for arrays of nodes."""
        return (self.bits[start, end >> 3] & (128 >> (end & 7))) != 0

    def add(self, start: int, end: int) -> None:
        """Add a link."""
        if not self.has(start, end):
            before = self.has(slice(None), start)
            self.bits[before] |= self.bits[end]


def choose_within_limits(
    heads: numpy.ndarray,
    tails: numpy.ndarray,
    weights: numpy.ndarray,
    max_tails: Limit = None,
    max_heads: Limit = None,
) -> numpy.ndarray:
    """Choose the relations with the highest total weight, exactly.

    heads, tails (Ints1d): (n,), the ends of each relation.
    weights (Ints1d): (n,), above 0.
    max_tails, max_heads (Optional[int]): maximum number of tails of a head, and of
        heads of a tail; None: any.
    RETURNS (Bools1d): (n,), the chosen relations.
    """
    if max_tails is not None and max_heads is not None:
        columns = heads.tolist(), tails.tolist(), weights.tolist()
        return _solve_transport(*columns, max_tails, max_heads)
    keep = numpy.ones(len(weights), dtype=bool)
    for ends, limit in ((heads, max_tails), (tails, max_heads)):
        if limit is not None:
            order = numpy.lexsort((-weights, ends))
            first = numpy.searchsorted(ends[order], ends[order])
            keep[order] = numpy.arange(len(order)) - first < limit
    return keep


def _solve_transport(
    heads: List[int],
    tails: List[int],
    weights: List[int],
    max_tails: int,
    max_heads: int,
) -> numpy.ndarray:
    """Solve a transport problem by shortest augmenting paths (Edmonds and Karp 1972,
    doi:10.1145/321694.321699).

    Heads get tails one after another. A path gives a head one more tail at the lowest
    cost to the others, which may be moved to other tails, or lose one. `gain` and
    `price` are the dual variables: no relation outside is worth more than the gain of
    its head and the price of its tail, and no chosen one less.
    """
    edges_of: Dict[int, List[int]] = {}
    for edge, head in enumerate(heads):
        edges_of.setdefault(head, []).append(edge)
    chosen: Dict[int, Set[int]] = {tail: set() for tail in tails}
    price = dict.fromkeys(tails, 0)
    gain: Dict[int, int] = {}

    def list_steps(node: int) -> List[Tuple[int, int, int]]:
        # heads are nodes from 0 up, tails below 0
        if node < 0:
            return [(heads[e], e, 1) for e in chosen[~node]]
        edges = edges_of[node]
        return [(~tails[e], e, -1) for e in edges if e not in chosen[tails[e]]]

    def find_path(start: int) -> List[int]:
        best, reached_by, done = {start: 0}, {}, {}
        queue, limit, end = [(0, start)], gain[start], start
        while queue and queue[0][0] < limit:
            distance, node = heappop(queue)
            if node in done:
                continue
            done[node] = distance
            if node >= 0:  # this head could lose a tail
                if distance + gain[node] < limit:
                    limit, end = distance + gain[node], node
            elif len(chosen[~node]) < max_heads:
                limit, end = distance, node
                break
            for other, edge, sign in list_steps(node):
                reduced = weights[edge] - gain[heads[edge]] - price[tails[edge]]
                total = distance + sign * reduced
                if total < min(limit, best.get(other, limit)):
                    best[other], reached_by[other] = total, edge
                    heappush(queue, (total, other))
        for node, distance in done.items():
            change = max(limit - distance, 0)
            if node < 0:
                price[~node] += change
            else:
                gain[node] -= change
        path = []
        while end != start:
            path.append(reached_by[end])
            end = heads[path[-1]] if end < 0 else ~tails[path[-1]]
        return path

    for head, edges in edges_of.items():
        gain[head] = max(0, *(weights[e] - price[tails[e]] for e in edges))
        for _ in range(min(max_tails, len(edges))):
            path = find_path(head)
            if not path:
                break
            for edge in path:
                chosen[tails[edge]] ^= {edge}
    keep = numpy.zeros(len(weights), dtype=bool)
    keep[[edge for edges in chosen.values() for edge in edges]] = True
    return keep


def choose_by_weight(
    heads: numpy.ndarray,
    tails: numpy.ndarray,
    order: numpy.ndarray,
    *,
    max_tails: Limit = None,
    max_heads: Limit = None,
    acyclic: bool = False,
    symmetric: bool = False,
) -> numpy.ndarray:
    """Choose relations one after another, without those that are no longer allowed.

    heads, tails (Ints1d): (n,), the ends of each relation, numbered from 0.
    order (Ints1d): (n,), the relations, the best first.
    max_tails, max_heads (Optional[int]): maximum number of tails of a head, and of
        heads of a tail; None: any.
    acyclic (bool): no relation may close a cycle.
    symmetric (bool): heads are tails, too.
    RETURNS (Bools1d): (n,), the chosen relations.
    """
    keep = numpy.zeros(len(order), dtype=bool)
    reach = Reach(int(max(heads.max(), tails.max())) + 1 if acyclic else 0)
    n_tails: Counter = Counter()
    n_heads = n_tails if symmetric else Counter()
    for row in order.tolist():
        head, tail = int(heads[row]), int(tails[row])
        keep[row] = not (
            (max_tails is not None and n_tails[head] >= max_tails)
            or (max_heads is not None and n_heads[tail] >= max_heads)
            or (acyclic and reach.has(tail, head))
        )
        if keep[row]:
            n_tails[head] += 1
            n_heads[tail] += 1
            if acyclic:
                reach.add(head, tail)
    return keep

"""Legal paths of BIOES tags: the best path, and marginal probabilities.

Between two tokens, a path is either outside, after an entity of a type, or inside an
entity of a type, so a step is linear in the number of types, not quadratic. Steps are
computed for all documents of a batch at once, on the CPU: inputs and outputs are numpy
arrays, regardless of the device of the scores.
"""

from dataclasses import dataclass
from typing import Iterator, List, Optional, Tuple

import numpy

from .tags import BEGIN, END, INSIDE, OUTSIDE, SINGLE, UNKNOWN, TagSet

# weight of impossible transitions, finite so that products are finite, too
LEAST = 1e-100


@dataclass
class Transitions:
    """Scores of transitions between tags; without them, all legal ones score 0.

    between (Floats2d): (T + 1, T + 1), from outside or the end of an entity of a type
        (row) to outside or the begin of one (column).
    within (Floats3d): (2, 2, T), inside an entity: from its first token or a later one
        to a token inside or to its last.
    """

    between: numpy.ndarray
    within: numpy.ndarray


class Steps:
    """The tokens of a batch in path order: the first tokens of all documents, the
    second tokens and so on, with the longest document first.

    lengths (Ints1d): (n_docs,), number of tokens.
    """

    def __init__(self, lengths: numpy.ndarray) -> None:
        lengths = numpy.asarray(lengths, dtype="int64")
        self.n_tokens = int(lengths.sum())
        order = numpy.argsort(-lengths, kind="stable")
        rank = numpy.empty_like(order)
        rank[order] = numpy.arange(len(order))
        first = numpy.cumsum(lengths) - lengths
        position = numpy.arange(self.n_tokens) - numpy.repeat(first, lengths)
        # (n_tokens,): the token at each position
        self.order = numpy.lexsort((numpy.repeat(rank, lengths), position))
        self.sizes = numpy.bincount(position, minlength=1)
        self.starts = numpy.cumsum(self.sizes) - self.sizes
        ordered = lengths[order]
        ordered = ordered[ordered > 0]
        # (n_docs that are not empty,): position of their last token
        self.last = self.starts[ordered - 1] + numpy.arange(len(ordered))
        self.n_first = len(ordered)
        # (n_tokens,): position of the previous token; arbitrary for the first `n_first`
        steps = numpy.repeat(numpy.arange(len(self.sizes)), self.sizes)
        places = numpy.arange(self.n_tokens)
        starts_before = self.starts[numpy.maximum(steps - 1, 0)]
        self.before = places - self.starts[steps] + starts_before

    def __iter__(self) -> Iterator[Tuple[slice, slice]]:
        """YIELDS (Tuple[slice, slice]): the positions of a step and of the previous
        one, without documents that have ended."""
        for start, size, before in zip(self.starts, self.sizes, [0, *self.starts]):
            yield slice(start, start + size), slice(before, before + size)

    def arrange(self, rows: numpy.ndarray) -> numpy.ndarray:
        """RETURNS (ndarray): rows in path order."""
        return rows[self.order]

    def restore(self, rows: numpy.ndarray) -> numpy.ndarray:
        """RETURNS (ndarray): rows in token order."""
        tokens = numpy.empty_like(rows)
        tokens[self.order] = rows
        return tokens


def find_best(
    scores: numpy.ndarray,
    lengths: numpy.ndarray,
    tag_set: TagSet,
    transitions: Optional[Transitions] = None,
) -> numpy.ndarray:
    """Find the legal path with the highest score per document, by Viterbi's algorithm.

    scores (Floats2d): (n_tokens, n_tags), of concatenated documents.
    lengths (Ints1d): (n_docs,), number of tokens per document.
    tag_set (TagSet): the tags.
    transitions (Optional[Transitions]): scores of transitions.
    RETURNS (Ints1d): (n_tokens,), tags.
    """
    if transitions is not None:
        return _run_viterbi(scores, lengths, tag_set, transitions)
    # if the best tags of the tokens are a legal path, it's the best one
    tags = scores.argmax(axis=1)
    lengths = numpy.asarray(lengths)
    some = lengths > 0
    if not some.any():
        return tags
    is_legal = numpy.ones(len(lengths), dtype=bool)
    starts = numpy.cumsum(lengths) - lengths
    is_legal[some] = tag_set.is_legal(tags, starts[some])
    rows = numpy.repeat(~is_legal, lengths)
    if rows.any():
        tags[rows] = _run_viterbi(scores[rows], lengths[~is_legal], tag_set, None)
    return tags


def _run_viterbi(
    scores: numpy.ndarray,
    lengths: numpy.ndarray,
    tag_set: TagSet,
    transitions: Optional[Transitions],
) -> numpy.ndarray:
    steps = Steps(lengths)
    if not steps.n_tokens:
        return numpy.zeros(0, dtype="int64")
    E = steps.arrange(scores).astype("float64")
    columns = [tag_set.columns(kind) for kind in range(4)]
    # a document does not end inside an entity
    E[steps.last, columns[BEGIN].start : columns[INSIDE].stop] = -numpy.inf
    best = numpy.full(E.shape, -numpy.inf)
    came_from = numpy.zeros(E.shape, dtype="int32")
    behind = numpy.full((steps.sizes[0], tag_set.n_types + 1), -numpy.inf)
    behind[:, 0] = 0.0
    behind_tag = numpy.zeros(behind.shape, dtype="int32")
    is_first = True
    for now, before in steps:
        n = now.stop - now.start
        behind, behind_tag = behind[:n], behind_tag[:n]
        reached, tag = _reach(behind, behind_tag, transitions)
        best[now, 0] = reached[:, 0]
        came_from[now, 0] = tag[:, 0]
        for kind in (BEGIN, SINGLE):
            best[now, columns[kind]] = reached[:, 1:]
            came_from[now, columns[kind]] = tag[:, 1:]
        if not is_first:
            for i, kind in enumerate((INSIDE, END)):
                value, came = _go_on(best[before], i, columns, transitions)
                best[now, columns[kind]] = value
                came_from[now, columns[kind]] = came
        best[now] += E[now]
        behind, behind_tag = _close(best[now], columns)
        is_first = False
    return steps.restore(_trace_back(best, came_from, steps))


def _reach(
    behind: numpy.ndarray, behind_tag: numpy.ndarray, transitions: Optional[Transitions]
) -> Tuple[numpy.ndarray, numpy.ndarray]:
    """Best score and previous tag of outside tokens and starts of entities, (n, T +
    1)."""
    if transitions is None:
        at = behind.argmax(axis=1)[:, None]
        value: numpy.ndarray = numpy.take_along_axis(behind, at, axis=1)
        tag = numpy.take_along_axis(behind_tag, at, axis=1)
        return (
            numpy.broadcast_to(value, behind.shape),
            numpy.broadcast_to(tag, behind.shape),
        )
    paths = behind[:, :, None] + transitions.between
    at = paths.argmax(axis=1)
    value = numpy.take_along_axis(paths, at[:, None], axis=1)[:, 0]
    return value, numpy.take_along_axis(behind_tag, at, axis=1)


def _go_on(
    before: numpy.ndarray,
    goal: int,
    columns: List[slice],
    transitions: Optional[Transitions],
) -> Tuple[numpy.ndarray, numpy.ndarray]:
    """Best score and previous tag of tokens inside (goal 0) or at the end (1), (n,
    T)."""
    begun, inside = before[:, columns[BEGIN]], before[:, columns[INSIDE]]
    if transitions is not None:
        begun = begun + transitions.within[0, goal]
        inside = inside + transitions.within[1, goal]
    is_longer = inside > begun
    numbers = numpy.arange(columns[BEGIN].start, columns[BEGIN].stop)
    n_types = len(numbers)
    return numpy.maximum(begun, inside), numbers + n_types * is_longer


def _close(
    best: numpy.ndarray, columns: List[slice]
) -> Tuple[numpy.ndarray, numpy.ndarray]:
    """Best score and tag outside or after an entity, (n, T + 1)."""
    ended, single = best[:, columns[END]], best[:, columns[SINGLE]]
    is_single = single > ended
    numbers = numpy.arange(columns[END].start, columns[END].stop)
    tag = numbers + len(numbers) * is_single
    value = numpy.maximum(ended, single)
    outside = numpy.zeros((len(best), 1), dtype="int32")
    return (
        numpy.concatenate([best[:, :1], value], axis=1),
        numpy.concatenate([outside, tag], axis=1),
    )


def _trace_back(
    best: numpy.ndarray, came_from: numpy.ndarray, steps: Steps
) -> numpy.ndarray:
    tags = numpy.zeros(len(best), dtype="int64")
    tags[steps.last] = best[steps.last].argmax(axis=1)
    for now, before in reversed(list(steps)[1:]):
        rows = numpy.arange(now.start, now.stop)
        tags[before] = came_from[rows, tags[now]]
    return tags


def count_transitions(
    tags: numpy.ndarray, lengths: numpy.ndarray, tag_set: TagSet
) -> Transitions:
    """RETURNS (Transitions): counts of transitions in legal paths of (n_tokens,)
    tags."""
    n_types = tag_set.n_types
    between = numpy.zeros((n_types + 1, n_types + 1))
    within = numpy.zeros((2, 2, n_types))
    kinds, types = numpy.divmod(tags - 1, n_types)
    kinds[tags == OUTSIDE], types[tags == OUTSIDE] = SINGLE, -1
    before, type_before = numpy.roll(kinds, 1), numpy.roll(types, 1)
    starts = (numpy.cumsum(lengths) - lengths)[lengths > 0]
    before[starts], type_before[starts] = SINGLE, -1
    goes_on = (kinds == INSIDE) | (kinds == END)
    at = ((before == INSIDE).astype(int), (kinds == END).astype(int), types)
    numpy.add.at(within, tuple(x[goes_on] for x in at), 1.0)
    numpy.add.at(between, (type_before[~goes_on] + 1, types[~goes_on] + 1), 1.0)
    return Transitions(between, within)


class Lattice:
    """All legal paths of a batch, weighted by the exponential of their scores.

    scores (Floats2d): (n_tokens, n_tags), of concatenated documents.
    lengths (Ints1d): (n_docs,), number of tokens per document.
    tag_set (TagSet): the tags.
    transitions (Optional[Transitions]): scores of transitions.
    tags (Optional[Ints1d]): (n_tokens,), only paths through these; `UNKNOWN`: any.

    Source: Rabiner (1989), A Tutorial on Hidden Markov Models, for the scaling.
    """

    def __init__(
        self,
        scores: numpy.ndarray,
        lengths: numpy.ndarray,
        tag_set: TagSet,
        transitions: Optional[Transitions] = None,
        tags: Optional[numpy.ndarray] = None,
    ) -> None:
        self.tag_set, self.steps = tag_set, Steps(lengths)
        self.columns = [tag_set.columns(kind) for kind in range(4)]
        scores = scores.astype("float64")
        # a high score of an impossible tag must not hide those of possible ones
        ends = numpy.cumsum(lengths)[numpy.asarray(lengths) > 0]
        starts = ends - numpy.asarray(lengths)[numpy.asarray(lengths) > 0]
        begin, inside, end, _ = self.columns
        scores[ends - 1, begin.start : inside.stop] = -numpy.inf
        scores[starts, inside.start : end.stop] = -numpy.inf
        highest: numpy.ndarray = scores.max(axis=1, keepdims=True)
        weights = numpy.maximum(numpy.exp(scores - highest), LEAST)
        if tags is not None:
            known = numpy.flatnonzero(tags != UNKNOWN)
            kept = weights[known, tags[known]]
            weights[known] = 0.0
            weights[known, tags[known]] = kept
        self.weights = self.steps.arrange(weights)
        opening = slice(self.columns[BEGIN].start, self.columns[INSIDE].stop)
        self.weights[self.steps.last, opening] = 0.0
        n_types = tag_set.n_types
        self.between: Optional[numpy.ndarray] = None
        self.within = numpy.ones((2, 2, n_types))
        if transitions is not None:
            self.between = numpy.exp(transitions.between.astype("float64"))
            self.within = numpy.exp(transitions.within.astype("float64"))
        self.scales = numpy.ones(self.steps.n_tokens)
        self.forward = self._go_forward()
        self.backward = self._go_backward()
        self.log_total = float(highest.sum() + numpy.log(self.scales).sum())

    def _behind(self, alpha: numpy.ndarray) -> numpy.ndarray:
        """(n, T + 1): outside, and after an entity of each type."""
        closed = alpha[:, self.columns[END]] + alpha[:, self.columns[SINGLE]]
        return numpy.concatenate([alpha[:, :1], closed], axis=1)

    def _go_forward(self) -> numpy.ndarray:
        begin, inside, end, single = self.columns
        alpha = numpy.zeros(self.weights.shape)
        if not self.steps.n_tokens:
            return alpha
        behind = numpy.zeros((self.steps.sizes[0], self.tag_set.n_types + 1))
        behind[:, 0] = 1.0
        for i, (now, before) in enumerate(self.steps):
            behind = behind[: now.stop - now.start]
            if self.between is None:
                reached = numpy.broadcast_to(
                    behind.sum(axis=1, keepdims=True), behind.shape
                )
            else:
                reached = behind @ self.between
            step = alpha[now]
            step[:, 0] = reached[:, 0]
            step[:, begin] = step[:, single] = reached[:, 1:]
            if i:
                last = alpha[before]
                for goal, columns in enumerate((inside, end)):
                    step[:, columns] = last[:, begin] * self.within[0, goal]
                    step[:, columns] += last[:, inside] * self.within[1, goal]
            step *= self.weights[now]
            scale = step.sum(axis=1)
            self.scales[now] = scale
            step /= scale[:, None]
            behind = self._behind(step)
        return alpha

    def _go_backward(self) -> numpy.ndarray:
        begin, inside, end, single = self.columns
        beta = numpy.zeros(self.weights.shape)
        beta[self.steps.last, 0] = 1.0
        beta[self.steps.last, end.start : single.stop] = 1.0
        for now, before in reversed(list(self.steps)[1:]):
            ahead = self._ahead(now, beta)
            reach = self._reach_back(ahead)
            step = beta[before]
            step[:, 0] = reach[:, 0]
            step[:, end] = step[:, single] = reach[:, 1:]
            for start, columns in enumerate((begin, inside)):
                step[:, columns] = ahead[:, inside] * self.within[start, 0]
                step[:, columns] += ahead[:, end] * self.within[start, 1]
        return beta

    def _ahead(self, now: slice, beta: numpy.ndarray) -> numpy.ndarray:
        return self.weights[now] * beta[now] / self.scales[now, None]

    def _reach_back(self, ahead: numpy.ndarray) -> numpy.ndarray:
        opened = self._opened(ahead)
        if self.between is None:
            return numpy.broadcast_to(opened.sum(axis=1, keepdims=True), opened.shape)
        return opened @ self.between.T

    def _opened(self, ahead: numpy.ndarray) -> numpy.ndarray:
        begun = ahead[:, self.columns[BEGIN]] + ahead[:, self.columns[SINGLE]]
        return numpy.concatenate([ahead[:, :1], begun], axis=1)

    def get_marginals(self) -> numpy.ndarray:
        """RETURNS (Floats2d): (n_tokens, n_tags), marginal probabilities."""
        return self.steps.restore(self.forward * self.backward)

    def count_transitions(self) -> Transitions:
        """RETURNS (Transitions): expected counts of transitions in all documents, which
        are the gradient of `log_total`."""
        begin, inside, end, _ = self.columns
        ahead = self.weights * self.backward / self.scales[:, None]
        before, n_first = self.steps.before, self.steps.n_first
        behind = self._behind(self.forward)[before]
        behind[:n_first] = 0.0
        behind[:n_first, 0] = 1.0
        between = behind.T @ self._opened(ahead)
        last, ahead = self.forward[before[n_first:]], ahead[n_first:]
        within = numpy.asarray(
            [
                [(last[:, x] * ahead[:, y]).sum(axis=0) for y in (inside, end)]
                for x in (begin, inside)
            ]
        )
        if self.between is not None:
            between, within = between * self.between, within * self.within
        return Transitions(between, within)

    def weigh_entities(
        self, spans: numpy.ndarray, types: numpy.ndarray
    ) -> numpy.ndarray:
        """Compute the probabilities of entities.

        spans (Ints2d): (n, 2), first token and exclusive end, in the batch.
        types (Ints1d): (n,).
        RETURNS (Floats1d): (n,), probabilities.
        """
        begin, inside, end, single = self.columns
        restore = self.steps.restore
        alpha, beta = restore(self.forward), restore(self.backward)
        ahead = restore(self.weights / self.scales[:, None])
        first, last = spans[:, 0], spans[:, 1] - 1
        alone = alpha[first, single.start + types] * beta[first, single.start + types]
        with numpy.errstate(divide="ignore"):
            # the product over the tokens inside becomes a difference; 0 only at the end
            # of a document, where no entity continues
            sums = numpy.log(numpy.maximum(ahead[:, inside], LEAST)).cumsum(axis=0)
            within = numpy.log(self.within)
            share = numpy.log(alpha[first, begin.start + types])
            share += numpy.log(ahead[last, end.start + types])
            share += numpy.log(beta[last, end.start + types])
        n_inside = last - first - 1
        share += numpy.where(
            n_inside > 0, sums[last - 1, types] - sums[first, types], 0
        )
        share += numpy.where(
            n_inside > 0,
            within[0, 0, types]
            + within[1, 1, types]
            + numpy.maximum(n_inside - 1, 0) * within[1, 0, types],
            within[0, 1, types],
        )
        return numpy.minimum(numpy.where(last == first, alone, numpy.exp(share)), 1.0)

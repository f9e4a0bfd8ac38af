from collections import Counter

import numpy
import pytest
from numpy.testing import assert_allclose

from rel_component.model.entities.paths import (
    Lattice,
    Steps,
    Transitions,
    count_transitions,
    find_best,
)
from rel_component.model.entities.tags import UNKNOWN, TagSet

from .brute_force import score_path, weigh_paths

LENGTHS = numpy.asarray([3, 0, 1, 4, 2, 3])
cases = pytest.mark.parametrize("n_types", [1, 2])
with_or_without = pytest.mark.parametrize("crf", [False, True], ids=["free", "crf"])


def make_batch(rng, n_types, crf, lengths=LENGTHS):
    scores = 2 * rng.normal(size=(lengths.sum(), TagSet(n_types).n_tags))
    transitions = None
    if crf:
        shape = (n_types + 1, n_types + 1)
        transitions = Transitions(
            rng.normal(size=shape), rng.normal(size=(2, 2, n_types))
        )
    return scores, transitions


def split(rows, lengths=LENGTHS):
    return numpy.split(rows, numpy.cumsum(lengths)[:-1])


def test_steps_take_all_documents_at_once():
    steps = Steps(numpy.asarray([2, 0, 3, 1]))
    assert steps.sizes.tolist() == [3, 2, 1]
    # first tokens of the third, first and fourth document, and so on
    assert steps.order.tolist() == [2, 0, 5, 3, 1, 4]
    rows = numpy.arange(6)
    assert steps.restore(steps.arrange(rows)).tolist() == rows.tolist()
    assert steps.last.tolist() == [5, 4, 2]


@cases
@with_or_without
def test_best_path_is_that_of_brute_force(n_types, crf, rng):
    tag_set = TagSet(n_types)
    for _ in range(5):
        scores, transitions = make_batch(rng, n_types, crf)
        best = find_best(scores, LENGTHS, tag_set, transitions)
        for tags, own in zip(split(best), split(scores)):
            paths, values, _ = weigh_paths(own, transitions, n_types)
            assert tuple(tags) == paths[values.argmax()]


@with_or_without
def test_batch_is_like_single_documents(crf, rng):
    tag_set = TagSet(3)
    lengths = rng.integers(0, 40, size=30)
    scores, transitions = make_batch(rng, 3, crf, lengths)
    best = find_best(scores, lengths, tag_set, transitions)
    lattice = Lattice(scores, lengths, tag_set, transitions)
    parts = zip(*(split(x, lengths) for x in (best, lattice.get_marginals(), scores)))
    total = 0.0
    for tags, marginals, own in parts:
        n = numpy.asarray([len(own)])
        assert (find_best(own, n, tag_set, transitions) == tags).all()
        if len(own):
            single = Lattice(own, n, tag_set, transitions)
            assert_allclose(single.get_marginals(), marginals, atol=1e-12)
            total += single.log_total
    assert_allclose(lattice.log_total, total)


@cases
@with_or_without
def test_shares_are_those_of_brute_force(n_types, crf, rng):
    tag_set = TagSet(n_types)
    scores, transitions = make_batch(rng, n_types, crf)
    lattice = Lattice(scores, LENGTHS, tag_set, transitions)
    total, offset, shares = 0.0, 0, Counter()
    for own, marginals in zip(split(scores), split(lattice.get_marginals())):
        paths, values, log_sum = weigh_paths(own, transitions, n_types)
        expected = numpy.zeros_like(own)
        for path, weight in zip(paths, numpy.exp(values - log_sum)):
            expected[numpy.arange(len(own)), path] += weight
            spans, types = tag_set.decode(numpy.asarray(path, dtype="int64"))
            for (start, end), type_ in zip(spans.tolist(), types.tolist()):
                shares[offset + start, offset + end, type_] += weight
        assert_allclose(marginals, expected, atol=1e-12)
        total, offset = total + log_sum, offset + len(own)
    assert_allclose(lattice.log_total, total)
    keys = numpy.asarray(sorted(shares))
    expected = [shares[tuple(key)] for key in keys.tolist()]
    assert_allclose(lattice.weigh_entities(keys[:, :2], keys[:, 2]), expected)


@cases
@with_or_without
def test_known_tags_leave_the_paths_that_have_them(n_types, crf, rng):
    scores, transitions = make_batch(rng, n_types, crf)
    tag_set = TagSet(n_types)
    tags = find_best(scores, LENGTHS, tag_set, transitions)
    tags[rng.random(len(tags)) < 0.5] = UNKNOWN
    total = 0.0
    for own, known in zip(split(scores), split(tags)):

        def fits(path, known=known):
            return all(k in (UNKNOWN, tag) for k, tag in zip(known, path))

        total += weigh_paths(own, transitions, n_types, fits)[2]
    lattice = Lattice(scores, LENGTHS, tag_set, transitions, tags)
    assert_allclose(lattice.log_total, total)


@cases
def test_transitions_of_a_path_are_those_of_its_lattice(n_types, rng):
    tag_set = TagSet(n_types)
    for _ in range(10):
        scores, transitions = make_batch(rng, n_types, True)
        tags = find_best(scores, LENGTHS, tag_set, transitions)
        counts = count_transitions(tags, LENGTHS, tag_set)
        lattice = Lattice(scores, LENGTHS, tag_set, transitions, tags)
        expected = lattice.count_transitions()
        assert_allclose(counts.between, expected.between, atol=1e-12)
        assert_allclose(counts.within, expected.within, atol=1e-12)
        assert counts.between.sum() + counts.within.sum() == len(tags)


def test_long_documents_and_high_scores_do_not_overflow(rng):
    lengths = numpy.asarray([5000, 3])
    scores, transitions = make_batch(rng, 2, True, lengths)
    tag_set = TagSet(2)
    lattice = Lattice(40 * scores, lengths, tag_set, transitions)
    marginals = lattice.get_marginals()
    assert_allclose(marginals.sum(axis=1), 1.0)
    best = find_best(40 * scores, lengths, tag_set, transitions)
    value = score_path(best[:5000], 40 * scores, transitions, 2)
    value += score_path(best[5000:], 40 * scores[5000:], transitions, 2)
    assert 0 <= lattice.log_total - value < 0.01 * abs(value)
    spans, types = tag_set.decode(best)
    shares = lattice.weigh_entities(spans, types)
    assert (shares > 0).all() and (shares <= 1).all()


def test_no_tokens():
    nothing = numpy.zeros((0, 5))
    for lengths in ([], [0], [0, 0]):
        assert not len(find_best(nothing, numpy.asarray(lengths, int), TagSet(1)))
        crf = Transitions(numpy.zeros((2, 2)), numpy.zeros((2, 2, 1)))
        assert not len(find_best(nothing, numpy.asarray(lengths, int), TagSet(1), crf))


def test_high_scores_of_impossible_tags_hide_nothing():
    one = TagSet(1)
    scores = numpy.asarray([[0.0, 400.0, 0.0, 0.0, -30.0]])  # of O, B, I, E and S
    lattice = Lattice(scores, numpy.array([1]), one)
    expected = [1.0, 0.0, 0.0, 0.0, numpy.exp(-30)]
    assert_allclose(lattice.get_marginals()[0], expected, atol=1e-12)
    assert_allclose(lattice.log_total, 0.0, atol=1e-9)

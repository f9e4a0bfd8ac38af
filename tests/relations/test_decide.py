import numpy

from rel_component.relations import find_decided, keep_best

SCORES = numpy.asarray([[0.9, 0.8], [0.1, 0.6], [numpy.nan, 0.2]], dtype="float32")


def decide(*thresholds, **options):
    return find_decided(SCORES, numpy.asarray(thresholds), **options).tolist()


def test_each_label_has_its_threshold():
    assert decide(0.5, 0.5) == [[0, 0], [0, 1], [1, 1]]
    assert decide(0.95, 0.7) == [[0, 1]]
    assert decide(0.5, 0.5, single_label=True) == [[0, 0], [1, 1]]
    assert decide(2.0, 2.0) == []
    assert decide(0.0, 0.0) == [[0, 0], [0, 1], [1, 0], [1, 1], [2, 1]]  # NaN never


def test_best_label_of_each_group():
    scores = numpy.asarray([[0.5, 0.4, 0.6, 0.7], [0.1, 0.2, 0.3, numpy.nan]])
    expected = numpy.asarray([[0.5, 0.4, -1, 0.7], [-1, 0.2, 0.3, -1]])
    found = keep_best(scores, [[0], [2, 3], []])
    numpy.testing.assert_array_equal(found[0], expected[0])
    numpy.testing.assert_array_equal(
        keep_best(scores, [[0, 1], [3, 2]])[1], expected[1]
    )
    assert keep_best(scores, []) is not scores
    numpy.testing.assert_array_equal(keep_best(scores, []), scores)


def test_best_label():
    expected = numpy.asarray([[0.9, -1], [-1, 0.6], [-1, 0.2]], dtype="float32")
    numpy.testing.assert_array_equal(keep_best(SCORES), expected)
    assert keep_best(SCORES[:0]).shape == (0, 2)
    # what is not known is below what is known to be none
    assert keep_best(numpy.asarray([[numpy.nan, 0.0]])).tolist() == [[-1.0, 0.0]]
    assert find_decided(SCORES[:, :0], numpy.zeros(0)).shape == (0, 2)

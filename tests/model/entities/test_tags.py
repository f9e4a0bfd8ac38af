import numpy
import pytest

from rel_component.model.entities.tags import UNKNOWN, TagSet

from .brute_force import is_legal, list_paths


def test_kinds_have_columns_of_their_own():
    tags = TagSet(3)
    assert tags.n_tags == 13
    rows = numpy.arange(13.0)[None]
    parts = [part.tolist() for part in tags.split(rows)]
    assert parts == [[[0]], [[1, 2, 3]], [[4, 5, 6]], [[7, 8, 9]], [[10, 11, 12]]]


@pytest.mark.parametrize("n_types", [1, 2])
def test_every_legal_path_is_read_and_written(n_types):
    tag_set = TagSet(n_types)
    for n_tokens in (1, 2, 3, 4):
        for path in list_paths(n_tokens, n_types):
            spans, types = tag_set.decode(numpy.asarray(path))
            tags = numpy.zeros(n_tokens, dtype="int64")
            tag_set.encode(tags, spans, types)
            assert tuple(tags) == path


def test_unknown_tags_are_kept_where_no_entity_is_written():
    tags = numpy.full(4, UNKNOWN)
    TagSet(1).encode(tags, numpy.asarray([[1, 3]]), numpy.asarray([0]))
    assert tags.tolist() == [UNKNOWN, 1, 3, UNKNOWN]


def test_legal_documents_are_those_of_the_definition(rng):
    tag_set = TagSet(2)
    lengths = rng.integers(1, 4, size=2000)
    tags = rng.integers(0, tag_set.n_tags, size=lengths.sum())
    starts = numpy.cumsum(lengths) - lengths
    expected = [is_legal(x, 2) for x in numpy.split(tags, starts[1:])]
    assert tag_set.is_legal(tags, starts).tolist() == expected
    assert 0 < sum(expected) < len(expected)

"""Overlaps of entities, beside a comparison of each with each."""

from hypothesis import given
from hypothesis import strategies as st

from rel_component.inspection.overlaps import count_overlaps, find_crossing

KEYS = st.tuples(st.integers(0, 8), st.integers(1, 5), st.sampled_from("AB"))
ENTITIES = st.sets(KEYS.map(lambda key: (key[0], key[0] + key[1], key[2])), max_size=12)


def is_nested(a, b):
    return b[0] <= a[0] and a[1] <= b[1] and a[:2] != b[:2]


def is_crossing(a, b):
    return a[0] < b[0] < a[1] < b[1]


@given(ENTITIES)
def test_overlaps_are_those_of_each_pair(entities):
    counts = count_overlaps(sorted(entities))
    crossing = {(a, b) for a in entities for b in entities if is_crossing(a, b)}
    assert set(find_crossing(list(entities))) == crossing
    assert counts["crossing"] == len({x for pair in crossing for x in pair})
    assert counts["nested"] == sum(
        any(is_nested(a, b) for b in entities) for a in entities
    )
    assert counts["same span"] == sum(
        any(a[:2] == b[:2] and a != b for b in entities) for a in entities
    )


def test_no_entities():
    assert count_overlaps([]) == {"nested": 0, "crossing": 0, "same span": 0}
    assert find_crossing([]) == []

"""Names and lines of a picture: nothing covers a name."""

import itertools
import random

import pytest

from rel_component.graph.layout import draw_lines, place_boxes, place_labels


def make_graph(n, n_more, seed):
    """A tree, and some edges more."""
    rng = random.Random(seed)
    edges = [(rng.randrange(i), i) for i in range(1, n)]
    edges += [(rng.randrange(n), rng.randrange(n)) for _ in range(n_more)]
    names = ["語" * 9 if i % 9 == 8 else "x" * rng.randint(1, 18) for i in range(n)]
    return names, list(dict.fromkeys(edges))


def is_over(one, other):
    return (
        2 * abs(one.x - other.x) < one.width + other.width
        and 2 * abs(one.y - other.y) < one.height + other.height
    )


@pytest.mark.parametrize("width", [350, 920])
def test_boxes_do_not_overlap_and_fit(width):
    for n, seed in itertools.product((1, 2, 3, 10, 41, 80), range(3)):
        names, edges = make_graph(n, n // 4, seed)
        boxes, height = place_boxes(names, edges, width)
        assert not any(is_over(a, b) for a, b in itertools.combinations(boxes, 2))
        for box in boxes:
            assert 0 <= box.x - box.width / 2 and box.x + box.width / 2 <= width
            assert 0 <= box.y - box.height / 2 and box.y + box.height / 2 <= height
        assert place_boxes(names, edges, width) == (boxes, height)


def test_arrows_end_at_boxes_and_labels_do_not_overlap():
    names, edges = make_graph(20, 8, 0)
    edges += [(tail, head) for head, tail in edges[:4]] + [(3, 3)]
    edges = list(dict.fromkeys(edges))
    boxes, _ = place_boxes(names, edges, 920)
    lines = draw_lines(boxes, edges)
    assert set(lines) == set(edges)
    for (head, tail), line in lines.items():
        for end, box in ((line.at(0), boxes[head]), (line.at(1), boxes[tail])):
            assert abs(end[0] - box.x) <= box.width / 2 + 3.1
            assert abs(end[1] - box.y) <= box.height / 2 + 3.1
    # of two in opposite directions each has its own way
    there, back = lines[edges[0]].at(0.5), lines[edges[0][::-1]].at(0.5)
    assert abs(there[0] - back[0]) + abs(there[1] - back[1]) > 5
    places = place_labels(lines, dict.fromkeys(edges, "LABEL"), boxes)
    assert len(places) > len(edges) / 2
    spots = [(x, y) for x, y in places.values()]
    for x, y in spots:
        assert not any(
            abs(x - box.x) < box.width / 2 and abs(y - box.y) < box.height / 2
            for box in boxes
        )
    assert all(
        abs(a[0] - b[0]) > 30 or abs(a[1] - b[1]) > 12
        for a, b in itertools.combinations(spots, 2)
    )


def test_linked_boxes_are_nearer():
    edges = [(0, i) for i in range(1, 6)] + [(5, i) for i in range(6, 11)]
    boxes, _ = place_boxes(["name"] * 11, edges, 920)

    def measure(i):
        return abs(boxes[i].x - boxes[0].x) + abs(boxes[i].y - boxes[0].y)

    assert max(map(measure, range(1, 5))) < min(map(measure, range(6, 11))) * 1.5

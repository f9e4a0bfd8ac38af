"""Where words, entities and arcs stand; nothing is drawn for it."""

import pytest

from rel_component.drawing import Arc, Drawing, Entity, Word, make_excerpt
from rel_component.drawing.layout import lay_out, stack_entities


def check_layout(drawing, width):
    """No word leaves its line, no two overlap, no two types or arcs do."""
    lines, height = lay_out(drawing, width)
    n_words = 0
    for line in lines:
        n_words += len(line.words)
        right = 0.0
        for word in sorted(line.words, key=lambda word: word.x):
            assert word.x >= right - 0.01
            right = word.x + word.width
            assert right <= width
        assert 0 <= line.top < line.baseline < line.bottom <= height
        spots = {}
        for arc in line.arcs:
            for left, end in spots.get(arc.level, []):
                assert arc.right <= left or arc.left >= end
            spots.setdefault(arc.level, []).append((arc.left, arc.right))
    assert n_words == len(drawing.words)
    return lines


@pytest.mark.parametrize("width", [120, 350, 860])
@pytest.mark.parametrize("rtl", [False, True])
def test_layout(width, rtl):
    words = [Word("x" * (1 + 7 * i % 11)) for i in range(60)] + [Word("y" * 500)]
    entities = [Entity(3 * i, 3 * i + 2, "A_LONG_TYPE" * (i % 3)) for i in range(20)]
    arcs = [
        Arc(i, (7 * i + 3) % 20, "LABEL") for i in range(20) if i != (7 * i + 3) % 20
    ]
    lines = check_layout(Drawing(words, entities, arcs, rtl), width)
    heads = sum(
        arc.points_left + arc.points_right for line in lines for arc in line.arcs
    )
    assert heads == len(arcs)
    named = {id(x.arc) for line in lines for x in line.arcs if x.label_width}
    assert len(named) == len(arcs)


def test_arrow_heads_point_to_the_tail():
    words = [Word("a"), Word("bbbbbbbbbb"), Word("c")]
    entities = [Entity(0, 1, "X"), Entity(2, 3, "Y")]
    (line,) = lay_out(Drawing(words, entities, [Arc(0, 1, "L")]), 300)[0]
    assert line.arcs[0].points_right and not line.arcs[0].points_left
    (line,) = lay_out(Drawing(words, entities, [Arc(1, 0, "L")]), 300)[0]
    assert line.arcs[0].points_left and not line.arcs[0].points_right


def test_what_is_nested_stands_next_to_its_words():
    """And what it is nested in below; entities in one row do not overlap."""
    entities = [
        Entity(0, 3, "A"),
        Entity(1, 2, "B"),
        Entity(2, 4, "C"),
        Entity(3, 5, "D"),
    ]
    assert stack_entities(entities) == [1, 0, 0, 1]
    nested = [Entity(0, 4, "outer"), Entity(1, 4, "middle"), Entity(2, 3, "inner")]
    assert stack_entities(nested) == [2, 1, 0]
    assert stack_entities([Entity(0, 2, "X"), Entity(0, 2, "Y")]) == [0, 1]


def test_a_row_that_another_line_needs_is_no_gap():
    """The second line has only the end of the outermost entity."""
    words = [Word("x" * 10) for _ in range(4)]
    entities = [Entity(0, 4, "A"), Entity(0, 2, "B"), Entity(0, 1, "C")]
    first, second, *_ = lay_out(Drawing(words, entities), 160)[0]
    assert sorted(x.level for x in first.entities) == [0, 1, 2]
    assert [(x.entity.label, x.level) for x in second.entities] == [("A", 0)]


def test_a_line_is_as_high_as_what_stands_in_it():
    words = [Word("x" * 10) for _ in range(6)]
    entities = [Entity(0, 1, "A"), Entity(1, 2, "B"), Entity(4, 5, "C")]
    arcs = [Arc(0, 1, "L"), Arc(1, 0, "M")]
    busy, plain, typed = lay_out(Drawing(words, entities, arcs), 170)[0]
    heights = [line.bottom - line.top for line in (plain, typed, busy)]
    assert heights == sorted(set(heights))
    alone = lay_out(Drawing(words[2:4]), 170)[0][0]
    assert alone.bottom - alone.top == heights[0]


def test_lines_end_where_the_text_has_them(nlp):
    doc = nlp("a b\nc d")
    assert len(lay_out(make_excerpt(doc, [], []), 500)[0]) == 2

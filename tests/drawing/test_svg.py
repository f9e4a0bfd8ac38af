"""Drawings as SVG, read again."""

import re
import xml.etree.ElementTree as ET

import pytest

from rel_component.drawing import Arc, Drawing, Entity, Word, draw_svg, make_excerpt

from ..util import make_doc

SVG = "{http://www.w3.org/2000/svg}"


def test_a_label_never_hides_its_arc():
    """However long it is: it stands above, and nothing is painted over the arc."""
    words = [Word("a"), Word("b"), Word("c")]
    entities = [Entity(0, 1, "X"), Entity(1, 2, "Y"), Entity(2, 3, "Z")]
    arcs = [Arc(0, 1, "L" * 20), Arc(0, 2, "M"), Arc(2, 1, "N" * 10)]
    root = ET.fromstring(draw_svg(Drawing(words, entities, arcs), width=400))
    lines = root.findall(f"{SVG}path[@class='arc plain']")
    labels = root.findall(f"{SVG}text[@class='label plain']")
    assert len(lines) == len(labels) == len(arcs)
    for line, label in zip(lines, labels):
        heights = [float(y) for y in re.findall(r"Q\S+ (\S+) ", line.get("d"))]
        assert float(label.get("y")) < min(heights)
    # rectangles mark entities, and are drawn before all words
    assert {x.get("class") for x in root.iter(f"{SVG}rect")} == {"entity"}


def test_kinds_and_parts_have_classes_for_the_page():
    words = [Word("a"), Word("b")]
    entities = [Entity(0, 1, "X", "gold"), Entity(1, 2, "Y", "wrong")]
    svg = draw_svg(Drawing(words, entities, [Arc(0, 1, "L", "gold")]))
    found = {x.get("class") for x in ET.fromstring(svg).iter()} - {None}
    assert found == {"relations", "entity", "gold", "wrong", "type gold", "type wrong",
                     "arc gold", "head gold", "label gold"}  # fmt: skip


def test_a_word_in_two_entities_is_marked_twice(vocab):
    doc = make_doc(vocab, "a b", [(0, 2, "X"), (0, 1, "Y")], spans_key="all")
    entities = [(x.start, x.end, x.label_, "plain") for x in doc.spans["all"]]
    svg = draw_svg(make_excerpt(doc, entities, []), colors={"X": "red", "Y": "blue"})
    marks = ET.fromstring(svg).findall(f"{SVG}rect")
    # the outer one first, so that the inner one is seen
    assert [mark.get("fill") for mark in marks] == ["red", "blue"]


@pytest.mark.parametrize("words", [[], ["a", "b"], ["\n"]])
def test_nothing_to_draw(vocab, words):
    svg = draw_svg(make_excerpt(make_doc(vocab, words), [], []))
    assert ET.fromstring(svg).tag == f"{SVG}svg"


def test_control_characters_are_replaced():
    odd = "a\x0c\x07\x00\ufffe"
    drawing = Drawing(
        [Word(odd), Word("b")], [Entity(0, 1, odd), Entity(1, 2, "X")], []
    )
    assert "a\ufffd\ufffd\ufffd\ufffd" in ET.tostring(
        ET.fromstring(draw_svg(drawing, width=400)), encoding="unicode"
    )

"""Drawings of entities and relations."""

import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
import spacy

from rel_component import visualise
from rel_component.drawing import Arc, Drawing, Entity, Word, draw_svg, make_excerpt
from rel_component.drawing.layout import lay_out, stack_entities
from rel_component.drawing.measure import get_width

from .script_runner import load_script
from .util import make_doc

WORDS = "Ann works for Acme and Bob in a town that nobody knows"
ENTITIES = [(0, 1, "PERSON"), (3, 4, "ORG"), (5, 6, "PERSON")]


@pytest.fixture
def doc(vocab):
    return make_doc(vocab, WORDS, ENTITIES, [(0, "WORKS_FOR", 1), (2, "KNOWS", 0)])


def get_texts(svg):
    root = ET.fromstring(svg)
    return [x.text for x in root.iter("{http://www.w3.org/2000/svg}text")]


def test_svg_has_all_words_types_and_labels(doc):
    svg = visualise.render(doc)
    texts = get_texts(svg)
    assert [x for x in texts if x in WORDS.split()] == WORDS.split()
    assert {"PERSON", "ORG", "WORKS_FOR", "KNOWS"} <= set(texts)
    assert "<title>Ann —WORKS_FOR→ Acme; Bob —KNOWS→ Ann</title>" in svg


def test_labels_scores_and_parts(doc):
    only = visualise.render(doc, labels=["KNOWS"])
    assert "KNOWS" in get_texts(only) and "WORKS_FOR" not in get_texts(only)
    part = visualise.render(doc[:5])
    assert "Bob" not in part and "WORKS_FOR" in part
    data = doc.user_data["rel_component"]
    data["scores"][data["decided"][0, 0], data["decided"][0, 1]] = 0.75
    assert "WORKS_FOR 0.75" in get_texts(visualise.render(doc))
    assert "WORKS_FOR" not in visualise.render(doc, min_score=0.8)


def test_markup_of_the_text_is_escaped(vocab):
    doc = make_doc(vocab, ["<b>", "&", "</svg>"], [(0, 1, "<T>"), (2, 3, '"')], [])
    assert get_texts(visualise.render(doc)) == ["<b>", "&", "</svg>", "<T>", '"']


def test_in_a_notebook_it_is_shown(doc, monkeypatch):
    shown = []
    module = type("display", (), {"HTML": str, "display": shown.append})
    monkeypatch.setitem(__import__("sys").modules, "IPython", module)
    monkeypatch.setitem(__import__("sys").modules, "IPython.display", module)
    assert visualise.render(doc, jupyter=True) is None
    assert "<svg" in shown[0]


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


def test_overlapping_entities_are_stacked():
    entities = [
        Entity(0, 3, "A"),
        Entity(1, 2, "B"),
        Entity(2, 4, "C"),
        Entity(3, 5, "D"),
    ]
    assert stack_entities(entities) == [0, 1, 1, 0]


def test_excerpt_leaves_out_what_is_far(vocab):
    words = " ".join(f"w{i}" for i in range(60))
    doc = make_doc(vocab, words, [(5, 6, "X"), (50, 52, "Y"), (30, 31, "Z")])
    entities = [(e.start, e.end, e.label_, "plain") for e in doc.ents]
    drawing = make_excerpt(doc, entities, [((5, 6), (50, 52), "L", "gold")], context=2)
    shown = [word.text for word in drawing.words]
    assert shown == ["…", "w3", "w4", "w5", "w6", "w7", "…", "w48", "w49", "w50", "w51",
                     "w52", "w53", "…"]  # fmt: skip
    assert [entity.label for entity in drawing.entities] == ["X", "Y"]
    assert (drawing.arcs[0].head, drawing.arcs[0].tail) == (0, 1)


def test_lines_end_where_the_text_has_them(nlp):
    doc = nlp("a b\nc d")
    assert len(lay_out(make_excerpt(doc, [], []), 500)[0]) == 2


def test_widths_are_those_of_the_font():
    """Matplotlib has Adobe's metrics of Helvetica."""
    data = Path(pytest.importorskip("matplotlib").get_data_path())
    metrics = (data / "fonts/pdfcorefonts/Helvetica.afm").read_text(encoding="latin1")
    rows = re.findall(r"^C (\d+) ; WX (\d+)", metrics, re.MULTILINE)
    # 39 and 96 are typographic quotes there
    ascii_rows = [(int(c), int(w)) for c, w in rows if 32 <= int(c) < 127]
    for code, width in ascii_rows:
        if code not in (39, 96):
            assert get_width(chr(code), 1000) == width, chr(code)
    assert len(ascii_rows) == 95
    assert get_width("漢", 10) == 10
    assert get_width("é", 10) == get_width("e\u0301", 10)


def test_same_words_in_a_page_for_screen_and_phone(doc, browser, tmp_path):
    path = tmp_path / "page.html"
    path.write_text(visualise.render([doc, doc], page=True), encoding="utf8")
    for width in (1280, 390):
        page = browser.new_page(viewport={"width": width, "height": 600})
        page.goto(path.as_uri())
        shown = page.locator("svg:visible")
        assert shown.count() == 2
        box = shown.first.bounding_box()
        assert box["x"] >= 0 and box["x"] + box["width"] <= width
        root = "document.documentElement"
        assert page.evaluate(f"{root}.scrollWidth <= {root}.clientWidth")
        page.close()


def test_empty_documents(vocab):
    for doc in (make_doc(vocab, []), make_doc(vocab, "a b"), make_doc(vocab, ["\n"])):
        assert draw_svg(make_excerpt(doc, [], [])).startswith("<svg")
        assert visualise.render(doc).endswith("</svg>")


def test_command(doc, tmp_path):
    run = load_script("visualise")
    path = tmp_path / "gold.spacy"
    spacy.tokens.DocBin(docs=[doc, doc], store_user_data=True).to_disk(path)
    said = run(path, "--output", tmp_path / "gold.html")
    assert "4 relations of 2 texts drawn" in said
    assert len(re.findall("<figure>", (tmp_path / "gold.html").read_text())) == 2
    said = run(path, "--output", tmp_path / "one.svg", "--limit", 1)
    assert "1 more texts were left out" in said
    assert ET.fromstring((tmp_path / "one.svg").read_text(encoding="utf8")) is not None
    for arguments, expected in (
        ((path, "--output", tmp_path / "x.svg"), "an .svg holds one text"),
        ((path, "--output", tmp_path / "x.png"), "expected one of .html, .svg"),
        (("Ann works", "--output", tmp_path / "x.svg"), "give --model"),
    ):
        assert expected in run(*arguments, code=1)

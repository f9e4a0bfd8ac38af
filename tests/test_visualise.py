"""Drawings of a Doc, as a user asks for them."""

import xml.etree.ElementTree as ET

import numpy
import pytest

from rel_component import visualise
from rel_component.relations import get_relation_data

from .browser import check_accessibility
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
    data = get_relation_data(doc)
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


def test_page_is_accessible(doc, browser):
    page = browser.new_page()
    page.set_content(visualise.render([doc, doc], page=True))
    check_accessibility(page)
    page.close()


def test_what_cannot_be_drawn_is_named(doc):
    for docs, found in (
        ("Ann works", "docs is 'Ann works'"),
        (b"Ann", "docs is b'Ann'"),
        (None, "docs is None"),
        (7, "docs is 7"),
        (doc[0], "docs is Ann"),
        ([doc, "Bob"], r"docs\[1\] is 'Bob'"),
        ([[doc]], r"docs\[0\] is \["),
    ):
        with pytest.raises(ValueError, match=f"^{found}.*expected a Doc, a Span"):
            visualise.render(docs)


def test_arguments_out_of_range_are_named(doc):
    for width in (0, -5, 99, float("nan"), float("inf"), "860", None, True):
        with pytest.raises(ValueError, match=r"^width is .* at least 100"):
            visualise.render(doc, width=width)
    for score in (float("nan"), "0.5", None):
        with pytest.raises(ValueError, match=r"^min_score is .*expected a number"):
            visualise.render(doc, min_score=score)
    with pytest.raises(ValueError, match=r"^labels is 'KNOWS'.*expected a list"):
        visualise.render(doc, labels="KNOWS")
    with pytest.raises(ValueError, match=r"^spans_key is 'x', but doc.spans has no"):
        visualise.render(doc, spans_key="x")
    doc.spans["sc"] = []
    with pytest.raises(ValueError, match=r"doc\.spans has only sc"):
        visualise.render(doc, spans_key="x")
    for width in (100, numpy.float32(300.0), numpy.int64(300)):
        assert visualise.render(doc, width=width).startswith("<svg")


def test_no_documents_are_an_empty_page():
    assert visualise.render([]) == ""
    assert "0 texts" in visualise.render([], page=True)

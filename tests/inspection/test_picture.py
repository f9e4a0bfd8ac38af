"""The picture of an inspection, as files."""

import html
import sys
import warnings
from pathlib import Path
from xml.etree import ElementTree

import pytest
from matplotlib.image import imread

from rel_component.inspection.picture import check_picture, draw_picture
from rel_component.inspection.plots import N_LETTERS, PLOTS, shorten
from rel_component.inspection.report import inspect_splits
from rel_component.inspection.sections import list_sections

from ..browser import check_accessibility, each_view, find_cut_off
from ..util import make_doc

ENTITIES = [(0, 1, "PERSON"), (3, 4, "ORG")]


@pytest.fixture
def result(vocab):
    doc = make_doc(vocab, "Ann works for Acme", ENTITIES, [(0, "WORKS_FOR", 1)])
    return inspect_splits({"train": [doc], "dev": [doc]})


def make_many(vocab, n_labels: int, n_types: int, n_splits: int):
    ents = [(i, i + 1, f"TYPE_{i}") for i in range(n_types)]
    relations = [
        (i % n_types, f"A_LABEL_WITH_A_RATHER_LONG_NAME_{i}_$x$", (i + 1) % n_types)
        for i in range(n_labels)
    ]
    doc = make_doc(vocab, n_types, ents, relations)
    doc[1].is_sent_start = True
    return inspect_splits({f"split{i}": [doc] for i in range(n_splits)})


def test_png_is_a_picture_with_something_on_it(result, tmp_path):
    assert draw_picture(result, tmp_path / "a.png") == []
    pixels = imread(tmp_path / "a.png")
    assert pixels.shape[0] > 600 and pixels.shape[1] > 1200
    assert pixels[..., :3].std() > 0.05


def test_svg_is_the_same_again(result, tmp_path):
    for name in ("a.svg", "b.svg"):
        draw_picture(result, tmp_path / name)
    first, second = ((tmp_path / name).read_bytes() for name in ("a.svg", "b.svg"))
    assert first == second
    assert ElementTree.fromstring(first).tag.endswith("svg")


def test_page_has_plots_advice_and_all_tables(vocab, tmp_path):
    doc = make_doc(vocab, "Ann works for Acme", ENTITIES, [(0, "<b>&", 1)])
    result = inspect_splits({"train": [doc]})
    draw_picture(result, tmp_path / "a.html")
    page = (tmp_path / "a.html").read_text(encoding="utf8")
    assert "<?xml" not in page
    assert "&lt;b&gt;&amp;" in page and "<b>&" not in page
    sections = list_sections(result)
    assert page.count("<table") == sum(len(x.tables + x.matrices) for x in sections)
    assert page.count("<figure") == sum(len(x.figures) for x in sections) > 2
    assert result["advice"]
    assert all(x["text"] in html.unescape(page) for x in result["advice"])


def test_each_plot_is_shown_by_a_section(vocab):
    doc = make_doc(vocab, "Ann works for Acme", ENTITIES, [(0, "L", 1)])
    doc[1].is_sent_start = True
    shown = {x.id: x.figures for x in list_sections(inspect_splits({"train": [doc]}))}
    for section, plots in PLOTS.items():
        assert len(shown[section]) == len(plots), section


def test_page_is_accessible(vocab, tmp_path, browser):
    path = tmp_path / "a.html"
    page = browser.new_page()
    draw_picture(make_many(vocab, 2, 4, 2), path)
    page.goto(path.as_uri())
    check_accessibility(page)
    draw_picture(make_many(vocab, 49, 29, 3), path)
    page.goto(path.as_uri())
    for _ in each_view(page, schemes=["light"]):
        assert find_cut_off(page) == []
    page.close()


def test_a_page_needs_no_matplotlib(result, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    draw_picture(result, tmp_path / "a.html")
    page = (tmp_path / "a.html").read_text(encoding="utf8")
    assert "matplotlib is not installed" in page and "<figure" not in page


@pytest.mark.parametrize("sizes", [(1, 2, 1), (49, 29, 2), (80, 50, 7), (5, 20, 3)])
def test_few_and_many(vocab, tmp_path, sizes):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert draw_picture(make_many(vocab, *sizes), tmp_path / "a.png") == []


def test_nothing_of_it_overlaps_or_is_cut_off(vocab, tmp_path, monkeypatch):
    from matplotlib.figure import Figure

    figures = []
    save = Figure.savefig
    monkeypatch.setattr(
        Figure,
        "savefig",
        lambda self, *a, **k: (figures.append(self), save(self, *a, **k)),
    )
    for sizes in ((2, 4, 3), (49, 29, 2), (60, 40, 6)):
        draw_picture(make_many(vocab, *sizes), tmp_path / "a.png")
        figure = figures.pop()
        width, height = figure.get_size_inches() * figure.dpi
        every = [axes for sub in figure.subfigs for axes in _list_axes(sub)]
        for axes in every:
            box = axes.get_tightbbox()
            assert box.x0 > -2 and box.y0 > -2, axes.get_title()
            assert box.x1 < width + 2 and box.y1 < height + 2, axes.get_title()
            texts = [x for x in axes.get_yticklabels() if x.get_text()]
            boxes = sorted((x.get_window_extent() for x in texts), key=lambda b: b.y0)
            assert all(a.y1 <= b.y0 + 2 for a, b in zip(boxes, boxes[1:]))
            # something is left for the marks
            assert axes.get_window_extent().width > 15


def _list_axes(figure):
    for part in figure.subfigs:
        yield from _list_axes(part)
    yield from figure.axes


def test_characters_without_a_font_are_named(vocab, tmp_path):
    doc = make_doc(vocab, "a b c d", ENTITIES, [(0, "\U00013000\U0001301a", 1)])
    (problem,) = draw_picture(inspect_splits({"train": [doc]}), tmp_path / "a.png")
    assert "no installed font supports some characters" in problem
    assert (tmp_path / "a.png").is_file()


def test_cyrillic_needs_no_other_font(vocab, tmp_path):
    doc = make_doc(vocab, "a b c d", [(0, 1, "ЛИЦО"), (3, 4, "Место")], [(0, "В", 1)])
    assert draw_picture(inspect_splits({"train": [doc]}), tmp_path / "a.png") == []


def test_long_names_keep_both_ends():
    assert shorten("WORKS_FOR") == "WORKS_FOR"
    short = shorten("BEGIN" + "x" * 100 + "END")
    assert len(short) == N_LETTERS
    assert short.startswith("BEGIN") and short.endswith("END")
    assert shorten("two\nlines") == "two lines"


@pytest.mark.parametrize("name", ["a.pdf", "a", "a.PNG.zip"])
def test_other_kinds_are_refused(result, tmp_path, name):
    with pytest.raises(ValueError, match=r"expected one of \.png, \.svg, \.html"):
        draw_picture(result, tmp_path / name)


def test_without_matplotlib(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ValueError, match=r"pip install -e '.\[plots\]'"):
        check_picture(Path("a.png"))

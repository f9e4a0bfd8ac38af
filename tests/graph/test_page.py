"""The page of a neighbourhood."""

import pytest

from rel_component.graph import NodeKey
from rel_component.graph.page import find_neighbourhood, render

from ..browser import check_accessibility, each_view
from .util import HOSTILE, make_row, triple


def test_neighbourhood_keeps_the_most_frequent_relations(graph):
    acme = NodeKey("ORG", "acme")
    graph.add([make_row("d9", triple(f"P{i}", "Acme", 0.5)) for i in range(9)])
    found = find_neighbourhood(graph, acme, max_edges=3)
    assert found.nodes[:2] == [acme, NodeKey("PERSON", "ann")]
    assert (len(found.edges), found.n_hidden) == (3, 7)


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_what_is_hidden_counts_once(graph, depth):
    ann, *_ = graph.find("ANN", "PERSON")
    graph.add([make_row("d9", triple("Ann", f"C{i}", 0.5)) for i in range(2)])
    found = find_neighbourhood(graph, ann, depth=depth, max_edges=1)
    near = {key for key in graph.edges if {key[0], key[2]} & set(found.nodes)}
    if depth == 1:
        near = {key for key in near if ann in (key[0], key[2])}
    assert found.n_hidden == len(near) - 1


@pytest.fixture
def page(graph, tmp_path, browser):
    """Of Ann, opened; fails if the page asks for anything else or has an error."""
    graph.add([make_row("d9", triple("Ann", HOSTILE, 0.5))])
    center, *_ = graph.find("ANN", "PERSON")
    path = tmp_path / "page.html"
    path.write_text(render(graph, find_neighbourhood(graph, center, depth=2)), "utf8")
    page = browser.new_page()
    errors, requests = [], []
    page.on("pageerror", lambda found: errors.append(found))
    page.on("request", lambda request: requests.append(request.url))
    page.goto(path.as_uri())
    yield page
    assert errors == [] and requests == [path.as_uri()]
    page.close()


def test_page_filters_and_escapes_names(page):
    assert page.title() == "Ann (PERSON): its relations in the graph"
    assert page.locator("h1").inner_text() == "Ann"
    assert page.locator("tbody tr").count() == 3
    assert page.locator("td b").count() == 0
    assert "<b>Sons</b>" in page.locator("tbody").inner_text()
    page.locator("svg.wide g.node[aria-label=Bob] rect").click()
    assert page.locator("tbody tr:visible").count() == 1
    assert page.locator("svg.wide g.edge.away").count() == 2
    page.locator("#all").click()
    assert page.locator("tbody tr:visible").count() == 3
    page.locator("summary").first.click()
    assert "d1, characters 0–8" in page.locator("tbody").inner_text()
    header = page.locator("thead").inner_text().strip().split("\t")
    assert header[3:] == ["Times found", "Mean score", "Highest score"]


def test_accessibility(page):
    page.locator("summary").first.click()
    check_accessibility(page)
    for view in each_view(page):
        sizes = page.evaluate(TEXT_SIZES)
        assert min(sizes) >= 10, f"{view}: {min(sizes):.1f} px"
        assert page.locator("svg:visible").count() == 1, view


# height of each text that is seen, in pixels of the screen
TEXT_SIZES = """[...document.querySelectorAll("svg text")]
    .filter(x => x.getClientRects().length)
    .map(x => parseFloat(getComputedStyle(x).fontSize) * x.getScreenCTM().a)"""

"""Entities merged, relations counted, and what other tools read of it."""

import csv

import pytest

from rel_component.graph import KnowledgeGraph, NodeKey, Normalizer, read_rows
from rel_component.graph.export import EXPORTS, find_export
from rel_component.graph.page import find_neighbourhood, render

HOSTILE = 'O"Neil & <b>Sons</b>; \x01'


def make_row(id_, *triples, text=None):
    """A row in which each triple is a sentence of its own."""
    entities, relations, words = [], [], ""
    for head, label, tail, score in triples:
        ends = []
        start = len(words)
        for type_, name in (head, tail):
            begin = len(words)
            words += f"{name} "
            end = begin + len(name)
            ends.append({"start": begin, "end": end, "label": type_, "text": name})
        entities += ends
        relations.append(
            {
                "label": label,
                "score": score,
                "head": ends[0],
                "tail": ends[1],
                "sentence": {"start": start, "end": len(words) - 1},
            }
        )
    words = words if text is None else text
    return {"id": id_, "text": words, "entities": entities, "relations": relations}


def triple(head, tail, score, label="WORKS_FOR"):
    return (("PERSON", head), label, ("ORG", tail), score)


@pytest.fixture
def graph():
    result = KnowledgeGraph()
    rows = [
        make_row("d1", triple("Ann", "Acme", 0.9), triple("ann", "“ACME”", 0.5)),
        make_row("d2", triple("Ann", "Acme", 0.7), triple("Bob", HOSTILE, 0.6)),
        make_row("d3", triple("Ann", "Acme.", 0.8)),
    ]
    rows[0]["entities"].append({"start": 90, "end": 95, "label": "X", "text": "alone"})
    result.add(rows)
    return result


def test_names_are_merged_and_relations_counted(graph):
    ann, acme = NodeKey("PERSON", "ann"), NodeKey("ORG", "acme")
    assert graph.nodes[ann].forms == {"Ann": 3, "ann": 1}
    assert graph.nodes[acme].name == "Acme"
    edge = graph.edges[ann, "WORKS_FOR", acme]
    assert (edge.count, edge.max_score) == (4, 0.9)
    assert edge.mean_score == pytest.approx(0.725)
    assert [(x.id, x.score) for x in edge.examples] == [
        ("d1", 0.9),
        ("d3", 0.8),
        ("d2", 0.7),
    ]
    assert edge.examples[0].text == "Ann Acme"
    assert len(graph.nodes) == 4  # without what nothing links


@pytest.mark.parametrize(
    "options, one, other, is_same",
    [
        ({}, "New  York", "new york", True),
        ({}, "C++", "C", False),
        ({}, ".NET", "NET", False),
        ({}, "“U.S.”", "U.S", True),
        ({}, "T–shirt", "T-shirt", True),
        ({}, "Zoë", "Zoe", False),
        ({"accents": True}, "Zoë", "Zoe", True),
        ({"case": False}, "US", "us", False),
        ({"punctuation": False}, "(Acme)", "Acme", False),
        ({"aliases": {"JS": "JavaScript"}}, "js", "javascript", True),
        ({}, "...", "!!", False),
    ],
)
def test_what_is_the_same_name(options, one, other, is_same):
    normalizer = Normalizer(**options)
    assert (normalizer(one) == normalizer(other)) is is_same


def test_types_may_not_count():
    graph = KnowledgeGraph(Normalizer(by_type=False))
    graph.add([make_row("d", (("A", "x"), "R", ("B", "X"), 1.0))])
    assert list(graph.nodes) == [NodeKey("", "x")]


def test_rare_and_doubtful_relations_are_left_out():
    graph = KnowledgeGraph(min_score=0.5)
    rows = [make_row("d", triple("Ann", "Acme", s)) for s in (0.4, 0.6, 0.7)]
    graph.add([*rows, make_row("e", triple("Bob", "Acme", 0.9))])
    graph.prune(2)
    assert [edge.count for edge in graph.edges.values()] == [2]
    assert set(graph.nodes) == {NodeKey("PERSON", "ann"), NodeKey("ORG", "acme")}


def export(graph, name, folder):
    return {path.name: path for path in find_export(name)(graph, folder)}


def test_graphml_is_read_by_networkx(graph, tmp_path):
    import networkx

    path = export(graph, "graphml", tmp_path)["graph.graphml"]
    read = networkx.read_graphml(path, force_multigraph=True)
    names = {data["name"] for _, data in read.nodes(data=True)}
    assert names == {"Ann", "Acme", "Bob", HOSTILE.replace("\x01", "\ufffd")}
    counts = sorted(data["count"] for *_, data in read.edges(data=True))
    assert counts == [1, 4]


def test_both_forms_of_rdf_say_the_same(graph, tmp_path):
    import rdflib
    from rdflib.compare import isomorphic

    stores = []
    for name, file in (("ntriples", "graph.nt"), ("turtle", "graph.ttl")):
        path = export(graph, name, tmp_path)[file]
        stores.append(rdflib.Graph().parse(path))
    assert isomorphic(*stores)
    rows = stores[0].query(
        """PREFIX v: <urn:rel-component:vocabulary:>
        PREFIX prov: <http://www.w3.org/ns/prov#>
        SELECT ?name ?count ?source WHERE {
            ?s rdf:subject ?head ; v:count ?count ; prov:wasDerivedFrom ?source .
            ?head rdfs:label ?name ; <urn:rel-component:relation:WORKS_FOR> ?tail }"""
    )
    found = {(str(name), int(count)) for name, count, _ in rows}
    assert found == {("Ann", 4), ("Bob", 1)}
    assert len(rows) == 4


def test_neo4j_files_have_its_headers_and_resolve(graph, tmp_path):
    files = export(graph, "neo4j", tmp_path)
    tables = {}
    for name, path in files.items():
        with path.open(encoding="utf8", newline="") as file:
            tables[name] = list(csv.DictReader(file))
    ids = {row["id:ID"]: row["name"] for row in tables["nodes.csv"]}
    assert HOSTILE in ids.values()
    (edge,) = [row for row in tables["edges.csv"] if row["count:long"] == "4"]
    assert [ids[edge[name]] for name in (":START_ID", ":END_ID")] == ["Ann", "Acme"]
    assert edge["documents:string[]"] == "d1;d3;d2"


def test_parquet_has_all(graph, tmp_path):
    from pyarrow import parquet

    files = export(graph, "parquet", tmp_path)
    edges = parquet.read_table(files["edges.parquet"]).to_pylist()
    edge = max(edges, key=lambda row: row["count"])
    assert (edge["head_name"], edge["tail_name"]) == ("Ann", "Acme")
    assert edge["examples"][0] == {
        "id": "d1",
        "score": 0.9,
        "start": 0,
        "end": 8,
        "text": "Ann Acme",
    }


def test_an_empty_graph_is_exported(tmp_path):
    for name in EXPORTS:
        for path in find_export(name)(KnowledgeGraph(), tmp_path):
            assert path.exists()


def test_a_neighbourhood_keeps_the_most_frequent(graph):
    acme = NodeKey("ORG", "acme")
    graph.add([make_row("d9", triple(f"P{i}", "Acme", 0.5)) for i in range(9)])
    found = find_neighbourhood(graph, acme, max_edges=3)
    assert found.nodes[:2] == [acme, NodeKey("PERSON", "ann")]
    assert (len(found.edges), found.n_hidden) == (3, 7)


def test_the_page_filters_and_shows_names_as_they_are(graph, tmp_path, browser):
    graph.add([make_row("d9", triple("Ann", HOSTILE, 0.5))])
    (center,) = graph.find("ANN")
    path = tmp_path / "page.html"
    path.write_text(render(graph, find_neighbourhood(graph, center, depth=2)), "utf8")
    page = browser.new_page()
    errors, requests = [], []
    page.on("pageerror", lambda found: errors.append(found))
    page.on("request", lambda request: requests.append(request.url))
    page.goto(path.as_uri())
    assert page.locator("h1").inner_text() == "Ann"
    assert page.locator("tbody tr").count() == 3
    assert page.locator("td b").count() == 0
    assert "<b>Sons</b>" in page.locator("tbody").inner_text()
    page.locator("g.node[aria-label=Bob] circle").click()
    assert page.locator("tbody tr:visible").count() == 1
    assert page.locator("g.edge.away").count() == 2
    page.locator("#all").click()
    assert page.locator("tbody tr:visible").count() == 3
    page.locator("summary").first.click()
    assert "d1, characters 0–8" in page.locator("tbody").inner_text()
    assert errors == [] and requests == [path.as_uri()]
    page.close()


def test_rows_that_are_none_are_said(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text('{"text": "x"}\n')
    with pytest.raises(ValueError, match=r"rows\.jsonl:1: expected an object with"):
        list(read_rows(path))
    with pytest.raises(ValueError, match="found no parts of an extraction"):
        list(read_rows(tmp_path))

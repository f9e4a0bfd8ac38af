"""What other tools read of a graph."""

import csv
import errno
import os
import re

import pytest

from rel_component import files
from rel_component.graph import KnowledgeGraph, Normalizer
from rel_component.graph.export import EXPORTS, find_export

from ..util import WRITTEN, make_row, triple


def export(graph, name, folder):
    return {path.name: path for path in find_export(name)(graph, folder)}


def test_graphml_is_read_by_networkx(graph, tmp_path):
    import networkx

    path = export(graph, "graphml", tmp_path)["graph.graphml"]
    read = networkx.read_graphml(path, force_multigraph=True)
    names = {data["name"] for _, data in read.nodes(data=True)}
    assert names == {"Ann", "Acme", "Bob", WRITTEN}
    counts = sorted(data["count"] for *_, data in read.edges(data=True))
    assert counts == [1, 4]


def test_ntriples_and_turtle_are_equivalent(graph, tmp_path):
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


def test_neo4j_headers_and_ids(graph, tmp_path):
    files = export(graph, "neo4j", tmp_path)
    tables = {}
    for name, path in files.items():
        with path.open(encoding="utf8", newline="") as file:
            tables[name] = list(csv.DictReader(file))
    ids = {row["id:ID"]: row["name"] for row in tables["nodes.csv"]}
    assert WRITTEN in ids.values()
    (edge,) = [row for row in tables["edges.csv"] if row["count:long"] == "4"]
    assert [ids[edge[name]] for name in (":START_ID", ":END_ID")] == ["Ann", "Acme"]
    assert edge["documents:string[]"] == "d1;d3;d2"


def test_parquet_is_complete(graph, tmp_path):
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


# what a name may have in it: of each kind some, alone and within others
ODD = [
    *map(chr, range(0x21)),
    *"\x7f\x80\x85\x9f\xa0\xad\u200b\u2028\u202e\ufdd0\ufffd\ufffe\uffff\U0001fffe",
    "\ud800",
    "\udfff",
    *"\"'`\\;|,:/<>&{}[]%#?=+-@",
    "=1+1",
    "+cmd|' /C calc'!A0",
    "-2+3",
    "@SUM(A1)",
    "]]>",
    "<!--",
    "&#0;",
    '"""',
    "\\u0000",
    "👩‍👩‍👧",
    "e\u0301",
]


@pytest.fixture(scope="module")
def odd():
    """A graph whose names, labels and ids are odd in all ways."""
    texts = [text for x in ODD for text in (x, f"a{x}b", f"{x}b", f"a{x}")]
    graph = KnowledgeGraph(Normalizer(case=False, punctuation=False))
    for i, text in enumerate(texts):
        triple = (("L" + text, text), "R" + text, ("T", f"tail {i}"), 0.5)
        graph.add([make_row("d" + text, triple)])
    assert len(graph.edges) > 3 * len(ODD)
    return graph


def test_unusual_names_in_graphml(odd, tmp_path):
    import networkx

    path = export(odd, "graphml", tmp_path)["graph.graphml"]
    read = networkx.read_graphml(path, force_multigraph=True)
    names = [(data["name"], data["type"]) for _, data in read.nodes(data=True)]
    assert names == [(node.name, node.label) for node in odd.nodes.values()]
    found = [data["type"] for *_, data in read.edges(data=True)]
    assert sorted(found) == sorted(label for _, label, _ in odd.edges)


def test_unusual_names_in_rdf(odd, tmp_path):
    import rdflib
    from rdflib.compare import to_isomorphic

    stores = []
    for name, file in (("ntriples", "graph.nt"), ("turtle", "graph.ttl")):
        stores.append(rdflib.Graph().parse(export(odd, name, tmp_path)[file]))
        labels = {str(x) for x in stores[-1].objects(None, rdflib.RDFS.label)}
        assert labels == {node.name for node in odd.nodes.values()}
    assert to_isomorphic(stores[0]) == to_isomorphic(stores[1])


def test_unusual_names_in_neo4j_are_no_formulas(odd, tmp_path):
    written = export(odd, "neo4j", tmp_path)
    text = written["nodes.csv"].read_text("utf8")
    assert text.count("\n") == len(odd.nodes) + 1  # a line each
    names = []
    for path in written.values():
        with path.open(encoding="utf8", newline="") as file:
            header, *rows = csv.reader(file)
        for row in rows:
            assert len(row) == len(header)
            assert not any(cell[:1] in tuple("=+-@\t\r\n") for cell in row if cell)
            assert not set("\0\r\n") & set("".join(row))
        if path.name == "nodes.csv":
            names = [row[header.index("name")] for row in rows]
    expected = [node.name for node in odd.nodes.values()]
    assert [x.removeprefix("'") for x in names] == [
        x.removeprefix("'") for x in expected
    ]


def test_unusual_names_in_parquet(odd, tmp_path):
    from pyarrow import parquet

    path = export(odd, "parquet", tmp_path)["nodes.parquet"]
    names = [row["name"] for row in parquet.read_table(path).to_pylist()]
    assert names == [node.name for node in odd.nodes.values()]


def test_files_are_written_atomically(odd, tmp_path, monkeypatch):
    """A disk that is full when the last bytes are written through."""

    def fail(handle):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(files.os, "fsync", fail)
    for name in EXPORTS:
        with pytest.raises(OSError, match="No space left on device") as error:
            export(odd, name, tmp_path / "graph")
        said = files.explain(error.value)
        assert str(tmp_path / "graph") in said and ".tmp" not in said
    assert list((tmp_path / "graph").iterdir()) == []


def test_edges_of_graphml_have_ids_of_their_own(graph, tmp_path):
    """Gephi skips edges with an id that it knows."""
    graph.add([make_row("d4", triple("Bob", "Acme", 0.9))])
    path = export(graph, "graphml", tmp_path)["graph.graphml"]
    ids = re.findall(r'<edge [^>]*id="([^"]+)"', path.read_text(encoding="utf8"))
    assert len(ids) == len(set(ids)) == len(graph.edges) == 3

"""A graph database reads what is written, and answers the question of docs/graph.md."""

import re

import pytest

from rel_component.graph import KnowledgeGraph
from rel_component.graph.export import find_export

from ..paths import DOCS
from .util import HOSTILE, make_row, triple

ladybug = pytest.importorskip("ladybug")
CODE = re.compile(r"^```python\n(import ladybug.*?)^```$", re.M | re.S)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    graph = KnowledgeGraph()
    triples = [triple("Ann", "Acme", 0.9), triple("Bob", "Acme", 0.5)]
    rows = [
        make_row("1", *triples, triple("Cleo", HOSTILE, 0.5)),
        make_row("2", triples[0]),
    ]
    graph.add(rows)
    (tmp_path / "data" / "graph").mkdir(parents=True)
    find_export("parquet")(graph, tmp_path / "data" / "graph")
    monkeypatch.chdir(tmp_path)
    return graph


def test_query_of_the_docs(folder, capsys):
    (code,) = CODE.findall((DOCS / "graph.md").read_text("utf8"))
    names = {}
    exec(code, names)
    assert capsys.readouterr().out == "Acme | Ann | Bob | 3\n"
    connection = names["connection"]
    found = connection.execute("MATCH (x:Entity) RETURN x.name, x.type, x.count")
    nodes = folder.nodes.values()
    assert sorted(map(tuple, found)) == sorted(
        (x.name, x.label, x.count) for x in nodes
    )
    found = connection.execute(
        "MATCH (x)-[r:Relation]->(y) RETURN x.name, r.label, y.name, r.mean_score"
    )
    assert sorted(map(tuple, found)) == sorted(
        (folder.nodes[head].name, label, folder.nodes[tail].name, edge.mean_score)
        for (head, label, tail), edge in folder.edges.items()
    )

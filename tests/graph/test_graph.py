"""Entities merged, relations counted."""

import pytest

from rel_component.graph import KnowledgeGraph, NodeKey, Normalizer

from .util import make_row, triple


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
def test_normalization(options, one, other, is_same):
    normalizer = Normalizer(**options)
    assert (normalizer(one) == normalizer(other)) is is_same


def test_types_can_be_ignored():
    graph = KnowledgeGraph(Normalizer(by_type=False))
    graph.add([make_row("d", (("A", "x"), "R", ("B", "X"), 1.0))])
    assert list(graph.nodes) == [NodeKey("", "x")]


def test_min_count_and_min_score():
    graph = KnowledgeGraph(min_score=0.5)
    rows = [make_row("d", triple("Ann", "Acme", s)) for s in (0.4, 0.6, 0.7)]
    graph.add([*rows, make_row("e", triple("Bob", "Acme", 0.9))])
    graph.prune(2)
    assert [edge.count for edge in graph.edges.values()] == [2]
    assert set(graph.nodes) == {NodeKey("PERSON", "ann"), NodeKey("ORG", "acme")}


def test_names_and_labels_are_cleaned_and_blank_ones_skipped():
    graph = KnowledgeGraph(only_related=False)
    rows = [
        make_row(
            "d", (("A\nB", "x\x00\ufffe\ud800"), "R\tS", ("T", "two  words"), 1.0)
        ),
        make_row("d", (("A", " \r\n"), "R", ("T", "y"), 1.0)),
        make_row("d", (("A", "x"), " ", ("T", "y"), 1.0)),
    ]
    graph.add(rows)
    (key,) = graph.edges
    assert key == (NodeKey("A B", "x\ufffd\ufffd\ufffd"), "R S", ("T", "two words"))
    assert (graph.n_relations, graph.n_nameless) == (1, 2)
    assert "" not in [node.name for node in graph.nodes.values()]


def test_without_examples():
    graph = KnowledgeGraph(max_examples=0)
    graph.add([make_row("d", triple("Ann", "Acme", s)) for s in (0.4, 0.6)])
    (edge,) = graph.edges.values()
    assert (edge.count, edge.examples) == (2, [])

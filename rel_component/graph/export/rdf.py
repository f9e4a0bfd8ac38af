"""RDF as streamed N-Triples, and as Turtle.

An entity is a resource with its type and `rdfs:label`, a relation a triple of two
entities. Count, scores and documents of a relation are properties of an `rdf:Statement`
about the triple (reification, RDF 1.1 Schema, section 5.3), documents by PROV-O's
`prov:wasDerivedFrom`. All resource names start with BASE.
"""

from itertools import islice
from pathlib import Path
from typing import Any, Iterator, List, Tuple
from urllib.parse import quote

from ...files import replace_file
from ..graph import Edge, EdgeKey, KnowledgeGraph, NodeKey
from .libraries import import_library

BASE = "urn:rel-component:"
BATCH = 10_000
PROV = "http://www.w3.org/ns/prov#"

Triple = Tuple[Any, Any, Any]


def write_ntriples(graph: KnowledgeGraph, folder: Path) -> List[Path]:
    """Write `graph.nt`, in batches. RETURNS (List[Path]): the file."""
    rdflib = import_library("rdflib")
    path, triples = folder / "graph.nt", iter_triples(graph)
    with replace_file(path) as file:
        while batch := list(islice(triples, BATCH)):
            store = rdflib.Graph()
            store += batch
            file.write(store.serialize(format="ntriples", encoding="utf-8"))
    return [path]


def write_turtle(graph: KnowledgeGraph, folder: Path) -> List[Path]:
    """Write `graph.ttl`. RETURNS (List[Path]): the file."""
    rdflib = import_library("rdflib")
    store = rdflib.Graph()
    for prefix in ("entity", "type", "relation", "statement"):
        store.bind(prefix, f"{BASE}{prefix}:")
    store.bind("rel", f"{BASE}vocabulary:")
    store.bind("prov", PROV)
    for triple in iter_triples(graph):
        store.add(triple)
    path = folder / "graph.ttl"
    with replace_file(path) as file:
        store.serialize(file, format="turtle", encoding="utf8")
    return [path]


def iter_triples(graph: KnowledgeGraph) -> Iterator[Triple]:
    """YIELDS (Tuple[Node, URIRef, Node]): rdflib's terms."""
    rdflib = import_library("rdflib")
    rdf, rdfs = rdflib.RDF, rdflib.RDFS
    for key, node in graph.nodes.items():
        entity = _entity(rdflib, key)
        yield entity, rdf.type, _name(rdflib, "type", node.label)
        yield entity, rdfs.label, rdflib.Literal(node.name)
        yield entity, _name(rdflib, "vocabulary", "count"), rdflib.Literal(node.count)
        for form in node.forms:
            if form != node.name:
                other = _name(rdflib, "vocabulary", "form")
                yield entity, other, rdflib.Literal(form)
    for (head, label, tail), edge in graph.edges.items():
        triple = (
            _entity(rdflib, head),
            _name(rdflib, "relation", label),
            _entity(rdflib, tail),
        )
        yield triple
        yield from _describe(rdflib, (head, label, tail), edge, triple)


def _describe(
    rdflib: Any, key: EdgeKey, edge: Edge, triple: Triple
) -> Iterator[Triple]:
    (head, label, tail), rdf = key, rdflib.RDF
    names = (head.label, head.name, label, tail.label, tail.name)
    statement = rdflib.URIRef(f"{BASE}statement:{'/'.join(map(_quote, names))}")
    yield statement, rdf.type, rdf.Statement
    for predicate, term in zip((rdf.subject, rdf.predicate, rdf.object), triple):
        yield statement, predicate, term
    values = {
        "count": edge.count,
        "meanScore": round(edge.mean_score, 4),
        "maxScore": edge.max_score,
    }
    for name, value in values.items():
        yield statement, _name(rdflib, "vocabulary", name), rdflib.Literal(value)
    for example in edge.examples:
        place = f"{_quote(example.id)}#char={example.start},{example.end}"
        source = rdflib.URIRef(f"{BASE}document:{place}")
        yield statement, rdflib.URIRef(f"{PROV}wasDerivedFrom"), source


def _entity(rdflib: Any, key: NodeKey) -> Any:
    return rdflib.URIRef(f"{BASE}entity:{_quote(key.label)}/{_quote(key.name)}")


def _name(rdflib: Any, kind: str, name: str) -> Any:
    return rdflib.URIRef(f"{BASE}{kind}:{_quote(name)}")


def _quote(text: str) -> str:
    return quote(text, safe="", errors="replace")

"""GraphML, for Gephi, Cytoscape, yEd, igraph, networkx."""

from pathlib import Path
from typing import Any, Dict, List

from ...files import replace_file
from ..graph import KnowledgeGraph, NodeKey
from .libraries import import_library


def write(graph: KnowledgeGraph, folder: Path) -> List[Path]:
    """Write `graph.graphml`. RETURNS (List[Path]): the file."""
    networkx = import_library("networkx")
    path = folder / "graph.graphml"
    with replace_file(path) as file:
        networkx.write_graphml_xml(to_networkx(graph), file)
    return [path]


def to_networkx(graph: KnowledgeGraph) -> Any:
    """RETURNS (networkx.MultiDiGraph): nodes and edges are numbered: their keys are
    the ids in GraphML, which have to be unique."""
    networkx = import_library("networkx")
    result = networkx.MultiDiGraph()
    number: Dict[NodeKey, str] = {}
    for i, (key, node) in enumerate(graph.nodes.items()):
        number[key] = f"n{i}"
        result.add_node(
            f"n{i}",
            name=node.name,
            type=node.label,
            count=node.count,
            forms=" | ".join(node.forms),
        )
    for i, ((head, label, tail), edge) in enumerate(graph.edges.items()):
        result.add_edge(
            number[head],
            number[tail],
            key=f"e{i}",
            type=label,
            count=edge.count,
            mean_score=round(edge.mean_score, 4),
            max_score=edge.max_score,
            documents=" | ".join(example.id for example in edge.examples),
        )
    return result

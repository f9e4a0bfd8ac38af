"""GraphML, for Gephi, Cytoscape, yEd, igraph, networkx."""

from pathlib import Path
from typing import Any, Dict, List

from ..graph import KnowledgeGraph, NodeKey
from .libraries import import_library


def write(graph: KnowledgeGraph, folder: Path) -> List[Path]:
    """Write `graph.graphml`. RETURNS (List[Path]): the file."""
    networkx = import_library("networkx")
    path = folder / "graph.graphml"
    networkx.write_graphml_xml(to_networkx(graph), path)
    return [path]


def to_networkx(graph: KnowledgeGraph) -> Any:
    """RETURNS (networkx.MultiDiGraph): nodes are numbered, edges keyed by label."""
    networkx = import_library("networkx")
    result = networkx.MultiDiGraph()
    number: Dict[NodeKey, str] = {}
    for i, (key, node) in enumerate(graph.nodes.items()):
        number[key] = f"n{i}"
        result.add_node(
            f"n{i}",
            name=_clean(node.name),
            type=_clean(node.label),
            count=node.count,
            forms=_clean(" | ".join(node.forms)),
        )
    for (head, label, tail), edge in graph.edges.items():
        result.add_edge(
            number[head],
            number[tail],
            key=_clean(label),
            type=_clean(label),
            count=edge.count,
            mean_score=round(edge.mean_score, 4),
            max_score=edge.max_score,
            documents=_clean(" | ".join(example.id for example in edge.examples)),
        )
    return result


def _clean(text: str) -> str:
    """XML 1.0 has no place for control characters, not even escaped ones."""
    return "".join(x if x >= " " or x in "\t\n\r" else "\ufffd" for x in text)

"""Parquet: tables of entities and relations."""

from pathlib import Path
from typing import Dict, Iterator, List, Optional, TypedDict

from ...parquet import Int32, make_schema, write_parquet
from ..graph import KnowledgeGraph, NodeKey


class Form(TypedDict):
    """A surface form of an entity, with its count."""

    form: str
    count: int


class NodeRow(TypedDict):
    """An entity: a row of `nodes.parquet`."""

    node: int
    name: str
    type: str
    normal: str
    count: int
    forms: List[Form]


class ExampleCell(TypedDict):
    """An example of a relation."""

    id: str
    score: float
    start: Int32
    end: Int32
    text: Optional[str]


class EdgeRow(TypedDict):
    """A relation: a row of `edges.parquet`."""

    head: int
    label: str
    tail: int
    head_name: str
    tail_name: str
    count: int
    mean_score: float
    max_score: float
    examples: List[ExampleCell]


def write(graph: KnowledgeGraph, folder: Path) -> List[Path]:
    """Write `nodes.parquet` and `edges.parquet`. RETURNS (List[Path]): the files."""
    number = {key: i for i, key in enumerate(graph.nodes)}
    nodes, edges = folder / "nodes.parquet", folder / "edges.parquet"
    write_parquet(nodes, _iter_nodes(graph, number), make_schema(NodeRow))
    write_parquet(edges, _iter_edges(graph, number), make_schema(EdgeRow))
    return [nodes, edges]


def _iter_nodes(graph: KnowledgeGraph, number: Dict[NodeKey, int]) -> Iterator[NodeRow]:
    for key, node in graph.nodes.items():
        yield {
            "node": number[key],
            "name": node.name,
            "type": node.label,
            "normal": key.name,
            "count": node.count,
            "forms": [{"form": form, "count": n} for form, n in node.forms.items()],
        }


def _iter_edges(graph: KnowledgeGraph, number: Dict[NodeKey, int]) -> Iterator[EdgeRow]:
    for (head, label, tail), edge in graph.edges.items():
        yield {
            "head": number[head],
            "label": label,
            "tail": number[tail],
            "head_name": graph.nodes[head].name,
            "tail_name": graph.nodes[tail].name,
            "count": edge.count,
            "mean_score": edge.mean_score,
            "max_score": edge.max_score,
            "examples": [
                {
                    "id": example.id,
                    "score": example.score,
                    "start": example.start,
                    "end": example.end,
                    "text": example.text,
                }
                for example in edge.examples
            ],
        }

"""CSV files for `neo4j-admin database import full`, with types in the headers.

neo4j-admin database import full --nodes=nodes.csv --relationships=edges.csv
"""

import csv
from pathlib import Path
from typing import Any, Dict, Iterable, List

from ...files import replace_text_file
from ..graph import KnowledgeGraph, NodeKey

# neo4j-admin's default between the items of an array, and between labels
SEPARATOR = ";"
# spreadsheets execute values with these prefixes as formulas
# (https://owasp.org/www-community/attacks/CSV_Injection)
FORMULA = ("=", "+", "-", "@")
NODES = ("id:ID", "name", "count:long", "forms:string[]", ":LABEL")
EDGES = (
    ":START_ID",
    ":END_ID",
    ":TYPE",
    "count:long",
    "meanScore:double",
    "maxScore:double",
    "documents:string[]",
    "sentences:string[]",
)


def write(graph: KnowledgeGraph, folder: Path) -> List[Path]:
    """Write `nodes.csv` and `edges.csv`. RETURNS (List[Path]): the files."""
    number: Dict[NodeKey, int] = {key: i for i, key in enumerate(graph.nodes)}
    nodes = (
        (number[key], node.name, node.count, _join(node.forms), _join([node.label]))
        for key, node in graph.nodes.items()
    )
    edges = (
        (
            number[head],
            number[tail],
            label,
            edge.count,
            round(edge.mean_score, 4),
            edge.max_score,
            _join(example.id for example in edge.examples),
            _join(f"{example.start}-{example.end}" for example in edge.examples),
        )
        for (head, label, tail), edge in graph.edges.items()
    )
    return [
        _write(folder / "nodes.csv", NODES, nodes),
        _write(folder / "edges.csv", EDGES, edges),
    ]


def _write(path: Path, header: Iterable[str], rows: Iterable[Iterable[Any]]) -> Path:
    with replace_text_file(path) as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(map(_make_cell, row) for row in rows)
    return path


def _make_cell(value: Any) -> Any:
    """Format a value in one line for neo4j-admin, with formulas escaped."""
    if not isinstance(value, str):
        return value
    text = " ".join(value.splitlines())
    return f"'{text}" if text.lstrip().startswith(FORMULA) else text


def _join(items: Iterable[str]) -> str:
    return SEPARATOR.join(item.replace(SEPARATOR, ",") for item in items)

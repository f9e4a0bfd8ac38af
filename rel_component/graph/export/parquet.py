"""Parquet: a table of entities and one of relations."""

from pathlib import Path
from typing import Any, Dict, Iterator, List

from ...inference.batch.tables import COMPRESSION, import_pyarrow
from ..graph import KnowledgeGraph, NodeKey

BATCH = 10_000


def write(graph: KnowledgeGraph, folder: Path) -> List[Path]:
    """Write `nodes.parquet` and `edges.parquet`. RETURNS (List[Path]): the files."""
    pa = import_pyarrow()
    example = pa.struct(
        {
            "id": pa.string(),
            "score": pa.float64(),
            "start": pa.int32(),
            "end": pa.int32(),
            "text": pa.string(),
        }
    )
    nodes = {
        "node": pa.int64(),
        "name": pa.string(),
        "type": pa.string(),
        "normal": pa.string(),
        "count": pa.int64(),
        "forms": pa.list_(pa.struct({"form": pa.string(), "count": pa.int64()})),
    }
    edges = {
        "head": pa.int64(),
        "label": pa.string(),
        "tail": pa.int64(),
        "head_name": pa.string(),
        "tail_name": pa.string(),
        "count": pa.int64(),
        "mean_score": pa.float64(),
        "max_score": pa.float64(),
        "examples": pa.list_(example),
    }
    number = {key: i for i, key in enumerate(graph.nodes)}
    return [
        _write(folder / "nodes.parquet", nodes, _iter_nodes(graph, number)),
        _write(folder / "edges.parquet", edges, _iter_edges(graph, number)),
    ]


def _iter_nodes(
    graph: KnowledgeGraph, number: Dict[NodeKey, int]
) -> Iterator[Dict[str, Any]]:
    for key, node in graph.nodes.items():
        yield {
            "node": number[key],
            "name": node.name,
            "type": node.label,
            "normal": key.name,
            "count": node.count,
            "forms": [{"form": form, "count": n} for form, n in node.forms.items()],
        }


def _iter_edges(
    graph: KnowledgeGraph, number: Dict[NodeKey, int]
) -> Iterator[Dict[str, Any]]:
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
            "examples": [example._asdict() for example in edge.examples],
        }


def _write(path: Path, columns: Dict[str, Any], rows: Iterator[Dict[str, Any]]) -> Path:
    pa = import_pyarrow()
    from pyarrow import parquet

    schema = pa.schema(columns)
    with parquet.ParquetWriter(path, schema, compression=COMPRESSION) as writer:
        batch: List[Dict[str, Any]] = []
        for row in rows:
            batch.append(row)
            if len(batch) == BATCH:
                writer.write_batch(pa.RecordBatch.from_pylist(batch, schema=schema))
                batch = []
        writer.write_batch(pa.RecordBatch.from_pylist(batch, schema=schema))
    return path

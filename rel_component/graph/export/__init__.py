"""A graph as other tools read it; each format is one small module."""

from pathlib import Path
from typing import Callable, Dict, List

from ..graph import KnowledgeGraph
from . import graphml, neo4j, parquet, rdf

# name → writes the graph into a folder and returns the files
EXPORTS: Dict[str, Callable[[KnowledgeGraph, Path], List[Path]]] = {
    "graphml": graphml.write,
    "ntriples": rdf.write_ntriples,
    "turtle": rdf.write_turtle,
    "neo4j": neo4j.write,
    "parquet": parquet.write,
}


def find_export(name: str) -> Callable[[KnowledgeGraph, Path], List[Path]]:
    """RETURNS (Callable): writes a format. RAISES (ValueError): if there is none."""
    if name not in EXPORTS:
        raise ValueError(
            f"--format: found {name!r}; expected some of {', '.join(EXPORTS)}."
        )
    return EXPORTS[name]

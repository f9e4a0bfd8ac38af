"""A graph in the formats of other tools, a small module for each."""

from pathlib import Path
from typing import Callable, Dict, List

from ..graph import KnowledgeGraph
from . import graphml, neo4j, parquet, rdf

# from names to functions that write a graph into a folder and return the files
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
            f"--format: found {name!r}; expected {', '.join(EXPORTS)} or none."
        )
    return EXPORTS[name]

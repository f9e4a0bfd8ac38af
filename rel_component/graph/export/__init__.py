"""Export a graph to the formats of other tools."""

from pathlib import Path
from typing import Callable, Dict, List

from ..graph import KnowledgeGraph
from . import graphml, neo4j, parquet, rdf

# functions that write a graph to a folder and return the files, by name
EXPORTS: Dict[str, Callable[[KnowledgeGraph, Path], List[Path]]] = {
    "graphml": graphml.write,
    "ntriples": rdf.write_ntriples,
    "turtle": rdf.write_turtle,
    "neo4j": neo4j.write,
    "parquet": parquet.write,
}


def find_export(name: str) -> Callable[[KnowledgeGraph, Path], List[Path]]:
    """RETURNS (Callable): the export. RAISES (ValueError): if the format is unknown."""
    if name not in EXPORTS:
        raise ValueError(
            f"--format: found {name!r}; expected {', '.join(EXPORTS)} or none."
        )
    return EXPORTS[name]

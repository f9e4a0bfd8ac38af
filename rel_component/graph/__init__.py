"""Build a knowledge graph of extracted relations, with merged entities and counts."""

from .graph import Edge, Example, KnowledgeGraph, Node, NodeKey
from .names import Normalizer
from .rows import read_rows

__all__ = [
    "Edge",
    "Example",
    "KnowledgeGraph",
    "Node",
    "NodeKey",
    "Normalizer",
    "read_rows",
]

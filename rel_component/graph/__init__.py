"""Extracted relations as a knowledge graph: entities merged, relations counted."""

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

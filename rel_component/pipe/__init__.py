"""The relation extractor: a spaCy pipe, what it learns from and what limits it."""

from .extractor import RelationExtractor, make_relation_extractor

__all__ = ["RelationExtractor", "make_relation_extractor"]

"""The entity tagger and the relation extractor: spaCy pipes, what they learn from and
what limits them."""

from .entity_tagger import EntityTagger, make_entity_tagger
from .extractor import RelationExtractor, make_relation_extractor

__all__ = [
    "EntityTagger",
    "RelationExtractor",
    "make_entity_tagger",
    "make_relation_extractor",
]

"""spaCy pipes: the entity tagger, the relation extractor and the relation ruler, with
their training targets, loss and constraints."""

from .entity_tagger import EntityTagger, make_entity_tagger
from .extractor import RelationExtractor, make_relation_extractor
from .relation_ruler import RelationRuler, make_relation_ruler

__all__ = [
    "EntityTagger",
    "RelationExtractor",
    "RelationRuler",
    "make_entity_tagger",
    "make_relation_extractor",
    "make_relation_ruler",
]

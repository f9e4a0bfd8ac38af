from .about import __version__
from .entity_scores import register_extension
from .pattern_ids import get_pattern_ids, register_pattern_ids
from .relations import Relation, get_relations, register_extensions, set_relations

register_extension()
register_extensions()
register_pattern_ids()

__all__ = [
    "Relation",
    "__version__",
    "get_pattern_ids",
    "get_relations",
    "set_relations",
]

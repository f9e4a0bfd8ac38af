from .about import __version__
from .entity_scores import register_extension
from .relations import Relation, get_relations, register_extensions, set_relations

register_extension()
register_extensions()

__all__ = ["Relation", "__version__", "get_relations", "set_relations"]

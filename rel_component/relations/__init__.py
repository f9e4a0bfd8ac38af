"""Relations of a Doc: types, storage and access."""

from typing import Callable, List, Tuple

from spacy.tokens import Doc

from .annotate import (
    get_rel,
    get_relation_keys,
    get_relations,
    set_rel,
    set_relations,
)
from .as_json import get_relations_json, set_relations_json
from .constraints import LabelConstraints, apply_constraints
from .data import (
    EntityKey,
    Relation,
    RelationData,
    RelationKey,
    RelDict,
    get_entity_key,
)
from .decide import find_decided, keep_best
from .join import join_relations
from .storage import (
    LEGACY_KEY,
    SOURCE_KEY,
    USER_DATA_PREFIX,
    get_relation_data,
    set_relation_data,
)
from .support import count_support


def register_extensions() -> None:
    """Register `doc._.relations`, `doc._.relations_json` and `doc._.rel`; called
    when the package is imported."""
    extensions: List[Tuple[str, Callable, Callable]] = [
        ("rel", get_rel, set_rel),
        ("relations", get_relations, set_relations),
        ("relations_json", get_relations_json, set_relations_json),
    ]
    for name, getter, setter in extensions:
        Doc.set_extension(name, getter=getter, setter=setter, force=True)


__all__ = [
    "LEGACY_KEY",
    "SOURCE_KEY",
    "USER_DATA_PREFIX",
    "EntityKey",
    "LabelConstraints",
    "RelDict",
    "Relation",
    "RelationData",
    "RelationKey",
    "apply_constraints",
    "count_support",
    "find_decided",
    "get_entity_key",
    "get_rel",
    "get_relation_data",
    "get_relation_keys",
    "get_relations",
    "get_relations_json",
    "join_relations",
    "keep_best",
    "register_extensions",
    "set_rel",
    "set_relation_data",
    "set_relations",
    "set_relations_json",
]

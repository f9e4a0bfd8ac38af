"""Ids of the relation ruler's patterns that matched relations.

The ids are stored in `doc.user_data`, by label and characters of both entities, so they
survive `Doc.to_bytes`, `DocBin(store_user_data=True)`, `nlp.pipe(n_process=2)` and
later changes of relations. Like for relations, spaCy shifts their key with the text.
"""

from typing import Any, Dict, List, Mapping, Set, Tuple

from spacy.tokens import Doc

from .relations import Relation, get_relations
from .relations.storage import find_keys

# prefix of keys in doc.user_data, before two offsets of the text
PREFIX = ("._.", "rel_component_patterns")

# start and end of the head, label, start and end of the tail; in characters
CharKey = Tuple[int, int, str, int, int]


def get_pattern_ids(doc: Doc) -> List[str]:
    """Get the pattern ids of a Doc's relations.

    doc (Doc): the document.
    RETURNS (List[str]): the id for each of `doc._.relations`; `""` if the pattern has
        no id, or the relation wasn't matched by a pattern.
    """
    ids = read_ids(doc)
    return [ids.get(get_key(relation), "") for relation in get_relations(doc)]


def read_ids(doc: Doc) -> Dict[CharKey, str]:
    """RETURNS (Dict[CharKey, str]): pattern ids by relation."""
    found: Dict[CharKey, str] = {}
    for key in find_keys(doc, PREFIX):
        shift = key[2]
        for start, end, label, tail_start, tail_end, id_ in doc.user_data[key]:
            head = (start + shift, end + shift)
            tail = (tail_start + shift, tail_end + shift)
            found[head + (label,) + tail] = id_
    return found


def write_ids(doc: Doc, ids: Mapping[CharKey, str]) -> None:
    """Store the pattern ids of relations, replacing existing ones."""
    for old in find_keys(doc, PREFIX):
        del doc.user_data[old]
    # Doc.user_data is typed with string keys
    key: Any = (*PREFIX, 0, 0)
    doc.user_data[key] = [[*place, id_] for place, id_ in ids.items()]


def get_key(relation: Relation) -> CharKey:
    """RETURNS (CharKey): label and characters of a relation."""
    head, label, tail, _ = relation
    return (head.start_char, head.end_char, label, tail.start_char, tail.end_char)


def find_ruled(doc: Doc) -> Set[CharKey]:
    """RETURNS (Set[CharKey]): relations matched by patterns."""
    return set(read_ids(doc))


def register_pattern_ids() -> None:
    """Register `doc._.relation_patterns`; called when the package is imported."""
    Doc.set_extension("relation_patterns", getter=get_pattern_ids, force=True)

"""Which pattern of a relation ruler found a relation.

The ids are beside the relations in `doc.user_data`, by label and characters of both
entities: so they survive `Doc.to_bytes`, `DocBin(store_user_data=True)` and
`nlp.pipe(n_process=2)`, whoever writes relations later, and in whatever order. Their
key is one that spaCy shifts with the text, as that of the relations.
"""

from typing import Any, Dict, List, Mapping, Set, Tuple

from spacy.tokens import Doc

from .relations import Relation, get_relations

# of keys in doc.user_data, before two numbers that say how far the text has moved
PREFIX = ("._.", "rel_component_patterns")

# start and end of the head, label, start and end of the tail; in characters
CharKey = Tuple[int, int, str, int, int]


def get_pattern_ids(doc: Doc) -> List[str]:
    """The patterns that found the relations of a Doc.

    doc (Doc): the document.
    RETURNS (List[str]): one for each of `doc._.relations`, in their order; `""` where
        the pattern has no id, or no pattern found the relation.
    """
    ids = read_ids(doc)
    return [ids.get(get_key(relation), "") for relation in get_relations(doc)]


def read_ids(doc: Doc) -> Dict[CharKey, str]:
    """RETURNS (Dict[CharKey, str]): the id of each relation that a pattern found."""
    found: Dict[CharKey, str] = {}
    for key in _find_keys(doc):
        shift = key[2]
        for start, end, label, tail_start, tail_end, id_ in doc.user_data[key]:
            head = (start + shift, end + shift)
            tail = (tail_start + shift, tail_end + shift)
            found[head + (label,) + tail] = id_
    return found


def write_ids(doc: Doc, ids: Mapping[CharKey, str]) -> None:
    """Store the ids of relations, in place of those that were there."""
    for old in _find_keys(doc):
        del doc.user_data[old]
    # Doc.user_data is typed for keys of strings
    key: Any = (*PREFIX, 0, 0)
    doc.user_data[key] = [[*place, id_] for place, id_ in ids.items()]


def _find_keys(doc: Doc) -> List[Any]:
    """The keys of the storage; of a Doc joined from several, one for each of them."""
    return [
        key
        for key in doc.user_data
        if isinstance(key, tuple) and len(key) == 4 and key[:2] == PREFIX
    ]


def get_key(relation: Relation) -> CharKey:
    """RETURNS (CharKey): a relation by label and characters."""
    head, label, tail, _ = relation
    return (head.start_char, head.end_char, label, tail.start_char, tail.end_char)


def find_ruled(doc: Doc) -> Set[CharKey]:
    """RETURNS (Set[CharKey]): the relations that patterns found."""
    return set(read_ids(doc))


def register_pattern_ids() -> None:
    """Register `doc._.relation_patterns`; done on importing the package."""
    Doc.set_extension("relation_patterns", getter=get_pattern_ids, force=True)

"""Which pattern of a relation ruler found a relation.

The ids live beside the relations in `doc.user_data`, by label and characters of both
entities: so they survive `Doc.to_bytes`, `DocBin(store_user_data=True)` and
`nlp.pipe(n_process=2)`, whoever writes relations later, and in whatever order.
"""

from typing import Dict, List, Mapping, Set, Tuple

from spacy.tokens import Doc

from .relations import Relation, get_relations

PATTERNS_KEY = "rel_component_patterns"

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
    rows = doc.user_data.get(PATTERNS_KEY, ())
    return {(hs, he, label, ts, te): id_ for hs, he, label, ts, te, id_ in rows}


def write_ids(doc: Doc, ids: Mapping[CharKey, str]) -> None:
    """Store the ids of relations, in place of those that were there."""
    doc.user_data[PATTERNS_KEY] = [[*key, id_] for key, id_ in ids.items()]


def get_key(relation: Relation) -> CharKey:
    """RETURNS (CharKey): a relation by label and characters."""
    head, label, tail, _ = relation
    return (head.start_char, head.end_char, label, tail.start_char, tail.end_char)


def find_ruled(doc: Doc) -> Set[CharKey]:
    """RETURNS (Set[CharKey]): the relations that patterns found."""
    return set(read_ids(doc)) if PATTERNS_KEY in doc.user_data else set()


def register_pattern_ids() -> None:
    """Register `doc._.relation_patterns`; done on importing the package."""
    Doc.set_extension("relation_patterns", getter=get_pattern_ids, force=True)

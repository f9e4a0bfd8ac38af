"""Get and set the relations of a Doc, in all supported forms."""

from collections.abc import Iterable, Mapping
from typing import Dict, List, Tuple

import numpy
from spacy.tokens import Doc, Span

from .checks import check_cells, check_items, check_list, check_pair, check_relation
from .data import (
    EntityKey,
    Relation,
    RelationData,
    RelationKey,
    RelDict,
    to_ints2d,
)
from .follow import fingerprint_tokens
from .storage import (
    LEGACY_KEY,
    DraftRel,
    clear_relations,
    from_rel,
    get_relation_data,
    read_columns,
    set_relation_data,
)


def set_relations(
    doc: Doc,
    relations: Iterable[Relation],
    *,
    complete: bool = True,
    negatives: Iterable[Tuple[Span, Span]] = (),
) -> None:
    """Set the relations of a Doc, replacing existing ones.

    doc (Doc): the document.
    relations (Iterable[Relation]): the relations; a pair may have several labels.
    complete (bool): whether every pair without a relation is known to have none.
        In incomplete documents, other pairs are ignored in training and evaluation.
    negatives (Iterable[Tuple[Span, Span]]): pairs known to have no relation, for
        incomplete documents.
    RAISES (ValueError): if a span, label or score is invalid.
    """
    entities: Dict[EntityKey, int] = {}
    pairs: Dict[Tuple[int, int], int] = {}
    labels: Dict[str, int] = {}
    cells: Dict[Tuple[int, int], float] = {}

    def add_pair(head: EntityKey, tail: EntityKey) -> int:
        at_head = entities.setdefault(head, len(entities))
        at_tail = entities.setdefault(tail, len(entities))
        return pairs.setdefault((at_head, at_tail), len(pairs))

    for i, relation in enumerate(check_list(relations, "relations")):
        head, label, tail, score = check_relation(doc, relation, i)
        cells[add_pair(head, tail), labels.setdefault(label, len(labels))] = score
    n_related = len(pairs)
    unrelated = list(check_list(negatives, "negatives"))
    known: Dict[int, EntityKey] = {}  # many pairs have the same few Spans
    for i, pair in enumerate(unrelated):
        ids = [id(end) for end in pair] if isinstance(pair, tuple) else []
        if len(ids) != 2 or not known.keys() >= {*ids}:
            ends = check_pair(doc, pair, i)
            known.update(zip(ids, ends))
        else:
            ends = known[ids[0]], known[ids[1]]
        add_pair(*ends)
    scores = numpy.zeros((len(pairs), len(labels)), dtype="float32")
    if not complete:
        # for related pairs, only the given labels are known; for negative pairs, all of
        # them
        scores[:n_related] = numpy.nan
    decided = to_ints2d(list(cells))
    scores[tuple(decided.T)] = list(cells.values())
    data = RelationData(
        spans=to_ints2d([key[:2] for key in entities]),
        types=[key[2] for key in entities],
        pairs=to_ints2d(list(pairs)),
        labels=list(labels),
        scores=scores,
        decided=decided,
        complete=complete,
    )
    set_relation_data(doc, data)


def get_relations(doc: Doc) -> List[Relation]:
    """Get the gold or predicted relations of a Doc.

    doc (Doc): the document.
    RETURNS (List[Relation]): the relations in stored order.
    """
    data = get_relation_data(doc)
    if data is None or not len(data.decided):
        return []
    spans = [
        Span(doc, start, end, label=type_)
        for (start, end), type_ in zip(data.spans.tolist(), data.types)
    ]
    return [
        Relation(spans[head], label, spans[tail], score)
        for (head, tail), label, score in data.list_decided()
    ]


def get_relation_keys(doc: Doc) -> Dict[RelationKey, float]:
    """Get the relations of a Doc as comparable values with scores, without creating
    Spans.

    doc (Doc): the document.
    RETURNS (Dict[RelationKey, float]): scores by relation.
    """
    data = get_relation_data(doc)
    if data is None:
        return {}
    keys = data.entities
    return {
        RelationKey(keys[head], label, keys[tail]): score
        for (head, tail), label, score in data.list_decided()
    }


def get_rel(doc: Doc) -> RelDict:
    """The tutorial's view: `{(head.start, tail.start): {label: probability}}`.

    doc (Doc): the document.
    RETURNS (Dict[Tuple[int, int], Dict[str, float]]): all stored pairs, with the
        higher score if two entities start at the same token. For a Doc without
        annotations, an empty dict to fill in, as in the tutorial.
    """
    data = read_columns(doc)
    if data is not None:
        return data.rel
    draft = doc.user_data.setdefault(LEGACY_KEY, DraftRel())
    if not draft and isinstance(draft, DraftRel):
        draft.tokens = fingerprint_tokens(doc)
    return draft


def set_rel(doc: Doc, rel: Mapping) -> None:
    """Set the relations of a Doc in the tutorial's form, replacing existing ones.

    doc (Doc): the document, with `doc.ents` set.
    rel (Dict[Tuple[int, int], Dict[str, float]]): scores by token starts.
    RAISES (ValueError): if the dict or a score is invalid.
    """
    if isinstance(rel, list):  # spacy-llm stores its items here
        check_items(rel)
        clear_relations(doc)
        doc.user_data[LEGACY_KEY] = rel
        return
    check_cells(rel)
    draft = DraftRel({key: dict(scores) for key, scores in rel.items()})
    draft.tokens = fingerprint_tokens(doc)
    clear_relations(doc)
    if not draft:  # no annotation yet: the dict can be modified in place
        return
    starts = {ent.start for ent in doc.ents}
    if all(start in starts for key in draft for start in key):
        set_relation_data(doc, from_rel(doc, draft))
    else:  # entities may be set later: keep the dict until it's read
        doc.user_data[LEGACY_KEY] = draft

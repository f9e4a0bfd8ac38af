"""Read and set the relations of a Doc, in each of the forms that they are seen in."""

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
    """Annotate a Doc with relations, in place of those that it had.

    doc (Doc): the document.
    relations (Iterable[Relation]): may repeat a pair with several labels.
    complete (bool): whether every pair without a relation is known to have none.
        In incomplete documents unlisted pairs are neither learned from nor scored.
    negatives (Iterable[Tuple[Span, Span]]): pairs known to have no relation, for
        incomplete documents.
    RAISES (ValueError): if a span, label or score can't be one of this Doc's.
    """
    entities: Dict[EntityKey, int] = {}
    pairs: Dict[Tuple[int, int], int] = {}
    labels: Dict[str, int] = {}
    cells: Dict[Tuple[int, int], float] = {}

    def add_pair(*ends: EntityKey) -> int:
        head, tail = (entities.setdefault(key, len(entities)) for key in ends)
        return pairs.setdefault((head, tail), len(pairs))

    for i, relation in enumerate(check_list(relations, "relations")):
        head, label, tail, score = check_relation(doc, relation, i)
        cells[add_pair(head, tail), labels.setdefault(label, len(labels))] = score
    n_related = len(pairs)
    for i, pair in enumerate(check_list(negatives, "negatives")):
        add_pair(*check_pair(doc, pair, i))
    scores = numpy.zeros((len(pairs), len(labels)), dtype="float32")
    if not complete:
        # of a related pair only the labels given are known, of a negative one all
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
    """The relations decided on: gold, or predicted and accepted.

    doc (Doc): the document.
    RETURNS (List[Relation]): in the order in which they are stored.
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
    """The relations decided on as values to compare, with their scores.

    doc (Doc): the document.
    RETURNS (Dict[RelationKey, float]): no Span is built, so it is cheap.
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
    RETURNS (Dict[Tuple[int, int], Dict[str, float]]): every stored pair. Where two
        entities start at the same token, the higher score is shown. A Doc without
        annotation has an empty dict, to be filled as in the tutorial.
    """
    data = read_columns(doc)
    if data is not None:
        return data.rel
    draft = doc.user_data.setdefault(LEGACY_KEY, DraftRel())
    if not draft and isinstance(draft, DraftRel):
        draft.tokens = fingerprint_tokens(doc)
    return draft


def set_rel(doc: Doc, rel: Mapping) -> None:
    """Annotate a Doc from the tutorial's view, in place of the relations it had.

    doc (Doc): the document, with `doc.ents` set.
    rel (Dict[Tuple[int, int], Dict[str, float]]): scores by token starts.
    RAISES (ValueError): if it is no such dict, or has scores that are no probability.
    """
    if isinstance(rel, list):  # spacy-llm keeps its own items here
        check_items(rel)
        clear_relations(doc)
        doc.user_data[LEGACY_KEY] = rel
        return
    check_cells(rel)
    draft = DraftRel({key: dict(scores) for key, scores in rel.items()})
    draft.tokens = fingerprint_tokens(doc)
    clear_relations(doc)
    if not draft:  # nothing annotated yet: it may be filled in place
        return
    starts = {ent.start for ent in doc.ents}
    if all(start in starts for key in draft for start in key):
        set_relation_data(doc, from_rel(doc, draft))
    else:  # entities may be set later: keep what was given until it is read
        doc.user_data[LEGACY_KEY] = draft

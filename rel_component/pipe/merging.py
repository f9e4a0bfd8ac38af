"""Relations from two pipes in one Doc: neither takes away what the other found."""

from typing import Dict, List, Tuple

import numpy
from spacy.tokens import Doc

from ..pattern_ids import find_ruled, get_key
from ..relations import EntityKey, RelationData, get_relation_data, get_relations


def merge_relations(
    base: RelationData,
    added: RelationData,
    *,
    keep_scores: bool = True,
    replace: bool = False,
) -> RelationData:
    """Add the relations decided on in `added` to those of `base`.

    base (RelationData): perhaps with the scores of many pairs.
    added (RelationData): of the same Doc.
    keep_scores (bool): a relation that both have keeps the score of `base`.
    replace (bool): a pair that has a relation in `added` loses its others.
    RETURNS (RelationData): the union. What only one of the two could score is NaN for
        the other's labels.
    """
    if not len(added.decided):
        return base
    spans, types, entities = _add_entities(base, added)
    pairs, rows = _add_pairs(base.pairs, entities[added.pairs], len(spans))
    labels = list(dict.fromkeys([*base.labels, *added.labels]))
    scores = numpy.full((len(pairs), len(labels)), numpy.nan, dtype="float32")
    scores[: len(base.pairs), : len(base.labels)] = base.scores
    is_decided = numpy.zeros(scores.shape, dtype=bool)
    is_decided[base.decided[:, 0], base.decided[:, 1]] = True
    columns = numpy.asarray([labels.index(x) for x in added.labels], dtype=int)
    at = (rows[added.decided[:, 0]], columns[added.decided[:, 1]])
    wins = numpy.ones(len(at[0]), dtype=bool)
    if replace:
        is_decided[at[0]] = False
        scores[at[0]] = numpy.nan
    elif keep_scores:
        wins = ~is_decided[at]
    found = added.scores[added.decided[:, 0], added.decided[:, 1]]
    scores[at[0][wins], at[1][wins]] = found[wins]
    is_decided[at] = True
    return RelationData(
        spans=spans,
        types=types,
        pairs=pairs,
        labels=labels,
        scores=scores,
        decided=numpy.argwhere(is_decided).astype("int32"),
        complete=base.complete and added.complete,
    )


def keep_ruled(
    doc: Doc, data: RelationData, *, single_label: bool = False
) -> RelationData:
    """What a model predicts, beside the relations that patterns have found before.

    doc (Doc): perhaps with relations of a relation ruler.
    data (RelationData): the model's.
    single_label (bool): a pair that a pattern has found gets no other label.
    RETURNS (RelationData): `data` where no ruler has run.
    """
    ruled = find_ruled(doc)
    before = get_relation_data(doc) if ruled else None
    if before is None:
        return data
    # in the order of `decided`
    is_ruled = [get_key(relation) in ruled for relation in get_relations(doc)]
    columns = {**before, "decided": before.decided[numpy.asarray(is_ruled, dtype=bool)]}
    added = RelationData(**columns)
    return merge_relations(data, added, keep_scores=False, replace=single_label)


def _add_entities(
    base: RelationData, added: RelationData
) -> Tuple[numpy.ndarray, List[str], numpy.ndarray]:
    """RETURNS (Tuple[Ints2d, List[str], Ints1d]): spans and types of all entities, and
    the row of each of those added."""
    keys: Dict[EntityKey, int] = {}
    for row in range(len(base.spans)):
        keys.setdefault(base.entity(row), row)
    n_known = n = len(base.spans)
    rows = []
    for row in range(len(added.spans)):
        key = added.entity(row)
        if key not in keys:
            keys[key], n = n, n + 1
        rows.append(keys[key])
    new = [key for key, row in keys.items() if row >= n_known]
    spans = numpy.asarray([key[:2] for key in new], dtype="int32").reshape(-1, 2)
    types = [*base.types, *(key[2] for key in new)]
    return numpy.concatenate([base.spans, spans]), types, numpy.asarray(rows, dtype=int)


def _add_pairs(
    base: numpy.ndarray, added: numpy.ndarray, n_entities: int
) -> Tuple[numpy.ndarray, numpy.ndarray]:
    """RETURNS (Tuple[Ints2d, Ints1d]): all pairs, and the rows of the added."""
    known = base[:, 0].astype("int64") * n_entities + base[:, 1]
    keys = added[:, 0].astype("int64") * n_entities + added[:, 1]
    order = numpy.argsort(known, kind="stable")
    at = numpy.searchsorted(known, keys, sorter=order)
    rows = numpy.full(len(keys), -1, dtype="int64")
    inside = at < len(known)
    rows[inside] = order[at[inside]]
    is_known = numpy.zeros(len(keys), dtype=bool)
    is_known[inside] = known[rows[inside]] == keys[inside]
    rows[~is_known] = len(base) + numpy.arange(int((~is_known).sum()))
    return numpy.concatenate([base, added[~is_known].astype("int32")]), rows

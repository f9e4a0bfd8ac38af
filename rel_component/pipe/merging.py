"""Merge the relations of two pipes in one Doc."""

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
    """Add the predicted relations of `added` to `base`.

    base (RelationData): relations, optionally with the scores of further pairs.
    added (RelationData): relations of the same Doc.
    keep_scores (bool): use the score of `base` for relations in both.
    replace (bool): replace all relations of a pair that has a relation in `added`.
    RETURNS (RelationData): the union. Labels that weren't scored for a pair are NaN.
    """
    if not len(added.decided):
        return base
    spans, types, entities = _add_entities(base, added)
    pairs, rows = _add_pairs(base.pairs, entities[added.pairs], len(spans))
    labels = list(dict.fromkeys([*base.labels, *added.labels]))
    scores = numpy.full((len(pairs), len(labels)), numpy.nan, dtype="float32")
    scores[: len(base.pairs), : len(base.labels)] = base.scores
    if not base.complete:  # a pair without relations is negative for all labels
        scores[numpy.flatnonzero((base.scores == 0).all(axis=1))] = 0.0
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
    """Merge a model's predictions with existing relations of a relation ruler.

    doc (Doc): the document, optionally with a ruler's relations.
    data (RelationData): the model's predictions.
    single_label (bool): keep only the ruler's label for pairs that it matched.
    RETURNS (RelationData): the merged relations; `data` if no ruler has run.
    """
    ruled = find_ruled(doc)
    before = get_relation_data(doc) if ruled else None
    if before is None:
        return data
    # in the same order as `decided`
    is_ruled = [get_key(relation) in ruled for relation in get_relations(doc)]
    columns = {**before, "decided": before.decided[numpy.asarray(is_ruled, dtype=bool)]}
    added = RelationData(**columns)
    return merge_relations(data, added, keep_scores=False, replace=single_label)


def _add_entities(
    base: RelationData, added: RelationData
) -> Tuple[numpy.ndarray, List[str], numpy.ndarray]:
    """RETURNS (Tuple[Ints2d, List[str], Ints1d]): spans and types of all entities, and
    the row of each added one."""
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
    """RETURNS (Tuple[Ints2d, Ints1d]): all pairs, and the row of each added one."""
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

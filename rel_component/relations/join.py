"""Join the relations of several components, or of several parts of a Doc."""

from typing import Dict, Sequence, Tuple

import numpy

from .data import EntityKey, RelationData, to_ints2d


def join_relations(parts: Sequence[RelationData]) -> RelationData:
    """Join the relations of one Doc.

    parts (Sequence[RelationData]): relations of the same Doc.
    RETURNS (RelationData): distinct entities, pairs and labels, in order. A pair has
        the scores of all parts; of several for the same label, the last one is used.
    """
    if len(parts) == 1:
        return parts[0]
    labels: Dict[str, int] = {}
    entities: Dict[EntityKey, int] = {}
    columns, ends = [], []
    for part in parts:
        columns.append([labels.setdefault(x, len(labels)) for x in part.labels])
        numbers = [entities.setdefault(key, len(entities)) for key in part.entities]
        ends.append(numpy.asarray(numbers, dtype="int32")[part.pairs])
    pairs, row_of = _unite(numpy.concatenate(ends), len(entities))
    rows_of = numpy.split(row_of, numpy.cumsum([len(x) for x in ends])[:-1])
    scores = numpy.full((len(pairs), len(labels)), numpy.nan, dtype="float32")
    decided: Dict[Tuple[int, int], None] = {}
    for part, own, rows in zip(parts, columns, rows_of):
        cells = numpy.ix_(rows, numpy.asarray(own, dtype="int64"))
        is_known = ~numpy.isnan(part.scores)
        scores[cells] = numpy.where(is_known, part.scores, scores[cells])
        at = zip(rows[part.decided[:, 0]].tolist(), part.decided[:, 1].tolist())
        decided.update(dict.fromkeys((row, own[column]) for row, column in at))
    for part, rows in zip(parts, rows_of):
        if not part.complete:  # a pair without relations is negative for all labels
            negatives = rows[(part.scores == 0).all(axis=1)]
            scores[negatives] = numpy.nan_to_num(scores[negatives], nan=0.0)
    return RelationData(
        spans=to_ints2d([key[:2] for key in entities]),
        types=[key[2] for key in entities],
        pairs=pairs,
        labels=list(labels),
        scores=scores,
        decided=to_ints2d(list(decided)),
        complete=all(part.complete for part in parts),
    )


def _unite(pairs: numpy.ndarray, n: int) -> Tuple[numpy.ndarray, numpy.ndarray]:
    """RETURNS (Tuple[Ints2d, Ints1d]): distinct pairs in order of appearance, and the
    row of each given pair."""
    keys = pairs[:, 0].astype("int64") * n + pairs[:, 1]
    _, first, number = numpy.unique(keys, return_index=True, return_inverse=True)
    rank = numpy.empty(len(first), dtype="int64")
    rank[numpy.argsort(first)] = numpy.arange(len(first))
    return pairs[numpy.sort(first)], rank[number]

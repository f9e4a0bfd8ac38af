"""Scores and gold labels of all candidate pairs, as arrays.

They allow to compute thresholds, calibration and curves without running a model.
"""

from dataclasses import dataclass, field, replace
from typing import AbstractSet, Dict, List, Mapping, Optional, Sequence, Tuple

import numpy
from spacy.training import Example

from ..pipe.calibration import calibrate
from ..relations import RelationKey, get_relation_data, keep_best
from ..scorer import drop_types, find_known, get_char_entities, is_known, read_example

Ends = Tuple[Tuple[int, int], Tuple[int, int]]


@dataclass
class PairScores:
    """Scores and gold labels of the candidate pairs of several documents.

    labels (Tuple[str, ...]): (n_labels,).
    scores (Floats2d): (n_pairs, n_labels), float32 in [0, 1]; NaN if not scored.
    truth (Bools2d): (n_pairs, n_labels), whether the pair has the label.
    counted (Bools2d): (n_pairs, n_labels), False for the second direction of symmetric
        labels, pairs that were not annotated, and scores of NaN.
    docs (Ints1d): (n_pairs,), index of the document.
    n_gold (Ints1d): (n_labels,), number of gold relations, including non-candidates.
    mirrored (Ints2d): (n, 2), rows of the two directions of a pair; symmetric labels
        are counted in the first.
    symmetric (Tuple[int, ...]): columns of the symmetric labels.
    """

    labels: Tuple[str, ...]
    scores: numpy.ndarray
    truth: numpy.ndarray
    counted: numpy.ndarray
    docs: numpy.ndarray
    n_gold: numpy.ndarray
    mirrored: numpy.ndarray = field(default_factory=lambda: no_rows())
    symmetric: Tuple[int, ...] = ()

    def __len__(self) -> int:
        return len(self.scores)

    def calibrated(self, lines: Mapping[str, Sequence[float]]) -> "PairScores":
        """RETURNS (PairScores): the pairs with calibrated scores."""
        return replace(self, scores=calibrate(self.scores, self.labels, lines))

    def best_only(
        self, groups: Optional[Sequence[Sequence[int]]] = None
    ) -> "PairScores":
        """Keep only the best label of each pair.

        groups (Optional[Sequence[Sequence[int]]]): groups of columns of which the best
            is kept, see `keep_best`.
        RETURNS (PairScores): the pairs with these labels.
        """
        best = keep_best(self.scores, groups)
        first, second = (rows[:, None] for rows in self.mirrored.T)
        columns = list(self.symmetric)
        # a symmetric label may be the best one in either direction
        best[first, columns] = numpy.fmax(best[first, columns], best[second, columns])
        return replace(self, scores=best)

    def of_label(self, column: int) -> Tuple[numpy.ndarray, numpy.ndarray]:
        """RETURNS (Tuple[Floats1d, Bools1d]): counted scores and gold labels."""
        rows = self.counted[:, column]
        return self.scores[rows, column], self.truth[rows, column]

    def flatten(self) -> Tuple[numpy.ndarray, numpy.ndarray]:
        """RETURNS (Tuple[Floats1d, Bools1d]): counted scores and gold labels of all
        labels."""
        return self.scores[self.counted], self.truth[self.counted]


def no_rows() -> numpy.ndarray:
    """RETURNS (Ints2d): (0, 2)."""
    return numpy.zeros((0, 2), dtype=int)


def collect_pairs(
    examples: Sequence[Example],
    labels: Sequence[str],
    symmetric: AbstractSet[str] = frozenset(),
) -> PairScores:
    """Collect scores and gold labels from predictions.

    examples (Sequence[Example]): predictions with the scores of all pairs.
    labels (Sequence[str]): the pipe's labels.
    symmetric (AbstractSet[str]): labels without a direction.
    RETURNS (PairScores): the pairs, with the same true and false positives at any
        threshold as in `scorer.score_relations`.
    """
    parts = [_read(example, labels, symmetric) for example in examples]
    n_pairs = [len(part[0]) for part in parts]
    starts = numpy.cumsum([0, *n_pairs]).tolist()
    empty = numpy.zeros((0, len(labels)))
    scores, truth, counted = (
        numpy.concatenate([empty.astype(dtype), *(part[i] for part in parts)])
        for i, dtype in enumerate(("float32", "bool", "bool"))
    )
    return PairScores(
        labels=tuple(labels),
        scores=scores,
        truth=truth,
        counted=counted & ~numpy.isnan(scores),
        docs=numpy.repeat(numpy.arange(len(parts)), n_pairs),
        n_gold=sum((part[3] for part in parts), numpy.zeros(len(labels), dtype=int)),
        mirrored=numpy.concatenate(
            [no_rows(), *(part[4] + start for part, start in zip(parts, starts))]
        ),
        symmetric=tuple(i for i, label in enumerate(labels) if label in symmetric),
    )


def _read(
    example: Example, labels: Sequence[str], symmetric: AbstractSet[str]
) -> Tuple[numpy.ndarray, ...]:
    """RETURNS (Tuple): scores, gold labels and counted pairs of one document, the
    number of gold relations by label, and the rows of pairs in both directions."""
    gold = drop_types(read_example(example, symmetric=symmetric).gold)
    n_gold = numpy.asarray([sum(k.label == label for k in gold) for label in labels])
    n_gold = n_gold.astype(int)
    data = get_relation_data(example.predicted)
    n_pairs = 0 if data is None else len(data.pairs)
    scores = numpy.full((n_pairs, len(labels)), numpy.nan, dtype="float32")
    truth = numpy.zeros(scores.shape, dtype=bool)
    counted = numpy.ones(scores.shape, dtype=bool)
    if data is None or not n_pairs:
        return scores, truth, counted, n_gold, no_rows()
    columns = {label: column for column, label in enumerate(labels)}
    for column, label in enumerate(data.labels):
        if label in columns:
            scores[:, columns[label]] = data.scores[:, column]
    entities = get_char_entities(example.predicted, data)
    ends = [(entities[head], entities[tail]) for head, tail in data.pairs.tolist()]
    rows: Dict[Ends, int] = {}
    for row, (head, tail) in enumerate(ends):
        first = rows.setdefault((head[:2], tail[:2]), row)
        if first != row:  # the same spans with another type
            scores[first] = numpy.fmax(scores[first], scores[row])
            counted[row] = False
    mirrored = _merge_directions(
        rows, scores, counted, [columns[x] for x in columns if x in symmetric]
    )
    for key in gold:
        if key.label in columns:
            pair = (key.head[:2], key.tail[:2])
            found = rows.get(pair)
            if key.label in symmetric and (
                found is None or not counted[found, columns[key.label]]
            ):
                found = rows.get(pair[::-1], found)
            if found is not None:
                truth[found, columns[key.label]] = True
    reference = get_relation_data(example.reference)
    if reference is not None and not reference.complete:
        known = find_known(reference, get_char_entities(example.reference, reference))
        for row, (head, tail) in enumerate(ends):
            for label, column in columns.items():
                key = RelationKey(head, label, tail)
                if counted[row, column] and not is_known(key, known, symmetric):
                    counted[row, column] = False
    return scores, truth, counted, n_gold, mirrored


def _merge_directions(
    rows: Dict[Ends, int],
    scores: numpy.ndarray,
    counted: numpy.ndarray,
    columns: List[int],
) -> numpy.ndarray:
    """Count symmetric relations once, with the higher score.

    RETURNS (Ints2d): (n, 2), the counted rows and those of the other direction.
    """
    mirrored: List[Tuple[int, int]] = []
    if not columns:
        return no_rows()
    for (head, tail), row in rows.items():
        other = rows.get((tail, head))
        if other is not None and tail < head:
            scores[other, columns] = numpy.fmax(
                scores[other, columns], scores[row, columns]
            )
            counted[row, columns] = False
            mirrored.append((other, row))
    return numpy.asarray(mirrored, dtype=int).reshape(-1, 2)

"""Confusion matrices: labels of candidate pairs with NO_REL, types of entities."""

from collections import Counter
from typing import Any, Dict, List, Optional, Sequence, Tuple

import numpy
from spacy.training import Example

from ..scorer import NO_REL
from .entities import Entity, get_entities
from .pair_scores import PairScores

NO_ENTITY = "–"


def relation_confusion_matrix(
    pairs: PairScores, thresholds: numpy.ndarray
) -> Tuple[List[str], List[str]]:
    """Get one gold and predicted label per candidate pair, as in classification.

    Of several gold or predicted labels, the correct one with the highest score is used,
    else the one with the highest score.

    pairs (PairScores): scores and gold labels.
    thresholds (Floats1d): (n_labels,), the threshold of each label.
    RETURNS (Tuple[List[str], List[str]]): gold and predicted label of each counted
        pair, `NO_REL` for none.
    """
    rows = pairs.counted.any(axis=1)
    counted, truth = pairs.counted[rows], pairs.truth[rows]
    scores = numpy.nan_to_num(pairs.scores[rows], nan=-1.0)
    is_predicted = counted & (scores >= thresholds.astype("float32"))
    truth = truth & counted
    right = _best(scores, truth & is_predicted)
    gold = numpy.where(right >= 0, right, _best(scores, truth))
    predicted = numpy.where(right >= 0, right, _best(scores, is_predicted))
    names = [*pairs.labels, NO_REL]  # -1 selects the last one
    return [names[i] for i in gold], [names[i] for i in predicted]


def _best(scores: numpy.ndarray, mask: numpy.ndarray) -> numpy.ndarray:
    """RETURNS (Ints1d): the column with the highest score within the mask, or -1."""
    if not mask.shape[1]:
        return numpy.full(len(mask), -1)
    best = numpy.where(mask, scores, -2.0).argmax(axis=1)
    return numpy.where(mask.any(axis=1), best, -1)


def score_classes(gold: Sequence[str], predicted: Sequence[str]) -> Dict[str, Any]:
    """Compute classification scores like scikit-learn's classification_report.

    gold (Sequence[str]), predicted (Sequence[str]): the class of each pair.
    RETURNS (Dict[str, Any]): `n`, `accuracy` (None without pairs), `micro_f` and
        `macro_f` over the classes except NO_REL, `macro_f_with_no_rel`, and `matrix`,
        see `make_matrix`.
    """
    n_gold, n_predicted = Counter(gold), Counter(predicted)
    tp = Counter(one for one, other in zip(gold, predicted) if one == other)
    labels = sorted({*n_gold, *n_predicted} - {NO_REL})
    f = {x: 2 * tp[x] / (n_gold[x] + n_predicted[x]) for x in {*n_gold, *n_predicted}}
    n_all = sum(n_gold[x] + n_predicted[x] for x in labels)
    return {
        "n": len(gold),
        "accuracy": sum(tp.values()) / len(gold) if len(gold) else None,
        "micro_f": 2 * sum(tp[x] for x in labels) / n_all if n_all else None,
        "macro_f": sum(f[x] for x in labels) / len(labels) if labels else None,
        "macro_f_with_no_rel": sum(f.values()) / len(f) if f else None,
        "matrix": make_matrix(gold, predicted, NO_REL),
    }


def make_matrix(
    gold: Sequence[str], predicted: Sequence[str], nothing: str
) -> Dict[str, Any]:
    """Compute a confusion matrix.

    gold (Sequence[str]), predicted (Sequence[str]): the class of each item.
    nothing (str): the class for no label or type, listed last.
    RETURNS (Dict[str, Any]): `labels`, the most frequent first, and `counts`, gold in
        rows and predicted in columns.
    """
    often = Counter(gold) + Counter(predicted)
    labels = sorted(often, key=lambda x: (x == nothing, -often[x], x))
    if nothing not in labels:
        labels.append(nothing)
    index = {label: i for i, label in enumerate(labels)}
    counts = [[0] * len(labels) for _ in labels]
    for one, other in zip(gold, predicted):
        counts[index[one]][index[other]] += 1
    return {"labels": labels, "counts": counts}


def entity_confusion_matrix(
    examples: Sequence[Example], spans_key: Optional[str] = None
) -> Dict[str, Any]:
    """Compute the confusion matrix of entity types, by span; wrong boundaries count as
    missed.

    examples (Sequence[Example]): the gold and predicted documents.
    spans_key (Optional[str]): entities of `doc.spans[spans_key]`; None: `doc.ents`.
    RETURNS (Dict[str, Any]): see `make_matrix`.
    """
    gold_types: List[str] = []
    predicted_types: List[str] = []
    for example in examples:
        gold = _by_span(get_entities(example.reference, spans_key))
        predicted = _by_span(get_entities(example.predicted, spans_key))
        for span in {*gold, *predicted}:
            wanted, found = gold.get(span, set()), predicted.get(span, set())
            rest = sorted(wanted - found), sorted(found - wanted)
            both = sorted(wanted & found)
            n = max(map(len, rest))
            padded = [types + [NO_ENTITY] * (n - len(types)) for types in rest]
            gold_types += both + padded[0]
            predicted_types += both + padded[1]
    return make_matrix(gold_types, predicted_types, NO_ENTITY)


def _by_span(entities: "set[Entity]") -> "Dict[Tuple[int, int], set[str]]":
    spans: Dict[Tuple[int, int], set[str]] = {}
    for start, end, type_ in entities:
        spans.setdefault((start, end), set()).add(type_)
    return spans

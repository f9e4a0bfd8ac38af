"""Bootstrap confidence intervals. Samples consist of documents, since relations within
a document are not independent."""

from typing import Any, Dict, List, Optional, Sequence, Tuple

import numpy

from ..scorer import ScoredDoc, drop_types

N_SAMPLES = 1000
Interval = Optional[Tuple[float, float]]


class Counts:
    """Counts of correct, predicted and gold relations per document and label.

    docs (Sequence[ScoredDoc]): the documents.
    labels (List[str]): gold and predicted labels, sorted.
    tp, predicted, gold (Floats2d): (n_docs, n_labels).
    strict (Floats2d): (n_docs, 3), relations that are correct including entity types,
        all predicted and all gold ones.
    """

    def __init__(
        self, docs: Sequence[ScoredDoc], labels: Optional[Sequence[str]] = None
    ) -> None:
        found = {k.label for doc in docs for k in (*doc.gold, *doc.predicted)}
        self.labels: List[str] = sorted(found) if labels is None else list(labels)
        index = {label: i for i, label in enumerate(self.labels)}
        shape = (len(docs), len(self.labels))
        self.tp, self.predicted, self.gold = (numpy.zeros(shape) for _ in range(3))
        self.strict = numpy.zeros((len(docs), 3))
        for i, doc in enumerate(docs):
            gold, predicted = drop_types(doc.gold), drop_types(doc.predicted)
            for keys, counts in (
                (gold & predicted, self.tp),
                (predicted, self.predicted),
                (gold, self.gold),
            ):
                for key in keys:
                    counts[i, index[key.label]] += 1
            right = len(doc.gold & set(doc.predicted))
            self.strict[i] = (right, len(doc.predicted), len(doc.gold))


def get_intervals(
    docs: Sequence[ScoredDoc],
    *,
    level: float = 0.95,
    n_samples: int = N_SAMPLES,
    seed: int = 0,
) -> Dict[str, Any]:
    """Compute bootstrap percentile intervals over documents.

    docs (Sequence[ScoredDoc]): gold and predicted relations.
    level (float): confidence level.
    n_samples (int): number of samples, of as many documents with replacement.
    seed (int): random seed.
    RETURNS (Dict[str, Any]): `micro_p/r/f`, `strict_p/r/f`, `macro_p/r/f` and
        `per_label` {label: {p, r, f}}, each (low, high); None for fewer than two
        documents, or if there are no relations.
    """
    counts = Counts(docs)
    names = [f"{kind}_{x}" for kind in ("micro", "strict", "macro") for x in "prf"]
    if len(docs) < 2 or not counts.labels:
        nothing = {label: dict.fromkeys("prf") for label in counts.labels}
        return {**dict.fromkeys(names), "per_label": nothing}
    drawn = draw_documents(len(docs), n_samples, seed)
    tp, predicted, gold = (
        drawn @ part for part in (counts.tp, counts.predicted, counts.gold)
    )
    per_label = get_prf(tp, predicted, gold)
    is_there = (predicted + gold) > 0
    n_there = numpy.maximum(is_there.sum(axis=1), 1)
    micro = get_prf(tp.sum(axis=1), predicted.sum(axis=1), gold.sum(axis=1))
    strict = get_prf(*(drawn @ counts.strict).T)
    macro = [numpy.where(is_there, x, 0).sum(axis=1) / n_there for x in per_label]
    bounds = ((1 - level) / 2, (1 + level) / 2)
    result: Dict[str, Any] = {
        name: get_interval(values, bounds)
        for name, values in zip(names, (*micro, *strict, *macro))
    }
    result["per_label"] = {
        label: {
            x: get_interval(values[is_there[:, column], column], bounds)
            for x, values in zip("prf", per_label)
        }
        for column, label in enumerate(counts.labels)
    }
    return result


def draw_documents(n_docs: int, n_samples: int, seed: int) -> numpy.ndarray:
    """RETURNS (Ints2d): (n_samples, n_docs), number of times each document is drawn."""
    rng = numpy.random.default_rng(seed)
    if not n_docs:
        return numpy.zeros((n_samples, 0), dtype=int)
    return rng.multinomial(n_docs, numpy.full(n_docs, 1 / n_docs), size=n_samples)


def get_prf(
    tp: numpy.ndarray, predicted: numpy.ndarray, gold: numpy.ndarray
) -> Tuple[numpy.ndarray, numpy.ndarray, numpy.ndarray]:
    """RETURNS (Tuple): precision, recall, F; 0 if undefined."""
    return (
        tp / numpy.maximum(predicted, 1),
        tp / numpy.maximum(gold, 1),
        2 * tp / numpy.maximum(predicted + gold, 1),
    )


def get_interval(values: numpy.ndarray, bounds: Tuple[float, float]) -> Interval:
    if not len(values):
        return None
    low, high = numpy.quantile(values, bounds).tolist()
    return low, high

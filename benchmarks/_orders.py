"""Rank texts for annotation by how much a model would learn from them."""

import zlib
from collections import Counter
from typing import Callable, Dict, List, NamedTuple, Sequence

import numpy
from spacy.tokens import Doc

from rel_component.entity_scores import get_entity_scores
from rel_component.inference.uncertainty import Thresholds, get_uncertainties
from rel_component.relations import get_relation_data

# width of a bag-of-words vector; more than enough to distinguish texts
WIDTH = 512
# number of texts selected for diversity; the others are ordered by their measure only
N_DIVERSE = 2000


class Measures(NamedTuple):
    """Measures of a text to rank it by.

    max (float): uncertainty of the most uncertain pair, from 0 to 1.
    mean (float): mean uncertainty of all pairs.
    corrections (float): expected number of wrong or missing entities and relations, if
        scores are probabilities.
    labels (Dict[str, float]): uncertainty of the most uncertain pair, per label.
    words (Floats1d): (WIDTH,), the text's normalized bag of words.
    """

    max: float
    mean: float
    corrections: float
    labels: Dict[str, float]
    words: numpy.ndarray


def measure(doc: Doc, thresholds: Thresholds) -> Measures:
    """Measure how much a model would learn from a text.

    doc (Doc): a predicted Doc with the scores of all pairs.
    thresholds (float | Mapping[str, float]): score threshold, for all labels or per
        label.
    RETURNS (Measures): the measures; zeros if there are no pairs.
    """
    entities = sum(1 - score for score in get_entity_scores(doc).values())
    words = count_words(doc)
    data = get_relation_data(doc)
    if data is None or not data.scores.size:
        return Measures(0.0, 0.0, entities, {}, words)
    uncertain = get_uncertainties(data, thresholds)
    pairs = uncertain.max(axis=1)
    scores = numpy.nan_to_num(data.scores.astype("float64"), nan=0.0)
    return Measures(
        max=float(pairs.max()),
        mean=float(pairs.mean()),
        corrections=entities + float(numpy.minimum(scores, 1 - scores).sum()),
        labels=dict(zip(data.labels, uncertain.max(axis=0).tolist())),
        words=words,
    )


def count_words(doc: Doc) -> numpy.ndarray:
    """RETURNS (Floats1d): (WIDTH,), dampened and normalized word counts of a text;
    zeros if it's empty."""
    vector = numpy.zeros(WIDTH, dtype="float32")
    counts = Counter(token.lower_ for token in doc if token.is_alpha)
    for word, n in counts.items():
        vector[zlib.crc32(word.encode("utf8")) % WIDTH] += numpy.log1p(n)
    length = float(numpy.linalg.norm(vector))
    return vector / length if length else vector


def order(measures: Sequence[Measures], by: str) -> List[int]:
    """Rank texts for annotation.

    measures (Sequence[Measures]): the measures of each text.
    by (str): the ranking, one of ORDERS.
    RETURNS (List[int]): sorted indices of the texts; ties keep their order.
    """
    values = numpy.asarray(ORDERS[by].measure(measures), dtype="float64")
    if ORDERS[by].is_diverse:
        return _spread(values, numpy.asarray([x.words for x in measures]))
    return numpy.argsort(-values, kind="stable").tolist()


def _spread(values: numpy.ndarray, words: numpy.ndarray) -> List[int]:
    """Select the text with the highest value repeatedly, reducing the values of texts
    similar to selected ones."""
    if not len(values):
        return []
    # words that all texts have are not informative
    words = words * numpy.log((1 + len(words)) / (1 + (words > 0).sum(axis=0)))
    words /= numpy.maximum(numpy.linalg.norm(words, axis=1, keepdims=True), 1e-9)
    shared = numpy.zeros(len(values))
    values = values + 1e-6  # so that texts without uncertainty are diverse, too
    is_left = numpy.ones(len(values), dtype=bool)
    chosen: List[int] = []
    for _ in range(min(len(values), N_DIVERSE)):
        gains = numpy.where(is_left, values * (1 - shared), -1.0)
        best = int(gains.argmax())
        chosen.append(best)
        is_left[best] = False
        shared = numpy.maximum(shared, numpy.clip(words @ words[best], 0, 1))
    rest = numpy.flatnonzero(is_left)
    return chosen + rest[numpy.argsort(-values[rest], kind="stable")].tolist()


def _get_margins(measures: Sequence[Measures]) -> List[float]:
    """Average a text's rank over the labels, so that each label counts equally,
    regardless of the model's confidence in it."""
    labels: Dict[str, None] = {}
    for found in measures:
        labels.update(dict.fromkeys(found.labels))
    total = numpy.zeros(len(measures))
    for label in labels:
        values = numpy.asarray([found.labels.get(label, 0.0) for found in measures])
        ranks = numpy.searchsorted(numpy.sort(values), values)
        total += ranks / max(len(measures) - 1, 1)
    return (total / max(len(labels), 1)).tolist()


class Order(NamedTuple):
    """A ranking of texts.

    measure (Callable): maps the measures of all texts to a value for each.
    is_diverse (bool): whether to rank texts similar to previous ones lower.
    """

    measure: Callable[[Sequence[Measures]], Sequence[float]]
    is_diverse: bool = False


ORDERS: Dict[str, Order] = {
    "max": Order(lambda found: [x.max for x in found]),
    "mean": Order(lambda found: [x.mean for x in found]),
    "margin": Order(_get_margins),
    "corrections": Order(lambda found: [x.corrections for x in found]),
    "diverse": Order(lambda found: [x.max for x in found], is_diverse=True),
    "diverse_corrections": Order(
        lambda found: [x.corrections for x in found], is_diverse=True
    ),
}

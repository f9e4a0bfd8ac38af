"""Which texts to annotate next: those that a model would learn most from."""

import zlib
from collections import Counter
from collections.abc import Mapping
from typing import Callable, Dict, List, NamedTuple, Sequence, Union

import numpy
from spacy.tokens import Doc

from ..entity_scores import get_entity_scores
from ..relations import RelationData, get_relation_data

Thresholds = Union[float, Mapping[str, float]]

# numbers of a vector of words; more than enough to tell texts apart
WIDTH = 512
# so many texts are chosen to be unlike each other; the others follow by their measure
N_DIVERSE = 2000


class Measures(NamedTuple):
    """What a model makes of a text, to rank it by.

    max (float): uncertainty of the most uncertain pair, from 0 to 1.
    mean (float): of all pairs on average.
    corrections (float): how many entities and relations are expected to be wrong or
        missing, if scores are probabilities.
    labels (Dict[str, float]): uncertainty of the most uncertain pair, label by label.
    words (Floats1d): (WIDTH,), the words of the text, of length 1.
    """

    max: float
    mean: float
    corrections: float
    labels: Dict[str, float]
    words: numpy.ndarray


def measure(doc: Doc, thresholds: Thresholds) -> Measures:
    """Measure how much there is to learn from a text.

    doc (Doc): as a pipeline has left it, with the scores of all pairs.
    thresholds (float | Mapping[str, float]): from which score on a relation is
        predicted; for all labels, or for each.
    RETURNS (Measures): zeros where there is no pair.
    """
    entities = sum(1 - score for score in get_entity_scores(doc).values())
    words = count_words(doc)
    data = get_relation_data(doc)
    if data is None or not data.scores.size:
        return Measures(0.0, 0.0, entities, {}, words)
    uncertain = _get_uncertainty(data, thresholds)
    pairs = uncertain.max(axis=1)
    scores = numpy.nan_to_num(data.scores.astype("float64"), nan=0.0)
    return Measures(
        max=float(pairs.max()),
        mean=float(pairs.mean()),
        corrections=entities + float(numpy.minimum(scores, 1 - scores).sum()),
        labels=dict(zip(data.labels, uncertain.max(axis=0).tolist())),
        words=words,
    )


def get_uncertainty(doc: Doc, threshold: Thresholds, by: str = "max") -> float:
    """How unsure a model is of the relations of a Doc.

    A score at the threshold is wholly uncertain (1), one of 0 or 1 is not at all (0),
    in between it is in proportion. A pair is as uncertain as its most uncertain label.

    doc (Doc): with the scores of all pairs.
    threshold (float | Mapping[str, float]): from which score on a relation is
        predicted; for all labels, or for each.
    by (str): `max`: a document is as uncertain as its most uncertain pair; `mean`: as
        its pairs are on average, so that long ones with few doubts come later.
    RETURNS (float): from 0 to 1; 0 if there is no pair.
    """
    found = measure(doc, threshold)
    return found.max if by == "max" else found.mean


def _get_uncertainty(data: RelationData, thresholds: Thresholds) -> numpy.ndarray:
    """RETURNS (Floats2d): (n_pairs, n_labels); 0 for what can't be and has no score."""
    scores = data.scores.astype("float64")
    limits = numpy.asarray(thresholds)
    if isinstance(thresholds, Mapping):
        limits = numpy.asarray([thresholds[label] for label in data.labels])
    room = numpy.where(scores < limits, limits, 1 - limits)
    distance = numpy.abs(scores - limits) / numpy.where(room > 0, room, 1)
    return numpy.nan_to_num(1 - distance, nan=0.0)


def count_words(doc: Doc) -> numpy.ndarray:
    """RETURNS (Floats1d): (WIDTH,), how often each word stands in a text, dampened and
    brought to length 1; zeros for an empty one."""
    vector = numpy.zeros(WIDTH, dtype="float32")
    counts = Counter(token.lower_ for token in doc if token.is_alpha)
    for word, n in counts.items():
        vector[zlib.crc32(word.encode("utf8")) % WIDTH] += numpy.log1p(n)
    length = float(numpy.linalg.norm(vector))
    return vector / length if length else vector


def order(measures: Sequence[Measures], by: str) -> List[int]:
    """The order in which to annotate texts.

    measures (Sequence[Measures]): of each text.
    by (str): one of ORDERS.
    RETURNS (List[int]): their numbers; equal ones in their own order.
    """
    values = numpy.asarray(ORDERS[by].measure(measures), dtype="float64")
    if ORDERS[by].is_diverse:
        return _spread(values, numpy.asarray([x.words for x in measures]))
    return numpy.argsort(-values, kind="stable").tolist()


def _spread(values: numpy.ndarray, words: numpy.ndarray) -> List[int]:
    """Take the text with the highest value again and again, each value less what the
    text shares with one that is taken already."""
    if not len(values):
        return []
    # words that all texts have tell nothing
    words = words * numpy.log((1 + len(words)) / (1 + (words > 0).sum(axis=0)))
    words /= numpy.maximum(numpy.linalg.norm(words, axis=1, keepdims=True), 1e-9)
    shared = numpy.zeros(len(values))
    values = values + 1e-6  # so that texts without a doubt are spread too
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
    """Each label counts alike, however sure the model is of it: a text is worth what it
    is worth to its labels on average, by rank."""
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
    """How texts are ranked.

    measure (Callable): from the measures of all texts to a number for each.
    is_diverse (bool): whether texts that are like the ones before come later.
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

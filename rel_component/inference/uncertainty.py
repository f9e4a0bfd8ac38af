"""Uncertainty of a model about the relations of a text."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Union

import numpy
from spacy.tokens import Doc

from ..pipe.relation_pipes import RelationPipes
from ..relations import RelationData, get_relation_data

Thresholds = Union[float, Mapping[str, float]]


def map_thresholds(pipes: RelationPipes) -> Thresholds:
    """RETURNS (Mapping[str, float]): a pipeline's threshold of any label.

    pipes (RelationPipes): its components.
    """
    return defaultdict(lambda: pipes.threshold, pipes.thresholds)


def get_uncertainty(doc: Doc, threshold: Thresholds, by: str = "max") -> float:
    """Get a model's uncertainty about the relations of a Doc.

    Uncertainty is 1 for scores at the threshold, 0 for scores of 0 and 1, and linear in
    between. A pair has the uncertainty of its most uncertain label.

    doc (Doc): a predicted Doc with the scores of all pairs.
    threshold (float | Mapping[str, float]): score threshold, for all labels or per
        label.
    by (str): `max` for the most uncertain pair, `mean` for the mean of all pairs, which
        ranks long documents with few uncertain pairs lower.
    RETURNS (float): uncertainty from 0 to 1; 0 if there are no pairs.
    """
    data = get_relation_data(doc)
    if data is None or not data.scores.size:
        return 0.0
    pairs = get_uncertainties(data, threshold).max(axis=1)
    return float(pairs.max() if by == "max" else pairs.mean())


def get_uncertainties(data: RelationData, threshold: Thresholds) -> numpy.ndarray:
    """Get a model's uncertainty about each label of each pair.

    data (RelationData): the scores of all pairs.
    threshold (float | Mapping[str, float]): see `get_uncertainty`.
    RETURNS (Floats2d): (n_pairs, n_labels), from 0 to 1; 0 for impossible labels, which
        have no score.
    """
    scores = data.scores.astype("float64")
    limits = numpy.asarray(threshold)
    if isinstance(threshold, Mapping):
        limits = numpy.asarray([threshold[label] for label in data.labels])
    room = numpy.where(scores < limits, limits, 1 - limits)
    distance = numpy.abs(scores - limits) / numpy.where(room > 0, room, 1)
    return numpy.nan_to_num(1 - distance, nan=0.0)

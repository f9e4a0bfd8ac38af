"""Scores of a trained pipeline, over thresholds and beside chance."""

from typing import AbstractSet, Any, Dict, Iterable, List, Sequence

import numpy
from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example

from ..corpus.readers import copy_tokens, copy_without_relations
from ..pipe.loading import list_entity_finders
from ..relations import RelationData, get_relation_data, set_relation_data
from ..scorer import read_example, score_relations, score_tutorial_protocol

DEFAULT_THRESHOLDS = (
    0.0,
    0.05,
    0.1,
    0.2,
    0.3,
    0.4,
    0.5,
    0.6,
    0.7,
    0.8,
    0.9,
    0.99,
    0.999,
)


def predict_on_gold_entities(nlp: Language, golds: Iterable[Doc]) -> List[Example]:
    """Predict relations between the gold entities.

    nlp (Language): the pipeline; its components that find entities are left out.
    golds (Iterable[Doc]): the annotated documents.
    RETURNS (List[Example]): prediction and gold.
    """
    golds = list(golds)
    docs = [copy_without_relations(gold) for gold in golds]
    with nlp.select_pipes(disable=list_entity_finders(nlp)):
        predicted = list(nlp.pipe(docs))
    return [Example(doc, gold) for doc, gold in zip(predicted, golds)]


def predict_end_to_end(nlp: Language, golds: Iterable[Doc]) -> List[Example]:
    """Predict entities and relations from the tokens alone.

    nlp (Language): a pipeline that finds entities.
    golds (Iterable[Doc]): the annotated documents; their tokens and sentence
        boundaries are given.
    RETURNS (List[Example]): prediction and gold.
    """
    golds = list(golds)
    predicted = nlp.pipe([copy_tokens(gold) for gold in golds])
    return [Example(doc, gold) for doc, gold in zip(predicted, golds)]


def get_random_baseline(examples: Sequence[Example], seed: int = 0) -> List[Example]:
    """The same candidate pairs with scores drawn by chance.

    examples (Sequence[Example]): predictions.
    seed (int): of the random numbers.
    RETURNS (List[Example]): as the examples, with uniform scores in [0, 1).
    """
    rng = numpy.random.default_rng(seed)
    baseline = []
    for example in examples:
        doc = copy_without_relations(example.predicted)
        data = get_relation_data(example.predicted)
        if data is not None:
            drawn = rng.random(data.scores.shape, dtype="float32")
            drawn[numpy.isnan(data.scores)] = numpy.nan  # never scored
            columns = {
                **data,
                "scores": drawn,
                "decided": numpy.zeros((0, 2), dtype="int32"),
            }
            set_relation_data(doc, RelationData(**columns))
        baseline.append(Example(doc, example.reference))
    return baseline


def score_thresholds(
    examples: Sequence[Example],
    thresholds: Sequence[float] = DEFAULT_THRESHOLDS,
    symmetric: AbstractSet[str] = frozenset(),
    single_label: bool = False,
) -> List[Dict[str, Any]]:
    """Scores at each of several thresholds.

    examples (Sequence[Example]): predictions with the scores of all pairs.
    thresholds (Sequence[float]): in [0, 1].
    symmetric (AbstractSet[str]): labels whose direction does not count.
    single_label (bool): only the best label of each pair.
    RETURNS (List[Dict[str, Any]]): for each threshold `threshold`, `all_gold` (recall
        over all gold relations) and `tutorial_protocol` (over generated pairs only).
    """
    rows = []
    for threshold in thresholds:
        docs = [
            read_example(
                example,
                threshold=threshold,
                single_label=single_label,
                symmetric=symmetric,
            )
            for example in examples
        ]
        rows.append(
            {
                "threshold": threshold,
                "all_gold": score_relations(docs),
                "tutorial_protocol": score_tutorial_protocol(docs),
            }
        )
    return rows

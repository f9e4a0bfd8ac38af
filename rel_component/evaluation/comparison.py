"""Test whether the difference between two pipelines is significant."""

from pathlib import Path
from typing import Any, Dict, List, Sequence, Tuple

import numpy
from spacy.language import Language
from spacy.training import Example

from ..pipe.loading import find_relation_pipes, list_entity_finders, load_pipeline
from ..scorer import ScoredDoc, read_example
from .intervals import Counts, draw_documents, get_interval, get_prf
from .predictions import (
    predict_end_to_end,
    predict_on_gold_entities,
    read_golds_with_relations,
)


def compare_pipelines(
    first: Path,
    second: Path,
    data: Path,
    *,
    end_to_end: bool = False,
    n_samples: int = 10_000,
    seed: int = 0,
) -> Dict[str, Any]:
    """Compare two trained pipelines on the same documents.

    first (Path), second (Path): their folders.
    data (Path): annotated documents, `.spacy`.
    end_to_end (bool): let the pipelines predict the entities.
    n_samples (int), seed (int): see `compare`.
    RETURNS (Dict[str, Any]): see `compare`; and `mode` and `models`.
    RAISES (ValueError): if a file can't be read, or a pipeline doesn't predict
        entities.
    """
    nlps = [load_pipeline(path) for path in (first, second)]
    symmetric = [find_relation_pipes(nlp).symmetric for nlp in nlps]
    scored = [
        [
            read_example(example, symmetric=frozenset().union(*symmetric))
            for example in _predict(nlp, path, data, end_to_end)
        ]
        for nlp, path in zip(nlps, (first, second))
    ]
    return {
        **compare(scored[0], scored[1], n_samples=n_samples, seed=seed),
        "mode": "end to end" if end_to_end else "gold entities",
        "models": [str(first), str(second)],
    }


def _predict(nlp: Language, path: Path, data: Path, end_to_end: bool) -> List[Example]:
    golds = read_golds_with_relations(data, nlp)
    if end_to_end and not list_entity_finders(nlp):
        raise ValueError(f"{path} doesn't predict entities: remove --end-to-end.")
    run = predict_end_to_end if end_to_end else predict_on_gold_entities
    return run(nlp, golds)


def compare(
    first: Sequence[ScoredDoc],
    second: Sequence[ScoredDoc],
    *,
    level: float = 0.95,
    n_samples: int = 10_000,
    seed: int = 0,
) -> Dict[str, Any]:
    """Test whether one of two models is better on the same documents.

    first (Sequence[ScoredDoc]), second (Sequence[ScoredDoc]): their predictions, in
        the same order of documents.
    level (float): confidence level of the interval.
    n_samples (int): samples of the test, and of the bootstrap.
    seed (int): random seed of both.
    RETURNS (Dict[str, Any]): for `micro_f` and `macro_f` the value of `first` and
        `second`, the `difference` (second - first) with its `interval` and `p`: the
        probability of such a difference if both were equally good, estimated by
        swapping the predictions of documents at random.
    RAISES (ValueError): if the documents differ.

    Source: approximate randomization, Noreen (1989), Yeh (2000).
    """
    if len(first) != len(second) or any(
        one.gold != other.gold for one, other in zip(first, second)
    ):
        raise ValueError(
            "The two models were scored on different gold relations; use the "
            "same documents."
        )
    labels = sorted(
        {k.label for doc in (*first, *second) for k in (*doc.gold, *doc.predicted)}
    )
    counts = [Counts(docs, labels) for docs in (first, second)]
    n_docs = len(first)
    values = [
        _get_f(numpy.ones((1, n_docs)), c.tp, c.predicted, c.gold) for c in counts
    ]
    drawn = draw_documents(n_docs, n_samples, seed)
    sampled = [_get_f(drawn, c.tp, c.predicted, c.gold) for c in counts]
    # 0: each keeps its predictions of a document; 1: they are swapped
    swaps = numpy.random.default_rng(seed).integers(2, size=(n_samples, n_docs))
    swapped = []
    for one, other in (counts, counts[::-1]):
        tp = one.tp.sum(axis=0) + swaps @ (other.tp - one.tp)
        n = one.predicted.sum(axis=0) + swaps @ (other.predicted - one.predicted)
        swapped.append(_summarize(tp, n, one.gold.sum(axis=0)[None].repeat(len(n), 0)))
    bounds = ((1 - level) / 2, (1 + level) / 2)
    result: Dict[str, Any] = {"documents": n_docs, "samples": n_samples}
    for i, name in enumerate(("micro_f", "macro_f")):
        difference = float(values[1][i][0] - values[0][i][0])
        by_chance = numpy.abs(swapped[1][i] - swapped[0][i])
        n_larger = int((by_chance >= abs(difference) - 1e-12).sum())
        result[name] = {
            "first": float(values[0][i][0]),
            "second": float(values[1][i][0]),
            "difference": difference,
            "interval": get_interval(sampled[1][i] - sampled[0][i], bounds)
            if n_docs > 1
            else None,
            "p": (n_larger + 1) / (n_samples + 1),
        }
    return result


def _get_f(
    drawn: numpy.ndarray, *counts: numpy.ndarray
) -> Tuple[numpy.ndarray, numpy.ndarray]:
    return _summarize(*(drawn @ part for part in counts))


def _summarize(
    tp: numpy.ndarray, predicted: numpy.ndarray, gold: numpy.ndarray
) -> Tuple[numpy.ndarray, numpy.ndarray]:
    """RETURNS (Tuple[Floats1d, Floats1d]): micro and macro F of each sample."""
    micro = get_prf(tp.sum(axis=1), predicted.sum(axis=1), gold.sum(axis=1))[2]
    is_there = (predicted + gold) > 0
    f = get_prf(tp, predicted, gold)[2]
    return micro, f.sum(axis=1) / numpy.maximum(is_there.sum(axis=1), 1)

"""Compatibility with the tutorial's module, for code that imports it."""

from collections.abc import Iterable

from spacy.training import Example

from rel_component.pipe.extractor import RelationExtractor, make_relation_extractor
from rel_component.scorer import read_example
from rel_component.scorer import score_relations as _score_relations

__all__ = ["RelationExtractor", "make_relation_extractor", "score_relations"]


def score_relations(examples: Iterable[Example], threshold: float) -> dict[str, float]:
    """Compute micro precision, recall and F-score at a threshold.

    examples (Iterable[Example]): the gold and predicted documents.
    threshold (float): minimum score of a predicted relation.
    RETURNS (Dict[str, float]): `rel_micro_p`, `rel_micro_r`, `rel_micro_f`.
    """
    docs = [read_example(example, threshold=threshold) for example in examples]
    scores = _score_relations(docs)
    return {f"rel_micro_{part}": scores[f"rel_micro_{part}"] or 0.0 for part in "prf"}

"""The tutorial's module of this name, for code that still imports from it."""

from collections.abc import Iterable

from spacy.training import Example

from rel_component.pipe.extractor import RelationExtractor, make_relation_extractor
from rel_component.scorer import read_example
from rel_component.scorer import score_relations as _score_relations

__all__ = ["RelationExtractor", "make_relation_extractor", "score_relations"]


def score_relations(examples: Iterable[Example], threshold: float) -> dict[str, float]:
    """Micro precision, recall and F at a threshold, over all gold relations.

    examples (Iterable[Example]): gold and prediction.
    threshold (float): a relation is predicted from this score on.
    RETURNS (Dict[str, float]): `rel_micro_p`, `rel_micro_r`, `rel_micro_f`.
    """
    docs = [read_example(example, threshold=threshold) for example in examples]
    scores = _score_relations(docs)
    return {f"rel_micro_{part}": scores[f"rel_micro_{part}"] or 0.0 for part in "prf"}

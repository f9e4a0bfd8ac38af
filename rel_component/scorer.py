"""Score relations, with pure functions over the sets of relations of each document.

Recall is computed over all gold relations, including those that were not candidates.
Relations are compared by characters, so gold and predicted tokens may differ.
"""

import warnings
from typing import (
    AbstractSet,
    Any,
    Callable,
    Dict,
    Iterable,
    List,
    Mapping,
    NamedTuple,
    Optional,
    Sequence,
    Set,
    Tuple,
)

import numpy
from spacy.scorer import PRFScore
from spacy.tokens import Doc
from spacy.training import Example
from spacy.util import registry

from .relations import (
    EntityKey,
    RelationData,
    RelationKey,
    get_relation_data,
    keep_best,
)

Pair = Tuple[EntityKey, EntityKey]
# spans of head and tail, without types
Ends = Tuple[Tuple[int, int], Tuple[int, int]]
# of the scores of relations, how much each counts in the selection of a checkpoint
SCORE_WEIGHTS = {
    "rel_micro_p": None,
    "rel_micro_r": None,
    "rel_micro_f": 1.0,
    "rel_macro_f": None,
    "rel_strict_f": None,
}


class ScoredDoc(NamedTuple):
    """Gold and predicted relations of one document, by characters.

    gold (Set[RelationKey]): the gold relations.
    predicted (Dict[RelationKey, float]): the predicted relations with their scores;
        pairs whose gold label is unknown are ignored.
    candidates (Set[Pair]): the (head, tail) entities that were scored.
    """

    gold: Set[RelationKey]
    predicted: Dict[RelationKey, float]
    candidates: Set[Pair]


def relation_scorer(examples: Iterable[Example], **kwargs: Any) -> Dict[str, Any]:
    """Score the predicted relations, at the pipe's thresholds.

    examples (Iterable[Example]): the gold and predicted documents.
    symmetric (AbstractSet[str]): labels without a direction.
    RETURNS (Dict[str, Any]): see `score_relations`.
    """
    symmetric = kwargs.get("symmetric", frozenset())
    examples = list(examples)
    docs = [read_example(example, symmetric=symmetric) for example in examples]
    _warn_of_no_entities(examples, docs)
    return score_relations(docs)


def _warn_of_no_entities(
    examples: Sequence[Example], docs: Sequence[ScoredDoc]
) -> None:
    """Warn if no relations were predicted because no component predicts entities."""
    has_gold = any(doc.gold for doc in docs)
    if not has_gold or any(doc.candidates for doc in docs):
        return
    predicted = [example.predicted for example in examples]
    if not any(doc.has_annotation("ENT_IOB") or doc.spans for doc in predicted):
        warnings.warn(
            f"No relations were predicted in {len(docs)} documents: they have no "
            "entities, since no component of the pipeline predicts any. Evaluate "
            "with gold entities using scripts/evaluate.py, or in Python with "
            "nlp.evaluate(list(read_gold_entities(path, nlp))) (from "
            "rel_component.corpus.readers); or add a component that predicts "
            "entities.",
            stacklevel=3,
        )


@registry.scorers("rel_component.relation_scorer.v1")
def make_relation_scorer() -> Callable[..., Dict[str, Any]]:
    """RETURNS (Callable): the scorer of the relation extractor."""
    return relation_scorer


def read_example(
    example: Example,
    *,
    threshold: Optional[float] = None,
    single_label: bool = False,
    symmetric: AbstractSet[str] = frozenset(),
) -> ScoredDoc:
    """Read the relations of an Example as sets to compare.

    example (Example): the gold and predicted document.
    threshold (Optional[float]): minimum score of predictions; None: the pipe's
        thresholds.
    single_label (bool): with a threshold, use only the best label of each pair.
    symmetric (AbstractSet[str]): labels without a direction, whose relations are
        listed once, in either direction.
    RETURNS (ScoredDoc): the relations, by characters.
    """
    gold_data = get_relation_data(example.reference)
    pred_data = get_relation_data(example.predicted)
    gold: Dict[RelationKey, float] = {}
    predicted: Dict[RelationKey, float] = {}
    candidates: Set[Pair] = set()
    known: Optional[Set[Tuple[Ends, str]]] = None
    if gold_data is not None:
        entities = get_char_entities(example.reference, gold_data)
        gold = _keys(gold_data, entities, gold_data.decided, symmetric)
        if not gold_data.complete:
            known = find_known(gold_data, entities)
    if pred_data is not None:
        entities = get_char_entities(example.predicted, pred_data)
        decided = pred_data.decided
        if threshold is not None:
            scores = pred_data.scores
            scores = keep_best(scores) if single_label else scores
            decided = numpy.argwhere(scores >= threshold)
        predicted = _keys(pred_data, entities, decided, symmetric)
        candidates = {(entities[h], entities[t]) for h, t in pred_data.pairs.tolist()}
        # a symmetric relation is a candidate if its pair was scored in either direction
        ways = {(key.head[:2], key.tail[:2]) for key in gold if key.label in symmetric}
        candidates |= {(t, h) for h, t in candidates if (t[:2], h[:2]) in ways}
    if known is not None:
        predicted = {
            key: score
            for key, score in predicted.items()
            if is_known(key, known, symmetric)
        }
    return ScoredDoc(set(gold), predicted, candidates)


def score_relations(docs: Sequence[ScoredDoc]) -> Dict[str, Any]:
    """Compute precision, recall and F-score of relations.

    docs (Sequence[ScoredDoc]): the documents.
    RETURNS (Dict[str, Any]): scores in [0, 1], or None without relations:
        rel_micro_p/r/f: both spans and the label are correct;
        rel_strict_p/r/f: both entity types are correct, too;
        rel_macro_p/r/f: mean over all labels of the gold and predicted relations;
        rel_per_label: {label: {p, r, f, support}};
        rel_candidate_recall: share of the gold relations that were candidates.
    """
    strict = PRFScore()
    labels = sorted({key.label for doc in docs for key in (*doc.gold, *doc.predicted)})
    per_label = {label: PRFScore() for label in labels}
    n_gold = n_candidates = 0
    for doc in docs:
        strict.score_set(set(doc.predicted), doc.gold)
        gold, predicted = drop_types(doc.gold), drop_types(doc.predicted)
        for label, score in per_label.items():
            score.score_set(_of_label(predicted, label), _of_label(gold, label))
        n_gold += len(gold)
        n_candidates += _count_candidates(doc, gold)
    return {
        **summarize("rel", per_label, "label"),
        **_prf("rel_strict", strict if labels else None),
        "rel_candidate_recall": n_candidates / n_gold if n_gold else None,
    }


def summarize(
    name: str, per_label: Mapping[str, PRFScore], kind: str
) -> Dict[str, Any]:
    """Sum up the scores of labels or types.

    name (str): prefix of the keys.
    per_label (Mapping[str, PRFScore]): the scores.
    kind (str): `label` or `type`.
    RETURNS (Dict[str, Any]): micro and macro p/r/f, None without labels, and per label
        or type p, r, f and support.
    """
    micro = sum(per_label.values(), PRFScore()) if per_label else None
    rows = {label: score.to_dict() for label, score in per_label.items()}
    return {
        **_prf(f"{name}_micro", micro),
        **{
            f"{name}_macro_{x}": sum(row[x] for row in rows.values()) / len(rows)
            if rows
            else None
            for x in "prf"
        },
        f"{name}_per_{kind}": {
            label: {**row, "support": per_label[label].tp + per_label[label].fn}
            for label, row in rows.items()
        },
    }


def score_tutorial_protocol(docs: Sequence[ScoredDoc]) -> Dict[str, Any]:
    """Compute precision, recall and F-score as in the tutorial.

    Recall is computed over candidates only: other gold relations are ignored. For
    comparison with scores published that way.

    docs (Sequence[ScoredDoc]): the documents.
    RETURNS (Dict[str, Any]): rel_micro_p/r/f under this protocol.
    """
    micro = PRFScore()
    for doc in docs:
        gold = {key for key in doc.gold if (key.head, key.tail) in doc.candidates}
        micro.score_set(drop_types(doc.predicted), drop_types(gold))
    return _prf("rel_micro", micro)


def _prf(name: str, score: Optional[PRFScore]) -> Dict[str, Any]:
    scores = dict.fromkeys("prf") if score is None else score.to_dict()
    return {f"{name}_{part}": value for part, value in scores.items()}


def drop_types(keys: Iterable[RelationKey]) -> Set[RelationKey]:
    """RETURNS (Set[RelationKey]): the relations without entity types."""
    return {RelationKey((*h[:2], ""), label, (*t[:2], "")) for h, label, t in keys}


def _of_label(keys: Set[RelationKey], label: str) -> Set[RelationKey]:
    return {key for key in keys if key.label == label}


def _count_candidates(doc: ScoredDoc, gold: Set[RelationKey]) -> int:
    spans = {(h[:2], t[:2]) for h, t in doc.candidates}
    return sum((key.head[:2], key.tail[:2]) in spans for key in gold)


def get_char_entities(doc: Doc, data: RelationData) -> List[EntityKey]:
    """RETURNS (List[Tuple[int, int, str]]): stored entities by characters."""
    return [
        (doc[start].idx, doc[end - 1].idx + len(doc[end - 1]), type_)
        for (start, end), type_ in zip(data.spans.tolist(), data.types)
    ]


def _keys(
    data: RelationData,
    entities: List[EntityKey],
    decided: numpy.ndarray,
    symmetric: AbstractSet[str],
) -> Dict[RelationKey, float]:
    keys: Dict[RelationKey, float] = {}
    for row, column in decided.tolist():
        head, tail = data.pairs[row].tolist()
        key = RelationKey(entities[head], data.labels[column], entities[tail])
        key = _canonical(key, symmetric)
        keys[key] = max(float(data.scores[row, column]), keys.get(key, 0.0))
    return keys


def _canonical(key: RelationKey, symmetric: AbstractSet[str]) -> RelationKey:
    if key.label in symmetric and key.tail < key.head:
        return RelationKey(key.tail, key.label, key.head)
    return key


def find_known(data: RelationData, entities: List[EntityKey]) -> Set[Tuple[Ends, str]]:
    """RETURNS (Set[Tuple[Ends, str]]): the pairs and labels known in an incomplete
    annotation, whatever the types. The label "" stands for all labels: the pair was
    explicitly annotated as having no relation."""
    known: Set[Tuple[Ends, str]] = set()
    for (head, tail), row in zip(data.pairs.tolist(), data.scores):
        ends = (entities[head][:2], entities[tail][:2])
        annotated = ~numpy.isnan(row)
        known.update(
            (ends, label) for label, is_known in zip(data.labels, annotated) if is_known
        )
        if annotated.all() and not (row > 0).any():
            known.add((ends, ""))
    return known


def is_known(
    key: RelationKey, known: Set[Tuple[Ends, str]], symmetric: AbstractSet[str]
) -> bool:
    """RETURNS (bool): whether a relation is known in an incomplete annotation."""
    ends = [(key.head[:2], key.tail[:2])]
    if key.label in symmetric:
        ends.append((key.tail[:2], key.head[:2]))
    return any((pair, label) in known for pair in ends for label in (key.label, ""))


NO_REL = "NO_REL"

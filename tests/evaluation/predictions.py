"""Predictions made by hand, to be scored."""

import numpy
from spacy.tokens import Doc
from spacy.training import Example
from spacy.vocab import Vocab

from rel_component.relations import RelationData, find_decided, set_relation_data
from rel_component.scorer import read_example, score_relations, score_tutorial_protocol

from ..util import EntitySpec, RelationSpec, make_doc


def make_example(
    vocab: Vocab,
    words: str,
    gold: "tuple[list[EntitySpec], list[RelationSpec]]",
    entities: "list[EntitySpec] | None" = None,
    scores: "dict[RelationSpec, float] | None" = None,
    *,
    labels: "tuple[str, ...]" = ("A", "B"),
    thresholds: "tuple[float, ...]" = (0.5, 0.5),
    default: float = 0.1,
    left_out: "set[tuple[int, int]]" = frozenset(),
    complete: bool = True,
    negatives: "list[tuple[int, int]]" = (),
) -> Example:
    """Gold relations, and scores of all pairs of the predicted entities.

    gold: entities and relations.
    entities: those predicted; None: the gold ones.
    scores: by (head, label, tail); what is not named has the score `default`.
    left_out: pairs that are no candidates.
    """
    reference = make_doc(vocab, words, *gold, complete=complete, negatives=negatives)
    entities = list(gold[0] if entities is None else entities)
    predicted = make_doc(vocab, words, entities)
    set_scores(predicted, entities, scores or {}, labels, thresholds, default, left_out)
    return Example(predicted, reference)


def set_scores(doc: Doc, entities, scores, labels, thresholds, default, left_out):
    pairs = [
        (head, tail)
        for head in range(len(entities))
        for tail in range(len(entities))
        if head != tail and (head, tail) not in left_out
    ]
    table = numpy.full((len(pairs), len(labels)), default, dtype="float32")
    for (head, label, tail), score in scores.items():
        table[pairs.index((head, tail)), labels.index(label)] = score
    data = RelationData(
        spans=numpy.asarray([x[:2] for x in entities], dtype="int32").reshape(-1, 2),
        types=[x[2] for x in entities],
        pairs=numpy.asarray(pairs, dtype="int32").reshape(-1, 2),
        labels=labels,
        scores=table,
        decided=find_decided(table, numpy.asarray(thresholds)),
    )
    set_relation_data(doc, data)


def make_random_examples(
    vocab: Vocab, rng, n_docs: int, labels=("A", "B", "C"), symmetric=frozenset()
):
    """Scores that know something of the truth, those of symmetric labels the same in
    both directions; some relations are no candidates."""
    examples = []
    for _ in range(n_docs):
        n = int(rng.integers(2, 6))
        entities = [(2 * i, 2 * i + 1, "X") for i in range(n)]
        every = [
            (h, x, t) for h in range(n) for t in range(n) if h != t for x in labels
        ]
        relations = [
            every[i] for i in rng.permutation(len(every))[: rng.integers(0, 4)]
        ]
        odds = {x: rng.normal(1.0 if x in relations else -2.0, 1.5) for x in every}
        scores = {x: 1 / (1 + numpy.exp(-odd)) for x, odd in odds.items()}
        scores = {
            (h, x, t): scores[(min(h, t), x, max(h, t))] if x in symmetric else score
            for (h, x, t), score in scores.items()
        }
        left_out = {(0, 1)} if rng.random() < 0.2 else set()
        scores = {x: s for x, s in scores.items() if (x[0], x[2]) not in left_out}
        examples.append(
            make_example(
                vocab,
                " ".join(["w"] * 12),
                (entities, relations),
                scores=scores,
                labels=labels,
                thresholds=(0.5,) * len(labels),
                left_out=left_out,
            )
        )
    return examples


def score_each_threshold(
    examples, thresholds, symmetric=frozenset(), single_label=False
):
    """The scorer's own figures, with which faster ones are compared."""
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

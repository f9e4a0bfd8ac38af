"""Show gold and predicted relations of each document."""

from typing import AbstractSet, Dict, Iterator, List, Set, Tuple

from spacy.tokens import Doc, Span
from spacy.training import Example

from ...relations import (
    EntityKey,
    Relation,
    RelationKey,
    get_relation_data,
    get_relations,
)
from ...scorer import read_example
from .build import GOLD, Evaluation

# starts and exclusive ends of head and tail, and the label
Key = Tuple[Tuple[int, int], str, Tuple[int, int]]

# maximum characters of a title
N_CHARS = 60


def describe_documents(report: Evaluation) -> Iterator[Tuple[str, str, List[str]]]:
    """YIELDS (Tuple[str, str, List[str]]): title, text and relations of each document,
    predicted with gold entities.

    report (Evaluation): the evaluation.
    """
    symmetric = frozenset(report.data["pipeline"]["symmetric"])
    for example in report.examples[GOLD]:
        text = example.reference.text
        title = text[:N_CHARS].replace("\n", " ")
        yield title, text.strip(), list(_list_relations(example, symmetric))


def _list_relations(example: Example, symmetric: AbstractSet[str]) -> Iterator[str]:
    scores = _get_scores(example.predicted)
    counted = read_example(example, symmetric=symmetric).predicted
    predicted = {_get_key(x): x for x in get_relations(example.predicted)}
    seen: Set[Key] = set()
    for relation in get_relations(example.reference):
        head, label, tail = _get_key(relation)
        if label in symmetric and (tail, label, head) in seen:
            continue
        seen.add((head, label, tail))
        found = predicted.pop((head, label, tail), None)
        if label in symmetric:
            other = predicted.pop((tail, label, head), None)
            found = found or other
        score = scores.get((head, label, tail))
        shown = "never a candidate" if score is None else f"{score:.3f}"
        yield _say("missed" if found is None else "found", relation, shown)
    for relation in predicted.values():
        # in incomplete documents, others are not
        ends = [_get_chars(span) for span in (relation.head, relation.tail)]
        keys = [RelationKey(a, relation.label, b) for a, b in (ends, ends[::-1])]
        if counted.keys().isdisjoint(keys if relation.label in symmetric else keys[:1]):
            continue
        yield _say("spurious", relation, f"{relation.score:.3f}")


def _get_chars(span: Span) -> EntityKey:
    return span.start_char, span.end_char, span.label_


def _get_key(relation: Relation) -> Key:
    head, label, tail, _ = relation
    return (head.start, head.end), label, (tail.start, tail.end)


def _get_scores(doc: Doc) -> Dict[Key, float]:
    data = get_relation_data(doc)
    if data is None:
        return {}
    ends = [(start, end) for start, end in data.spans.tolist()]
    return {
        (ends[head], label, ends[tail]): score
        for (head, tail), row in zip(data.pairs.tolist(), data.scores.tolist())
        for label, score in zip(data.labels, row)
        if score == score  # not NaN: impossible
    }


def _say(mark: str, relation: Relation, shown: str) -> str:
    head, label, tail, _ = relation
    return f"  {mark:8} {head.text!r} —{label}→ {tail.text!r}  ({shown})"

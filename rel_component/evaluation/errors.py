"""Classify errors by the step in which a relation was lost."""

from dataclasses import dataclass
from functools import cached_property
from typing import (
    AbstractSet,
    Any,
    Dict,
    Iterable,
    List,
    Optional,
    Sequence,
    Set,
    Tuple,
)

from spacy.training import Example

from ..relations import EntityKey, RelationKey, get_relation_data
from ..scorer import ScoredDoc, get_char_entities, read_example
from .entities import Entity, get_entities

KINDS = {
    "entity missed": "the head or tail was not predicted as an entity",
    "boundary": "the head or tail was predicted with wrong boundaries",
    "type": "the head or tail was predicted with a wrong type",
    "never a candidate": "head and tail were predicted, but the pair was not scored",
    "direction flipped": "predicted in the wrong direction",
    "wrong label": "the pair was predicted with a wrong label",
    "missed": "scored below the threshold",
    "spurious": "predicted although there is no relation",
}
Span = Tuple[int, int]


@dataclass
class Error:
    """One error.

    kind (str): the kind of error, one of `KINDS`.
    document (int): index of the document.
    gold (Optional[RelationKey]): the gold relation; None for spurious predictions.
    predicted (Optional[RelationKey]): the prediction instead of it.
    gold_score (Optional[float]): score of the gold relation; None if it was not scored.
    score (Optional[float]): score of the predicted relation.
    note (str): a description.
    """

    kind: str
    document: int
    gold: Optional[RelationKey]
    predicted: Optional[RelationKey]
    gold_score: Optional[float]
    score: Optional[float]
    note: str

    @property
    def is_strict_only(self) -> bool:
        """RETURNS (bool): whether only an entity type is wrong, not spans or label."""
        gold, predicted = self.gold, self.predicted
        if gold is None or predicted is None:
            return False
        return _drop_types(gold) == _drop_types(predicted)


def find_errors(
    examples: Sequence[Example],
    *,
    symmetric: AbstractSet[str] = frozenset(),
    spans_key: Optional[str] = None,
) -> List[Error]:
    """Find and classify errors.

    A missed gold relation is classified by the first step that lost it, in the order of
    `KINDS`. A prediction with wrong boundaries, label or direction is part of the error
    of its gold relation; other wrong predictions are spurious. So errors with a gold
    relation are false negatives, and those with a predicted one false positives, except
    for relations that only have a wrong type, which are errors in strict evaluation.

    examples (Sequence[Example]): the gold and predicted documents.
    symmetric (AbstractSet[str]): labels without a direction.
    spans_key (Optional[str]): key of `doc.spans` for entities; None: `doc.ents`.
    RETURNS (List[Error]): the errors in text order.
    """
    errors: List[Error] = []
    for number, example in enumerate(examples):
        found = _Finder(number, example, symmetric, spans_key).find()
        errors += sorted(found, key=_get_place)
    return errors


class _Finder:
    """The errors of one document."""

    def __init__(
        self,
        number: int,
        example: Example,
        symmetric: AbstractSet[str],
        spans_key: Optional[str],
    ) -> None:
        self.number = number
        self.symmetric = symmetric
        self.scored: ScoredDoc = read_example(example, symmetric=symmetric)
        self.text = example.reference.text
        gold_entities = get_entities(example.reference, spans_key)
        # include heads and tails that are not in the Doc's entities
        for key in self.scored.gold:
            gold_entities |= {key.head, key.tail}
        found_entities = get_entities(example.predicted, spans_key)
        self.gold_types = _group_types(gold_entities)
        self.found_types = _group_types(found_entities)
        self.example = example
        self.wanted = {_drop_types(key): key for key in self.scored.gold}
        # prefer the correct one if they only differ in types
        by_type = sorted(self.scored.predicted, key=lambda x: x in self.scored.gold)
        self.found = {_drop_types(key): key for key in by_type}
        # wrong predictions not assigned to an error yet
        self.open = {x: key for x, key in self.found.items() if x not in self.wanted}

    @cached_property
    def scores(self) -> Dict[Tuple[Span, str, Span], float]:
        """Scores of the candidates, only read if a relation was missed."""
        return _read_scores(self.example, self.scored.gold)

    def find(self) -> List[Error]:
        errors = [
            self._check_types(key, self.found[pair])
            for pair, key in sorted(self.wanted.items())
            if pair in self.found and key not in self.scored.predicted
        ]
        lost = [key for x, key in sorted(self.wanted.items()) if x not in self.found]
        errors += [self._explain(key) for key in lost]
        errors += [self._describe_spurious(key) for _, key in sorted(self.open.items())]
        return errors

    def _check_types(self, gold: RelationKey, predicted: RelationKey) -> Error:
        note = " and ".join(
            f"“{self._quote(one)}” is {one[2]}, predicted as {other[2]}"
            for one, other in zip(
                (gold.head, gold.tail), (predicted.head, predicted.tail)
            )
            if one[2] != other[2]
        )
        return self._make("type", gold, predicted, note)

    def _explain(self, gold: RelationKey) -> Error:
        ends = (gold.head, gold.tail)
        missed = [end for end in ends if not self._find_overlapping(end)]
        if missed:
            note = " and ".join(f"“{self._quote(end)}”" for end in missed)
            return self._make("entity missed", gold, None, f"not predicted: {note}")
        moved = [end for end in ends if end[:2] not in self.found_types]
        if moved:
            return self._explain_boundary(gold, moved)
        other = self._take_other_label(gold)
        flipped = self._take_flipped(gold)
        typed = [end for end in ends if end[2] not in self.found_types[end[:2]]]
        if typed:
            note = " and ".join(
                f"“{self._quote(end)}” is {end[2]}, predicted as "
                f"{' and '.join(sorted(self.found_types[end[:2]]))}"
                for end in typed
            )
            self._give_back(flipped if other else None)
            return self._make("type", gold, other or flipped, note)
        if flipped:
            self._give_back(other)
            return self._make("direction flipped", gold, flipped)
        if other:
            return self._make("wrong label", gold, other)
        if not self._is_candidate(gold):
            return self._make("never a candidate", gold, None)
        return self._make("missed", gold, None)

    def _explain_boundary(self, gold: RelationKey, moved: List[EntityKey]) -> Error:
        note = "; ".join(
            f"“{self._quote(end)}” predicted as "
            + " and ".join(f"“{self._quote(x)}”" for x in self._find_overlapping(end))
            for end in moved
        )
        for pair, key in sorted(self.open.items()):
            ends = [(key.head, key.tail)]
            if key.label in self.symmetric:
                ends.append((key.tail, key.head))
            if key.label == gold.label and any(
                _overlap(head, gold.head) and _overlap(tail, gold.tail)
                for head, tail in ends
            ):
                del self.open[pair]
                return self._make("boundary", gold, key, note)
        return self._make("boundary", gold, None, note)

    def _take_other_label(self, gold: RelationKey) -> Optional[RelationKey]:
        """Get the wrong label with the highest score for the same pair."""
        head, _, tail = _drop_types(gold)
        pairs = {(head, tail)}
        if gold.label in self.symmetric:
            pairs.add((tail, head))
        found = [x for x in self.open if (x[0], x[2]) in pairs]
        found += [
            x
            for x in self.open
            if x[1] in self.symmetric and (x[2], x[0]) in pairs and x not in found
        ]
        return self._take(found)

    def _take_flipped(self, gold: RelationKey) -> Optional[RelationKey]:
        head, label, tail = _drop_types(gold)
        return self._take([x for x in self.open if x == (tail, label, head)])

    def _take(self, found: List[Tuple[Span, str, Span]]) -> Optional[RelationKey]:
        if not found:
            return None
        best = max(found, key=lambda x: self.scored.predicted[self.open[x]])
        return self.open.pop(best)

    def _give_back(self, key: Optional[RelationKey]) -> None:
        if key is not None:
            self.open[_drop_types(key)] = key

    def _describe_spurious(self, key: RelationKey) -> Error:
        unknown = [x for x in (key.head, key.tail) if x[:2] not in self.gold_types]
        names = " and ".join(f"“{self._quote(end)}”" for end in unknown)
        verb = "are not gold entities" if len(unknown) > 1 else "is not a gold entity"
        note = f"{names} {verb}" if unknown else ""
        return self._make("spurious", None, key, note)

    def _make(
        self,
        kind: str,
        gold: Optional[RelationKey],
        predicted: Optional[RelationKey],
        note: str = "",
    ) -> Error:
        score = None if predicted is None else self.scored.predicted[predicted]
        gold_score = None if gold is None else self._get_score(gold)
        return Error(kind, self.number, gold, predicted, gold_score, score, note)

    def _get_score(self, key: RelationKey) -> Optional[float]:
        head, label, tail = _drop_types(key)
        found = [self.scores.get((head, label, tail))]
        if label in self.symmetric:
            found.append(self.scores.get((tail, label, head)))
        return max((score for score in found if score is not None), default=None)

    def _is_candidate(self, key: RelationKey) -> bool:
        """Whether the pair was scored for this label, and not excluded by the
        schema."""
        return self._get_score(key) is not None

    def _find_overlapping(self, end: EntityKey) -> List[Span]:
        return sorted(span for span in self.found_types if _overlap(span, end))

    def _quote(self, span: Sequence[Any]) -> str:
        return " ".join(self.text[span[0] : span[1]].split())


def _get_place(error: Error) -> Tuple[int, int]:
    key = error.gold or error.predicted
    assert key is not None
    return min(key.head[0], key.tail[0]), max(key.head[0], key.tail[0])


def _group_types(entities: Iterable[Entity]) -> Dict[Span, Set[str]]:
    types: Dict[Span, Set[str]] = {}
    for start, end, type_ in entities:
        types.setdefault((start, end), set()).add(type_)
    return types


def _overlap(one: Sequence[Any], other: Sequence[Any]) -> bool:
    return one[0] < other[1] and other[0] < one[1]


def _drop_types(key: RelationKey) -> Tuple[Span, str, Span]:
    return key.head[:2], key.label, key.tail[:2]


def _read_scores(
    example: Example, gold: Iterable[RelationKey]
) -> Dict[Tuple[Span, str, Span], float]:
    """Get the scores of all candidates."""
    data = get_relation_data(example.predicted)
    scores: Dict[Tuple[Span, str, Span], float] = {}
    if data is None:
        return scores
    entities = get_char_entities(example.predicted, data)
    # only the required ones
    wanted = {span for key in gold for span in (key.head[:2], key.tail[:2])}
    is_wanted = [entity[:2] in wanted for entity in entities]
    for i, (head, tail) in enumerate(data.pairs.tolist()):
        if is_wanted[head] and is_wanted[tail]:
            for label, score in zip(data.labels, data.scores[i].tolist()):
                if score == score:  # not NaN
                    key = (entities[head][:2], label, entities[tail][:2])
                    scores[key] = max(score, scores.get(key, 0.0))
    return scores

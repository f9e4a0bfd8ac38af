"""Relations between concepts, of which a text has several mentions each."""

import re
from itertools import product
from typing import (
    Any,
    Callable,
    Container,
    Dict,
    FrozenSet,
    Iterable,
    List,
    Sequence,
    Set,
    Tuple,
    Union,
)

from .base import Option
from .record import EntityRecord

Pair = Tuple[str, str]
MENTIONS = Option(
    "mentions",
    "first",
    "mentions to link in relations between concepts",
    choices=("first", "nearest", "all", "evidence"),
)

Key = Union[Tuple[str, ...], FrozenSet[str]]


class Concepts:
    """The concepts of a document, their mentions, and how they are related.

    policy (str): which mentions a relation joins: the `first` ones, the `nearest` ones,
        those that are `evidence`, or `all`.
    directed (bool): whether the two directions of a pair are annotated apart.
    """

    def __init__(self, policy: str, *, directed: bool = False) -> None:
        self.policy = policy
        self._make_key: Callable[[Pair], Key] = tuple if directed else frozenset
        self._mentions: Dict[str, List[EntityRecord]] = {}
        self._related: Set[Key] = set()

    def add(self, ids: Iterable[str], mention: EntityRecord) -> None:
        """Note what concepts a mention stands for; it may be none or several."""
        for id_ in dict.fromkeys(ids):
            self._mentions.setdefault(id_, []).append(mention)

    def resolve(self, value: Any) -> List[str]:
        """What is known of the concept that a relation names.

        value (Any): as the file has it: an id, or several in a string.
        RETURNS (List[str]): one id, or several that are one concept together; empty
            if the document has no mention of it.
        """
        known = [id_ for id_ in split_ids(value) if id_ in self._mentions]
        is_whole = bool(known) and known[0] == str(value).strip()
        return known[:1] if is_whole else known

    def relate(
        self,
        heads: Sequence[str],
        tails: Sequence[str],
        evidence: Container[str] = (),
    ) -> List[Pair]:
        """The mentions that a relation joins.

        heads (Sequence[str]): the concept that it starts from; several ids if they
            are one concept together.
        tails (Sequence[str]): likewise the concept that it points to.
        evidence (Container[str]): ids of the mentions that show it. Where there are
            none of both concepts, the first ones are taken.
        RETURNS (List[Tuple[str, str]]): ids of entities, at least one pair.
        """
        self._related.update(map(self._make_key, product(heads, tails)))
        pairs = list(product(self._collect(heads), self._collect(tails)))
        # a concept that is related to itself: its mentions with each other
        pairs = [(h, t) for h, t in pairs if h is not t] or pairs
        if self.policy == "nearest":
            pairs = [min(pairs, key=_distance)]
        elif self.policy == "evidence":
            shown = [(h, t) for h, t in pairs if h.id in evidence and t.id in evidence]
            pairs = shown or pairs[:1]
        elif self.policy == "first":
            pairs = pairs[:1]
        return [(head.id, tail.id) for head, tail in pairs]

    def list_unrelated(self) -> List[Pair]:
        """Pairs of mentions, both ways, whose concepts are not related at all.

        Where a relation joins only some mentions of its concepts, nobody knows of the
        others whether it does: they are no negatives, but these pairs are.

        RETURNS (List[Tuple[str, str]]): ids of entities.
        """
        concepts: Dict[str, List[str]] = {}
        for id_, mentions in self._mentions.items():
            for mention in mentions:
                concepts.setdefault(mention.id, []).append(id_)
        return [
            (head, tail)
            for head, tail in product(concepts, repeat=2)
            if head != tail
            and self._related.isdisjoint(
                map(self._make_key, product(concepts[head], concepts[tail]))
            )
        ]

    @property
    def is_related(self) -> bool:
        """RETURNS (bool): whether there is a relation between concepts."""
        return bool(self._related)

    def _collect(self, ids: Sequence[str]) -> List[EntityRecord]:
        found = {m.id: m for id_ in ids for m in self._mentions.get(id_, ())}
        return sorted(found.values(), key=lambda mention: mention.start)


def split_ids(value: Any) -> List[str]:
    """Ids of concepts in a string.

    value (Any): such as `D003490`, `D003490|D007674`; `-1` means none.
    RETURNS (List[str]): the whole, since ids may hold what else divides them, and the
        parts.
    """
    if not isinstance(value, (str, int)) or isinstance(value, bool):
        return []
    whole = str(value).strip()
    parts = [part.strip() for part in re.split(r"[,;|]", whole)]
    return [id_ for id_ in dict.fromkeys([whole, *parts]) if id_ not in ("", "-", "-1")]


def _distance(pair: Tuple[EntityRecord, EntityRecord]) -> int:
    head, tail = pair
    return max(head.start - tail.end, tail.start - head.end)

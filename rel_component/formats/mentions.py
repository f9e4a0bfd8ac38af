"""Relations between concepts with several mentions in a text."""

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
    """The concepts of a document, with their mentions and relations.

    policy (str): mentions to relate: the `first` ones, the `nearest` ones, those that
        are `evidence`, or `all`.
    directed (bool): whether both directions of a pair are annotated separately.
    """

    def __init__(self, policy: str, *, directed: bool = False) -> None:
        self.policy = policy
        self._make_key: Callable[[Pair], Key] = tuple if directed else frozenset
        self._mentions: Dict[str, List[EntityRecord]] = {}
        self._related: Set[Key] = set()

    def add(self, ids: Iterable[str], mention: EntityRecord) -> None:
        """Add a mention of any number of concepts."""
        for id_ in dict.fromkeys(ids):
            self._mentions.setdefault(id_, []).append(mention)

    def resolve(self, value: Any) -> List[str]:
        """Resolve the concept of a relation.

        value (Any): the value in the file: an id, or several in a string.
        RETURNS (List[str]): its id, or several ids that form one concept; empty if the
            document has no mention of it.
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
        """Get the mentions to relate.

        heads (Sequence[str]): ids of the head concept.
        tails (Sequence[str]): ids of the tail concept.
        evidence (Container[str]): ids of mentions that are evidence; the first mentions
            are used if either concept has none.
        RETURNS (List[Tuple[str, str]]): pairs of entity ids, at least one.
        """
        self._related.update(map(self._make_key, product(heads, tails)))
        pairs = list(product(self._collect(heads), self._collect(tails)))
        # a concept related to itself: pairs of different mentions
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
        """List the pairs of mentions of unrelated concepts, in both directions.

        If only some mentions of related concepts are related, it's unknown whether the
        others are, too, so they are not negatives; these pairs are.

        RETURNS (List[Tuple[str, str]]): pairs of entity ids.
        """
        concepts: Dict[str, List[str]] = {}
        for id_, mentions in self._mentions.items():
            for mention in mentions:
                concepts.setdefault(mention.id, []).append(id_)
        # there are many pairs of mentions, but few of concepts
        groups: Dict[Tuple[str, ...], List[str]] = {}
        for mention_id, ids in concepts.items():
            groups.setdefault(tuple(ids), []).append(mention_id)
        return [
            (head, tail)
            for heads, tails in product(groups, repeat=2)
            if self._related.isdisjoint(map(self._make_key, product(heads, tails)))
            for head, tail in product(groups[heads], groups[tails])
            if head != tail
        ]

    @property
    def is_partial(self) -> bool:
        """RETURNS (bool): whether some mentions of related concepts may be related
        without being so in the result."""
        return bool(self._related) and self.policy != "all"

    def _collect(self, ids: Sequence[str]) -> List[EntityRecord]:
        found = {m.id: m for id_ in ids for m in self._mentions.get(id_, ())}
        return sorted(found.values(), key=lambda mention: mention.start)


def split_ids(value: Any) -> List[str]:
    """Split a string of concept ids.

    value (Any): e.g. `D003490` or `D003490|D007674`; `-1` for none.
    RETURNS (List[str]): the whole string, since ids may contain separators, and its
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

"""Determine the head of a relation from the roles of its arguments."""

from typing import Dict, FrozenSet, Sequence, Tuple

HEADS = {"head", "from", "src", "source", "arg1", "subj", "subject", "governor"}
TAILS = {"tail", "child", "to", "dest", "tgt", "target", "arg2", "obj", "object"}
TAILS |= {"dependent"}


class Roles:
    """The roles of each label in all inputs of a conversion, in the order of its first
    relation, since formats with roles don't guarantee an order."""

    def __init__(self) -> None:
        # by label and distinct roles
        self._known: Dict[Tuple[str, FrozenSet[str]], Tuple[str, ...]] = {}

    def learn(self, label: str, roles: Sequence[str]) -> None:
        """Learn an order that doesn't depend on relations.

        label (str): the relation's label.
        roles (Sequence[str]): the roles of head and tail.
        """
        names = tuple(role.lower() for role in roles)
        self._known[label, frozenset(names)] = names

    def is_swapped(self, label: str, roles: Sequence[str]) -> bool:
        """Whether the tail comes first.

        label (str): the relation's label.
        roles (Sequence[str]): roles of its arguments, in file order.
        RETURNS (bool): based on the order that was learned, the meaning of the roles,
            or otherwise on their order in the first relation with this label.
        """
        first, second = (role.lower() for role in roles)
        if (label, frozenset((first, second))) in self._known:
            return self.is_reversed(label, roles)
        if first in HEADS and second in TAILS:
            return False
        if first in TAILS and second in HEADS:
            return True
        return self.is_reversed(label, roles)

    def is_reversed(self, label: str, roles: Sequence[str]) -> bool:
        """RETURNS (bool): whether the order differs from that of the first relation.

        label (str): the relation's label.
        roles (Sequence[str]): two roles, in file order.
        """
        names = tuple(role.lower() for role in roles)
        return names != self._known.setdefault((label, frozenset(names)), names)

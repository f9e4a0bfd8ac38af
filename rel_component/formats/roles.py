"""Which end of a relation is its head, where only names of roles tell."""

from typing import Dict, Sequence, Tuple

HEADS = {"head", "from", "src", "source", "arg1", "subj", "subject", "governor"}
TAILS = {"tail", "child", "to", "dest", "tgt", "target", "arg2", "obj", "object"}
TAILS |= {"dependent"}


class Roles:
    """The roles of each label, as they were first seen.

    Formats with roles promise no order: a label keeps the one that it came with.
    """

    def __init__(self) -> None:
        self._known: Dict[str, Tuple[str, ...]] = {}

    def is_swapped(self, label: str, roles: Sequence[str]) -> bool:
        """Whether the tail stands first.

        label (str): the relation's label.
        roles (Sequence[str]): roles of its arguments, in file order.
        RETURNS (bool): by the meaning of the roles, or else by how they stood in the
            first relation of this label.
        """
        first, second = (role.lower() for role in roles)
        if first in HEADS and second in TAILS:
            return False
        if first in TAILS and second in HEADS:
            return True
        known = self._known.setdefault(label, (first, second))
        return first != second and known == (second, first)

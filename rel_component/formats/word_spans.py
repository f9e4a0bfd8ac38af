"""Entities that relations name by their first and last word."""

from collections import defaultdict
from typing import Any, DefaultDict, List, Optional

from .fields import EndpointError, FieldError, check, show
from .items import Items
from .record import EntityRecord, Offsets
from .words import Text, squeeze


class WordSpans:
    """The entities of a document by their words.

    items (Items): where entities are added.
    text (Text): whose words are counted, from 0.
    """

    def __init__(self, items: Items, text: Text) -> None:
        self.items = items
        self.text = text
        self._at: DefaultDict[Offsets, List[EntityRecord]] = defaultdict(list)

    def add(self, label: str, words: Offsets, field: str) -> EntityRecord:
        """Add an entity.

        label (str): its type.
        words (Tuple[int, int]): the first and the last one.
        field (str): where it stands.
        RETURNS (EntityRecord): the entity.
        """
        entity = self.items.add(label, *self.text.span(words[0], words[1] + 1), field)
        # an entity that is listed twice is no other one
        if label not in [other.label for other in self._at[words]]:
            self._at[words].append(entity)
        return entity

    def resolve(self, words: Offsets, field: str, label: Optional[str] = None) -> str:
        """The end of a relation.

        words (Tuple[int, int]): the first and the last one.
        field (str): where the relation names them.
        label (Optional[str]): a type, which decides between entities at these words.
        RETURNS (str): id of the entity.
        RAISES (EndpointError): if no or more than one entity is found.
        """
        found = self._at.get(words, [])
        if len(found) > 1 and label is not None:
            found = [e for e in found if e.label == label] or found
        if len(found) == 1:
            return found[0].id
        place = f"words {words[0]} to {words[1]}"
        if not found:
            raise EndpointError(
                field,
                f"{place}, {show(self.show(words))}, are no entity in 'ner', expected "
                f"one",
            )
        labels = ", ".join(entity.label for entity in found)
        raise EndpointError(
            field,
            f"{place} are {len(found)} entities ({labels}), expected one; the format "
            f"can't say which is meant, remove all but one",
        )

    def show(self, words: Offsets) -> str:
        """RETURNS (str): the text of some words, the last one inclusive."""
        return self.text.text[slice(*self.text.span(words[0], words[1] + 1))]

    def says(self, words: Offsets, name: str) -> bool:
        """RETURNS (bool): whether these are words of the text, and say this name."""
        is_there = 0 <= words[0] <= words[1] < len(self.text.tokens)
        return is_there and squeeze(self.show(words)) == squeeze(name)

    def check(self, value: List[Any], field: str) -> Offsets:
        """The first and the last word, in a text of one sentence.

        RAISES (FieldError): if they are no numbers, or no words of the text.
        """
        first, last = (check(end, int, f"{field}[{i}]") for i, end in enumerate(value))
        n = len(self.text.tokens)
        if not 0 <= first <= last < n:
            raise FieldError(
                field,
                f"found words {show(first)} to {show(last)}, expected 0 <= first <= "
                f"last < {n}, the last one being part of the entity",
            )
        return first, last

"""Resolve entities of relations by their first and last word."""

from collections import defaultdict
from typing import Any, DefaultDict, List, Optional

from .fields import EndpointError, FieldError, check, show
from .items import Items
from .record import EntityRecord, Offsets
from .words import Text, squeeze


class WordSpans:
    """The entities of a document by words.

    items (Items): items to add entities to.
    text (Text): the text, with words counted from 0.
    """

    def __init__(self, items: Items, text: Text) -> None:
        self.items = items
        self.text = text
        self._at: DefaultDict[Offsets, List[EntityRecord]] = defaultdict(list)

    def add(self, label: str, words: Offsets, field: str) -> EntityRecord:
        """Add an entity.

        label (str): its type.
        words (Tuple[int, int]): first and last word.
        field (str): its field.
        RETURNS (EntityRecord): the entity.
        """
        entity = self.items.add(label, *self.text.span(words[0], words[1] + 1), field)
        # a repeated entity is the same one
        if label not in [other.label for other in self._at[words]]:
            self._at[words].append(entity)
        return entity

    def resolve(self, words: Offsets, field: str, label: Optional[str] = None) -> str:
        """Resolve the endpoint of a relation.

        words (Tuple[int, int]): first and last word.
        field (str): its field in the relation.
        label (Optional[str]): entity type, to choose between entities at these words.
        RETURNS (str): id of the entity.
        RAISES (EndpointError): if there is no such entity, or several.
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
            f"{place} are {len(found)} entities ({labels}), expected one; this is "
            f"ambiguous in the format, so remove all but one",
        )

    def show(self, words: Offsets) -> str:
        """RETURNS (str): the text of words, with inclusive end."""
        return self.text.text[slice(*self.text.span(words[0], words[1] + 1))]

    def says(self, words: Offsets, name: str) -> bool:
        """RETURNS (bool): whether these words exist and match a name."""
        is_there = 0 <= words[0] <= words[1] < len(self.text.tokens)
        return is_there and squeeze(self.show(words)) == squeeze(name)

    def check(self, value: List[Any], field: str) -> Offsets:
        """Check first and last word, in a text of one sentence.

        RAISES (FieldError): if they are not indices of words.
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

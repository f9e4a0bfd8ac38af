"""Entities and relations of one document while they are read, alike in all formats.

What can't be read is reported and left out, and the rest of the document is kept. Ids
that are not unique are never guessed at.
"""

from contextlib import contextmanager
from itertools import islice
from typing import Any, Collection, Dict, Iterator, List, Optional, Tuple

from .fields import AMBIGUOUS, LOST, EndpointError, FieldError, Kinds, get, show
from .record import EntityRecord, RelationRecord, Source
from .report import ENTITIES, RELATIONS, Report

N_SHOWN = 10


class Items:
    """The items of a document, as far as they can be read.

    source (Source): the document.
    report (Report): counts them, and says what is wrong with them.
    what (str): what messages call such a document.
    entities (List[EntityRecord]): in the file's order.
    relations (List[RelationRecord]): in the file's order.
    """

    def __init__(self, source: Source, report: Report, what: str = "document") -> None:
        self.source = source
        self.report = report
        self.what = what
        self.entities: List[EntityRecord] = []
        self.relations: List[RelationRecord] = []
        self._by_id: Dict[str, EntityRecord] = {}
        # fields of the entities that have an id, also if they can't be read
        self._places: Dict[str, List[str]] = {}

    @contextmanager
    def entity(
        self,
        *labels: Any,
        n: int = 1,
        source: Optional[Source] = None,
        what: str = "entity",
    ) -> Iterator[None]:
        """Read an entity: a FieldError that is raised inside is reported.

        labels (Any): as far as they are known, for the message.
        n (int): how many entities the item counts for, if it can't be read.
        source (Optional[Source]): where it stands, if not where the document does.
        what (str): what messages call it.
        """
        before = len(self.entities)
        try:
            yield
        except FieldError as error:
            del self.entities[before:]
            self._lose(ENTITIES, error, [what, *map(show, labels)], n, source)
        else:
            self.report.read(ENTITIES, len(self.entities) - before)

    @contextmanager
    def relation(
        self,
        *labels: Any,
        n: int = 1,
        source: Optional[Source] = None,
        what: str = "relation",
    ) -> Iterator[None]:
        """Read a relation, likewise."""
        before = len(self.relations)
        try:
            yield
        except FieldError as error:
            del self.relations[before:]
            self._lose(RELATIONS, error, [what, *map(show, labels)], n, source)
        else:
            self.report.read(RELATIONS, len(self.relations) - before)

    def _lose(
        self,
        kind: str,
        error: FieldError,
        words: List[str],
        n: int,
        source: Optional[Source],
    ) -> None:
        place = error.say(source or self.source)
        self.report.read(kind, n)
        message = f"{place}; {' '.join(words)} not converted."
        self.report.error(kind, error.reason, message, n)

    def add(
        self, label: str, start: int, end: int, field: str, text: Optional[str] = None
    ) -> EntityRecord:
        """Add an entity in one piece, whose id is its field."""
        entity = EntityRecord(field, label, [(start, end)], text, field)
        self.entities.append(entity)
        return entity

    def relate(self, label: str, head: str, tail: str, field: str) -> None:
        """Add a relation between entities that have these ids."""
        self.relations.append(RelationRecord(label, head, tail, field))

    def claim(self, id_: Any, field: str) -> str:
        """Note the id of an entity, before it is known whether the rest can be read.

        id_ (Any): as the file has it; numbers and strings are the same.
        field (str): where the entity stands.
        RETURNS (str): the id.
        """
        self._places.setdefault(str(id_), []).append(field)
        return str(id_)

    def name(self, id_: str, entity: EntityRecord, path: str = "") -> None:
        """Let relations find an entity by the id that it has claimed.

        id_ (str): the id.
        entity (EntityRecord): of this document.
        path (str): where its id stands, if not in `id`.
        RAISES (FieldError): if another entity has it. Relations to either are lost
            then, for nothing says which one is meant; the same entity may be repeated.
        """
        places, known = self._places[id_], self._by_id.setdefault(id_, entity)
        if known is entity:
            return
        if (known.label, known.fragments) != (entity.label, entity.fragments):
            raise FieldError(
                path or f"{entity.field}.id",
                f"found {show(id_)} again, expected ids to differ: {places[0]} has it",
                "duplicate id",
            )
        places.pop()

    def has(self, id_: Any) -> bool:
        """RETURNS (bool): whether an entity has this id, readable or not."""
        return str(id_) in self._places

    def resolve(self, id_: Any, path: str) -> str:
        """The end of a relation.

        id_ (Any): as the file has it.
        path (str): the field that has it.
        RETURNS (str): the id of the record's entity.
        RAISES (EndpointError): if there is none, or it can't be read, or several
            entities have this id.
        """
        places = self._places.get(str(id_), [])
        if len(places) > 1:
            raise EndpointError(
                path,
                f"{len(places)} entities have the id {show(id_)} "
                f"({_list(places)}), expected one: nothing says which is "
                f"meant",
                AMBIGUOUS,
            )
        if str(id_) in self._by_id:
            return self._by_id[str(id_)].id
        if places:
            raise EndpointError(
                path, f"{show(id_)} was not converted, see {places[0]}", LOST
            )
        ids = _list(self._by_id)
        expected = f"expected one of {ids}" if ids else "where no entity has an id"
        raise EndpointError(
            path, f"{show(id_)} is not an entity of this {self.what}, {expected}"
        )

    def ends(
        self, obj: Dict[str, Any], keys: Tuple[str, str], field: str, kinds: Kinds
    ) -> Tuple[str, str]:
        """RETURNS (Tuple[str, str]): ids of the entities that two fields refer to."""
        head, tail = (
            self.resolve(get(obj, key, kinds, field), f"{field}.{key}") for key in keys
        )
        return head, tail


def _list(names: Collection[str]) -> str:
    """RETURNS (str): the first ones; there may be many, and many errors."""
    more = " ..." if len(names) > N_SHOWN else ""
    return ", ".join(islice(names, N_SHOWN)) + more


def peek(value: Any, key: Any) -> List[str]:
    """RETURNS (List[str]): what stands at a key or position, if it is a string: the
    label of a relation, for messages on it."""
    try:
        found = value[key]
    except (TypeError, LookupError):
        return []
    return [found] if isinstance(found, str) else []

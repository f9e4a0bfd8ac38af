"""Collect the entities and relations of a document while reading it.

Invalid items are reported and left out, and the rest of the document is kept. Ids that
are not unique are never resolved.
"""

from contextlib import contextmanager
from itertools import islice
from typing import Any, Collection, Dict, Iterator, List, Optional, Sequence, Tuple

from .fields import AMBIGUOUS, LOST, EndpointError, FieldError, Kinds, get, show
from .record import EntityRecord, Offsets, RelationRecord, Source
from .report import ENTITIES, RELATIONS, Report

N_SHOWN = 10


class Items:
    """The items of a document that can be read.

    source (Source): the document.
    report (Report): counts items and problems.
    what (str): name for a document in messages.
    entities (List[EntityRecord]): the entities, in file order.
    relations (List[RelationRecord]): the relations, in file order.
    """

    def __init__(self, source: Source, report: Report, what: str = "document") -> None:
        self.source = source
        self.report = report
        self.what = what
        self.entities: List[EntityRecord] = []
        self.relations: List[RelationRecord] = []
        self._by_id: Dict[str, EntityRecord] = {}
        # fields of entities by id, including those that can't be read
        self._places: Dict[str, List[str]] = {}

    @contextmanager
    def entity(
        self,
        *labels: Any,
        n: int = 1,
        source: Optional[Source] = None,
        what: str = "entity",
    ) -> Iterator[None]:
        """Context for reading an entity, which reports a FieldError raised inside.

        labels (Any): its labels if known, for the message.
        n (int): number of entities to count if it can't be read.
        source (Optional[Source]): its location, if different from the document's.
        what (str): name for it in messages.
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
        """Context for reading a relation, see `entity`."""
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
        """Add a contiguous entity, with its field as id."""
        entity = EntityRecord(field, label, [(start, end)], text, field)
        self.entities.append(entity)
        return entity

    def relate(self, label: str, head: str, tail: str, field: str) -> None:
        """Add a relation between the entities with these ids."""
        self.relations.append(RelationRecord(label, head, tail, field))

    def claim(self, id_: Any, field: str) -> str:
        """Register the id of an entity, before reading the rest of it.

        id_ (Any): the id in the file; numbers and strings are equivalent.
        field (str): field of the entity.
        RETURNS (str): the id.
        """
        self._places.setdefault(str(id_), []).append(field)
        return str(id_)

    def name(self, id_: str, entity: EntityRecord, path: str = "") -> None:
        """Make an entity available to relations by its registered id.

        id_ (str): the id.
        entity (EntityRecord): the entity.
        path (str): path of its id, if not `id`.
        RAISES (FieldError): if another entity has the same id. Relations to both are
            lost, since they are ambiguous; the same entity may be repeated.
        """
        places, known = self._places[id_], self._by_id.setdefault(id_, entity)
        if known is entity:
            return
        if _describe(known) != _describe(entity):
            raise FieldError(
                path or f"{entity.field}.id",
                f"found {show(id_)} again, expected unique ids: {places[0]} has it",
                "duplicate id",
            )
        places.pop()

    def has(self, id_: Any) -> bool:
        """RETURNS (bool): whether any entity has this id, even if it can't be read."""
        return str(id_) in self._places

    def resolve(self, id_: Any, path: str) -> str:
        """Resolve the endpoint of a relation.

        id_ (Any): the id in the file.
        path (str): its field.
        RETURNS (str): id of the entity in the record.
        RAISES (EndpointError): if the entity is missing, can't be read, or its id is
            not unique.
        """
        places = self._places.get(str(id_), [])
        if len(places) > 1:
            raise EndpointError(
                path,
                f"{len(places)} entities have the id {show(id_)} "
                f"({_list(places)}), expected one, since this is ambiguous",
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
        """RETURNS (Tuple[str, str]): ids of the entities of two fields."""
        head, tail = (
            self.resolve(get(obj, key, kinds, field), f"{field}.{key}") for key in keys
        )
        return head, tail


def _describe(entity: EntityRecord) -> Tuple[str, Sequence[Offsets], Optional[str]]:
    return entity.label, entity.fragments, entity.text


def _list(names: Collection[str]) -> str:
    """RETURNS (str): the first names, since there may be many."""
    more = " ..." if len(names) > N_SHOWN else ""
    return ", ".join(islice(names, N_SHOWN)) + more


def peek(value: Any, key: Any) -> List[str]:
    """RETURNS (List[str]): the string at a key or index, if any: the label of a
    relation, for messages."""
    try:
        found = value[key]
    except (TypeError, LookupError):
        return []
    return [found] if isinstance(found, str) else []

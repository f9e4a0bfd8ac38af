"""Collect the labels of records, for the tools' configurations."""

from collections import Counter
from typing import Counter as CounterType
from typing import Dict, FrozenSet, Iterable, Iterator, List, Optional, Set

from ...schema import TypePair
from ..record import Record
from ..report import Report
from .base import WriteOptions
from .details import SYMMETRIC


class Labels:
    """Labels and their entity types, collected while writing records.

    entities (List[str]): entity types, starting with those of the options.
    pairs (Dict[str, Optional[Set[Tuple[str, str]]]]): pairs of entity types per
        relation label, or None for any.
    has_overlaps (bool): whether entities overlap.
    """

    def __init__(self, options: WriteOptions) -> None:
        self._entities: Dict[str, None] = dict.fromkeys(options.entity_types)
        self.pairs: Dict[str, Optional[Set[TypePair]]] = {}
        self.has_overlaps = False
        self._known = options.symmetric_labels
        self._marked: CounterType[str] = Counter()
        self._directed: CounterType[str] = Counter()
        schema = options.schema
        for label, pairs in (schema.pairs if schema else {}).items():
            self.pairs[label] = None if pairs is None else set(pairs)
            for head, tail in sorted(pairs or ()):
                self._entities.update({head: None, tail: None})

    @property
    def entities(self) -> List[str]:
        return list(self._entities)

    @property
    def symmetric(self) -> FrozenSet[str]:
        """RETURNS (FrozenSet[str]): labels for which all relations are symmetric."""
        found = {label for label in self._marked if not self._directed[label]}
        unseen = self._known & self.pairs.keys() - self._directed.keys()
        return frozenset(found | unseen)

    def watch(self, records: Iterable[Record]) -> Iterator[Record]:
        """Pass on records, and collect their labels."""
        for record in records:
            self.add(record)
            yield record

    def add(self, record: Record) -> None:
        """Collect the labels of a record."""
        types = {entity.id: entity.label for entity in record.entities}
        self._entities.update(dict.fromkeys(types.values()))
        for relation in record.relations:
            pairs = self.pairs.setdefault(relation.label, set())
            if pairs is not None:
                pairs.add((types[relation.head], types[relation.tail]))
            counts = self._marked if relation.symmetric else self._directed
            counts[relation.label] += 1
        self.has_overlaps = self.has_overlaps or _overlap(record)

    def count_lost_marks(self, report: Report) -> None:
        """Count symmetric relations if others with the same label are directed.

        For tools in which relations can only be symmetric by label.
        """
        lost = [n for label, n in self._marked.items() if self._directed[label]]
        report.ignored(SYMMETRIC, sum(lost))


def _overlap(record: Record) -> bool:
    spans = sorted((entity.start, entity.end) for entity in record.entities)
    return any(end > start for (_, end), (start, _) in zip(spans, spans[1:]))

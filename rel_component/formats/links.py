"""Convert the relations of a record: duplicates, symmetry and null labels."""

import re
from typing import AbstractSet, List, Mapping, Set, Tuple

from spacy.tokens import Span

from ..relations import Relation, get_entity_key
from .base import Options
from .fields import show
from .record import Record, RelationRecord
from .report import RELATIONS, Report

Key = Tuple[int, int, str, str, int, int, str]

LEFT_OUT = "of an entity left out on purpose"
NULL_LIKE = {"norel", "norelation", "norelations", "notrelated", "none", "na"}


class Links:
    """The relations of a document.

    relations (List[Relation]): relations to store; symmetric ones may occur twice.
    negatives (List[Tuple[Span, Span]]): pairs known to be unrelated.
    keys (Set[Key]): keys of the relations, to compare them.
    n_written (int): number of relations in the file that are stored.
    """

    def __init__(self, options: Options, report: Report) -> None:
        self.options = options
        self.report = report
        self.relations: List[Relation] = []
        self.negatives: List[Tuple[Span, Span]] = []
        self.n_written = 0
        self.keys: Set[Key] = set()
        self._raw: Set[Key] = set()

    def collect(
        self,
        record: Record,
        spans: Mapping[str, Span],
        left_out: AbstractSet[str] = frozenset(),
    ) -> None:
        """Collect the relations of a record.

        record (Record): the document.
        spans (Mapping[str, Span]): its entities by id, except for lost ones.
        left_out (AbstractSet[str]): ids of entities left out on purpose.
        """
        known = {entity.id: entity.field for entity in reversed(record.entities)}
        for head, tail in record.negatives:
            if head in spans and tail in spans:
                self.negatives.append((spans[head], spans[tail]))
        for relation in record.relations:
            missing = [e for e in (relation.head, relation.tail) if e not in spans]
            if not left_out.isdisjoint(missing):
                self.report.skipped(RELATIONS, LEFT_OUT)
            elif missing:
                report_endpoint(record, relation, missing[0], known, self.report)
            else:
                self._take(relation, spans[relation.head], spans[relation.tail])

    def _take(self, relation: RelationRecord, head: Span, tail: Span) -> None:
        options, report = self.options, self.report
        if relation.label in options.null_labels:
            self.negatives.append((head, tail))
            if relation.symmetric and head is not tail:
                self.negatives.append((tail, head))
            report.skipped(RELATIONS, f"{relation.label} kept as unrelated pair")
            return
        is_self = get_entity_key(head) == get_entity_key(tail)
        if is_self and options.drop_self:
            report.skipped(RELATIONS, "entity to itself")
            return
        _advise(relation.label, options, report)
        label = options.map_label.get(relation.label, relation.label)
        is_symmetric = relation.symmetric or label in options.symmetric
        made = Relation(head, label, tail)
        raw = _key(Relation(head, relation.label, tail))
        if is_symmetric and options.symmetric_store == "canonical":
            made = _in_order(made)
        if _key(made) in self.keys:
            is_same = raw in self._raw
            reason = "exact duplicates" if is_same else "same by renaming or symmetry"
            report.merged(RELATIONS, reason)
            return
        self._raw.add(raw)
        self._add(made)
        self.n_written += 1
        report.note("relations of an entity to itself", int(is_self))
        if is_symmetric and options.symmetric_store == "both" and not is_self:
            self._add(Relation(tail, label, head))
            report.note("symmetric relations stored in both directions")

    def _add(self, relation: Relation) -> None:
        if _key(relation) not in self.keys:
            self.keys.add(_key(relation))
            self.relations.append(relation)


def _key(relation: Relation) -> Key:
    head, label, tail, _ = relation
    return (*get_entity_key(head), label, *get_entity_key(tail))


def _in_order(relation: Relation) -> Relation:
    head, label, tail, score = relation
    ends = sorted((head, tail), key=get_entity_key)
    return Relation(ends[0], label, ends[1], score)


def report_endpoint(
    record: Record,
    relation: RelationRecord,
    missing: str,
    known: Mapping[str, str],
    report: Report,
) -> None:
    """Report a relation with a missing endpoint.

    record (Record): the document.
    relation (RelationRecord): the relation.
    missing (str): id of the endpoint.
    known (Mapping[str, str]): ids of all entities of the document, including lost
        ones, and their fields.
    report (Report): counts it.
    """
    side = "head" if missing == relation.head else "tail"
    if missing in known:
        reason = "endpoint dropped"
        why = f"{known[missing] or missing} was not converted"
    else:
        reason = "no such entity"
        why = f"{show(missing)} is not an entity of this document"
    report.error(
        RELATIONS,
        reason,
        f"{record.place(relation)}: its {side} {why}; relation "
        f"{relation.label!r} not converted. Correct that entity first.",
    )


def _advise(label: str, options: Options, report: Report) -> None:
    if label in options.map_label:
        return
    if re.sub(r"[\W_]", "", label).lower() in NULL_LIKE:
        report.hint(
            f"the label {label!r} looks like 'no relation', but was converted as a "
            f"label; use --null-label {label} for pairs without a relation"
        )

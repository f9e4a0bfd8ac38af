"""Adapt records to a format, for all writers, and report everything that is lost."""

from dataclasses import replace
from typing import Dict, Iterable, Iterator, List, Mapping, Optional, Set, Tuple

from ...wording import plural
from ..base import FormatError
from ..fields import show
from ..offsets import join_pieces, trim
from ..record import EntityRecord, Offsets, Record, RelationRecord
from ..report import DOCUMENTS, ENTITIES, RELATIONS, Report
from .base import WriteOptions, Writer
from .details import PIECES, count_lost_details

MARK = "\ufeff"  # byte order mark


def prepare(
    records: Iterable[Record],
    writer: Writer,
    options: WriteOptions,
    report: Report,
    *,
    strict: bool = False,
) -> Iterator[Record]:
    """Prepare records for a writer.

    records (Iterable[Record]): the records, with offsets in characters.
    writer (Writer): the writer.
    options (WriteOptions): the options, for symmetric labels.
    report (Report): counts items read, written, merged and lost.
    strict (bool): raise an error at the end if any item is lost.
    YIELDS (Record): records without blank texts, exact duplicates and whitespace around
        entities.
    RAISES (FormatError): if any item is lost and `strict` is set.
    """
    for record in records:
        report.read(DOCUMENTS)
        report.read(ENTITIES, len(record.entities))
        report.read(RELATIONS, len(record.relations))
        if not record.text.replace(MARK, "").strip():
            _skip(record, report)
            continue
        record = _tidy(record, PIECES in writer.holds, options, report)
        record = writer.fit(record, report)
        count_lost_details(record, writer.holds, report)
        report.written(DOCUMENTS)
        report.written(ENTITIES, len(record.entities))
        report.written(RELATIONS, len(record.relations))
        yield record
    if strict and report.problems:
        n = len(report.problems)
        raise FormatError(
            f"{plural(n, 'item')} can't be written as {writer.name}. Choose a format "
            f"that supports {'it' if n == 1 else 'them'}, or use --on-error skip."
        )


def drop_entities(
    record: Record, problems: Mapping[str, str], reason: str, report: Report
) -> Record:
    """Leave out entities that a format doesn't support, and their relations.

    record (Record): the document.
    problems (Mapping[str, str]): problem per entity id: the rest of a sentence that
        starts with the entity's text.
    reason (str): short reason, to count them by.
    report (Report): gets the messages.
    RETURNS (Record): the document with the other entities.
    """
    if not problems:
        return record
    for entity in record.entities:
        if entity.id in problems:
            _lose_entity(record, entity, problems[entity.id], reason, report)
    kept = []
    for relation in record.relations:
        ends = {"head": relation.head, "tail": relation.tail}
        lost = [side for side, id_ in ends.items() if id_ in problems]
        if lost:
            problem = f"its {lost[0]} was not written"
            lose_relation(record, relation, problem, "end not written", report)
        else:
            kept.append(relation)
    return replace(
        record,
        entities=[entity for entity in record.entities if entity.id not in problems],
        relations=kept,
        negatives=[
            pair for pair in record.negatives if problems.keys().isdisjoint(pair)
        ],
    )


def lose_relation(
    record: Record, relation: RelationRecord, problem: str, reason: str, report: Report
) -> None:
    """Report a relation that is not written.

    record (Record): the document.
    relation (RelationRecord): the relation.
    problem (str): the problem, to be preceded by the location and a colon.
    reason (str): short reason, to count it by.
    report (Report): gets the message.
    """
    report.error(
        RELATIONS,
        reason,
        f"{record.place(relation)}: {problem}; relation {relation.label!r} not "
        f"written.",
    )


def _lose_entity(
    record: Record, entity: EntityRecord, problem: str, reason: str, report: Report
) -> None:
    text = record.text[max(0, entity.start) : max(0, entity.end)]
    report.error(
        ENTITIES,
        reason,
        f"{record.place(entity)}: {show(text)} {problem}; entity {entity.label!r} not "
        f"written.",
    )


def _skip(record: Record, report: Report) -> None:
    reason = "text is empty"
    report.skipped(DOCUMENTS, reason)
    report.skipped(ENTITIES, reason, len(record.entities))
    report.skipped(RELATIONS, reason, len(record.relations))


def _tidy(
    record: Record, has_pieces: bool, options: WriteOptions, report: Report
) -> Record:
    """Clean up offsets, and remove duplicate entities and relations."""
    entities: Dict[Tuple[str, Tuple[Offsets, ...]], EntityRecord] = {}
    ids: Dict[str, str] = {}
    for entity in record.entities:
        pieces = _clean(record, entity, has_pieces, report)
        if pieces is None:
            continue
        key = (entity.label, tuple(pieces))
        if key in entities:
            report.merged(ENTITIES, "exact duplicates")
        else:
            entities[key] = replace(entity, fragments=pieces)
        ids[entity.id] = entities[key].id
    pairs = [(ids[h], ids[t]) for h, t in record.negatives if {h, t} <= ids.keys()]
    return replace(
        record,
        entities=list(entities.values()),
        relations=_tidy_relations(record, ids, options, report),
        negatives=list(dict.fromkeys(pairs)),
    )


def _clean(
    record: Record, entity: EntityRecord, has_pieces: bool, report: Report
) -> Optional[List[Offsets]]:
    """Trim the pieces of an entity, and join those only separated by whitespace."""
    text = record.text
    if not entity.label.strip():
        _lose_entity(record, entity, "has no label", "no label", report)
        return None
    for start, end in entity.fragments:
        if not 0 <= start < end <= len(text):
            problem = (
                f"is at {start}-{end}, which is outside the text "
                f"({plural(len(text), 'character')})"
            )
            reason = "offsets do not fit the text"
            _lose_entity(record, entity, problem, reason, report)
            return None
    given = sorted(entity.fragments)
    trimmed = [trim(text, start, end) for start, end in given]
    pieces = [(start, end) for start, end in trimmed if start < end]
    if not pieces:
        _lose_entity(record, entity, "is only whitespace", "only whitespace", report)
        return None
    report.repair("whitespace around an entity trimmed", int(trimmed != given))
    merged = join_pieces(text, pieces)
    if len(merged) > 1 and not has_pieces:
        report.repair("discontinuous entity: from first to last piece")
        merged = [(merged[0][0], max(end for _, end in merged))]
    return merged


def _tidy_relations(
    record: Record, ids: Mapping[str, str], options: WriteOptions, report: Report
) -> List[RelationRecord]:
    symmetric = options.symmetric_labels
    found: List[RelationRecord] = []
    seen: Set[Tuple[str, str, str, bool]] = set()
    for relation in record.relations:
        lost = [end for end in (relation.head, relation.tail) if end not in ids]
        if lost:
            problem = f"the entity {show(lost[0])} was not written"
            lose_relation(record, relation, problem, "end not written", report)
            continue
        if not relation.label.strip():
            lose_relation(record, relation, "it has no label", "no label", report)
            continue
        head, tail = ids[relation.head], ids[relation.tail]
        is_symmetric = relation.symmetric or relation.label in symmetric
        key = (relation.label, head, tail, is_symmetric)
        if key in seen:
            report.merged(RELATIONS, "exact duplicates")
        elif is_symmetric and (relation.label, tail, head, is_symmetric) in seen:
            report.merged(RELATIONS, "second directions of symmetric relations")
        else:
            seen.add(key)
            made = replace(relation, head=head, tail=tail, symmetric=is_symmetric)
            found.append(made)
    return found

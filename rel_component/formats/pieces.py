"""Split long documents into sentences, lines, or several sentences.

Pieces are extended to the end of entities, so that no entity is split.
"""

import re
from bisect import bisect_right
from dataclasses import replace
from itertools import pairwise
from typing import Dict, Iterator, List, Set

from spacy.pipeline import Sentencizer
from spacy.tokenizer import Tokenizer

from .base import Options
from .links import LEFT_OUT, report_endpoint
from .offsets import locate_entities, trim
from .record import EntityRecord, Offsets, Record
from .report import DOCUMENTS, RELATIONS, Report

SENTENCES, LINES = "sentences", "lines"
ACROSS = "across the pieces of a document (--split-documents)"


def check_policy(policy: str) -> None:
    """RAISES (ValueError): if the policy is invalid."""
    if policy not in (SENTENCES, LINES) and not re.fullmatch("[1-9][0-9]*", policy):
        raise ValueError(
            f"--split-documents: found {policy!r}, expected {SENTENCES}, {LINES} or a "
            f"number of sentences, such as 5."
        )


def split_record(
    record: Record, policy: str, tokenizer: Tokenizer, options: Options, report: Report
) -> Iterator[Record]:
    """Split a document.

    record (Record): the document.
    policy (str): `sentences`, `lines`, or the number of sentences per piece.
    tokenizer (Tokenizer): used to find sentences if the record has none.
    options (Options): options for the offsets of entities.
    report (Report): counts relations between pieces, which are left out.
    YIELDS (Record): the pieces, without surrounding whitespace.
    """
    if not record.text.strip():
        yield record
        return
    record = _resolve(record, options, report)
    stretches = _find_pieces(record, policy, tokenizer)
    report.read(DOCUMENTS, len(stretches) - 1)
    report.note("documents split into pieces", int(len(stretches) > 1))
    pieces = [
        replace(
            record,
            text=record.text[start:end],
            entities=[],
            relations=[],
            tokens=None if record.tokens is None else [],
            sentences=None if record.sentences is None else [],
            negatives=[],
            piece=i,
        )
        for i, (start, end) in enumerate(stretches)
    ]
    _divide(record, pieces, stretches, report)
    yield from pieces


def _divide(
    record: Record, pieces: List[Record], stretches: List[Offsets], report: Report
) -> None:
    """Assign entities and relations to pieces."""
    starts = [start for start, _ in stretches]
    homes: Dict[str, int] = {}

    def find(at: int) -> int:
        return max(0, bisect_right(starts, at) - 1)

    def move(offsets: Offsets, i: int) -> Offsets:
        start, end = stretches[i]
        first, last = (min(max(start, x), end) - start for x in offsets)
        return first, last

    for entity in record.entities:
        i = homes[entity.id] = find(entity.start)
        moved = replace(entity, fragments=[move(entity.fragments[0], i)])
        pieces[i].entities.append(moved)
    for name in ("tokens", "sentences"):
        for offsets in getattr(record, name) or ():
            i = find(offsets[0])
            moved_offsets = move(offsets, i)
            if moved_offsets[0] < moved_offsets[1]:
                getattr(pieces[i], name).append(moved_offsets)
    for relation in record.relations:
        i = homes[relation.head]
        if i == homes[relation.tail]:
            pieces[i].relations.append(relation)
        else:
            report.skipped(RELATIONS, ACROSS)
    for pair in record.negatives:
        i = homes.get(pair[0], -1)
        if i >= 0 and i == homes.get(pair[1]):
            pieces[i].negatives = [*pieces[i].negatives, pair]


def _resolve(record: Record, options: Options, report: Report) -> Record:
    """Locate the entities in characters, and leave out those that can't be located."""
    located = locate_entities(record, options, report)
    entities: List[EntityRecord] = [
        replace(entity, fragments=located[entity.id], text=None)
        for entity in record.entities
        if located.get(entity.id)
    ]
    relations = []
    known = {entity.id: entity.field for entity in reversed(record.entities)}
    for relation in record.relations:
        ends = (relation.head, relation.tail)
        missing = [id_ for id_ in ends if not located.get(id_)]
        if any(id_ in located for id_ in missing):
            report.skipped(RELATIONS, LEFT_OUT)
        elif missing:
            report_endpoint(record, relation, missing[0], known, report)
        else:
            relations.append(relation)
    losses = record.losses | report.take_losses()
    return replace(record, entities=entities, relations=relations, losses=losses)


def _find_pieces(record: Record, policy: str, tokenizer: Tokenizer) -> List[Offsets]:
    text = record.text
    if policy == LINES:
        starts = [match.end() for match in re.finditer(r"\r\n|[\r\n]", text)]
    else:
        starts = _find_sentences(record, tokenizer)
        if policy != SENTENCES:
            starts = starts[:: int(policy)]
    inside: Set[int] = set()
    for entity in record.entities:
        inside.update(range(entity.start + 1, entity.end))
    borders = [0, *(x for x in starts if x > 0 and x not in inside), len(text)]
    pieces = (trim(text, start, end) for start, end in pairwise(borders))
    return [(start, end) for start, end in pieces if start < end]


def _find_sentences(record: Record, tokenizer: Tokenizer) -> List[int]:
    """Find the start of sentences: those in the file, or by punctuation."""
    if record.sentences:
        return sorted(start for start, _ in record.sentences)
    doc = Sentencizer()(tokenizer(record.text))
    return [sentence.start_char for sentence in doc.sents]

"""Records to write, and what has to be the same when they are read again."""

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any, Collection, Dict, List, Optional, Sequence, Set, Tuple

from hypothesis import strategies as st

from rel_component.formats import (
    FORMATS,
    WRITERS,
    EntityRecord,
    Format,
    Options,
    Record,
    RelationRecord,
    Report,
    Source,
    WriteOptions,
    find_format,
    write_records,
)

PIECES = [
    *("Marie", "Curie", "works", "at", "x", "don't", "3.5kg", "D-Ariz.", "/", "."),
    *(" ", " ", "  ", "\n", "\n\n", "\r\n", "\r", "\t", "\u00a0", "\u2028", "\x85"),
    *("Мария", "Склодовская-Кюри", "שלום", "مرحبا", "日本語", "e\u0301", "\u0301"),
    *("😀", "👩‍👩‍👧", "🇫🇷", "\u200d", "\u200f", "\ufeff", "\x00", '"', "\\n", "<b>"),
]
LABELS = ["PER", "ORG", "WORKS_AT", "Pos-Reg"]
# some tools have to rename them
ODD_LABELS = ["PER", "per:employee of", "МЕСТО", 'a"<b>', "a_b", "a b", "A_B"]

texts = st.lists(
    st.one_of(
        st.sampled_from(PIECES),
        st.text(st.characters(exclude_categories=["Cs"]), max_size=3),
    ),
    max_size=12,
).map("".join)

Offsets = Tuple[int, int]
Span = Tuple[str, Tuple[Offsets, ...]]
Arrow = Tuple[str, Span, Span]
Link = Tuple[str, Span, Span, bool]


@st.composite
def corpora(draw: Any, labels: List[str] = LABELS) -> List[Record]:
    return [draw(records(i, labels)) for i in range(draw(st.integers(1, 3)))]


@st.composite
def records(draw: Any, number: int = 0, labels: List[str] = LABELS) -> Record:
    """Any entities: nested, crossing, in pieces, on the same span, repeated; and any
    relations between them."""
    text = draw(texts)
    label, stretch = st.sampled_from(labels), st.sampled_from(_list_stretches(text))
    record = Record(text, Source("x", index=number, id=f"d{number}"))
    for i in range(draw(st.integers(0, 5)) if text.strip() else 0):
        pieces = sorted(draw(st.lists(stretch, min_size=1, max_size=2)))
        if len(pieces) == 2 and not text[pieces[0][1] : pieces[1][0]].strip():
            pieces.pop()  # they would be one
        record.entities.append(EntityRecord(f"e{i}", draw(label), pieces))
    if record.entities:
        end = st.sampled_from([entity.id for entity in record.entities])
        for _ in range(draw(st.integers(0, 4))):
            relation = RelationRecord(draw(label), draw(end), draw(end))
            relation.symmetric = draw(st.booleans())
            record.relations.append(relation)
    return record


def _list_stretches(text: str) -> List[Offsets]:
    """Those without blanks around them."""
    return [
        (start, end)
        for start in range(len(text))
        for end in range(start + 1, len(text) + 1)
        if text[start:end].strip() == text[start:end]
    ] or [(0, 0)]


def make(
    text: str,
    spans: Sequence[Tuple[int, int, str]],
    relations: Sequence[Tuple[str, int, int]] = (),
    **fields: Any,
) -> Record:
    """A record of (start, end, label) and of (label, head, tail)."""
    entities = [
        EntityRecord(str(i), label, [(start, end)], field=f"spans[{i}]")
        for i, (start, end, label) in enumerate(spans)
    ]
    links = [
        RelationRecord(label, str(head), str(tail), f"links[{i}]")
        for i, (label, head, tail) in enumerate(relations)
    ]
    source = Source("a.json", index=4, id=fields.pop("id", "a"))
    return Record(text, source, entities, links, **fields)


def is_blank(record: Record) -> bool:
    return not record.text.replace("\ufeff", "").strip()


def to_hulls(record: Record) -> Record:
    """With entities from their first to their last piece."""
    made = [replace(e, fragments=[(e.start, e.end)]) for e in record.entities]
    return replace(record, entities=made)


def join_pieces(record: Record) -> Record:
    """With pieces joined where only blanks are between, as `to_doc` reads them."""
    made = []
    for entity in record.entities:
        pieces = list(entity.fragments[:1])
        for start, end in entity.fragments[1:]:
            if record.text[pieces[-1][1] : start].strip():
                pieces.append((start, end))
            else:
                pieces[-1] = (pieces[-1][0], end)
        made.append(replace(entity, fragments=pieces))
    return replace(record, entities=made)


def get_spans(record: Record) -> Dict[str, Span]:
    return {e.id: (e.label, tuple(e.fragments)) for e in record.entities}


def get_entities(record: Record) -> Set[Span]:
    return set(get_spans(record).values())


def get_links(record: Record) -> Set[Link]:
    """Relations, each once: of a symmetric one the first direction."""
    spans = get_spans(record)
    found: Dict[Link, None] = {}
    for r in record.relations:
        link = (r.label, spans[r.head], spans[r.tail], r.symmetric)
        if not r.symmetric or (r.label, link[2], link[1], True) not in found:
            found[link] = None
    return set(found)


def get_arrows(record: Record) -> Set[Arrow]:
    """Relations as they are without marks."""
    return {link[:3] for link in get_links(record)}


def get_edges(record: Record, symmetric: Optional[Collection[str]] = None) -> Set[Any]:
    """Relations, those without direction with their ends in no order.

    symmetric (Optional[Collection[str]]): labels of these; None looks for the marks.
    """
    return {
        (label, frozenset(ends))
        if (is_marked if symmetric is None else label in symmetric)
        else (label, *ends)
        for label, *ends, is_marked in get_links(record)
    }


def find_symmetric(corpus: List[Record]) -> Set[str]:
    """Labels of which each relation is symmetric."""
    relations = [
        r for record in corpus if not is_blank(record) for r in record.relations
    ]
    return {r.label for r in relations} - {
        r.label for r in relations if not r.symmetric
    }


def write(
    folder: Path, name: str, corpus: List[Record], **options: Any
) -> Tuple[Path, Report]:
    """The file or folder, and what the writer says."""
    path = folder / f"out{WRITERS[name].suffix}"
    report = Report()
    write_records(corpus, path, name, WriteOptions(**options), report)
    assert report.unaccounted() == {}
    return path, report


# where the reader has another name than the writer
READERS = {"glirel": "gliner"}


def get_reader(name: str) -> Format:
    """RETURNS (Format): what reads the files of a writer."""
    return FORMATS[READERS.get(name, name)]


def read(path: Path, name: str) -> Dict[str, Record]:
    """By id; nothing that is written may be wrong to the reader."""
    report = Report()
    found = list(get_reader(name).read(path, Options(accept_unanswered=True), report))
    assert report.problems == []
    return {
        str(record.source.id or record.meta["meta"]["id"]): record for record in found
    }


def round_trip(
    name: str, corpus: List[Record], **options: Any
) -> Tuple[List[Tuple[Record, Record]], Report]:
    """Pairs of what was written and what is read; empty texts are left out."""
    kept = [record for record in corpus if not is_blank(record)]
    with tempfile.TemporaryDirectory() as folder:
        path, report = write(Path(folder), name, corpus, **options)
        if kept:
            assert find_format(path) is get_reader(name)
        back = read(path, name) if kept else {}
    assert report.n_written["documents"] == len(kept) == len(back)
    assert report.n_skipped["documents"].total() == len(corpus) - len(kept)
    return [(record, back[str(record.source.id)]) for record in kept], report


def squeeze(record: Record) -> Record:
    """With a text without blanks."""
    text = record.text
    at = {i: len("".join(text[:i].split())) for i in range(len(text) + 1)}
    made = [
        replace(e, fragments=[(at[s], at[end]) for s, end in e.fragments])
        for e in record.entities
    ]
    return replace(record, text="".join(text.split()), entities=made)

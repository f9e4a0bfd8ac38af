"""Offsets of entities: units, repairs, trimming."""

import re
import unicodedata
from dataclasses import replace
from functools import lru_cache
from typing import Callable, Dict, List, Optional, Sequence, Set, Tuple

from ..wording import plural
from .base import Options
from .fields import show
from .record import EntityRecord, Offsets, Record
from .report import ENTITIES, Report

REACH = 10

Fragments = List[Offsets]
# width of the character at an index of a text, in some unit
Width = Callable[[str, int], int]


def locate_entities(
    record: Record, options: Options, report: Report
) -> Dict[str, Fragments]:
    """Locate entities in code points, with checks, repairs and trimming.

    record (Record): the record.
    options (Options): options for repairs and discontinuous entities.
    report (Report): gets every entity that is not in the result as lost.
    RETURNS (Dict[str, List[Tuple[int, int]]]): spans by entity id; empty for entities
        that are left out on purpose.
    """
    text = record.text
    translated = _translate(record, report)
    located: Dict[str, Fragments] = {}
    for entity in record.entities:
        fragments = translated.get(entity.id, list(entity.fragments))
        problem = _find_problem(text, entity, fragments)
        if problem:
            place = _find_place(text, entity, fragments)
            if not place or not options.repair_offsets:
                _report_misplaced(record, entity, problem, place, report)
                continue
            fragments = [place]
            report.repair("offsets moved to the stored text")
        stretch = _join(record, entity, fragments, options, report)
        if stretch or options.discontinuous == "drop":
            located[entity.id] = [stretch] if stretch else []
    return located


def _find_problem(text: str, entity: EntityRecord, fragments: Fragments) -> str:
    for start, end in fragments:
        if start < 0 or end > len(text):
            return (
                f"offsets {start}-{end} are outside the text, which has {len(text)} "
                f"characters"
            )
        if end <= start:
            return f"offsets {start}-{end} are empty, expected start < end"
    if not _agrees(text, entity, fragments):
        covered = " ".join(text[start:end] for start, end in fragments)
        return (
            f"{entity.text_name} {show(entity.text)} is not the text at "
            f"{_show_offsets(fragments)}, {show(covered)}"
        )
    return ""


def _agrees(text: str, entity: EntityRecord, fragments: Fragments) -> bool:
    if entity.text is None:
        return True
    return same_text(" ".join(text[start:end] for start, end in fragments), entity.text)


def same_text(covered: str, stated: str) -> bool:
    """RETURNS (bool): whether texts only differ in whitespace, since tools write line
    breaks and gaps of entities differently, or in the Unicode form of accents."""
    return covered == stated or _simplify(covered) == _simplify(stated)


def _simplify(text: str) -> str:
    return unicodedata.normalize("NFC", "".join(text.split()))


def _fits(text: str, entity: EntityRecord, fragments: Fragments) -> bool:
    return not _find_problem(text, entity, fragments)


def _find_place(
    text: str, entity: EntityRecord, fragments: Fragments
) -> Optional[Offsets]:
    """Find the text of a contiguous entity: at its start, or otherwise at a unique
    position nearby."""
    stated = entity.text
    if not stated or len(fragments) > 1:
        return None
    start, end = fragments[0]
    if not -REACH <= start <= len(text) + REACH:
        return None
    if start < 0 or not text.startswith(stated, start):
        low = max(0, start - REACH)
        window = text[low : start + REACH + len(stated)]
        at = window.find(stated)
        if at < 0 or window.find(stated, at + 1) >= 0:
            return None
        start = low + at
    is_near = abs(start + len(stated) - end) <= REACH
    return (start, start + len(stated)) if is_near else None


def _report_misplaced(
    record: Record,
    entity: EntityRecord,
    problem: str,
    place: Optional[Offsets],
    report: Report,
) -> None:
    advice = "Correct the offsets."
    if entity.text_name != "text":
        advice = "Correct the offsets, or which tokens are its first and last."
    if place:
        where, hint = _compare(entity, place)
        advice = f"This text is {where}: --repair-offsets moves it there."
        report.hint(hint)
    report.error(
        ENTITIES,
        "offsets do not fit the text",
        f"{record.place(entity)}: {problem}; entity {entity.label!r} not "
        f"converted. {advice}",
    )


def _compare(entity: EntityRecord, place: Offsets) -> Tuple[str, str]:
    """Describe where a text was found, with advice if it applies to the whole file."""
    shift = place[0] - entity.start
    if shift:
        direction = "before" if shift < 0 else "after"
        distance = f"{plural(abs(shift), 'character')} {direction}"
        return distance, (
            f"texts of entities are {distance} their offsets; if that applies to the "
            "whole file, its texts were edited after annotation. --repair-offsets "
            "moves such entities"
        )
    kind = "are wrong"
    if place[1] == entity.end + 1:
        kind = "look inclusive (that of the last character, not of the next one)"
    return f"at {place[0]}-{place[1]}", (
        f"ends of entities {kind}: their texts begin at their offsets and end "
        f"elsewhere. --repair-offsets moves such ends"
    )


def _show_offsets(fragments: Fragments) -> str:
    return ";".join(f"{start}-{end}" for start, end in fragments)


def _join(
    record: Record,
    entity: EntityRecord,
    fragments: Fragments,
    options: Options,
    report: Report,
) -> Optional[Offsets]:
    """Join the pieces of an entity to a span, without surrounding whitespace."""
    text = record.text
    trimmed = [trim(text, start, end) for start, end in sorted(fragments)]
    pieces = [(start, end) for start, end in trimmed if start < end]
    if not pieces:
        report.error(
            ENTITIES,
            "only whitespace",
            f"{record.place(entity)}: offsets {_show_offsets(fragments)} cover "
            f"only whitespace; entity {entity.label!r} not converted. Correct them.",
        )
        return None
    if trimmed != sorted(fragments):
        report.repair("whitespace around an entity trimmed")
    merged = join_pieces(text, pieces)
    if len(merged) == 1:
        if len(fragments) > 1:
            report.note("pieces of an entity joined over whitespace")
        return merged[0]
    return _choose(record, entity, merged, options, report)


def _choose(
    record: Record,
    entity: EntityRecord,
    pieces: Sequence[Offsets],
    options: Options,
    report: Report,
) -> Optional[Offsets]:
    if options.discontinuous == "hull":
        report.repair("discontinuous entity: from first to last piece")
        return (pieces[0][0], max(end for _, end in pieces))
    if options.discontinuous == "first":
        report.repair("discontinuous entity: first piece only")
        return pieces[0]
    if options.discontinuous == "drop":
        report.skipped(ENTITIES, "discontinuous")
        return None
    report.error(
        ENTITIES,
        "discontinuous",
        f"{record.place(entity)}: the entity has {len(pieces)} pieces "
        f"({_show_offsets(list(pieces))}), expected one; entity {entity.label!r} not "
        f"converted. --discontinuous hull keeps it.",
    )
    return None


def trim(text: str, start: int, end: int) -> Offsets:
    """RETURNS (Tuple[int, int]): offsets without leading and trailing whitespace."""
    piece = text[start:end]
    start += len(piece) - len(piece.lstrip())
    return (start, start + len(piece.strip()))


def join_pieces(text: str, pieces: Sequence[Offsets]) -> List[Offsets]:
    """RETURNS (List[Tuple[int, int]]): sorted pieces, joined if only whitespace is
    between them."""
    merged = list(pieces[:1])
    for start, end in pieces[1:]:
        if text[merged[-1][1] : start].strip():
            merged.append((start, end))
        else:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
    return merged


def _translate(record: Record, report: Report) -> Dict[str, Fragments]:
    """Convert fragments to code points, if all of a document only fit in another unit.

    They fit if they match the texts in the file. Without texts, see `_find_clusters`.
    """
    text = record.text
    checked = [entity for entity in record.entities if entity.text is not None]
    if not checked:
        return _find_clusters(record, report) if record.may_count_clusters else {}
    if all(_fits(text, entity, list(entity.fragments)) for entity in checked):
        return {}
    for unit, positions in _units(record):
        found = _convert(record, positions)
        if all(_fits(text, entity, found[entity.id]) for entity in checked):
            report.repair(f"offsets in {unit}", len(record.entities))
            return found
    return {}


def _convert(record: Record, positions: Dict[int, int]) -> Dict[str, Fragments]:
    """Convert fragments by a map of offsets; -1 for those that it doesn't have."""
    return {
        x.id: [(positions.get(s, -1), positions.get(e, -1)) for s, e in x.fragments]
        for x in record.entities
    }


def _find_clusters(record: Record, report: Report) -> Dict[str, Fragments]:
    """Convert fragments from grapheme clusters, if only those can be meant.

    Then, all consist of whole words in clusters, and as they are, some start or end
    inside words: even inside clusters, or none that would move starts a word. In
    several languages, correct entities end inside words, but they start words.
    """
    text = record.text
    positions = dict(_units(record)).get(GRAPHEMES)
    if positions is None or all(_is_on_words(text, x) for x in record.entities):
        return {}
    found = _convert(record, positions)
    clusters = [replace(x, fragments=found[x.id]) for x in record.entities]
    moved = [x for x in record.entities if found[x.id] != list(x.fragments)]
    ends = {x for entity in moved for piece in entity.fragments for x in piece}
    if all(_is_on_words(text, x) and _starts_word(text, x) for x in clusters):
        is_split = any(_continues(text, x) for x in ends if 0 <= x < len(text))
        if is_split or not any(_starts_word(text, entity) for entity in moved):
            report.repair(f"offsets in {GRAPHEMES}", len(clusters))
            return found
    report.hint(
        "entities begin or end inside words, in texts with letters of several "
        "characters (accents, emoji); if the project counts such grapheme "
        "clusters as one, look at their texts, and export without that setting"
    )
    return {}


def _is_on_words(text: str, entity: EntityRecord) -> bool:
    """Whether an entity is in the text, and starts and ends at word boundaries."""
    return all(
        0 <= start < end <= len(text)
        and _is_border(text, start)
        and _is_border(text, end)
        for start, end in entity.fragments
    )


def _starts_word(text: str, entity: EntityRecord) -> bool:
    """Whether all pieces of an entity start with a word, or with punctuation."""
    starts = [start for start, _ in entity.fragments]
    return all(
        0 <= start < len(text) and _is_border(text, start) and not text[start].isspace()
        for start in starts
    )


def _is_border(text: str, at: int) -> bool:
    if at in (0, len(text)):
        return True
    is_inside = text[at - 1].isalnum() and text[at].isalnum()
    return not is_inside and not _continues(text, at)


def _units(record: Record) -> List[Tuple[str, Dict[int, int]]]:
    """List the units that differ from code points in a text, with offset → index."""
    text = record.text
    units = []
    for name, width in UNITS.items():
        positions, size = map_offsets(text, width)
        if size != len(text):
            units.append((name, positions))
    if record.bom:
        positions = {i + 1: i for i in range(len(text) + 1)}
        units.append(("characters after a byte order mark", positions))
    return units


def map_offsets(text: str, width: Width) -> Tuple[Dict[int, int], int]:
    """Map the offsets in some unit to a text.

    text (str): the text.
    width (Callable[[str, int], int]): width of a character in this unit, as in `UNITS`.
    RETURNS (Tuple[Dict[int, int], int]): offset → index, and the length of the text in
        this unit.
    """
    positions: Dict[int, int] = {}
    offset = 0
    for i in range(len(text)):
        positions.setdefault(offset, i)
        offset += width(text, i)
    positions.setdefault(offset, len(text))
    return positions, offset


def _utf16(text: str, i: int) -> int:
    return 2 if ord(text[i]) > 0xFFFF else 1


def _utf8(text: str, i: int) -> int:
    return len(text[i].encode("utf8"))


def _continues(text: str, i: int) -> bool:
    """Whether a character continues a grapheme cluster: accents, variation selectors,
    joined emoji, skin tones, the second half of a flag."""
    if i == 0:
        return False
    if text[i] == JOINER or unicodedata.category(text[i]) in ("Mn", "Me", "Mc"):
        return True
    if text[i - 1] == JOINER or text[i - 1 : i + 1] == "\r\n":
        return True
    if FLAGS[0] <= text[i] <= FLAGS[1]:
        return i in _find_second_halves(text)
    return SKINS[0] <= text[i] <= SKINS[1]


@lru_cache(maxsize=1)
def _find_second_halves(text: str) -> Set[int]:
    """RETURNS (Set[int]): the second letter of each flag."""
    runs = re.finditer(f"[{FLAGS[0]}-{FLAGS[1]}]+", text)
    return {i for run in runs for i in range(run.start() + 1, run.end(), 2)}


def _grapheme(text: str, i: int) -> int:
    # at the last character of a cluster, since the next offset is after all of it
    return 0 if i + 1 < len(text) and _continues(text, i + 1) else 1


def _line_end_as_one(text: str, i: int) -> int:
    return 0 if text[i : i + 2] == "\r\n" else 1


def _line_end_as_two(text: str, i: int) -> int:
    return 2 if text[i] == "\n" and text[i - 1 : i] != "\r" else 1


def _without_mark(text: str, i: int) -> int:
    return 0 if i == 0 and text[0] == "\ufeff" else 1


UTF16 = "UTF-16 units"
BYTES = "UTF-8 bytes"
# Unicode Standard Annex 29, without rare cases
GRAPHEMES = "grapheme clusters"
JOINER = "\u200d"
FLAGS = ("\U0001f1e6", "\U0001f1ff")
SKINS = ("\U0001f3fb", "\U0001f3ff")
UNITS: Dict[str, Width] = {
    UTF16: _utf16,
    BYTES: _utf8,
    "characters with line ends as one": _line_end_as_one,
    "characters with line ends as two": _line_end_as_two,
    "characters without the byte order mark": _without_mark,
    GRAPHEMES: _grapheme,
}

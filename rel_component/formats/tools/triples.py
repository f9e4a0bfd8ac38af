"""Triples without offsets: CasRel, NYT, WebNLG, DuIE, TPLinker.

A text, and `[subject, relation, object]` as strings: `triple_list` (CasRel),
`relationMentions` (NYT), `spo_list` (DuIE 1 and 2, CMeIE), `relation_list` (TPLinker,
with optional character offsets, with exclusive ends). Without offsets, mentions are
looked up in the text: whole words are preferred to parts of words, and occurrences
inside of longer mentions are only used if there are no others. If there are still
several, they are counted, and `--occurrences` chooses between them.
Source: github.com/weizhepei/CasRel, data/*/build_data.py;
github.com/131250208/TPlinker-joint-extraction, README.md; ai.baidu.com, DuIE2.0.
"""

import unicodedata
from pathlib import Path
from typing import (
    Any,
    Callable,
    Dict,
    Iterable,
    Iterator,
    List,
    NamedTuple,
    Optional,
    Tuple,
)

from ..base import ENTITY_LABEL, Format, Option, Options, Preview
from ..fields import (
    AMBIGUOUS,
    EndpointError,
    FieldError,
    add_id,
    check,
    check_offsets,
    check_text,
    get,
    get_list,
    get_relation_list,
    get_text,
    show,
    skip_document,
)
from ..items import Items
from ..json_values import iter_json
from ..record import EntityRecord, Offsets, Record, Source
from ..report import ENTITIES, RELATIONS, Report

OCCURRENCES = Option(
    "occurrences",
    "first",
    "occurrences of a repeated mention to use: the first, all, or none (skips its "
    "relations)",
    choices=("first", "all", "refuse"),
)
TEXTS = ("text", "sentText")
INSIDE = "places inside longer mentions passed over"
PARTS = "mentions found as parts of words only"
FOLDED = "mentions found without their accents or capitals"
SEVERAL = "mentions that occur several times in the text: {}"
SLOTS = "further slots of objects"
MISSING = "not in the text"


class Mention(NamedTuple):
    """The subject or object of a triple, or a listed entity.

    text (str): its text in the file.
    label (str): its type; empty if missing.
    span (Optional[Tuple[int, int]]): its characters, if given.
    """

    text: str
    label: str = ""
    span: Optional[Offsets] = None


class Triple(NamedTuple):
    """A relation between two mentions."""

    head: Mention
    label: str
    tail: Mention


def read(path: Path, options: Options, report: Report) -> Iterator[Record]:
    """Read triples, and look up their mentions.

    path (Path): the file, with any suffix: a list, or a text per line.
    options (Options): `occurrences`, `entity_label`, `entities_only`.
    report (Report): counts items and problems.
    YIELDS (Record): one per text.
    RAISES (FormatError): if it's not a JSON file.
    """
    key = next(iter(FORMS))
    for source, value in iter_json(path, options, report):
        source = add_id(source, value, "id")
        key = _find_key(value) or key
        try:
            yield _Text(value, key, source, options, report).read()
        except FieldError as error:
            kinds = {**ENTITY_LISTS, key: RELATIONS}
            skip_document(source, value, error, kinds, report)


class _Text:
    """State while reading one text."""

    def __init__(
        self, value: Any, key: str, source: Source, options: Options, report: Report
    ) -> None:
        self.obj: Dict[str, Any] = check(value, dict, "the document")
        self.key = key
        self.options = options
        self.report = report
        name = next((name for name in TEXTS if name in self.obj), TEXTS[0])
        self.text = get_text(self.obj, name)
        self.items = Items(source, report)
        self.listed: Dict[str, List[Any]] = {
            name: get_list(self.obj, name) for name in ENTITY_LISTS
        }
        links = get_relation_list(self.obj, options, report, key=key)
        self.has_links = links is not None
        self.links = links or []
        # types of mentions that are listed separately from relations
        self.types: Dict[str, str] = {}
        # entities of each mention
        self.found: Dict[Mention, List[EntityRecord]] = {}
        self.longer = list(self._list_texts())

    def read(self) -> Record:
        for name, values in self.listed.items():
            for i, value in enumerate(values):
                field = f"{name}[{i}]"
                with self.items.entity(*_peek(value, "text")):
                    self._add_listed(self._read_listed(value, field), f"{field}.text")
        for i, value in enumerate(self.links):
            field = f"{self.key}[{i}]"
            with self.items.relation(*_peek_label(value)):
                self._relate(FORMS[self.key](value, field, self.report), field)
        known = {*TEXTS, self.key, *ENTITY_LISTS, "id"}
        return Record(
            self.text,
            self.items.source,
            self.items.entities,
            self.items.relations,
            complete=self.options.complete and self.has_links,
            meta={key: self.obj[key] for key in self.obj if key not in known},
        )

    def _read_listed(self, value: Any, field: str) -> Mention:
        obj = check(value, dict, field)
        text = get_text(obj, "text", field)
        label = next((obj[key] for key in ("label", "type") if key in obj), None)
        label = "" if label is None else check_text(label, f"{field}.label")
        self.types.setdefault(text, label)
        return Mention(text, label, _read_span(obj, "char_span", field))

    def _add_listed(self, mention: Mention, path: str) -> None:
        if mention in self.found:
            self.report.read(ENTITIES)
            self.report.merged(ENTITIES, "mentions listed again")
        self._find(mention, path)

    def _relate(self, triple: Triple, field: str) -> None:
        before = len(self.items.entities)
        try:
            heads, tails = (
                self._find_end(end, f"{field}.{side}")
                for side, end in (("subject", triple.head), ("object", triple.tail))
            )
        finally:
            # entities that only occur in relations
            self.report.read(ENTITIES, len(self.items.entities) - before)
        pairs = [(h, t) for h in heads for t in tails if h is not t]
        for head, tail in pairs or [(heads[0], tails[0])]:
            self.items.relate(triple.label, head.id, tail.id, field)

    def _find_end(self, end: Mention, path: str) -> List[EntityRecord]:
        label = end.label or self.types.get(end.text, "")
        return self._find(end._replace(label=label), path)

    def _find(self, mention: Mention, path: str) -> List[EntityRecord]:
        """Get the entities of a mention, and create them the first time.

        RAISES (FieldError): if it's not in the text, or occurs several times and
            `--occurrences` is refuse.
        """
        if mention not in self.found:
            spans = self._place(mention, path)
            label = mention.label or self.options[ENTITY_LABEL]
            self.found[mention] = [
                self._add(mention, label, span, path) for span in spans
            ]
        return self.found[mention]

    def _add(
        self, mention: Mention, label: str, span: Offsets, path: str
    ) -> EntityRecord:
        entity = self.items.add(label, *span, path)
        entity.id = f"{path}@{span[0]}"
        if mention.span is not None:
            entity.text = mention.text
        return entity

    def _place(self, mention: Mention, path: str) -> List[Offsets]:
        """Locate a mention."""
        if mention.span is not None:
            return [mention.span]
        spans = self._look_up(mention.text)
        if not spans:
            raise EndpointError(
                path,
                f"{show(mention.text)} is not in the text, expected a part of it",
                MISSING,
            )
        if len(spans) == 1:
            return spans
        policy = self.options[OCCURRENCES]
        if policy == "refuse":
            places = ", ".join(f"{start}-{end}" for start, end in spans[:5])
            raise EndpointError(
                path,
                f"{show(mention.text)} occurs {len(spans)} times in the text (at "
                f"{places}), expected once; --occurrences first or all takes the "
                f"first or all of them",
                AMBIGUOUS,
            )
        self.report.note(SEVERAL.format(policy))
        return spans if policy == "all" else spans[:1]

    def _look_up(self, mention: str) -> List[Offsets]:
        spans = list(_find_all(self.text, mention))
        if not spans:
            folded, places = _fold(self.text)
            found = _find_all(folded, _fold(mention)[0])
            spans = [(places[start], places[end]) for start, end in found]
            self.report.note(FOLDED, int(bool(spans)))
        whole = [span for span in spans if _is_whole(self.text, *span)]
        self.report.note(PARTS, int(bool(spans) and not whole))
        spans = whole or spans
        outer = [
            place
            for other in self.longer
            if len(other) > len(mention) and mention in other
            for place in _find_all(self.text, other)
        ]
        apart = [
            (start, end)
            for start, end in spans
            if not any(low <= start and end <= high for low, high in outer)
        ]
        if apart:
            self.report.note(INSIDE, int(len(apart) < len(spans)))
        return apart or spans

    def _list_texts(self) -> Iterator[str]:
        """List the texts of all mentions that can be read."""
        for values in self.listed.values():
            yield from (text for value in values for text in _peek(value, "text"))
        for value in self.links:
            try:
                triple = FORMS[self.key](value, "", Report())
            except FieldError:
                continue  # reported later
            yield from (triple.head.text, triple.tail.text)


def _find_all(text: str, mention: str) -> Iterator[Offsets]:
    """Find the occurrences of a mention, without overlaps."""
    start = text.find(mention)
    while start >= 0:
        yield start, start + len(mention)
        start = text.find(mention, start + len(mention))


def _fold(text: str) -> Tuple[str, List[int]]:
    """RETURNS (Tuple[str, List[int]]): the lowercase text without accents, and where
    each of its characters, and the end, is in the text."""
    kept = [
        (unicodedata.normalize("NFKD", char)[0].lower()[0], i)
        for i, char in enumerate(text)
        if not unicodedata.combining(char)
    ]
    return "".join(char for char, _ in kept), [*(i for _, i in kept), len(text)]


def _is_whole(text: str, start: int, end: int) -> bool:
    """Whether a span of text starts and ends at word boundaries."""
    return not any(
        0 < at < len(text) and _is_letter(text[at - 1]) and _is_letter(text[at])
        for at in (start, end)
    )


def _is_letter(char: str) -> bool:
    # Chinese, Japanese and Korean have no spaces between words
    return char.isalnum() and char < "\u2e80"


def _read_span(obj: Dict[str, Any], key: str, field: str) -> Optional[Offsets]:
    """Read the characters in TPLinker, if given."""
    if obj.get(key) is None:
        return None
    return check_offsets(obj[key], f"{field}.{key}")


def _read_casrel(value: Any, field: str, report: Report) -> Triple:
    if len(check(value, list, field)) != 3:
        raise FieldError(
            field, f"found {show(value)}, expected [subject, relation, object]"
        )
    head, label, tail = (
        check_text(part, f"{field}[{i}]") for i, part in enumerate(value)
    )
    return Triple(Mention(head), label, Mention(tail))


def _read_nyt(value: Any, field: str, report: Report) -> Triple:
    obj = check(value, dict, field)
    head, tail = (get_text(obj, f"em{i}Text", field) for i in (1, 2))
    return Triple(Mention(head), get_text(obj, "label", field), Mention(tail))


def _read_duie(value: Any, field: str, report: Report) -> Triple:
    if isinstance(value, list):
        return _read_casrel(value, field, report)
    obj = check(value, dict, field)
    head, tail = (_read_slot(obj, side, field) for side in ("subject", "object"))
    report.ignored(SLOTS, _count_slots(obj.get("object")))
    return Triple(head, get_text(obj, "predicate", field), tail)


def _read_slot(obj: Dict[str, Any], side: str, field: str) -> Mention:
    """Read a string, or in DuIE 2 an object of slots, with `@value` as the main one."""
    has_type = f"{side}_type" in obj
    label = _read_value(obj, f"{side}_type", field) if has_type else ""
    return Mention(_read_value(obj, side, field), label)


def _read_value(obj: Dict[str, Any], key: str, field: str) -> str:
    if isinstance(get(obj, key, (str, dict), field), dict):
        return get_text(obj[key], "@value", f"{field}.{key}")
    return get_text(obj, key, field)


def _count_slots(value: Any) -> int:
    return len(value.keys() - {"@value"}) if isinstance(value, dict) else 0


def _read_tplinker(value: Any, field: str, report: Report) -> Triple:
    obj = check(value, dict, field)
    head, tail = (
        Mention(get_text(obj, side, field), span=_read_span(obj, key, field))
        for side, key in (("subject", "subj_char_span"), ("object", "obj_char_span"))
    )
    return Triple(head, get_text(obj, "predicate", field), tail)


def _peek(value: Any, key: str) -> List[str]:
    found = value.get(key) if isinstance(value, dict) else None
    return [found] if isinstance(found, str) and found.strip() else []


def _peek_label(value: Any) -> List[str]:
    """Get the label of a triple if present, for messages."""
    if isinstance(value, list):
        return [part for part in value[1:2] if isinstance(part, str)]
    return _peek(value, "predicate") or _peek(value, "label")


FORMS: Dict[str, Callable[[Any, str, Report], Triple]] = {
    "triple_list": _read_casrel,
    "relationMentions": _read_nyt,
    "spo_list": _read_duie,
    "relation_list": _read_tplinker,
}
ENTITY_LISTS = {"entityMentions": ENTITIES, "entity_list": ENTITIES}


def _find_key(value: Any) -> Optional[str]:
    keys: Iterable[str] = value if isinstance(value, dict) else ()
    return next((key for key in FORMS if key in keys), None)


def _looks_like(preview: Preview) -> bool:
    return any(preview.has(name) for name in TEXTS) and bool(_find_key(preview.value))


FORMAT = Format(
    "triples",
    "triples without offsets: CasRel, NYT, WebNLG, DuIE, TPLinker (JSON)",
    read,
    _looks_like,
    options=(OCCURRENCES, ENTITY_LABEL),
)

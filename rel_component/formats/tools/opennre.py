"""OpenNRE and FewRel: sentences with one pair of entities, `h` and `t`.

OpenNRE has an item per line, `{"text" or "token", "h": {"name", "pos"}, "t",
"relation"}`, with characters of a text or words, and exclusive ends. Some of its data
sets have inclusive ends, which is detected if only that matches the names. FewRel has
an object of lists by relation, with all words of each mention: `"h": [name, id, [[3,
4]]]`. Other pairs of a sentence are not annotated.
Source: github.com/thunlp/OpenNRE, opennre/encoder/base_encoder.py;
github.com/thunlp/FewRel, fewshot_re_kit/data_loader.py.
"""

from itertools import count
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional, Sequence, Tuple

from ..base import ENTITY_LABEL, Format, Options, Preview
from ..fields import (
    FieldError,
    add_id,
    check,
    check_offsets,
    get,
    get_text,
    show,
    skip_document,
)
from ..io import decode, read_bytes
from ..items import Items, peek
from ..json_values import iter_json, parse
from ..mentions import MENTIONS, Concepts
from ..pairs import MERGE_PAIRS, join_pairs
from ..record import EntityRecord, Offsets, Record, Source
from ..report import DOCUMENTS, ENTITIES, RELATIONS, Report
from ..sniff import read_preview
from ..words import check_words, join_words, squeeze

SIDES = ("h", "t")
TEXTS = ("text", "token", "tokens")
KNOWN = {*SIDES, *TEXTS, "relation"}
KINDS = {"entities": ENTITIES, "relations": RELATIONS}
INCLUSIVE = "ends that name the last word or character, as the names say: moved on"
# location of an item, its name in messages, and the item
Found = Tuple[Source, str, Any]


def read(path: Path, options: Options, report: Report) -> Iterator[Record]:
    """Read a data set of OpenNRE (JSON lines) or FewRel (one JSON object).

    path (Path): the file, with any suffix (OpenNRE uses `.txt`).
    options (Options): `entity_label`; `merge_pairs` combines the pairs of a sentence in
        one document; `mentions` chooses the related mentions in FewRel;
        `entities_only` accepts items without a relation.
    report (Report): counts items and problems.
    YIELDS (Record): one per item, or per sentence.
    RAISES (FormatError): if it's not a JSON file.
    """
    yield from join_pairs(_iter_records(path, options, report), options, report)


def _iter_records(path: Path, options: Options, report: Report) -> Iterator[Record]:
    for source, name, value in _iter_items(path, options, report):
        source = add_id(source, value, "id")
        try:
            yield _Item(value, name, source, options, report).read()
        except FieldError as error:
            skip_document(source, _list_contents(value), error, KINDS, report)


def _iter_items(path: Path, options: Options, report: Report) -> Iterator[Found]:
    if not _is_fewrel(read_preview(path, options.encoding).value):
        for source, value in iter_json(path, options, report):
            yield source, "", value
        return
    text = decode(read_bytes(path), path, options.encoding)
    indices = count()
    for label, values in parse(text, Source(str(path))).items():
        is_list = isinstance(values, list)
        for i, value in enumerate(values if is_list else [values]):
            report.read(DOCUMENTS)
            item = {**value, "relation": label} if isinstance(value, dict) else value
            name = f"{label}[{i}]" if is_list else label
            yield Source(str(path), index=next(indices)), name, item


def _list_contents(value: Any) -> Dict[str, Any]:
    """List the contents of an item, to count them."""
    obj = value if isinstance(value, dict) else {}
    sides = [side for side in SIDES if side in obj]
    return {"entities": sides, "relations": ["relation"] * ("relation" in obj)}


class _Item:
    """State while reading one item."""

    def __init__(
        self, value: Any, name: str, source: Source, options: Options, report: Report
    ) -> None:
        self.obj: Dict[str, Any] = check(value, dict, name or "the item")
        self.name = name
        self.options = options
        self.items = Items(source, report, "item")
        self.tokens: Optional[List[Offsets]] = None
        self.text = self._read_text()
        self.concepts = Concepts(options[MENTIONS], directed=True)

    def _read_text(self) -> str:
        key = next((key for key in TEXTS if key in self.obj), TEXTS[0])
        if key == "text":
            return get_text(self.obj, key, self.name)
        words = check_words(get(self.obj, key, list, self.name), self._field(key))
        if not any(word.strip() for word in words):
            raise FieldError(self._field(key), f"found {show(words)}, expected words")
        text, self.tokens = join_words(words)
        return text

    def _field(self, name: str) -> str:
        return f"{self.name}.{name}" if self.name else name

    def read(self) -> Record:
        for side in SIDES:
            with self.items.entity():
                self._read_end(side)
        if self.obj.get("relation") is None and self.options.entities_only:
            self.items.report.note("items without a relation")
        else:
            with self.items.relation(*peek(self.obj, "relation")):
                self._read_relation()
        return Record(
            self.text,
            self.items.source,
            self.items.entities,
            self.items.relations,
            tokens=self.tokens,
            # no other pair was annotated, nor this one in the opposite direction
            complete=False,
            meta={key: self.obj[key] for key in self.obj if key not in KNOWN},
        )

    def _read_end(self, side: str) -> None:
        field = self._field(side)
        self.items.claim(side, field)
        value = get(self.obj, side, (dict, list), self.name)
        if isinstance(value, dict):
            label = check(value.get("type"), (str, type(None)), f"{field}.type")
            spans = [[self._read_pos(value, field)]]
            id_ = value.get("id")
        else:
            label, id_ = None, value[1] if len(value) == 3 else None
            spans = self._read_mentions(value, field)
        for i, pieces in enumerate(spans):
            place = field if len(spans) == 1 else f"{field}[2][{i}]"
            entity = self.items.add(
                label or self.options[ENTITY_LABEL], *pieces[0], place
            )
            entity.fragments = pieces
            if isinstance(value, dict):
                self._check_name(entity, value.get("name"))
            if isinstance(id_, str) and id_.strip():
                entity.attrs["kb_id"] = id_
            if not i:
                self.items.name(side, entity)
            self.items.report.note("further mentions of an entity", int(i > 0))
            self.concepts.add([side], entity)

    def _check_name(self, entity: EntityRecord, name: Any) -> None:
        """Let the text of characters be compared with the name, except for its case."""
        if self.tokens is None and isinstance(name, str):
            shown = squeeze(self.text[entity.start : entity.end])
            if shown.casefold() != squeeze(name).casefold():
                entity.text, entity.text_name = name, "name"

    def _read_pos(self, value: Dict[str, Any], field: str) -> Offsets:
        """Get the characters of an entity in OpenNRE."""
        start, end = check_offsets(get(value, "pos", list, field), f"{field}.pos")
        n = len(self.text if self.tokens is None else self.tokens)
        if 0 <= start <= end < n and self._ends_later(value, start, end):
            self.items.report.repair(INCLUSIVE)
            end += 1
        # with a text to compare, offsets may turn out to be in other units
        is_checked = self.tokens is None and isinstance(value.get("name"), str)
        if not 0 <= start < end or (end > n and not is_checked):
            unit = "word" if self.tokens else "character"
            raise FieldError(
                f"{field}.pos",
                f"found {unit}s {show(start)} to {show(end)}, expected 0 <= start < "
                f"end <= {n}, end being the {unit} after the last one",
            )
        return self._span(start, end)

    def _ends_later(self, value: Dict[str, Any], start: int, end: int) -> bool:
        """Whether the name includes the word or character at the end."""
        name = value.get("name")
        if not isinstance(name, str):
            return False
        found = ("" if start == end else self._show(start, end)) == squeeze(name)
        return not found and self._show(start, end + 1) == squeeze(name)

    def _show(self, start: int, end: int) -> str:
        return squeeze(self.text[slice(*self._span(start, end))])

    def _span(self, start: int, end: int) -> Offsets:
        if self.tokens is None:
            return start, end
        return self.tokens[start][0], self.tokens[end - 1][1]

    def _read_mentions(self, value: List[Any], field: str) -> List[List[Offsets]]:
        """Get the pieces of each mention of an entity in FewRel."""
        if len(value) != 3 or not check(value[2], list, f"{field}[2]"):
            raise FieldError(
                field, f"found {show(value)}, expected [name, id, [[word, ...], ...]]"
            )
        return [
            self._read_words(words, f"{field}[2][{i}]")
            for i, words in enumerate(value[2])
        ]

    def _read_words(self, value: Any, field: str) -> List[Offsets]:
        n = len(self.tokens or ())
        words = [check(w, int, field) for w in check(value, list, field)]
        if not words or not all(0 <= word < n for word in words):
            raise FieldError(
                field, f"found {show(value)}, expected words from 0 to {n - 1}"
            )
        return [self._span(first, last + 1) for first, last in _find_runs(words)]

    def _read_relation(self) -> None:
        field = self._field("relation")
        if "relation" not in self.obj:
            raise FieldError(
                field,
                "missing, expected a label; if pairs are not labelled, use "
                "--entities-only to read their entities",
            )
        label = get_text(self.obj, "relation", self.name)
        for side in SIDES:
            self.items.resolve(side, field)
        for pair in self.concepts.relate(["h"], ["t"]):
            self.items.relate(label, *pair, field)


def _find_runs(words: Sequence[int]) -> List[Offsets]:
    """Get first and last word of each run of consecutive words."""
    runs: List[Offsets] = []
    for word in sorted(set(words)):
        if runs and word == runs[-1][1] + 1:
            runs[-1] = (runs[-1][0], word)
        else:
            runs.append((word, word))
    return runs


def _is_fewrel(value: Any) -> bool:
    if not isinstance(value, dict) or _is_item(value):
        return False
    lists = [found for found in value.values() if isinstance(found, list)]
    first = next((found[0] for found in lists if found), None)
    return len(lists) == len(value) and _is_item(first)


def _is_item(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and "h" in value
        and "t" in value
        and any(key in value for key in TEXTS)
    )


def _looks_like(preview: Preview) -> bool:
    return _is_item(preview.value) or _is_fewrel(preview.value)


FORMAT = Format(
    "opennre",
    "OpenNRE (JSON lines) or FewRel (JSON)",
    read,
    _looks_like,
    options=(ENTITY_LABEL, MENTIONS, MERGE_PAIRS),
)

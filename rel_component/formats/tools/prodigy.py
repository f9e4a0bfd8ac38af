"""Prodigy `rel.manual` JSONL: one task per line.

`head` and `child` of a relation are the index of the *last* token of a span, unlike in
UBIAI; `head_span` and `child_span` contain the spans with character offsets.
Source: prodi.gy/docs/api-interfaces; tutorials/rel_component of explosion/projects.
"""

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any, DefaultDict, Dict, Iterator, List, Optional, Tuple

from ..base import Format, Option, Options, Preview
from ..fields import (
    EndpointError,
    FieldError,
    check,
    count_contents,
    get,
    get_list,
    get_relation_list,
    get_text,
    show,
    skip_document,
)
from ..items import Items, peek
from ..json_values import iter_json
from ..record import Offsets, Record, Source, Version
from ..report import DOCUMENTS, ENTITIES, RELATIONS, Report
from ..tokens import load_tokenizer
from ..versions import parse_time

ACCEPT_UNANSWERED = Option("accept_unanswered", False, "read tasks without an answer")
BARE_TOKEN_LABEL: Option[Optional[str]] = Option(
    "bare_token_label", None, "entity type for heads and tails that are only a token"
)
KNOWN = {"text", "tokens", "spans", "relations"}
KINDS = {"spans": ENTITIES, "relations": RELATIONS}
ANSWERS = ("accept", "reject", "ignore")


def read(path: Path, options: Options, report: Report) -> Iterator[Record]:
    """Read tasks exported by `prodigy db-out`; only accepted ones are converted.

    path (Path): the file, with any suffix.
    options (Options): `accept_unanswered`, `bare_token_label`.
    report (Report): counts items and problems.
    YIELDS (Record): one per accepted task.
    RAISES (FormatError): if it's not a JSON file.
    """
    for source, value in iter_json(path, options, report):
        try:
            obj = check(value, dict, "the task")
            if _is_accepted(obj, options, report):
                yield _Task(obj, source, options, report).read()
        except FieldError as error:
            skip_document(source, value, error, KINDS, report)


def _is_accepted(obj: Dict[str, Any], options: Options, report: Report) -> bool:
    answer = obj.get("answer")
    if answer is None:
        if options[ACCEPT_UNANSWERED]:
            report.note("tasks without an answer accepted")
            return True
        _skip(obj, "no answer", report)
        report.hint(
            "tasks without an 'answer' are not annotated yet and were skipped; use "
            "--accept-unanswered to read them"
        )
        return False
    if answer not in ANSWERS:
        raise FieldError(
            "answer", f"found {show(answer)}, expected one of {', '.join(ANSWERS)}"
        )
    if answer != "accept":
        _skip(obj, f"answer={answer}", report)
    return answer == "accept"


def _skip(obj: Dict[str, Any], reason: str, report: Report) -> None:
    report.skipped(DOCUMENTS, reason)
    for kind, n in count_contents(obj, KINDS):
        report.read(kind, n)
        report.skipped(kind, reason, n)


def _make_version(obj: Dict[str, Any]) -> Optional[Version]:
    """Get annotator and time; None without Prodigy's metadata."""
    keys = ("_annotator_id", "_session_id")
    names = [obj.get(key) for key in keys if isinstance(obj.get(key), (str, int))]
    input_hash = obj.get("_input_hash")
    if not names and input_hash is None:
        return None
    # with the text, since hashes may be set by hand
    of = f"{'' if input_hash is None else input_hash} {obj['text']}"
    by = tuple(dict.fromkeys(map(str, names)))
    return Version(f"prodigy {of}", by, parse_time(obj.get("_timestamp")))


@dataclass
class _Extent:
    """The position of an entity, in tokens (if known) and characters."""

    id: str
    label: str
    start: int
    end: int
    first: Optional[int]
    last: Optional[int]


class _Extents:
    """The entities of a task by position, without duplicates."""

    def __init__(self) -> None:
        self.all: List[_Extent] = []
        self.by_last: DefaultDict[Optional[int], List[_Extent]] = defaultdict(list)
        self.by_first: DefaultDict[Optional[int], List[_Extent]] = defaultdict(list)
        self._by_characters: DefaultDict[Offsets, List[_Extent]] = defaultdict(list)

    def add(self, extent: _Extent) -> None:
        same = self.at(extent.start, extent.end)
        if extent.label not in [other.label for other in same]:
            self.all.append(extent)
            self.by_last[extent.last].append(extent)
            self.by_first[extent.first].append(extent)
            self._by_characters[extent.start, extent.end].append(extent)

    def at(self, start: int, end: int) -> List[_Extent]:
        """RETURNS (List[_Extent]): entities with these character offsets."""
        return self._by_characters.get((start, end), [])

    def covering(self, token: int) -> List[_Extent]:
        """RETURNS (List[_Extent]): entities that contain this token."""
        return [
            extent
            for extent in self.all
            if extent.first is not None
            and extent.last is not None
            and extent.first <= token <= extent.last
        ]


class _Task:
    """State while reading one task."""

    def __init__(
        self, obj: Dict[str, Any], source: Source, options: Options, report: Report
    ) -> None:
        self.obj = obj
        self.options = options
        self.report = report
        self.text: str = get(obj, "text", str)
        self.items = Items(source, report)
        self.extents = _Extents()
        self.own_tokens = self._read_tokens()
        # tokens that `head` and `child` refer to
        self.tokens = self.own_tokens or self._tokenize()
        self._token_at: Dict[int, int] = {}

    def read(self) -> Record:
        # check both lists first, so that a rejected task is not counted
        spans = get_list(self.obj, "spans")
        links = get_relation_list(self.obj, self.options, self.report)
        for i, value in enumerate(spans):
            with self.items.entity():
                self._read_span(value, f"spans[{i}]")
        for i, value in enumerate(links or []):
            with self.items.relation(*peek(value, "label")):
                self._read_relation(value, f"relations[{i}]")
        return Record(
            self.text,
            self.items.source,
            self.items.entities,
            self.items.relations,
            tokens=self.own_tokens,
            complete=self.options.complete and links is not None,
            version=_make_version(self.obj),
            meta={key: self.obj[key] for key in self.obj if key not in KNOWN},
        )

    def _read_tokens(self) -> Optional[List[Offsets]]:
        """Get the task's tokens; None if they are missing or don't match the text."""
        listed = self.obj.get("tokens") or []
        try:
            tokens = [self._read_token(value) for value in listed]
        except (AttributeError, KeyError, TypeError, ValueError):
            self.report.repair("tokens that do not fit the text: retokenized")
            return None
        if not self._blanks_agree(tokens):
            self.report.repair("'ws' flags ignored: whitespace taken from the text")
        return tokens or None

    def _read_token(self, value: Any) -> Offsets:
        # fast, since most of a file is tokens; errors are not reported one by one
        start, end = value["start"], value["end"]
        if type(start) is not int or type(end) is not int or not 0 <= start < end:
            raise ValueError
        word = self.text[start:end]
        if not word or value.get("text", word) != word:
            raise ValueError
        return start, end

    def _blanks_agree(self, tokens: List[Offsets]) -> bool:
        flags = [obj.get("ws") for obj in self.obj.get("tokens") or []]
        after = [self.text[end : end + 1] == " " for _, end in tokens]
        return all(f is None or bool(f) == a for f, a in zip(flags, after))

    def _tokenize(self) -> List[Offsets]:
        relations = self.obj.get("relations")
        if not isinstance(relations, list) or not relations:
            return []
        if not all(isinstance(r, dict) and r.get("head_span") for r in relations):
            self.report.repair("no tokens in the task: counted as --lang makes them")
        doc = load_tokenizer(self.options.lang)(self.text)
        return [(token.idx, token.idx + len(token)) for token in doc]

    def _read_span(self, value: Any, field: str) -> None:
        obj = check(value, dict, field)
        start, end = get(obj, "start", int, field), get(obj, "end", int, field)
        label = self._read_label(obj, field)
        text = check(obj.get("text"), (str, type(None)), f"{field}.text")
        first, last = self._read_extent(obj, field)
        self._add(field, label, start, end, text, first, last)

    @staticmethod
    def _read_extent(
        obj: Dict[str, Any], field: str
    ) -> Tuple[Optional[int], Optional[int]]:
        first, last = (
            check(obj.get(key), (int, type(None)), f"{field}.{key}")
            for key in ("token_start", "token_end")
        )
        return first, last

    def _read_label(self, obj: Dict[str, Any], field: str) -> str:
        bare = self.options[BARE_TOKEN_LABEL]
        if obj.get("label") is None and bare:
            self.report.note("entities without a label: --bare-token-label")
            return bare
        return get_text(obj, "label", field)

    def _add(
        self,
        field: str,
        label: str,
        start: int,
        end: int,
        text: Optional[str] = None,
        first: Optional[int] = None,
        last: Optional[int] = None,
    ) -> str:
        entity = self.items.add(label, start, end, field, text)
        listed = self.obj.get("tokens")
        tokens = listed if isinstance(listed, list) else []
        if tokens and first is not None and last is not None:
            if not 0 <= first <= last < len(tokens):
                self.report.repair("token_start or token_end is not a token: skipped")
                first = last = None
            elif text is None:
                entity.text = self._text_of(first, last)
                entity.text_name = f"the text of tokens {first} to {last}"
        first = self._find_token(start) if first is None else first
        last = self._find_token(end - 1) if last is None else last
        self.extents.add(_Extent(entity.id, label, start, end, first, last))
        return entity.id

    def _text_of(self, first: int, last: int) -> Optional[str]:
        """Get the text of tokens according to the task, if available.

        It reveals offsets that are wrong, or in another unit.
        """
        if self.own_tokens:
            return self.text[self.own_tokens[first][0] : self.own_tokens[last][1]]
        values = self.obj["tokens"][first : last + 1]
        tokens = [t for t in values if isinstance(t, dict)]
        words = [t["text"] for t in tokens if isinstance(t.get("text"), str)]
        blanks = [" " if t.get("ws", True) else "" for t in tokens]
        if len(words) < len(values):
            return None
        return "".join(map(str.__add__, words, blanks)).strip(" ")

    def _find_token(self, char: int) -> Optional[int]:
        if not self._token_at:
            for i, (start, end) in reversed(list(enumerate(self.tokens))):
                self._token_at.update(dict.fromkeys(range(start, end), i))
        return self._token_at.get(char)

    def _read_relation(self, value: Any, field: str) -> None:
        label = get_text(check(value, dict, field), "label", field)
        ends = [self._resolve(value, key, field) for key in ("head", "child")]
        for _, repair in ends:
            self.report.repair(repair, int(bool(repair)))
        self.items.relate(label, ends[0][0], ends[1][0], field)

    def _resolve(self, obj: Dict[str, Any], key: str, field: str) -> Tuple[str, str]:
        """Get the entity id of an endpoint, and the repair applied."""
        path = f"{field}.{key}"
        token = check(obj.get(key), (int, type(None)), path)
        span = check(obj.get(f"{key}_span"), (dict, type(None)), f"{path}_span")
        if token is None and span is None:
            raise FieldError(path, "missing, expected the index of a token")
        if span is not None:
            found = self._find_by_characters(span, f"{path}_span")
            if found:
                is_off = token is not None and token not in (found.first, found.last)
                repair = f"{key} disagrees with {key}_span: the span is used"
                return found.id, repair if is_off else ""
            if span.get("label") is None:
                return self._take_bare(span, f"{path}_span"), ""
        if token is not None:
            matches, repair = self._find_by_token(token, f"{key}_span", span)
            if matches:
                return self._single(matches, path, token), repair
            if 0 <= token < len(self.tokens):
                start, end = self.tokens[token]
                bare = {"start": start, "end": end}
                return self._take_bare(bare, path), ""
        raise EndpointError(
            path,
            f"{show(token if span is None else span)} is not an entity of this "
            f"document (it has {len(self.tokens)} tokens and {len(self.extents.all)} "
            f"entities)",
        )

    def _find_by_characters(self, span: Dict[str, Any], path: str) -> Optional[_Extent]:
        start, end = get(span, "start", int, path), get(span, "end", int, path)
        found = self.extents.at(start, end)
        same = [e for e in found if e.label == span.get("label")]
        if len(same or found) > 1:
            labels = ", ".join(e.label for e in found)
            raise EndpointError(
                path,
                f"{len(found)} entities ({labels}) are at {start}-{end}, expected "
                f"its label to say which",
            )
        return next(iter(same or found), None)

    def _find_by_token(
        self, token: int, span_key: str, span: Optional[Dict[str, Any]]
    ) -> Tuple[List[_Extent], str]:
        """Find entities that end with a token, else those that start with it or contain
        it; and the repair applied."""
        extents = self.extents
        if extents.by_last.get(token):
            by_end = f"relation end resolved by its last token ({span_key} disagrees)"
            return extents.by_last[token], by_end if span is not None else ""
        found = extents.by_first.get(token) or extents.covering(token)
        return found, "relation end resolved by covering span"

    @staticmethod
    def _single(matches: List[_Extent], path: str, token: int) -> str:
        if len(matches) > 1:
            places = ", ".join(f"{e.label} {e.start}-{e.end}" for e in matches)
            raise EndpointError(
                path,
                f"token {token} is in {len(matches)} entities ({places}), expected a "
                f"{path.rsplit('.')[-1]}_span to say which",
            )
        return matches[0].id

    def _take_bare(self, span: Dict[str, Any], path: str) -> str:
        start, end = span["start"], span["end"]
        label = self.options[BARE_TOKEN_LABEL]
        shown = show(self.text[max(0, start) : max(0, end)])
        if label is None:
            raise EndpointError(
                path,
                f"relation endpoint is not an entity: {shown} at {start}-{end} is a "
                f"bare token (--bare-token-label TOKEN makes it an entity)",
            )
        first, last = self._read_extent(span, path)
        self.report.read(ENTITIES)
        self.report.note("entities made of bare tokens")
        return self._add(path, label, start, end, None, first, last)


def _looks_like(preview: Preview) -> bool:
    if preview.has("_task_hash", "answer"):  # a missing text is reported when it's read
        return True
    marks = ("_task_hash", "_input_hash", "answer")
    return preview.has("text") and (
        any(preview.has(mark) for mark in marks) or preview.has("spans", "relations")
    )


FORMAT = Format(
    "prodigy",
    "Prodigy rel.manual, db-out (JSONL)",
    read,
    _looks_like,
    options=(ACCEPT_UNANSWERED, BARE_TOKEN_LABEL),
    has_versions=True,
)

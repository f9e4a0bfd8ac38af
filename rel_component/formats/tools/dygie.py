"""DyGIE++ and SciERC JSON lines: a document per line, `{"sentences", "ner", ...}`.

`ner` and `relations` contain a list per sentence, with `[first, last, type]` and
`[first, last, first, last, label]` in words of the whole document, with inclusive ends.
If there are only `predicted_ner` and `predicted_relations`, which end in scores, these
are read.
Source: github.com/dwadden/dygiepp, doc/data.md.
"""

from pathlib import Path
from typing import Any, Dict, Iterator, List, Set, Tuple

from ...wording import plural
from ..base import Format, Options, Preview
from ..fields import (
    FieldError,
    add_id,
    check,
    check_text,
    get,
    get_relation_list,
    show,
    skip_document,
)
from ..items import Items, peek
from ..json_values import iter_json
from ..record import Offsets, Record, Source
from ..report import ENTITIES, RELATIONS, Report
from ..word_spans import WordSpans
from ..words import Text, check_sentences

KINDS = {"ner": ENTITIES, "relations": RELATIONS}
PREDICTED = "predicted_"
NOT_CONVERTED = {
    "clusters": "coreference clusters",
    "predicted_clusters": "predicted coreference clusters",
    "events": "lists of events",
    "predicted_events": "lists of predicted events",
}
KNOWN = {"sentences", *KINDS, *NOT_CONVERTED, *(PREDICTED + key for key in KINDS)}


def read(path: Path, options: Options, report: Report) -> Iterator[Record]:
    """Read a data set of DyGIE++, SciERC or PURE, or predictions.

    path (Path): the file, with any suffix (often `.json`).
    options (Options): `entities_only`.
    report (Report): counts items and problems.
    YIELDS (Record): one per document.
    RAISES (FormatError): if it's not a JSON file.
    """
    seen: Set[str] = set()
    for source, value in iter_json(path, options, report):
        source = add_id(source, value, "doc_key")
        _note_repetition(source, seen, report)
        obj = _choose_layer(value, report)
        try:
            yield _Document(obj, source, options, report).read()
        except FieldError as error:
            skip_document(source, _flatten(obj), error, KINDS, report)


def _note_repetition(source: Source, seen: Set[str], report: Report) -> None:
    if source.id in seen:
        report.note("documents with the doc_key of another one")
        report.hint(
            "several documents have the same doc_key, and all are kept; remove "
            "duplicates"
        )
    elif source.id is not None:
        seen.add(source.id)


def _choose_layer(value: Any, report: Report) -> Any:
    """Use the predictions of a document if it's not annotated."""
    if not isinstance(value, dict):
        return value
    predicted = {
        key: value[PREDICTED + key] for key in KINDS if PREDICTED + key in value
    }
    if not predicted or not KINDS.keys().isdisjoint(value):
        for key in predicted:
            report.ignored(f"lists of {PREDICTED}{key}, in addition to annotation")
        return value
    report.note("documents with predictions only")
    return {**value, **predicted}


def _flatten(value: Any) -> Any:
    """Flatten the lists of a document, to count its contents."""
    obj = value if isinstance(value, dict) else {}
    lists = {key: obj[key] for key in KINDS if isinstance(obj.get(key), list)}
    return {
        key: [item for part in parts if isinstance(part, list) for item in part]
        for key, parts in lists.items()
    }


class _Document:
    """State while reading one document."""

    def __init__(
        self, value: Any, source: Source, options: Options, report: Report
    ) -> None:
        self.obj: Dict[str, Any] = check(value, dict, "the document")
        self.options = options
        self.report = report
        sentences = check_sentences(get(self.obj, "sentences", list), "sentences")
        self.text = Text(sentences)
        self.items = Items(source, report)
        self.spans = WordSpans(self.items, self.text)

    def read(self) -> Record:
        # check both lists first, so that a rejected document is not counted
        ner = self._check_parts(get(self.obj, "ner", list), "ner")
        links = get_relation_list(self.obj, self.options, self.report)
        relations = self._check_parts(links, "relations") if links is not None else []
        for i, k, value in _iter_parts(ner):
            with self.items.entity():
                self._read_entity(value, i, f"ner[{i}][{k}]")
        for i, k, value in _iter_parts(relations):
            with self.items.relation(*peek(value, 4)):
                self._read_relation(value, i, f"relations[{i}][{k}]")
        for key, what in NOT_CONVERTED.items():
            self.report.ignored(what, int(bool(self.obj.get(key))))
        return Record(
            self.text.text,
            self.items.source,
            self.items.entities,
            self.items.relations,
            tokens=self.text.tokens,
            sentences=self.text.sentences,
            complete=self.options.complete and links is not None,
            meta={key: self.obj[key] for key in self.obj if key not in KNOWN},
        )

    def _check_parts(self, parts: List[Any], name: str) -> List[List[Any]]:
        """Check that there is a list per sentence."""
        n_sentences = len(self.text.ranges)
        if len(parts) != n_sentences:
            raise FieldError(
                name,
                f"found {plural(len(parts), 'list')} for "
                f"{plural(n_sentences, 'sentence')}, expected as many, [] for a "
                f"sentence that has none",
            )
        for i, part in enumerate(parts):
            check(part, list, f"{name}[{i}]")
        return parts

    def _read_entity(self, value: Any, sentence: int, field: str) -> None:
        parts = _check_items(value, 3, "[first, last, type]", field)
        words = self._read_words(parts[:2], sentence, field)
        self.spans.add(check_text(parts[2], f"{field}[2]"), words, field)

    def _read_words(self, ends: List[Any], sentence: int, field: str) -> Offsets:
        """Read first and last word, which must be in the sentence."""
        first, last = (check(end, int, f"{field}[{i}]") for i, end in enumerate(ends))
        start, end = self.text.ranges[sentence]
        if start <= first <= last < end:
            return first, last
        if sentence and 0 <= first <= last < end - start:
            self.report.hint(
                "indices outside their sentence look as if they were counted from 0 in "
                "each sentence; they have to be counted over the whole document"
            )
        raise FieldError(
            field,
            f"found words {show(first)} to {show(last)}, expected first <= last within "
            f"{start} to {end - 1}, the words of sentence {sentence}, counted over the "
            f"whole document from 0",
        )

    def _read_relation(self, value: Any, sentence: int, field: str) -> None:
        parts = _check_items(value, 5, "[first, last, first, last, label]", field)
        label = check_text(parts[4], f"{field}[4]")
        head, tail = (
            self.spans.resolve(
                self._read_words(parts[at : at + 2], sentence, f"{field}.{name}"),
                f"{field}.{name}",
            )
            for name, at in (("head", 0), ("tail", 2))
        )
        self.items.relate(label, head, tail, field)


def _iter_parts(parts: List[List[Any]]) -> Iterator[Tuple[int, int, Any]]:
    """YIELDS (Tuple[int, int, Any]): sentence, position in its list, item."""
    for i, part in enumerate(parts):
        for k, value in enumerate(part):
            yield i, k, value


def _check_items(value: Any, n: int, example: str, field: str) -> List[Any]:
    """Check a list, which may end in scores."""
    if len(check(value, list, field)) < n:
        raise FieldError(field, f"found {show(value)}, expected {example}")
    return value


def _looks_like(preview: Preview) -> bool:
    names = (*KINDS, *(PREDICTED + key for key in KINDS), "doc_key", "clusters")
    return preview.has("sentences") and any(preview.has(name) for name in names)


FORMAT = Format("dygie", "DyGIE++ or SciERC JSON lines", read, _looks_like)

"""DocRED JSON: a list of documents, `{"title", "sents", "vertexSet", "labels"}`.

An entity is a list of mentions, in words of a sentence, with exclusive ends. `h` and
`t` of a label are indices of `vertexSet`, so relations are between entities; use
`--mentions` to choose the mentions. `r` is a Wikidata property; its name is read from
rel_info.json next to the file.
Source: github.com/thunlp/DocRED, data/README.md, code/gen_data.py.
"""

from pathlib import Path
from typing import Any, Dict, FrozenSet, Iterator, List, Mapping, Optional, Set

from ..base import Format, FormatError, Option, Options, Preview
from ..fields import (
    LOST,
    EndpointError,
    FieldError,
    add_id,
    check,
    check_offsets,
    get,
    get_list,
    get_relation_list,
    get_text,
    show,
    skip_document,
)
from ..io import decode, read_bytes
from ..items import Items, peek
from ..json_values import iter_json, parse
from ..mentions import MENTIONS, Concepts
from ..record import Offsets, Record, Source
from ..report import ENTITIES, FILES, RELATIONS, Report
from ..words import Text, check_sentences

NAMES = "rel_info.json"
TYPES: Option[Optional[Path]] = Option(
    "types",
    None,
    "rel_info.json with the names of labels, if not next to the data",
    kind=Path,
)
KNOWN = {"sents", "vertexSet", "labels"}
KINDS = {"vertexSet": ENTITIES, "labels": RELATIONS}


def read(path: Path, options: Options, report: Report) -> Iterator[Record]:
    """Read DocRED, Re-DocRED or other data in this format.

    path (Path): the file. Names of labels are read from `rel_info.json` next to it.
    options (Options): `mentions`; `types` for another file with names; `entities_only`
        for the test set, which has no labels.
    report (Report): counts items and problems.
    YIELDS (Record): one per document.
    RAISES (FormatError): if it's not a JSON file.
    """
    names = _read_names(path, options, report)
    for source, value in iter_json(path, options, report):
        source = add_id(source, value, "title")
        try:
            yield _Document(value, source, names, options, report).read()
        except FieldError as error:
            skip_document(source, _flatten(value), error, KINDS, report)


def _flatten(value: Any) -> Any:
    """Replace entities by mentions, to count the contents of a document."""
    if not isinstance(value, dict) or not isinstance(value.get("vertexSet"), list):
        return value
    parts = [part for part in value["vertexSet"] if isinstance(part, list)]
    return {**value, "vertexSet": [mention for part in parts for mention in part]}


class _Document:
    """State while reading one document."""

    def __init__(
        self,
        value: Any,
        source: Source,
        names: Mapping[str, str],
        options: Options,
        report: Report,
    ) -> None:
        self.obj: Dict[str, Any] = check(value, dict, "the document")
        self.names = names
        self.options = options
        self.report = report
        words = check_sentences(get(self.obj, "sents", list), "sents")
        self.text = Text(words)
        self.items = Items(source, report)
        # symmetric labels are not annotated in both directions
        is_directed = not options.symmetric
        self.concepts = Concepts(options[MENTIONS], directed=is_directed)
        # ids of the mentions in each sentence
        self.places: List[Set[str]] = [set() for _ in self.text.ranges]

    def read(self) -> Record:
        # check all lists first, so that a rejected document is not counted
        vertices = get(self.obj, "vertexSet", list)
        for i, vertex in enumerate(vertices):
            check(vertex, list, f"vertexSet[{i}]")
        labels = get_relation_list(self.obj, self.options, self.report, key="labels")
        n_lost = self.report.n_lost[RELATIONS]
        for i, vertex in enumerate(vertices):
            for k, value in enumerate(vertex):
                with self.items.entity():
                    self._read_mention(value, i, f"vertexSet[{i}][{k}]")
        for i, value in enumerate(labels or []):
            with self.items.relation(*peek(value, "r")):
                self._read_relation(value, len(vertices), f"labels[{i}]")
        is_known = self.options.complete and labels is not None
        # it's unknown whether other mentions of related entities are related, too
        is_partial = self.concepts.is_partial
        is_whole = is_known and not is_partial
        # nor which pair a lost relation had
        is_partial = is_partial and self.report.n_lost[RELATIONS] == n_lost
        return Record(
            self.text.text,
            self.items.source,
            self.items.entities,
            self.items.relations,
            tokens=self.text.tokens,
            sentences=self.text.sentences,
            negatives=self.concepts.list_unrelated() if is_known and is_partial else (),
            complete=is_whole,
            meta={key: self.obj[key] for key in self.obj if key not in KNOWN},
        )

    def _read_mention(self, value: Any, vertex: int, field: str) -> None:
        obj = check(value, dict, field)
        label = get_text(obj, "type", field)
        sentence = get(obj, "sent_id", int, field)
        span = self._read_span(obj, sentence, field)
        name = check(obj.get("name"), (str, type(None)), f"{field}.name")
        entity = self.items.add(label, *span, field, self._check_name(name, span))
        entity.attrs["cluster"] = vertex
        entity.text_name = "name"
        is_further = bool(self.concepts.resolve(vertex))
        self.report.note("further mentions of an entity", int(is_further))
        self.concepts.add([str(vertex)], entity)
        self.places[sentence].add(entity.id)

    def _read_span(self, obj: Dict[str, Any], sentence: int, field: str) -> Offsets:
        """Get the characters of a mention."""
        n_sentences = len(self.text.ranges)
        if not 0 <= sentence < n_sentences:
            raise FieldError(
                f"{field}.sent_id",
                f"found {show(sentence)}, expected an index into the {n_sentences} "
                f"sentences, from 0",
            )
        start, end = check_offsets(get(obj, "pos", list, field), f"{field}.pos")
        first, last = self.text.ranges[sentence]
        if not 0 <= start < end <= last - first:
            raise FieldError(
                f"{field}.pos",
                f"found words {show(start)} to {show(end)}, expected 0 <= start < end "
                f"<= {last - first}, the words of sentence {sentence}, end being the "
                f"word after the last one",
            )
        return self.text.span(first + start, first + end)

    def _check_name(self, name: Optional[str], span: Offsets) -> Optional[str]:
        """Get the name, unless it's just longer or shorter than the words."""
        stated = "".join((name or "").split())
        covered = "".join(self.text.text[slice(*span)].split())
        if stated != covered and (covered in stated or stated in covered):
            self.report.repair(
                "names that say more or less than their words: the words are taken",
                int(name is not None),
            )
            return None
        return name

    def _read_relation(self, value: Any, n_vertices: int, field: str) -> None:
        obj = check(value, dict, field)
        label = get_text(obj, "r", field)
        head, tail = (self._resolve(obj, key, n_vertices, field) for key in ("h", "t"))
        evidence = self._read_evidence(obj, field)
        name = self._name(label)
        for pair in self.concepts.relate(head, tail, evidence):
            self.items.relate(name, *pair, field)
        policy = self.options[MENTIONS]
        self.report.note(f"relations between entities: {policy} mentions")

    def _name(self, label: str) -> str:
        if self.names:
            found = "named" if label in self.names else "not"
            self.report.note(f"relations {found} in {NAMES}")
        return self.names.get(label, label)

    def _resolve(
        self, obj: Dict[str, Any], key: str, n_vertices: int, field: str
    ) -> List[str]:
        """Get the concept at an index of `vertexSet`."""
        index = get(obj, key, int, field)
        found = self.concepts.resolve(index)
        if found:
            return found
        path = f"{field}.{key}"
        if 0 <= index < n_vertices:
            problem = f"vertexSet[{index}] has no mention that can be read"
            raise EndpointError(path, problem, LOST)
        raise EndpointError(
            path,
            f"{show(index)} is not an entity of this document, expected an index into "
            f"its {n_vertices} entities, from 0",
        )

    def _read_evidence(self, obj: Dict[str, Any], field: str) -> FrozenSet[str]:
        """Get the ids of the mentions in evidence sentences."""
        if self.options[MENTIONS] != "evidence":
            return frozenset()
        found: Set[str] = set()
        for i, sentence in enumerate(get_list(obj, "evidence", field)):
            index = check(sentence, int, f"{field}.evidence[{i}]")
            if not 0 <= index < len(self.places):
                raise FieldError(
                    f"{field}.evidence[{i}]",
                    f"found {show(index)}, expected an index into the "
                    f"{len(self.places)} sentences, from 0",
                )
            found |= self.places[index]
        return frozenset(found)


def _read_names(path: Path, options: Options, report: Report) -> Mapping[str, str]:
    """Read the names of labels, if there is a file."""
    file = options[TYPES] or path.with_name(NAMES)
    if options[TYPES] is None and not file.is_file():
        return {}
    source = Source(str(file))
    try:
        text = decode(read_bytes(file), file, options.encoding)
        names = check(parse(text, source), dict, "the names")
        for label in names:
            get_text(names, label)
    except (FormatError, FieldError) as error:
        found = error.say(source) if isinstance(error, FieldError) else str(error)
        report.read(FILES)
        report.error(
            FILES,
            "no names of labels",
            f"{found.rstrip('.')}. Expected names such as "
            f'{{"P17": "country", "P26": "spouse"}}; labels stay as they are.',
        )
        return {}
    return names


def _looks_like(preview: Preview) -> bool:
    return preview.has("vertexSet") and (preview.has("sents") or preview.has("labels"))


FORMAT = Format("docred", "DocRED (JSON)", read, _looks_like, options=(TYPES, MENTIONS))

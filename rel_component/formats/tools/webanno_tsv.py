r"""WebAnno TSV 3: a row per token, columns for the features of layers.

`VALUE[3]` marks an annotation over several rows, `|` divides stacked ones, `*` is no
value, `_` no annotation. A relation stands in the row where its target begins, as
`1-5[3_7]`: row of its source, and the numbers of both. Slots are relations
to what fills them: roles in one column, `1-3[2]` and the like in the next. Offsets are
UTF-16 units. Source: webannotsv.adoc in github.com/inception-project/inception.
"""

import re
from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace
from itertools import zip_longest
from pathlib import Path
from typing import DefaultDict, Dict, Iterator, List, Optional, Tuple

from ..base import DEFAULT_LABEL, Format, FormatError, Options, Preview
from ..fields import LOST, EndpointError, FieldError, show
from ..io import decode, read_bytes, split_lines
from ..items import Items
from ..layers import (
    CHAINS,
    LABEL_FEATURES,
    LINK,
    RELATION_LAYERS,
    SLOTS,
    SPAN_LAYERS,
    choose_chains,
    choose_feature,
    choose_layers,
    get_short_name,
    name_after_layer,
)
from ..offsets import UTF16, same_text
from ..passages import CODE_POINTS, JoinedText, Piece
from ..record import EntityRecord, Offsets, Record, RelationRecord, Source
from ..report import DOCUMENTS, ENTITIES, RELATIONS, Report

MARK = "#FORMAT=WebAnno TSV 3"
TEXT = "#Text="
LAYER = re.compile(r"#T_(SP|RL|CH)=([^|]+)(.*)")
KINDS = {"SP": "span", "RL": "relation", "CH": "chain"}
SLOT, BASE = "ROLE_", "BT_"
ANY = "uima.tcas.Annotation"

UNIT = re.compile(r"[0-9]{1,9}-[0-9]{1,9}(\.[0-9]{1,9})?$")
OFFSETS = re.compile(r"([0-9]{1,18})-([0-9]{1,18})$")
# a backslash takes the next character with it
STACKED = re.compile(r"((?:\\.|[^|])*)(?:\||$)", re.DOTALL)
NUMBERED = re.compile(r"((?:\\.|[^\\])*)\[([0-9]{1,9})\]$", re.DOTALL)
REFERENCE = re.compile(r"([0-9.-]+)(?:\[([0-9]{1,9})(?:_([0-9]{1,9}))?\])?$")
# between the slots of one annotation
SLOTTED = re.compile(r"(?<!\\);")
CHAIN = re.compile(r"(.*)->([0-9]{1,9})-([0-9]{1,9})$", re.DOTALL)
CHAIN_TYPE, CHAIN_LINK = "referenceType", "referenceRelation"
ESCAPED = re.compile(r"\\(->|.)", re.DOTALL)
LETTERS = {"t": "\t", "n": "\n", "r": "\r", "f": "\f", "b": "\b"}


@dataclass
class _Layer:
    """A layer as the header has it.

    kind (str): `span`, `relation` or `chain`.
    name (str): in full.
    features (List[str]): those with columns of their own, without slots.
    columns (List[str]): what is in its columns; empty where it has no feature.
    first (int): its first column.
    base (str): of a relation: the layer of its ends.
    slots (List[Tuple[int, str, str]]): the column of the roles of each slot feature,
        which that of the targets follows; its name; the layer of the targets.
    """

    kind: str
    name: str
    features: List[str]
    columns: List[str]
    first: int
    base: str = ANY
    slots: List[Tuple[int, str, str]] = field(default_factory=list)


@dataclass
class _Unit:
    """A row: a token, or a part of one.

    id (str): e.g. `1-3` or `1-3.1`.
    source (Source): its line.
    begin, end (int): in the unit of the file.
    text (str): as the row has it.
    sentence (int): from 0.
    cells (List[str]): the columns of the layers.
    """

    id: str
    source: Source
    begin: int
    end: int
    text: str
    sentence: int
    cells: List[str]

    @property
    def is_token(self) -> bool:
        return "." not in self.id


@dataclass
class _Span:
    """An annotation of a span layer, while its rows are read.

    layer (_Layer): it is of.
    number (int): what tells it from others, 0 if it needs none.
    label (str): its type.
    link (Optional[str]): what it is linked to in a knowledge base.
    id (str): unique in the document.
    units (List[_Unit]): its rows.
    is_lost (bool): whether it could not be converted.
    """

    layer: _Layer
    number: int
    label: str
    link: Optional[str]
    id: str
    units: List[_Unit] = field(default_factory=list)
    is_lost: bool = False


@dataclass
class _Slot:
    """A slot of an annotation and what fills it.

    host (_Span): the annotation.
    label (str): the role, or the name of the feature.
    target (str): as the file has it, e.g. `1-3[2]`.
    layer (str): of the target.
    source (Source): where it stands.
    """

    host: _Span
    label: str
    target: str
    layer: str
    source: Source


def read(path: Path, options: Options, report: Report) -> Iterator[Record]:
    """Read a document.

    path (Path): the file.
    options (Options): `span_layers`, `relation_layers`, `label_features`,
        `default_label`.
    report (Report): counts what is read and what is wrong.
    YIELDS (Record): the document.
    RAISES (FormatError): if it is no text, or no WebAnno TSV 3.
    """
    text = decode(read_bytes(path), path, options.encoding)
    yield read_document(text, Source(str(path), id=path.name), options, report)


def read_document(
    text: str, source: Source, options: Options, report: Report
) -> Record:
    """Read a document whose text has been decoded.

    text (str): of the whole file.
    source (Source): the file, with the document's id.
    options, report: as in `read`.
    RETURNS (Record): the document.
    RAISES (FormatError): if it is no WebAnno TSV 3.
    """
    return _Document(text, source, options, report).read()


class _Document:
    """One document while it is read."""

    def __init__(
        self, text: str, source: Source, options: Options, report: Report
    ) -> None:
        self.source = source
        self.options = options
        self.report = report
        lines = split_lines(text)
        if not lines[0].startswith(MARK):
            raise FormatError(
                f"{source.file}:1: found {show(lines[0])}, expected {MARK + '.3'!r}. "
                f"Export the document from INCEpTION as UIMA CAS JSON, or as WebAnno "
                f"TSV 3."
            )
        self.lines = list(enumerate(lines, 1))
        self.sentences: List[List[str]] = []
        self.units: List[_Unit] = []
        # before anything is counted: without layers the file can't be read
        self.layers: List[_Layer] = []
        for number, line in self.lines:
            if line.startswith(TEXT):
                break
            if line.startswith("#T_"):
                self._read_header(number, line)
        self.items = Items(source, report)
        self.spans: List[_Span] = []
        self.slots: List[_Slot] = []
        # relation to the next element, and element, by layer, chain and position
        self.chains: Dict[Tuple[str, int, int], Tuple[Optional[str], _Span]] = {}
        self.by_number: Dict[Tuple[str, int], _Span] = {}
        self.at: DefaultDict[str, List[_Span]] = defaultdict(list)

    def read(self) -> Record:
        """RETURNS (Record): the document."""
        self.report.read(DOCUMENTS)
        self._read_lines()
        spans, links, chains = self._choose_layers()
        for unit in self.units:
            for layer in spans:
                self._read_spans(unit, layer)
            for layer in chains:
                self._read_chains(unit, layer)
        layout = self._lay_out()
        entities = [e for span in self.spans for e in self._make_entity(span, layout)]
        for unit in self.units:
            for layer in links:
                self._read_relations(unit, layer)
        self._read_slots()
        self._relate_chains()
        return Record(
            layout.text,
            self.source,
            entities,
            self.items.relations,
            tokens=self._find_tokens(layout),
            sentences=[layout.stretch(i) for i in range(len(self.sentences))] or None,
            complete=self.options.complete,
        )

    def _read_lines(self) -> None:
        previous = ""
        for number, line in self.lines:
            if line.startswith(TEXT):
                if not previous.startswith(TEXT):
                    self.sentences.append([])
                self.sentences[-1].append(_unescape(line[len(TEXT) :]))
            elif line.strip() and not line.startswith("#"):
                self._read_row(number, line)
            previous = line

    def _read_header(self, number: int, line: str) -> None:
        match = LAYER.match(line.strip())
        if not match:
            raise FormatError(
                f"{self.source.file}:{number}: found {show(line)}, expected a layer, "
                f"such as '#T_SP=custom.Span|label'. Without it nothing is known of "
                f"the columns."
            )
        # a layer without features is written with and without a `|` after it
        columns = [part for part in match.group(3).split("|") if part]
        base = ANY
        if columns and columns[-1].startswith(BASE):
            base = columns[-1][len(BASE) :]
        features = [
            column
            for column, before in zip(columns, ["", *columns])
            if not column.startswith((SLOT, BASE)) and not before.startswith(SLOT)
        ]
        # ROLE_ the layer : the feature _ the type of the links
        slots = [
            (i, column.partition(":")[2].rpartition("_")[0] or "slot", target)
            for i, (column, target) in enumerate(zip(columns, columns[1:]))
            if column.startswith(SLOT)
        ]
        first = sum(max(1, len(layer.columns)) for layer in self.layers)
        kind, name = KINDS[match.group(1)], match.group(2)
        self.layers.append(_Layer(kind, name, features, columns, first, base, slots))

    def _read_row(self, number: int, line: str) -> None:
        source = replace(self.source, line=number)
        cells = line.split("\t")
        n_columns = 3 + sum(max(1, len(layer.columns)) for layer in self.layers)
        problem = ""
        offsets = OFFSETS.match(cells[1]) if len(cells) > 1 else None
        if not self.sentences:
            problem = f"found {show(line)}, expected {TEXT!r} with a sentence first"
        elif not UNIT.match(cells[0]) or offsets is None:
            problem = (
                f"found {show(line)}, expected a row that begins with such as 1-1, a "
                f"tab, 0-5, a tab"
            )
        elif len(cells) < n_columns or any(cells[n_columns:]):
            n_found = len(cells) - (not cells[-1])
            problem = f"found {n_found} columns, the header has {n_columns} of them"
        if problem or offsets is None:
            self.report.read(ENTITIES)
            message = f"{source}: {problem}; row not converted."
            self.report.error(ENTITIES, "row not readable", message)
            return
        begin, end = int(offsets.group(1)), int(offsets.group(2))
        sentence = len(self.sentences) - 1
        self.units.append(
            _Unit(cells[0], source, begin, end, cells[2], sentence, cells[3:])
        )

    def _choose_layers(self) -> Tuple[List[_Layer], List[_Layer], List[_Layer]]:
        """Those that are read as entities, as relations and as chains; others are
        counted."""
        options, report = self.options, self.report
        names: Dict[str, List[str]] = {"span": [], "relation": [], "chain": []}
        for layer in self.layers:
            names[layer.kind].append(layer.name)
        links = choose_layers(names["relation"], options[RELATION_LAYERS], report)
        spans = choose_layers(names["span"], options[SPAN_LAYERS], report)
        if not options[SPAN_LAYERS]:
            # relations and slots bring the layers of their ends with them
            spans += [x.base for x in self.layers if x.name in links]
            spans += [
                target
                for layer in self.layers
                if layer.name in spans and options[SLOTS] != "drop"
                for column, _, target in layer.slots
                if any(_stack(_cells(unit, layer)[column]) for unit in self.units)
            ]
        chains = choose_chains(
            names["chain"], options[CHAINS], options[RELATION_LAYERS], report
        )
        wanted = {"span": spans, "relation": links, "chain": chains}
        for layer in self.layers:
            if layer.name not in wanted[layer.kind]:
                n = sum(any(map(_stack, _cells(unit, layer))) for unit in self.units)
                report.ignored(f"rows of the layer {get_short_name(layer.name)}", n)
        found: Dict[str, List[_Layer]] = {
            kind: [x for x in self.layers if x.kind == kind and x.name in wanted[kind]]
            for kind in wanted
        }
        return found["span"], found["relation"], found["chain"]

    def _read_spans(self, unit: _Unit, layer: _Layer) -> None:
        stacks = [_stack(cell) for cell in _cells(unit, layer)]
        feature = choose_feature(layer.features, self.options)
        labels = stacks[layer.columns.index(feature)] if feature else []
        links = stacks[layer.columns.index(LINK)] if LINK in layer.columns else []
        # the numbers of a slot's targets are those of other annotations
        targets = {column + 1 for column, _, _ in layer.slots}
        own = [stack for k, stack in enumerate(stacks) if k not in targets]
        for i in range(max(map(len, own), default=0)):
            number = max(_read_number(stack[i]) for stack in own if i < len(stack))
            span = self.by_number.get((layer.name, number)) if number else None
            if span is None:
                value = _read_value(labels[i]) if i < len(labels) else None
                if value is None:
                    value = name_after_layer(layer.name, feature, ENTITIES, self.report)
                span = self._start_span(layer, number, value)
                span.link = _read_value(links[i]) if i < len(links) else None
                for column, name, target in layer.slots:
                    cells = stacks[column][i : i + 1], stacks[column + 1][i : i + 1]
                    self._note_slots(span, name, target, cells, unit.source)
                if number:
                    self.by_number[layer.name, number] = span
            span.units.append(unit)
            self.at[unit.id].append(span)

    def _start_span(self, layer: _Layer, number: int, label: str) -> _Span:
        self.report.read(ENTITIES)
        span = _Span(layer, number, label, None, str(len(self.spans)))
        self.spans.append(span)
        return span

    def _note_slots(
        self,
        host: _Span,
        name: str,
        layer: str,
        cells: Tuple[List[str], List[str]],
        source: Source,
    ) -> None:
        """Remember the slots of an annotation: what fills them may stand below it."""
        roles, targets = (SLOTTED.split(cell[0]) if cell else [] for cell in cells)
        for role, target in zip_longest(roles, targets, fillvalue="*"):
            if target not in ("*", "_"):
                label = _read_value(role) or name
                self.slots.append(_Slot(host, label, target, layer, source))

    def _read_slots(self) -> None:
        if self.options[SLOTS] == "drop":
            self.report.ignored("slots of spans", len(self.slots))
            return
        self.report.note("relations from slots", len(self.slots))
        for slot in self.slots:
            with self.items.relation(slot.label, source=slot.source):
                match = REFERENCE.match(slot.target)
                if not match or match.group(3):
                    raise FieldError(
                        "",
                        f"found the target {show(slot.target)} of a slot, expected a "
                        f"row and perhaps a number, such as 1-5 or 1-5[3]",
                    )
                row, number, _ = match.groups()
                tail = self._find_span(row, int(number or 0), slot.layer)
                if slot.host.is_lost:
                    raise EndpointError("", "the annotation was not converted", LOST)
                self._relate(slot.label, slot.host, tail, slot.source)

    def _read_chains(self, unit: _Unit, layer: _Layer) -> None:
        """The elements of chains in a row: `coref->1-2` is the second of the first."""
        found = dict(zip(layer.columns, map(_stack, _cells(unit, layer))))
        types, links = found.get(CHAIN_TYPE, []), found.get(CHAIN_LINK, [])
        for i, link in enumerate(links):
            match = CHAIN.match(link)
            if match is None:
                with self.items.relation(source=unit.source):
                    raise FieldError(
                        "",
                        f"found the link {show(link)} of a chain, expected one such as "
                        f"coref->1-2",
                    )
                continue
            place = (layer.name, int(match.group(2)), int(match.group(3)))
            if place not in self.chains:
                label = _read_value(types[i]) if i < len(types) else None
                label = label or get_short_name(layer.name)
                span = self._start_span(layer, 0, label)
                self.chains[place] = (_read_value(match.group(1)), span)
            self.chains[place][1].units.append(unit)

    def _relate_chains(self) -> None:
        for (name, chain, number), (label, head) in self.chains.items():
            following = self.chains.get((name, chain, number + 1))
            if following is None:
                continue
            source, tail = head.units[0].source, following[1]
            label = label or self.options[DEFAULT_LABEL] or get_short_name(name)
            with self.items.relation(label, source=source):
                if head.is_lost or tail.is_lost:
                    raise EndpointError("", "an element was not converted", LOST)
                self._relate(label, head, tail, source)
                is_symmetric = self.options[CHAINS] == "symmetric"
                self.items.relations[-1].symmetric = is_symmetric

    def _lay_out(self) -> JoinedText:
        """The text, in UTF-16 units unless the rows show that it is in characters."""
        layout = self._put_together(UTF16)
        if not self._fits(layout):
            other = self._put_together(CODE_POINTS)
            if self._fits(other):
                self.report.repair("offsets in characters", len(self.spans))
                layout = other
        self.report.repair(
            "sentences that overlap by their offsets: put one after another",
            layout.n_overlaps,
        )
        return layout

    def _put_together(self, unit: str) -> JoinedText:
        tokens: DefaultDict[int, List[_Unit]] = defaultdict(list)
        for token in self.units:
            if token.is_token:
                tokens[token.sentence].append(token)
        pieces: List[Piece] = []
        at = 0
        for i, lines in enumerate(self.sentences):
            text = "\n".join(lines)
            begin = _find_begin(text, tokens[i], unit)
            pieces.append(Piece(at if begin is None else begin, text))
            at = pieces[-1].offset + _size(text, unit) + 1
        return JoinedText(pieces, unit, separator="\n")

    def _fits(self, layout: JoinedText) -> bool:
        for unit in self.units:
            found = layout.find(unit.begin, unit.end, unit.sentence)
            if found is None or not _agrees(unit, found, layout):
                return False
        return True

    def _find_tokens(self, layout: JoinedText) -> Optional[List[Offsets]]:
        tokens = []
        for unit in self.units:
            if unit.is_token:
                found = layout.find(unit.begin, unit.end, unit.sentence)
                if found is None or not _agrees(unit, found, layout):
                    reason = "tokens that do not fit the text: tokenized anew"
                    self.report.repair(reason)
                    return None
                tokens.append(found)
        return tokens or None

    def _make_entity(self, span: _Span, layout: JoinedText) -> Iterator[EntityRecord]:
        first, last = span.units[0], span.units[-1]
        begin = min(unit.begin for unit in span.units)
        end = max(unit.end for unit in span.units)
        found = layout.find(begin, end, first.sentence)
        if found is None:
            span.is_lost = True
            self.report.error(
                ENTITIES,
                "offsets do not fit the text",
                f"{first.source}: offsets {begin}-{end} are outside the sentences, "
                f"which begin where their first rows begin; entity {span.label!r} not "
                f"converted. Correct the offsets.",
            )
            return
        entity = EntityRecord(span.id, span.label, [found], source=first.source)
        entity.text = " ".join(unit.text for unit in span.units)
        entity.text_name = "the text of its row"
        if span.link is not None:
            entity.attrs["kb_id"] = span.link
        if last is not first:
            entity.text_name = f"the text of the rows {first.id} to {last.id}"
        yield entity

    def _read_relations(self, unit: _Unit, layer: _Layer) -> None:
        stacks = [_stack(cell) for cell in _cells(unit, layer)]
        feature = choose_feature(layer.features, self.options)
        labels = stacks[layer.columns.index(feature)] if feature else []
        for i, reference in enumerate(stacks[-1]):
            label = _read_value(labels[i]) if i < len(labels) else None
            named = [] if label is None else [label]
            with self.items.relation(*named, source=unit.source):
                head, tail = self._resolve(reference, unit, layer)
                label = label or self.options[DEFAULT_LABEL] or self._name(layer)
                self._relate(label, head, tail, unit.source)

    def _name(self, layer: _Layer) -> str:
        feature = choose_feature(layer.features, self.options)
        return name_after_layer(layer.name, feature, RELATIONS, self.report)

    def _relate(self, label: str, head: _Span, tail: _Span, source: Source) -> None:
        relation = RelationRecord(label, head.id, tail.id, source=source)
        self.items.relations.append(relation)

    def _resolve(
        self, reference: str, unit: _Unit, layer: _Layer
    ) -> Tuple[_Span, _Span]:
        """Source and target."""
        match = REFERENCE.match(reference)
        if not match:
            raise FieldError(
                "",
                f"found the source {show(reference)}, expected a row and perhaps two "
                f"numbers, such as 1-5 or 1-5[3_7]",
            )
        source, head, tail = match.groups()
        if head and not tail:
            raise FieldError(
                "", f"found {show(reference)}, expected two numbers, or none"
            )
        return (
            self._find_span(source, int(head or 0), layer.base),
            self._find_span(unit.id, int(tail or 0), layer.base),
        )

    def _find_span(self, row: str, number: int, base: str) -> _Span:
        here = self.at.get(row, [])
        # the header names the layer of the first relation's ends only
        found = [x for x in here if x.layer.name == base] or here
        if number:
            found = [x for x in found if x.number == number]
        elif len(found) > 1:
            found = [x for x in found if not x.number] or found
        if len(found) != 1:
            n = len(found) or "no"
            which = f" with the number {number}" if number else ""
            raise EndpointError(
                "",
                f"found {n} annotations{which} in the row {row}, of the layers that "
                f"are read, expected one",
            )
        if found[0].is_lost:
            raise EndpointError("", f"its end in the row {row} was not converted", LOST)
        return found[0]


def _find_begin(text: str, tokens: List[_Unit], unit: str) -> Optional[int]:
    """Where a sentence begins, as most of its rows have it."""
    votes: Counter[int] = Counter()
    at = begin = 0
    for token in tokens:
        found = text.find(token.text, at)
        if found >= 0:
            begin += _size(text[at:found], unit)
            votes[token.begin - begin] += 1
            at = found
    return max(votes, key=votes.__getitem__, default=None)


def _size(text: str, unit: str) -> int:
    if unit == CODE_POINTS:
        return len(text)
    return len(text.encode("utf-16-le", "replace")) // 2


def _agrees(unit: _Unit, found: Offsets, layout: JoinedText) -> bool:
    return same_text(layout.text[slice(*found)], unit.text)


def _cells(unit: _Unit, layer: _Layer) -> List[str]:
    return unit.cells[layer.first : layer.first + max(1, len(layer.columns))]


def _stack(cell: str) -> List[str]:
    """The annotations in a cell."""
    if cell in ("_", ""):
        return []
    parts = [match.group(1) for match in STACKED.finditer(cell)]
    # the end of the cell matches too
    return parts[:-1] if len(parts) > 1 and not parts[-1] else parts


def _read_number(value: str) -> int:
    match = NUMBERED.match(value)
    return int(match.group(2)) if match else 0


def _read_value(value: str) -> Optional[str]:
    match = NUMBERED.match(value)
    value = match.group(1) if match else value
    return None if value in ("*", "") else _unescape(value).strip() or None


def _unescape(text: str) -> str:
    return ESCAPED.sub(lambda m: LETTERS.get(m.group(1), m.group(1)), text)


def _looks_like(preview: Preview) -> bool:
    return preview.text.startswith(MARK)


FORMAT = Format(
    "webanno_tsv",
    "WebAnno TSV 3 (INCEpTION)",
    read,
    _looks_like,
    options=(
        LABEL_FEATURES,
        SPAN_LAYERS,
        RELATION_LAYERS,
        SLOTS,
        CHAINS,
        DEFAULT_LABEL,
    ),
)

r"""WebAnno TSV 3: a row per token, columns for the features of layers.

`VALUE[3]` is an annotation over several rows, `|` separates stacked ones, `*` is no
value, `_` no annotation. Relations are in the row where their target starts, as
`1-5[3_7]`: row of the source, and the numbers of both. Slots are relations to their
fillers, with roles in one column, and e.g. `1-3[2]` in the next. Offsets are in UTF-16
code units.
Source: webannotsv.adoc in github.com/inception-project/inception.
"""

import re
from collections import defaultdict
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path
from typing import DefaultDict, Dict, Iterator, List, Optional, Tuple

from ..base import DEFAULT_LABEL, Format, Options, Preview
from ..fields import LOST, EndpointError, FieldError, show
from ..io import decode, read_bytes
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
from ..passages import JoinedText
from ..record import EntityRecord, Record, RelationRecord, Source
from ..report import DOCUMENTS, ENTITIES, RELATIONS, Report
from .webanno_rows import (
    MARK,
    Layer,
    Rows,
    Unit,
    get_stacks,
    read_number,
    read_value,
)

# reference of a relation: row, numbers of both endpoints; of a slot: row and number
REFERENCE = re.compile(r"([0-9.-]+)(?:\[([0-9]{1,9})(?:_([0-9]{1,9}))?\])?$")
# separator between the slots of an annotation
SLOTTED = re.compile(r"(?<!\\);")
CHAIN = re.compile(r"(.*)->([0-9]{1,9})-([0-9]{1,9})$", re.DOTALL)
CHAIN_TYPE, CHAIN_LINK = "referenceType", "referenceRelation"


@dataclass
class _Span:
    """An annotation of a span layer, collected from its rows.

    layer (Layer): its layer.
    number (int): its number, 0 if there is none.
    label (str): its type.
    link (Optional[str]): its id in a knowledge base.
    id (str): unique id in the document.
    units (List[Unit]): its rows.
    is_lost (bool): whether it can't be converted.
    """

    layer: Layer
    number: int
    label: str
    link: Optional[str]
    id: str
    units: List[Unit] = field(default_factory=list)
    is_lost: bool = False


@dataclass
class _Slot:
    """A slot of an annotation.

    host (_Span): the annotation.
    label (str): role, or name of the feature.
    target (str): the target in the file, e.g. `1-3[2]`.
    layer (str): the target's layer.
    source (Source): its location.
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
    report (Report): counts items and problems.
    YIELDS (Record): the document.
    RAISES (FormatError): if it's not text, or not WebAnno TSV 3.
    """
    text = decode(read_bytes(path), path, options.encoding)
    yield read_document(text, Source(str(path), id=path.name), options, report)


def read_document(
    text: str, source: Source, options: Options, report: Report
) -> Record:
    """Read a document from text.

    text (str): content of the file.
    source (Source): the file, with the document's id.
    options, report: as in `read`.
    RETURNS (Record): the document.
    RAISES (FormatError): if it's not WebAnno TSV 3.
    """
    return _Document(text, source, options, report).read()


class _Document:
    """State while reading one document."""

    def __init__(
        self, text: str, source: Source, options: Options, report: Report
    ) -> None:
        self.source = source
        self.options = options
        self.report = report
        self.rows = Rows(text, source, report)
        self.items = Items(source, report)
        self.spans: List[_Span] = []
        self.slots: List[_Slot] = []
        # relation to the next element, and the element, by layer, chain and index
        self.chains: Dict[Tuple[str, int, int], Tuple[Optional[str], _Span]] = {}
        self.by_number: Dict[Tuple[str, int], _Span] = {}
        self.at: DefaultDict[str, List[_Span]] = defaultdict(list)

    def read(self) -> Record:
        """RETURNS (Record): the document."""
        self.report.read(DOCUMENTS)
        self.rows.read()
        spans, links, chains = self._choose_layers()
        for unit in self.rows.units:
            for layer in spans:
                self._read_spans(unit, layer)
            for layer in chains:
                self._read_chains(unit, layer)
        layout = self.rows.lay_out(len(self.spans))
        entities = [e for span in self.spans for e in self._make_entity(span, layout)]
        for unit in self.rows.units:
            for layer in links:
                self._read_relations(unit, layer)
        self._read_slots()
        self._relate_chains()
        n_sentences = len(self.rows.sentences)
        return Record(
            layout.text,
            self.source,
            entities,
            self.items.relations,
            tokens=self.rows.find_tokens(layout),
            sentences=[layout.stretch(i) for i in range(n_sentences)] or None,
            complete=self.options.complete,
        )

    def _choose_layers(self) -> Tuple[List[Layer], List[Layer], List[Layer]]:
        """Choose the layers to read as entities, relations and chains, and count
        others."""
        options, report = self.options, self.report
        names: Dict[str, List[str]] = {"span": [], "relation": [], "chain": []}
        for layer in self.rows.layers:
            names[layer.kind].append(layer.name)
        links = choose_layers(names["relation"], options[RELATION_LAYERS], report)
        spans = choose_layers(names["span"], options[SPAN_LAYERS], report)
        if not options[SPAN_LAYERS]:
            # also read the layers of the endpoints of relations and slots
            spans += [x.base for x in self.rows.layers if x.name in links]
            spans += [
                target
                for layer in self.rows.layers
                if layer.name in spans and options[SLOTS] != "drop"
                for column, _, target in layer.slots
                if any(get_stacks(unit, layer)[column] for unit in self.rows.units)
            ]
        chains = choose_chains(
            names["chain"], options[CHAINS], options[RELATION_LAYERS], report
        )
        wanted = {"span": spans, "relation": links, "chain": chains}
        for layer in self.rows.layers:
            if layer.name not in wanted[layer.kind]:
                n = sum(any(get_stacks(unit, layer)) for unit in self.rows.units)
                report.ignored(f"rows of the layer {get_short_name(layer.name)}", n)
        found: Dict[str, List[Layer]] = {
            kind: [
                x for x in self.rows.layers if x.kind == kind and x.name in wanted[kind]
            ]
            for kind in wanted
        }
        return found["span"], found["relation"], found["chain"]

    def _read_spans(self, unit: Unit, layer: Layer) -> None:
        stacks = get_stacks(unit, layer)
        feature = choose_feature(layer.features, self.options)
        labels = stacks[layer.columns.index(feature)] if feature else []
        links = stacks[layer.columns.index(LINK)] if LINK in layer.columns else []
        # numbers of slot targets belong to other annotations
        targets = {column + 1 for column, _, _ in layer.slots}
        own = [stack for k, stack in enumerate(stacks) if k not in targets]
        # but the cell of a target may be all that shows an annotation without slots
        for i in range(max(map(len, stacks))):
            numbers = (read_number(stack[i]) for stack in own if i < len(stack))
            number = max(numbers, default=0)
            span = self.by_number.get((layer.name, number)) if number else None
            if span is None:
                value = read_value(labels[i]) if i < len(labels) else None
                if value is None:
                    value = name_after_layer(layer.name, feature, ENTITIES, self.report)
                span = self._start_span(layer, number, value)
                span.link = read_value(links[i]) if i < len(links) else None
                for column, name, target in layer.slots:
                    cells = stacks[column][i : i + 1], stacks[column + 1][i : i + 1]
                    self._note_slots(span, name, target, cells, unit.source)
                if number:
                    self.by_number[layer.name, number] = span
            span.units.append(unit)
            self.at[unit.id].append(span)

    def _start_span(self, layer: Layer, number: int, label: str) -> _Span:
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
        """Collect the slots of an annotation, since their fillers may be below it."""
        roles, targets = (SLOTTED.split(cell[0]) if cell else [] for cell in cells)
        for role, target in zip_longest(roles, targets, fillvalue="*"):
            if target not in ("*", "_"):
                label = read_value(role) or name
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

    def _read_chains(self, unit: Unit, layer: Layer) -> None:
        """Read a row's elements of chains; `coref->1-2` is element 2 of chain 1."""
        found = dict(zip(layer.columns, get_stacks(unit, layer)))
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
                label = read_value(types[i]) if i < len(types) else None
                label = label or get_short_name(layer.name)
                span = self._start_span(layer, 0, label)
                self.chains[place] = (read_value(match.group(1)), span)
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
                f"which start with their first rows; entity {span.label!r} not "
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

    def _read_relations(self, unit: Unit, layer: Layer) -> None:
        stacks = get_stacks(unit, layer)
        feature = choose_feature(layer.features, self.options)
        labels = stacks[layer.columns.index(feature)] if feature else []
        for i, reference in enumerate(stacks[-1]):
            label = read_value(labels[i]) if i < len(labels) else None
            named = [] if label is None else [label]
            with self.items.relation(*named, source=unit.source):
                head, tail = self._resolve(reference, unit, layer)
                label = label or self.options[DEFAULT_LABEL] or self._name(layer)
                self._relate(label, head, tail, unit.source)

    def _name(self, layer: Layer) -> str:
        feature = choose_feature(layer.features, self.options)
        return name_after_layer(layer.name, feature, RELATIONS, self.report)

    def _relate(self, label: str, head: _Span, tail: _Span, source: Source) -> None:
        relation = RelationRecord(label, head.id, tail.id, source=source)
        self.items.relations.append(relation)

    def _resolve(self, reference: str, unit: Unit, layer: Layer) -> Tuple[_Span, _Span]:
        """Get source and target of a relation."""
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
        # the header only contains the layer of the first relation's endpoints
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

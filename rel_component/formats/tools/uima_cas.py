"""Convert a loaded UIMA CAS to a record: span layers, relation layers and labels.

Relation layers have `Governor` (head) and `Dependent` (tail). Slots are relations to
their fillers, and chains relations from each element to the next one. Offsets are in
UTF-16 code units; those in the file are used, since cassis doesn't convert invalid
ones.
"""

from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional, Tuple

from ..base import DEFAULT_LABEL, FormatError, Options
from ..fields import EndpointError, FieldError, show
from ..items import Items
from ..layers import (
    CHAINS,
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
from ..offsets import UNITS, UTF16, map_offsets
from ..record import Offsets, Record, Source
from ..report import DOCUMENTS, ENTITIES, RELATIONS, Report

SEGMENTATION = "de.tudarmstadt.ukp.dkpro.core.api.segmentation.type."
META_DATA = "de.tudarmstadt.ukp.dkpro.core.api.metadata.type."
# layers without manual annotations
TECHNICAL = ("uima.", META_DATA, SEGMENTATION + "Token", SEGMENTATION + "Sentence")
STRING = "uima.cas.String"
ARRAY = "uima.cas.FSArray"
HEAD, TAIL = "Governor", "Dependent"
# features of the elements of chains
NEXT, CHAIN_TYPE, CHAIN_LABEL = "next", "referenceType", "referenceRelation"

# offsets in the file, in UTF-16 code units, by annotation id
RawOffsets = Dict[int, Offsets]


def read_cas(
    cas: Any, offsets: RawOffsets, source: Source, options: Options, report: Report
) -> Record:
    """Read the document in a CAS.

    cas (cassis.Cas): the loaded CAS.
    offsets (Dict[int, Tuple[int, int]]): offsets in the file, by annotation id.
    source (Source): the file.
    options (Options): `span_layers`, `relation_layers`, `label_features`,
        `default_label`.
    report (Report): counts items and problems.
    RETURNS (Record): the document.
    RAISES (FormatError): if it has no text.
    """
    return _Document(cas, offsets, source, options, report).read()


class _Document:
    """State while reading one document."""

    def __init__(
        self,
        cas: Any,
        offsets: RawOffsets,
        source: Source,
        options: Options,
        report: Report,
    ) -> None:
        self.view = _find_view(cas, source, report)
        self.text: str = self.view.sofa_string
        self.typesystem = cas.typesystem
        self.offsets = offsets
        self.positions, self.size = map_offsets(self.text, UNITS[UTF16])
        self.options = options
        self.report = report
        annotations = self.view.select_all_annotations()
        # in file order, since relations also depend on the order of ids
        self.annotations = sorted(annotations, key=lambda a: a.xmiID)
        self.source = _add_title(source, self.annotations)
        self.features: Dict[str, Optional[str]] = {}
        self.items = Items(self.source, report)

    def read(self) -> Record:
        """RETURNS (Record): the document."""
        self.report.read(DOCUMENTS)
        links, spans, chains = self._choose_layers()
        for annotation in self.annotations:
            if annotation.type.name in (*spans, *chains):
                with self.items.entity():
                    self._read_entity(annotation)
        for annotation in self.annotations:
            if annotation.type.name in links:
                with self.items.relation(*self._peek(annotation)):
                    self._read_relation(annotation)
        for annotation in self.annotations:
            if annotation.type.name in spans:
                self._read_slots(annotation)
            elif annotation.type.name in chains:
                self._relate_to_next(annotation)
        types = list(self.typesystem.get_types())
        names = (type_.name for type_ in types if _is_link(type_))
        wanted = self.options[RELATION_LAYERS]
        has_links = bool(choose_layers(names, wanted, self.report))
        has_slots = any(_list_slots(type_) for type_ in types if type_.name in spans)
        has_links = has_links or (has_slots and self.options[SLOTS] != "drop")
        if not (has_links or chains):
            self.report.note("documents of projects without relation layer: incomplete")
        return Record(
            self.text,
            self.source,
            self.items.entities,
            self.items.relations,
            tokens=self._find_segments("Token"),
            sentences=self._find_segments("Sentence"),
            complete=self.options.complete and (has_links or bool(chains)),
        )

    def _choose_layers(self) -> Tuple[List[str], List[str], List[str]]:
        """Choose the layers to read as relations, entities and chains."""
        report, options = self.report, self.options
        types = {a.type.name: a.type for a in self.annotations}
        layers = {name: type_ for name, type_ in types.items() if _is_layer(type_)}
        names = [name for name, type_ in layers.items() if _is_link(type_)]
        links = choose_layers(names, options[RELATION_LAYERS], report)
        others = [name for name in layers if name not in names]
        spans = choose_layers(others, options[SPAN_LAYERS], report)
        in_chains = [name for name, type_ in types.items() if _is_chain(type_)]
        chains = choose_chains(
            in_chains, options[CHAINS], options[RELATION_LAYERS], report
        )
        if not options[SPAN_LAYERS]:
            # also read the layers of the endpoints of relations and slots
            bases = {_find_base(layers[name]) for name in links}
            bases |= {target.type.name for target in self._list_targets(spans)}
            spans += [name for name in others if name in bases and name not in spans]
        for annotation in self.annotations:
            name = annotation.type.name
            if name not in (*links, *spans, *chains) and not is_technical(name):
                report.ignored(f"annotations of {get_short_name(name)}")
        return links, spans, chains

    def _list_targets(self, layers: List[str]) -> List[Any]:
        """List the fillers of slots."""
        if self.options[SLOTS] == "drop":
            return []
        hosts = (a for a in self.annotations if a.type.name in layers)
        return [target for host in hosts for _, target in _iter_slots(host)]

    def _find_feature(self, type_: Any) -> Optional[str]:
        if type_.name not in self.features:
            strings = [f.name for f in type_.all_features if _is_string(f.rangeType)]
            if _is_chain(type_):
                strings = [CHAIN_TYPE]
            self.features[type_.name] = choose_feature(strings, self.options)
        return self.features[type_.name]

    def _peek(self, annotation: Any) -> List[str]:
        """Get the label, for messages."""
        feature = self._find_feature(annotation.type)
        value = getattr(annotation, feature, None) if feature else None
        return [value] if value and isinstance(value, str) else []

    def _find_label(self, annotation: Any, kind: str, field: str) -> str:
        feature = self._find_feature(annotation.type)
        value = getattr(annotation, feature, None) if feature else None
        if value is None or value == "":
            default = self.options[DEFAULT_LABEL]
            if kind == RELATIONS and feature is not None and default is not None:
                return default
            return name_after_layer(annotation.type.name, feature, kind, self.report)
        if not isinstance(value, str) or not value.strip():
            path = f"{field}.{feature}"
            raise FieldError(path, f"found {show(value)}, expected a name")
        return value

    def _read_entity(self, annotation: Any) -> None:
        field = _name(annotation)
        id_ = self.items.claim(annotation.xmiID, field)
        offsets = self._read_offsets(annotation, field)
        label = self._find_label(annotation, ENTITIES, field)
        entity = self.items.add(label, *offsets, field)
        self.items.name(id_, entity)
        link = getattr(annotation, LINK, None)
        if isinstance(link, str) and link:
            entity.attrs["kb_id"] = link

    def _read_slots(self, annotation: Any) -> None:
        """Add relations from an annotation to the fillers of its slots."""
        for name, target in _iter_slots(annotation):
            if self.options[SLOTS] == "drop":
                self.report.ignored("slots of spans")
                continue
            self.report.note("relations from slots")
            field = f"{_name(annotation)}.{name}"
            with self.items.relation(name):
                self._relate(name, annotation, target, field)

    def _relate_to_next(self, annotation: Any) -> None:
        """Add a relation from an element of a chain to the next one."""
        following = getattr(annotation, NEXT, None)
        if following is not None:
            label = getattr(annotation, CHAIN_LABEL, None)
            if not isinstance(label, str) or not label.strip():
                name = get_short_name(annotation.type.name)
                label = self.options[DEFAULT_LABEL] or name
            with self.items.relation(label):
                field = f"{_name(annotation)}.{NEXT}"
                self._relate(label, annotation, following, field)
                is_symmetric = self.options[CHAINS] == "symmetric"
                self.items.relations[-1].symmetric = is_symmetric

    def _relate(self, label: str, head: Any, tail: Any, field: str) -> None:
        ends = [self._find_end(end, field) for end in (head, tail)]
        self.items.relate(label, ends[0], ends[1], field)

    def _read_offsets(self, annotation: Any, field: str) -> Offsets:
        raw = self.offsets.get(annotation.xmiID)
        if raw is None:
            found = show([annotation.begin, annotation.end])
            raise FieldError(field, f"found the offsets {found}, expected two numbers")
        begin, end = (self.positions.get(offset) for offset in raw)
        if begin is not None and end is not None:
            return (begin, end)
        wrong = raw[0] if begin is None else raw[1]
        if 0 <= wrong <= self.size:
            raise FieldError(
                field,
                f"found the offset {wrong}, which is in the middle of a character of "
                f"two UTF-16 units, expected the border of one",
            )
        raise FieldError(
            field,
            f"found the offsets {raw[0]}-{raw[1]}, expected them inside the text, "
            f"which has {self.size} UTF-16 units",
        )

    def _read_relation(self, annotation: Any) -> None:
        field = _name(annotation)
        label = self._find_label(annotation, RELATIONS, field)
        head = self._resolve(annotation, HEAD, field)
        tail = self._resolve(annotation, TAIL, field)
        self.items.relate(label, head, tail, field)

    def _resolve(self, annotation: Any, name: str, field: str) -> str:
        return self._find_end(getattr(annotation, name, None), f"{field}.{name}")

    def _find_end(self, end: Any, path: str) -> str:
        id_ = getattr(end, "xmiID", None)
        if end is None or not isinstance(id_, int):
            raise EndpointError(path, "found nothing, expected an annotation")
        if not self.items.has(id_):
            layer = get_short_name(end.type.name)
            raise EndpointError(
                path,
                f"found {_name(end)}, expected an annotation of a layer that is read "
                f"as entities; --span-layer {layer} reads this one (give it once for "
                f"each layer)",
            )
        return self.items.resolve(id_, path)

    def _find_segments(self, name: str) -> Optional[List[Offsets]]:
        """Get tokens or sentences; None if any of them are invalid."""
        try:
            found = [
                self._read_offsets(annotation, name)
                for annotation in self.annotations
                if annotation.type.name == SEGMENTATION + name
            ]
        except FieldError:
            self.report.repair(f"{name.lower()}s that do not fit the text: left out")
            return None
        return sorted(found) or None


def _find_view(cas: Any, source: Source, report: Report) -> Any:
    """Get the view with the text; it's the only one in INCEpTION."""
    views = [cas.get_view(view.sofa.sofaID) for view in cas.views]
    found = [view for view in views if view.sofa_string]
    text = found[0].sofa_string if found else None
    if not isinstance(text, str):
        what = "no text" if text is None else show(text)
        raise FormatError(
            f"{source.file}: found {what}, expected a text in the sofa. Export the "
            f"document again."
        )
    report.ignored("views other than the first", len(found) - 1)
    return found[0]


def _add_title(source: Source, annotations: List[Any]) -> Source:
    for annotation in annotations:
        if annotation.type.name == META_DATA + "DocumentMetaData":
            title = annotation.get("documentTitle") or annotation.get("documentId")
            if isinstance(title, str):
                return Source(source.file, id=title)
    return Source(source.file, id=Path(source.file).name)


def _name(annotation: Any) -> str:
    """Describe an annotation in messages, by type and id."""
    return f"{get_short_name(annotation.type.name)} id {annotation.xmiID}"


def _list_features(type_: Any) -> Dict[str, Any]:
    return {feature.name: feature.rangeType for feature in type_.all_features}


def _is_layer(type_: Any) -> bool:
    """Whether annotations of this type may be entities or relations."""
    return {"begin", "end"} <= set(_list_features(type_)) and not _is_chain(type_)


def _is_chain(type_: Any) -> bool:
    """Whether annotations of this type are elements of chains."""
    return {"begin", "end", NEXT, CHAIN_TYPE} <= set(_list_features(type_))


def _is_link(type_: Any) -> bool:
    return {HEAD, TAIL} <= set(_list_features(type_))


def _find_base(type_: Any) -> str:
    """Get the layer that a relation layer is attached to."""
    return _list_features(type_)[HEAD].name


def _is_string(type_: Any) -> bool:
    supertype = getattr(type_, "supertype", None)
    return STRING in (getattr(type_, "name", ""), getattr(supertype, "name", ""))


def _list_slots(type_: Any) -> List[str]:
    """List the features with links and roles to other annotations."""
    features = _list_features(type_).items()
    return [name for name, range_ in features if getattr(range_, "name", "") == ARRAY]


def _iter_slots(annotation: Any) -> Iterator[Tuple[str, Any]]:
    """YIELDS: role, or name of the feature, and filler of each slot."""
    for name in _list_slots(annotation.type):
        for link in getattr(getattr(annotation, name, None), "elements", None) or ():
            role, target = getattr(link, "role", None), getattr(link, "target", None)
            if getattr(target, "xmiID", None) is not None:
                has_role = isinstance(role, str) and bool(role.strip())
                yield (str(role) if has_role else name), target


def is_technical(layer: str) -> bool:
    """RETURNS (bool): whether a layer is not used for manual annotation."""
    return layer.startswith(TECHNICAL)

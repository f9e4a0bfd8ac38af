"""Convert a BioC document, from XML or JSON, to a record."""

import re
from collections import defaultdict
from dataclasses import dataclass, replace
from itertools import combinations
from typing import (
    Any,
    DefaultDict,
    Dict,
    FrozenSet,
    Iterator,
    List,
    Optional,
    Sequence,
    Tuple,
)

from ...wording import plural
from ..base import DEFAULT_LABEL, Option, Options
from ..fields import (
    AMBIGUOUS,
    LOST,
    EndpointError,
    FieldError,
    check,
    check_text,
    get,
    get_list,
    show,
)
from ..items import Items, peek
from ..layers import LABEL_FEATURES
from ..mentions import MENTIONS, Concepts, split_ids
from ..offsets import BYTES, UTF16, same_text
from ..passages import CODE_POINTS, JoinedText, Piece
from ..record import EntityRecord, Offsets, Record, RelationRecord, Source
from ..report import ENTITIES, RELATIONS, Report
from ..roles import Roles

N_ARY = Option(
    "n_ary",
    "error",
    "relations of more than two entities: fail, relate each pair of them, or "
    "leave them out",
    choices=("error", "pairs", "drop"),
)
LABEL_KEYS = ("type", "relation", "label")
CONCEPT_KEYS = ("identifier", "concept_id", "cui", "MESH", "id")
IDS = (str, int)


class Element(Dict[str, Any]):
    """An element of an XML file, in the same structure as in JSON.

    line (int): the line where it starts.
    """

    line: int


@dataclass
class _Part:
    """A document, passage or sentence that contains annotations.

    path (str): e.g. `passages[0]`; empty for the document.
    obj (Dict[str, Any]): its content in the file.
    piece (Optional[int]): index of its piece of the text.
    """

    path: str
    obj: Dict[str, Any]
    piece: Optional[int] = None


@dataclass
class _Place:
    """The location of an annotation, which relations refer to by id.

    part (str): path of the part that contains it.
    field (str): its own path.
    entity (Optional[str]): id of its entity; None if it can't be read.
    """

    part: str
    field: str
    entity: Optional[str] = None


@dataclass
class _Annotation:
    """An annotation, before the unit of its offsets is detected.

    entity (EntityRecord): the entity, with its offsets in the file.
    part (_Part): the part that contains it.
    concepts (List[str]): ids of its concepts.
    place (_Place): its location.
    """

    entity: EntityRecord
    part: _Part
    concepts: List[str]
    place: _Place


def read_document(
    value: Any, source: Source, roles: Roles, options: Options, report: Report
) -> Record:
    """Read a document.

    value (Any): the document as in JSON, with `Element`s if it's from XML.
    source (Source): its location.
    roles (Roles): roles of the file's relations.
    options (Options): `label_features`, `default_label`, `mentions`, `n_ary`.
    report (Report): counts items and problems.
    RETURNS (Record): the document, with its passages concatenated.
    RAISES (FieldError): if it can't be read; it's not counted then.
    """
    return _Document(value, source, roles, options, report).read()


class _Document:
    """State while reading one document."""

    def __init__(
        self,
        value: Any,
        source: Source,
        roles: Roles,
        options: Options,
        report: Report,
    ) -> None:
        self.obj: Dict[str, Any] = check(value, dict, "the document")
        self.source = source
        self.items = Items(source, report)
        self.roles = roles
        self.options = options
        self.report = report
        self.pieces: List[Piece] = []
        # check all parts first, so that a rejected document is not counted
        self.parts = [_Part("", self.obj), *self._read_passages()]
        self.infons = self._get_infons(self.obj, "")
        self.lists = {
            (key, part.path): get_list(part.obj, key, part.path)
            for part in self.parts
            for key in ("annotations", "relations")
        }
        self.concepts = Concepts(options[MENTIONS])
        self.annotations: List[_Annotation] = []
        self.places: DefaultDict[str, List[_Place]] = defaultdict(list)
        self.relation_ids: Dict[str, str] = {}
        self.losses: FrozenSet[str] = frozenset()

    def read(self) -> Record:
        """RETURNS (Record): the document."""
        for part in self.parts:
            self._read_annotations(part)
        layout = self._locate()
        n_lost = self.report.n_lost[RELATIONS]
        for part in self.parts:
            self._read_relations(part)
        is_partial = self.concepts.is_partial
        negatives = []
        is_lost = self.report.n_lost[RELATIONS] > n_lost  # of an unknown pair
        if is_partial and self.options.complete and not is_lost:
            negatives = self.concepts.list_unrelated()
        return Record(
            layout.text,
            self.source,
            [annotation.entity for annotation in self.annotations],
            self.items.relations,
            sentences=self._find_sentences(layout),
            negatives=negatives,
            complete=self.options.complete and not is_partial,
            losses=self.losses,
            meta={"infons": self.infons},
        )

    def _read_passages(self) -> Iterator[_Part]:
        for i, value in enumerate(get_list(self.obj, "passages")):
            path = f"passages[{i}]"
            passage = _Part(path, check(value, dict, path))
            sentences = get_list(passage.obj, "sentences", path)
            text = self._get_part_text(passage)
            if text or not sentences:
                passage.piece = len(self.pieces)
                self.pieces.append(Piece(get(passage.obj, "offset", int, path), text))
            yield passage
            for j, inner in enumerate(sentences):
                inner_path = f"{path}.sentences[{j}]"
                sentence = _Part(inner_path, check(inner, dict, inner_path))
                sentence.piece = passage.piece
                if passage.piece is None:
                    sentence.piece = len(self.pieces)
                    offset = get(sentence.obj, "offset", int, inner_path)
                    self.pieces.append(Piece(offset, self._get_part_text(sentence)))
                yield sentence
        if not self.pieces:
            raise FieldError("passages", "found none, expected the text in passages")

    def _get_part_text(self, part: _Part) -> str:
        path = f"{part.path}.text"
        return check(part.obj.get("text"), (str, type(None)), path) or ""

    def _get_infons(self, obj: Dict[str, Any], path: str) -> Dict[str, Any]:
        name = f"{path}.infons" if path else "infons"
        return check(obj.get("infons"), (dict, type(None)), name) or {}

    def _read_annotations(self, part: _Part) -> None:
        for i, value in enumerate(self.lists["annotations", part.path]):
            path = _join(part.path, f"annotations[{i}]")
            place = _Place(part.path, path)
            self.places[_get_id(value)].append(place)
            with self.items.entity(source=self._place(value)):
                obj = check(value, dict, path)
                infons = self._get_infons(obj, path)
                entity = self._read_annotation(obj, infons, path)
                self.items.entities.append(entity)
                concepts = _list_concepts(infons)
                self.annotations.append(_Annotation(entity, part, concepts, place))

    def _read_annotation(
        self, obj: Dict[str, Any], infons: Dict[str, Any], path: str
    ) -> EntityRecord:
        label = self._find_label(infons, path)
        text = check(obj.get("text"), (str, type(None)), f"{path}.text")
        fragments = [
            _read_location(value, f"{path}.locations[{i}]")
            for i, value in enumerate(get_list(obj, "locations", path))
        ]
        if not fragments:
            raise FieldError(f"{path}.locations", "found none, expected offset, length")
        if text is not None and len(fragments) > 1:
            # how bconv and others write omitted text
            text = text.replace("[...]", " ")
        entity = EntityRecord(path, label, fragments, text, path)
        entity.source = self._place(obj)
        ids = [x for key in CONCEPT_KEYS for x in split_ids(infons.get(key))]
        if ids:
            entity.attrs["kb_id"] = ids[0]
        return entity

    def _find_label(self, infons: Dict[str, Any], path: str) -> str:
        keys = self.options[LABEL_FEATURES] or LABEL_KEYS
        for key in keys:
            if infons.get(key) is not None:
                return check_text(infons[key], f"{path}.infons.{key}")
        found = ", ".join(map(repr, list(infons)[:8]))
        raise FieldError(
            f"{path}.infons",
            f"found {f'the keys {found}' if found else 'none'}, expected "
            f"{keys[0]!r}, which holds the label; --label-feature KEY names another",
        )

    def _place(self, value: Any) -> Source:
        """Get the location of an item, in XML with its own line."""
        if isinstance(value, Element):
            return replace(self.source, line=value.line)
        return self.source

    def _locate(self) -> JoinedText:
        """Concatenate the text, and map the annotations to it."""
        unit, layout = self._choose_unit()
        if unit != CODE_POINTS:
            self.report.repair(f"offsets in {unit}", len(self.annotations))
        self.report.repair(
            "passages that overlap by their offsets: put one after another",
            layout.n_overlaps,
        )
        located = []
        for annotation in self.annotations:
            entity = annotation.entity
            fragments = _find(layout, annotation)
            if fragments is None:
                self._lose_outside(annotation)
                continue
            covered = " ".join(layout.text[start:end] for start, end in fragments)
            if entity.text is not None and _is_ascii_form(covered, entity.text):
                entity.text = None
                self.report.repair("texts of annotations in ASCII only: not compared")
            entity.fragments = fragments
            located.append(annotation)
            annotation.place.entity = entity.id
            self.concepts.add(annotation.concepts, entity)
        self.annotations = located
        return layout

    def _choose_unit(self) -> Tuple[str, JoinedText]:
        """Choose characters, unless all annotations only fit in another unit."""
        first = JoinedText(self.pieces)
        if self._fits(first) or all(piece.text.isascii() for piece in self.pieces):
            return CODE_POINTS, first
        for unit in (BYTES, UTF16):
            layout = JoinedText(self.pieces, unit)
            if self._fits(layout):
                return unit, layout
        return CODE_POINTS, first

    def _fits(self, layout: JoinedText) -> bool:
        for annotation in self.annotations:
            text = annotation.entity.text
            fragments = _find(layout, annotation)
            if fragments is None:
                return False
            covered = " ".join(layout.text[start:end] for start, end in fragments)
            if text is not None and not (
                same_text(covered, text) or _is_ascii_form(covered, text)
            ):
                return False
        return True

    def _lose_outside(self, annotation: _Annotation) -> None:
        entity = annotation.entity
        offsets = ";".join(f"{start}-{end}" for start, end in entity.fragments)
        first, last = self.pieces[0], self.pieces[-1]
        end = last.offset + len(last.text)
        place = (entity.source or self.source).at(f"{entity.field}.locations")
        self.report.error(
            ENTITIES,
            "offsets do not fit the text",
            f"{place}: offsets {offsets} are outside the passages, which have the "
            f"offsets {first.offset} to {end}; entity {entity.label!r} not converted. "
            f"Correct the offsets, which count from the beginning of the document.",
        )

    def _find_sentences(self, layout: JoinedText) -> Optional[List[Offsets]]:
        """Get the sentences if all passages are split into sentences."""
        found: List[Offsets] = []
        for part in self.parts:
            if part.path.endswith("]") and ".sentences[" in part.path:
                offset, text = part.obj.get("offset"), part.obj.get("text")
                if not isinstance(offset, int) or not isinstance(text, str):
                    return None
                start = layout.find(offset, offset + 1, part.piece)
                if start is not None and text:
                    found.append((start[0], start[0] + len(text)))
            elif part.path and not part.obj.get("sentences"):
                return None
        return found or None

    def _read_relations(self, part: _Part) -> None:
        for i, value in enumerate(self.lists["relations", part.path]):
            path = _join(part.path, f"relations[{i}]")
            place = self._place(value)
            before = len(self.items.relations)
            with self.items.relation(*self._peek(value), source=place):
                obj = check(value, dict, path)
                label = self._find_relation_label(obj, path)
                self.items.relations += self._read_relation(obj, label, part, path)
            for relation in self.items.relations[before:]:
                relation.source = place

    def _peek(self, value: Any) -> List[str]:
        """Get the label, for messages."""
        infons = value.get("infons") if isinstance(value, dict) else None
        keys = self.options[LABEL_FEATURES] or LABEL_KEYS
        return [label for key in keys for label in peek(infons, key)][:1]

    def _find_relation_label(self, obj: Dict[str, Any], path: str) -> str:
        infons = self._get_infons(obj, path)
        keys = self.options[LABEL_FEATURES] or LABEL_KEYS
        default = self.options[DEFAULT_LABEL]
        if default is not None and all(infons.get(key) is None for key in keys):
            return default
        return self._find_label(infons, path)

    def _read_relation(
        self, obj: Dict[str, Any], label: str, part: _Part, path: str
    ) -> List[RelationRecord]:
        nodes = get_list(obj, "nodes", path)
        named = self._name_concepts(obj, label, path)
        if not nodes or (len(named) == 2 and not any(map(self._is_known, nodes))):
            return self._relate(named, label, path)
        ends = [
            self._read_node(node, part, f"{path}.nodes[{i}]")
            for i, node in enumerate(nodes)
        ]
        if len(ends) < 2:
            raise FieldError(f"{path}.nodes", "found 1 node, expected two")
        if len(ends) > 2 and self.options[N_ARY] != "pairs":
            return self._leave_out(len(ends), path)
        pairs = combinations(ends, 2)
        if len(ends) > 2:
            reason = "relations of more than two entities, as pairs"
            self.report.note(reason)
        return [self._make(label, pair, path) for pair in pairs]

    def _leave_out(self, n_nodes: int, path: str) -> List[RelationRecord]:
        if self.options[N_ARY] == "error":
            raise FieldError(
                f"{path}.nodes",
                f"found {n_nodes} nodes, expected two; --n-ary pairs relates every two "
                f"of them, --n-ary drop leaves such relations out",
            )
        self.report.read(RELATIONS)
        self.report.skipped(RELATIONS, "more than two entities")
        self.losses = frozenset({RELATIONS})
        return []

    def _make(
        self, label: str, pair: Sequence[Tuple[str, str]], path: str
    ) -> RelationRecord:
        (first, role), (second, other_role) = pair
        is_same = bool(role) and role == other_role
        self.report.note("relations without direction: both roles the same", is_same)
        if self.roles.is_swapped(label, (role, other_role)):
            first, second = second, first
        return RelationRecord(label, first, second, path, symmetric=is_same)

    def _read_node(self, value: Any, part: _Part, path: str) -> Tuple[str, str]:
        """Get entity id and role of an endpoint."""
        node = check(value, dict, path)
        id_ = str(get(node, "refid", IDS, path))
        role = check(node.get("role"), (str, type(None)), f"{path}.role") or ""
        found = self.places.get(id_, [])
        # ids may restart in each passage
        found = [place for place in found if place.part == part.path] or found
        if len(found) == 1 and found[0].entity:
            return found[0].entity, role
        reason = ""
        if len(found) > 1:
            reason = AMBIGUOUS
            problem = f"{len(found)} annotations have the id {show(id_)}, expected one"
        elif found:
            reason, problem = LOST, f"{found[0].field} was not converted"
        elif id_ in self._list_relation_ids():
            problem = f"{show(id_)} is a relation, expected an annotation"
        else:
            problem = f"{show(id_)} is not an annotation of this document"
        raise EndpointError(f"{path}.refid", problem, reason)

    def _list_relation_ids(self) -> Dict[str, str]:
        if not self.relation_ids:
            self.relation_ids = {
                _get_id(value): path
                for (key, path), values in self.lists.items()
                if key == "relations"
                for value in values
            }
        return self.relation_ids

    def _is_known(self, node: Any) -> bool:
        return isinstance(node, dict) and str(node.get("refid")) in self.places

    def _name_concepts(
        self, obj: Dict[str, Any], label: str, path: str
    ) -> List[List[str]]:
        """Get the concepts in the infons of a relation, as in CDR and BioRED."""
        infons = self._get_infons(obj, path)
        values = (_get_concept(value) for value in infons.values() if value != label)
        named = (self.concepts.resolve(value) for value in values)
        return [ids for ids in named if ids]

    def _relate(
        self, named: List[List[str]], label: str, path: str
    ) -> List[RelationRecord]:
        """Add a relation between concepts, for the mentions chosen by the user."""
        if len(named) != 2:
            raise EndpointError(
                path,
                f"found no nodes, and {plural(len(named), 'infon')} with the concept "
                f"of an annotation, expected two nodes or two such infons",
            )
        pairs = self.concepts.relate(*named)
        self.report.note(
            f"relations between concepts: {self.options[MENTIONS]} mentions"
        )
        return [RelationRecord(label, head, tail, path) for head, tail in pairs]


def _get_id(value: Any) -> str:
    id_ = value.get("id") if isinstance(value, dict) else None
    return str(id_) if isinstance(id_, IDS) else ""


def _join(path: str, field_: str) -> str:
    return f"{path}.{field_}" if path else field_


def _read_location(value: Any, path: str) -> Offsets:
    location = check(value, dict, path)
    start = get(location, "offset", int, path)
    return start, start + get(location, "length", int, path)


def _find(layout: JoinedText, annotation: _Annotation) -> Optional[List[Offsets]]:
    found = [
        layout.find(start, end, annotation.part.piece)
        for start, end in annotation.entity.fragments
    ]
    return [x for x in found if x] if all(found) else None


def _list_concepts(infons: Dict[str, Any]) -> List[str]:
    return [
        id_
        for key, value in infons.items()
        if key not in LABEL_KEYS
        for id_ in split_ids(_get_concept(value))
    ]


def _get_concept(value: Any) -> Any:
    return value.get("identifier") if isinstance(value, dict) else value


def _is_ascii_form(covered: str, stated: str) -> bool:
    """Whether texts only differ in non-ASCII characters.

    PubTator writes `TNF-a` or `TNF-alpha` for the Greek letter in the text.
    """
    runs = re.split(r"[^\x00-\x7f]+", covered)
    if covered.isascii() or not stated.isascii() or not any(runs):
        return False
    at = 0
    for run in runs:
        at = stated.find(run, at)
        if at < 0:
            return False
        at += len(run)
    return stated.startswith(runs[0]) and stated.endswith(runs[-1])

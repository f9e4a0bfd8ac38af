"""Results of a Label Studio annotation: regions of a text, relations and others.

Several results with the same id describe the same region.
"""

from dataclasses import dataclass, field
from typing import Any, Dict, List, Optional, Tuple

from ..base import DEFAULT_LABEL, Options
from ..fields import FieldError, check, check_text, get, get_list, show
from ..items import Items
from ..record import EntityRecord, Source
from ..report import Report

LABELS = ("labels", "hypertextlabels", "paragraphlabels")
DIRECTIONS = ("right", "left", "bi")
IDS = (str, int, type(None))


@dataclass
class Item:
    """A region or relation.

    field (str): its path, e.g. `annotations[0].result[3]`.
    value (Any): the result.
    labels (List[Any]): its labels; each becomes an entity or relation.
    inner (str): path of a region's `value`.
    """

    field: str
    value: Any
    labels: List[Any]
    inner: str = ""

    @property
    def n(self) -> int:
        """RETURNS (int): number of entities or relations to count."""
        return max(1, len(self.labels))


@dataclass
class Annotation:
    """An annotation of a task, with results by kind.

    path (str): its path, e.g. `annotations[0]`.
    obj (Dict[str, Any]): its own fields.
    ignored (List[str]): types of other results.
    """

    path: str
    obj: Dict[str, Any]
    regions: List[Item] = field(default_factory=list)
    relations: List[Item] = field(default_factory=list)
    ignored: List[str] = field(default_factory=list)

    @property
    def contents(self) -> Dict[str, List[Any]]:
        """RETURNS (Dict[str, List[Any]]): a list per kind, to count them."""
        lists = {"regions": self.regions, "relations": self.relations}
        return {key: [i for i in v for _ in range(i.n)] for key, v in lists.items()}

    @property
    def has_html(self) -> bool:
        """RETURNS (bool): whether offsets refer to rendered HTML."""
        values = [i.value.get("value") for i in self.regions if is_dict(i.value)]
        return any(
            "globalOffsets" in v or str(v.get("start")).startswith("/")
            for v in values
            if is_dict(v)
        )

    @property
    def says_texts(self) -> bool:
        """RETURNS (bool): whether regions of plain text say what their text is."""
        return not self.has_html and bool(self._list_texts())

    def fits(self, text: str) -> bool:
        """RETURNS (bool): whether all regions of plain text are in this text, at their
        offsets."""
        return all(text[i : i + len(said)] == said for i, said in self._list_texts())

    def _list_texts(self) -> List[Tuple[int, str]]:
        regions = [i.value.get("value") for i in self.regions if is_dict(i.value)]
        pairs = [(v.get("start"), v.get("text")) for v in regions if is_dict(v)]
        return [(i, x) for i, x in pairs if type(i) is int and isinstance(x, str)]

    @property
    def medium(self) -> str:
        """RETURNS (str): a picture, a video or a sound, if its regions are not in a
        text; empty otherwise."""
        values = [i.value.get("value") for i in self.regions if is_dict(i.value)]
        found = [_find_medium(value) for value in values if is_dict(value)]
        return found[0] if found and all(found) else ""

    @property
    def targets(self) -> List[str]:
        """RETURNS (List[str]): names of the texts of its regions."""
        regions = [i.value for i in self.regions if is_dict(i.value)]
        names = [r.get("to_name") for r in regions if not _is_elsewhere(r)]
        return list(dict.fromkeys(name for name in names if isinstance(name, str)))


class Results:
    """State while reading the entities and relations of one annotation."""

    def __init__(
        self,
        text: str,
        has_html: bool,
        source: Source,
        options: Options,
        report: Report,
    ) -> None:
        self.has_backslashes = "\\n" in text
        self.has_html = has_html
        self.options = options
        self.report = report
        self.items = Items(source, report, "annotation")
        # regions by id, since several results may describe the same one
        self.regions: Dict[str, EntityRecord] = {}

    def read(self, annotation: Annotation) -> None:
        """Read all regions and relations, and report those that can't be read."""
        for item in annotation.regions:
            with self.items.entity(n=item.n):
                self._read_region(item)
        # relations may precede their regions
        for item in annotation.relations:
            with self.items.relation(*item.labels, n=item.n):
                self._read_relation(item)

    def _read_region(self, item: Item) -> None:
        region = check(item.value, dict, item.field)
        if _is_elsewhere(region):
            raise FieldError(
                f"{item.field}.type",
                f"found {show(region['type'])}, expected a span of text (such as "
                f"'labels')",
            )
        id_ = check(region.get("id"), IDS, f"{item.field}.id")
        known = self.regions.get(str(id_))
        if id_ is not None and not self.items.has(id_):
            self.items.claim(id_, item.field)
        value = check(region.get("value"), dict, item.inner)
        ends = self._read_offsets(value, item.inner)
        if known and id_ is not None and known.fragments != [ends]:
            self.items.claim(id_, item.field)
            raise FieldError(
                f"{item.field}.id",
                f"found {show(id_)} for another span of text, expected a unique id: "
                f"{known.field} already has it",
                "duplicate id",
            )
        text = check(value.get("text"), (str, type(None)), f"{item.inner}.text")
        if not item.labels:
            raise FieldError(
                f"{item.inner}.labels",
                "found no label, expected at least one: label the region or remove it",
            )
        labels = [check_text(label, f"{item.inner}.labels") for label in item.labels]
        self.report.note(
            "regions with several labels: each makes an entity, relations are the "
            "first one's",
            int(len(labels) > 1),
        )
        # a result may become several entities, so their fields are not unique
        first = len(self.items.entities)
        for i, label in enumerate(labels):
            entity = self.items.add(label, *ends, item.field, self._unescape(text))
            entity.id = f"{item.field} {i}"
        if id_ is not None and known is None:
            self.regions[str(id_)] = self.items.entities[first]
            self.items.name(str(id_), self.items.entities[first])

    def _read_offsets(self, value: Dict[str, Any], path: str) -> Tuple[int, int]:
        if self.has_html:
            # `start` and `end` are XPaths
            if "globalOffsets" not in value:
                raise FieldError(
                    f"{path}.globalOffsets",
                    "missing, expected the offsets in the rendered text, as newer "
                    "versions of Label Studio write them",
                )
            value = get(value, "globalOffsets", dict, path)
            path = f"{path}.globalOffsets"
        return get(value, "start", int, path), get(value, "end", int, path)

    def _unescape(self, text: Optional[str]) -> Optional[str]:
        # some versions write line breaks as backslash and n
        if text is None or self.has_backslashes:
            return text
        return text.replace("\\n", "\n")

    def _read_relation(self, item: Item) -> None:
        obj, path = item.value, item.field
        labels = self._read_labels(obj, path)
        direction = "right" if obj.get("direction") is None else obj["direction"]
        if direction not in DIRECTIONS:
            raise FieldError(
                f"{path}.direction",
                f"found {show(direction)}, expected one of {', '.join(DIRECTIONS)}",
            )
        head, tail = self.items.ends(obj, ("from_id", "to_id"), path, (str, int))
        if direction == "left":
            head, tail = tail, head
        for label in labels:
            self.items.relate(label, head, tail, path)
            self.items.relations[-1].symmetric = direction == "bi"

    def _read_labels(self, obj: Dict[str, Any], path: str) -> List[str]:
        labels = get_list(obj, "labels", path)
        if labels:
            return [check_text(label, f"{path}.labels") for label in labels]
        default = self.options[DEFAULT_LABEL]
        if default is None:
            raise FieldError(
                f"{path}.labels",
                "found no label, expected at least one (--default-label NAME gives "
                "one to such relations)",
            )
        self.report.note("relations without a label: --default-label")
        return [default]


def sort_results(path: str, obj: Dict[str, Any], results: List[Any]) -> Annotation:
    """Sort results by kind: regions of a text, relations and others."""
    annotation = Annotation(path, obj)
    for i, value in enumerate(results):
        place = f"{path}.result[{i}]".lstrip(".")
        inner = f"{place}.value"
        if not is_dict(value):
            annotation.regions.append(Item(place, value, [], inner))
        elif value.get("type") == "relation" or "from_id" in value:
            labels = value.get("labels")
            listed = labels if isinstance(labels, list) else []
            annotation.relations.append(Item(place, value, listed))
        elif _is_labelled(value):
            labels = region_labels(value.get("value"))
            annotation.regions.append(Item(place, value, labels, inner))
        else:
            annotation.ignored.append(show(value.get("type")))
    return annotation


def _find_medium(value: Dict[str, Any]) -> str:
    if "start" in value or "end" in value or "globalOffsets" in value:
        is_time = isinstance(value.get("start"), float) or "channel" in value
        return "a sound" if is_time else ""
    if "sequence" in value or "ranges" in value:
        return "a video"
    is_place = "points" in value or "rle" in value or {"x", "y"} <= set(value)
    return "a picture" if is_place else ""


def is_dict(value: Any) -> bool:
    return isinstance(value, dict)


def is_region(value: Any) -> bool:
    return is_dict(value) and any(key in value for key in LABELS)


def _is_labelled(result: Dict[str, Any]) -> bool:
    return str(result.get("type")).endswith("labels") or is_region(result.get("value"))


def _is_elsewhere(region: Dict[str, Any]) -> bool:
    """Whether it's a region of other media, e.g. a picture."""
    type_ = str(region.get("type"))
    return type_.endswith("labels") and type_ not in LABELS


def region_labels(value: Any) -> List[Any]:
    found = [value[key] for key in LABELS if key in value] if is_dict(value) else []
    return found[0] if found and isinstance(found[0], list) else []

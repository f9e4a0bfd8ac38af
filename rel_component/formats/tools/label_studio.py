"""Label Studio JSON: tasks with `annotations`, each a list of results.

A result is a region (an entity), or a relation between two regions, with `from_id`,
`to_id` and `direction`. Older exports have `completions` instead of annotations. Each
annotation is read as a document; `versions` chooses between those of a task. Cloud
storage contains a file per annotation, which includes the task. JSON-MIN has no
relations, and is only read for entities.
Source: docs/source/includes/result_format.md, RelationStore.js and RichTextRegion.js
of github.com/HumanSignal/label-studio; issue 1803 on JSON-MIN.
"""

import re
from pathlib import Path
from typing import Any, Dict, Iterator, List, Mapping, Optional, Set, Tuple

from ..base import DEFAULT_LABEL, Format, Option, Options, Preview
from ..fields import FieldError, add_id, check, get, get_list, show, skip_document
from ..html_text import render
from ..json_values import iter_json
from ..record import Record, Source, Version
from ..report import DOCUMENTS, ENTITIES, NO_LIST, RELATIONS, Report
from ..versions import parse_time
from .label_studio_results import (
    Annotation,
    Item,
    Results,
    is_dict,
    is_region,
    region_labels,
    sort_results,
)

ACCEPT_UNANSWERED = Option(
    "accept_unanswered", False, "read predictions of tasks without annotations"
)
FIELDS: Option[Mapping[str, str]] = Option(
    "fields", {}, "the field that was annotated: text=body", flag="field"
)
ANNOTATIONS = ("annotations", "completions")
UNUSED = ("drafts", "predictions")
UPLOADED = re.compile(r"\s*/data/(?:upload|local-files)/\S*\s*")
KNOWN = {"data", *ANNOTATIONS, *UNUSED}
KINDS = {"regions": ENTITIES, "relations": RELATIONS}
# fields in JSON-MIN in addition to a task's data
MIN_KNOWN = ("id", "annotator", "annotation_id", "created_at", "updated_at")


def read(path: Path, options: Options, report: Report) -> Iterator[Record]:
    """Read an export as JSON, a file of cloud storage, or predictions for import.

    path (Path): the file.
    options (Options): `accept_unanswered`, `default_label`, `entities_only`, `fields`.
    report (Report): counts items and problems.
    YIELDS (Record): one per annotation, except for cancelled ones.
    RAISES (FormatError): if it's not a JSON file.
    """
    # tasks without regions may precede those that show which field was annotated
    first = _Reader(path, options, Report())
    for _ in first.read():
        pass
    reader = _Reader(path, options, report)
    reader.field, reader.html_fields = first.field, first.html_fields
    yield from reader.read()
    reader.finish()


class _Reader:
    """Reads tasks, with state shared by all tasks of a file."""

    def __init__(self, path: Path, options: Options, report: Report) -> None:
        self.path = path
        self.options = options
        self.report = report
        # annotated field of `data`, also for tasks without regions
        self.field: Optional[str] = None
        self.html_fields: Set[str] = set()
        self.n_refused = 0

    def read(self) -> Iterator[Record]:
        """YIELDS (Record): one per annotation of the file."""
        for source, value in iter_json(self.path, self.options, self.report):
            is_stored = _is_stored(value)
            source = add_id(source, value["task"] if is_stored else value, "id")
            if _is_min(value):
                yield from self.read_min(value, source)
            elif is_stored:
                yield from self.read_annotations(value["task"], [("", value)], source)
            else:
                yield from self.read_task(value, source)

    def read_task(self, value: Any, source: Source) -> Iterator[Record]:
        """Read a task with its annotations."""
        try:
            task = check(value, dict, "the task")
            found = self._list_annotations(task)
        except FieldError as error:
            skip_document(source, value, error, {}, self.report)
            return
        if not found:
            self.report.skipped(DOCUMENTS, "not annotated")
            return
        self.report.read(DOCUMENTS, len(found) - 1)
        yield from self.read_annotations(task, found, source)

    def read_annotations(
        self, task: Dict[str, Any], found: List[Tuple[str, Any]], source: Source
    ) -> Iterator[Record]:
        """Read the annotations of a task."""
        read: List[Annotation] = []
        for path, annotation in found:
            try:
                obj = check(annotation, dict, path)
                read.append(sort_results(path, obj, get(obj, "result", list, path)))
                if _is_cancelled(obj, path):
                    self._skip(read.pop())
            except FieldError as error:
                lost = read.pop() if read and read[-1].path == path else None
                self._lose(source, lost, error)
        has_html = any(annotation.has_html for annotation in read)
        for annotation in read:
            yield from self._read(task, annotation, source, has_html)

    def read_min(self, obj: Dict[str, Any], source: Source) -> Iterator[Record]:
        """Read a JSON-MIN record: lists of regions and fields of the data."""
        annotation = Annotation("", obj)
        data = {key: value for key, value in obj.items() if key not in MIN_KNOWN}
        for key, value in list(data.items()):
            if isinstance(value, list) and any(map(is_region, value)):
                del data[key]
                annotation.regions += [
                    Item(place, {"value": v}, region_labels(v), place)
                    for place, v in ((f"{key}[{i}]", v) for i, v in enumerate(value))
                ]
        if not self.options.entities_only:
            self.n_refused += 1
            n = len(annotation.contents["regions"])
            self.report.read(ENTITIES, n)
            self.report.lost_with(ENTITIES, "JSON-MIN has no relations", n)
            return
        self.report.note(NO_LIST)
        annotation.obj = {**obj, "completed_by": obj.get("annotator")}
        task = {**{key: obj[key] for key in MIN_KNOWN if key in obj}, "data": data}
        yield from self._read(task, annotation, source, annotation.has_html)

    def finish(self) -> None:
        """Report problems of the whole file."""
        if self.n_refused:
            reason = "JSON-MIN has no relations"
            self.report.error(
                DOCUMENTS,
                reason,
                f"{self.path}: this is a JSON-MIN export of Label Studio, and JSON-MIN "
                f"contains no relations, expected JSON; {self.n_refused} documents not "
                f"converted. Export as JSON, or use --entities-only to read the "
                f"entities of this file without negative pairs.",
                n=self.n_refused,
            )

    def _list_annotations(self, task: Dict[str, Any]) -> List[Tuple[str, Any]]:
        """List the annotations with their fields; or predictions, if enabled."""
        lists = {key: get_list(task, key) for key in (*ANNOTATIONS, *UNUSED)}
        keys: Tuple[str, ...] = ANNOTATIONS
        if not any(lists[key] for key in keys) and lists["predictions"]:
            if self.options[ACCEPT_UNANSWERED]:
                keys = ("predictions",)
                self.report.note("predictions read for tasks without annotations")
            else:
                self.report.hint(
                    "tasks that have only predictions were not annotated yet and were "
                    "left out; --accept-unanswered reads the predictions"
                )
        for key in UNUSED:
            if key not in keys and lists[key]:
                self.report.ignored(f"Label Studio {key}", len(lists[key]))
        return [(f"{key}[{i}]", v) for key in keys for i, v in enumerate(lists[key])]

    def _skip(self, annotation: Annotation) -> None:
        reason = "annotation cancelled"
        self.report.skipped(DOCUMENTS, reason)
        for key, kind in KINDS.items():
            n = len(annotation.contents[key])
            self.report.read(kind, n)
            self.report.skipped(kind, reason, n)

    def _lose(
        self, source: Source, annotation: Optional[Annotation], error: FieldError
    ) -> None:
        contents = annotation.contents if annotation else {}
        skip_document(source, contents, error, KINDS, self.report)

    def _read(
        self,
        task: Dict[str, Any],
        annotation: Annotation,
        source: Source,
        has_html: bool,
    ) -> Iterator[Record]:
        try:
            data = get(task, "data", dict)
            if annotation.medium:
                raise FieldError(
                    annotation.path or "result",
                    f"found regions of {annotation.medium}, expected spans of "
                    f"text: pictures, videos and sounds are not read",
                    "not of a text",
                )
            name = self._find_field(data, annotation)
            text = data[name]
            if not annotation.regions and UPLOADED.fullmatch(text):
                raise FieldError(
                    f"data.{name}",
                    f"found {show(text)}, expected a text: uploaded files are not in "
                    f"the export",
                    "not of a text",
                )
            if has_html:
                self.html_fields.add(name)
            if name in self.html_fields:
                text = _render(text, f"data.{name}")
        except FieldError as error:
            self._lose(source, annotation, error)
            return
        self._advise(annotation, text)
        for type_ in annotation.ignored:
            self.report.ignored(f"Label Studio results of the type {type_}")
        results = Results(
            text, name in self.html_fields, source, self.options, self.report
        )
        results.read(annotation)
        rest = {key: value for key, value in data.items() if key != name}
        meta = {key: task[key] for key in task if key not in KNOWN}
        yield Record(
            text,
            source,
            results.items.entities,
            results.items.relations,
            complete=self.options.complete and not _is_min(annotation.obj),
            version=_make_version(annotation, text, source),
            meta={**meta, "data": rest},
        )

    def _find_field(self, data: Dict[str, Any], annotation: Annotation) -> str:
        """Find the field of `data` with the annotated text.

        Only the project's labeling config defines it, but it usually has the same name
        as the tag that displays it; or else it's the one with the regions' texts.
        """
        targets = annotation.targets
        texts = [key for key, value in data.items() if isinstance(value, str)]
        if len(targets) > 1:
            raise FieldError(
                "data",
                f"found regions in {len(targets)} texts ({', '.join(targets)}), "
                f"expected one text: split such tasks",
            )
        asked = self.options[FIELDS].get("text")
        if asked is not None:
            get(data, asked, str, "data")
            return asked
        names = [name for name in (*targets, self.field) if name in texts][:1]
        if not names and annotation.says_texts:
            names = [name for name in texts if annotation.fits(data[name])]
        if not names:
            names = ["text"] if "text" in texts else texts
        if len(names) == 1:
            self.field = self.field or (names[0] if targets else None)
            return names[0]
        found = ", ".join(map(repr, list(texts or data)[:8])) or "no fields"
        if texts:
            raise FieldError(
                "data",
                f"found {found}, expected to know which of them was annotated: "
                f"--field text=NAME says it",
            )
        raise FieldError(
            "data",
            f"found no text ({found}), expected one: dialogues, pictures and the like "
            f"are not read",
        )

    def _advise(self, annotation: Annotation, text: str) -> None:
        if annotation.regions and re.fullmatch(r"\s*[a-z0-9]+://\S+\s*", text):
            self.report.hint(
                "the text of a task is only an address, so the annotated text is not "
                "in the export; put it into the tasks"
            )


def _is_cancelled(obj: Dict[str, Any], path: str) -> bool:
    keys = ("was_cancelled", "skipped")
    return any(
        check(obj.get(key), (bool, type(None)), f"{path}.{key}".lstrip("."))
        for key in keys
    )


def _render(html: str, path: str) -> str:
    try:
        return render(html)
    except ValueError as error:
        raise FieldError(path, f"found HTML that can't be parsed ({error})") from None


def _make_version(annotation: Annotation, text: str, source: Source) -> Version:
    obj = annotation.obj
    # tasks without id are identified by their location
    of = f"label_studio {source.id or source} {text}"
    names = [obj.get("completed_by"), obj.get("model_version")]
    if isinstance(names[0], dict):
        names = [names[0].get(key) for key in ("id", "email", "username")]
    times = (parse_time(obj.get(key)) for key in ("updated_at", "created_at"))
    return Version(
        of,
        by=tuple(str(name) for name in names if isinstance(name, (str, int))),
        time=next((time for time in times if time is not None), None),
        is_truth=obj.get("ground_truth") is True,
        field=annotation.path,
    )


def _is_min(value: Any) -> bool:
    return (
        is_dict(value)
        and "annotation_id" in value
        and ("annotator" in value or "lead_time" in value)
    )


def _is_stored(value: Any) -> bool:
    """Whether it's an annotation that includes its task."""
    is_annotation = is_dict(value) and "result" in value and is_dict(value.get("task"))
    return is_annotation and "data" in value["task"]


def _looks_like(preview: Preview) -> bool:
    is_task = preview.has("data") and is_dict(preview.value["data"])
    has_list = any(preview.has(key) for key in (*ANNOTATIONS, "predictions"))
    return (is_task and has_list) or _is_min(preview.value) or _is_stored(preview.value)


FORMAT = Format(
    "label_studio",
    "Label Studio export or predictions (JSON)",
    read,
    _looks_like,
    options=(ACCEPT_UNANSWERED, DEFAULT_LABEL, FIELDS),
    has_versions=True,
)

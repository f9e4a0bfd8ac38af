"""Label Studio JSON: tasks with an annotation or a prediction.

A labeling config is written, too, since Label Studio skips labels that are not in a
project's config on import without a message. A pair of regions has one relation per
direction, with all labels.
"""

from collections import defaultdict
from pathlib import Path
from typing import Any, DefaultDict, Dict, Iterable, List, Tuple
from xml.sax.saxutils import quoteattr

from ...files import write_array, write_text
from ..from_doc import SCORE
from ..record import Record
from ..report import Report
from .base import WriteOptions, Writer
from .details import META, SCORES, SYMMETRIC, UNCERTAINTY
from .labels import Labels

# names in the labeling config
LABELS, TEXT = "label", "text"

Pair = Tuple[str, str]
# labels by direction between head and tail of a pair
Group = DefaultDict[str, List[str]]


def write(
    records: Iterable[Record], path: Path, options: WriteOptions, report: Report
) -> None:
    """Write tasks to import, and `NAME_config.xml` next to them.

    records (Iterable[Record]): the records.
    path (Path): the file.
    options (WriteOptions): `predictions` with `model_version`, or annotations;
        additional labels for the config.
    report (Report): counts scores and symmetric relations that can't be written.
    """
    labels = Labels(options)
    watched = enumerate(labels.watch(records))
    write_array(path, (_to_task(record, i, options, report) for i, record in watched))
    write_text(path.with_name(f"{path.stem}_config.xml"), _to_config(labels))


def _to_task(
    record: Record, number: int, options: WriteOptions, report: Report
) -> Dict[str, Any]:
    # Label Studio only keeps the data of tasks
    data = dict(record.meta)
    if isinstance(data.get("data"), dict):
        data.update(data.pop("data"))
    report.ignored(META, int(TEXT in data))
    uncertainty = data.pop(UNCERTAINTY, None)
    if record.source.id is not None:
        data.setdefault("id", record.source.id)
    data[TEXT] = record.text
    made: Dict[str, Any] = {"result": to_results(record, number, report)}
    if options.predictions:
        made["model_version"] = options.model_version
        if uncertainty is not None:
            made["score"] = to_score(uncertainty)
    key = "predictions" if options.predictions else "annotations"
    task = {"data": data, key: [made]}
    return task if record.source.id is None else {"id": record.source.id, **task}


def to_score(uncertainty: float) -> float:
    """RETURNS (float): a prediction's score, from 1 for certain to 0."""
    return round(1 - uncertainty, 4)


def to_results(
    record: Record,
    number: int,
    report: Report,
    *,
    from_name: str = LABELS,
    to_name: str = TEXT,
) -> List[Dict[str, Any]]:
    """Convert the entities and relations of a record.

    record (Record): the output of `prepare`.
    number (int): the record's number, since ids are unique in a file.
    report (Report): counts scores and symmetric relations that can't be written.
    from_name (str), to_name (str): names of the labels and the text in the labeling
        config.
    RETURNS (List[Dict[str, Any]]): the regions, then the relations.
    """
    ids = {e.id: f"d{number}e{i}" for i, e in enumerate(record.entities)}
    results: List[Dict[str, Any]] = []
    for entity in record.entities:
        region = {
            "id": ids[entity.id],
            "from_name": from_name,
            "to_name": to_name,
            "type": "labels",
            "value": {
                "start": entity.start,
                "end": entity.end,
                "text": record.text[entity.start : entity.end],
                "labels": [entity.label],
            },
        }
        score = {SCORE: entity.attrs[SCORE]} if SCORE in entity.attrs else {}
        results.append({**region, **score})
    report.ignored(SCORES, sum(SCORE in r.attrs for r in record.relations))
    for (head, tail), direction, labels in _group_relations(record, report):
        results.append(
            {
                "type": "relation",
                "from_id": ids[head],
                "to_id": ids[tail],
                "direction": direction,
                "labels": labels,
            }
        )
    return results


def _group_relations(
    record: Record, report: Report
) -> List[Tuple[Pair, str, List[str]]]:
    """Group relations by ordered pair: head and tail, direction and labels."""
    groups: Dict[Pair, Group] = {}
    for relation in record.relations:
        pair = (relation.head, relation.tail)
        mirrored = pair not in groups and pair[::-1] in groups
        first = pair[::-1] if mirrored else pair
        group = groups.setdefault(first, defaultdict(list))
        direction = "left" if mirrored else "right"
        group["bi" if relation.symmetric else direction].append(relation.label)
    found: List[Tuple[Pair, str, List[str]]] = []
    for pair, group in groups.items():
        both = group.pop("bi", [])
        n_places = 1 if pair[0] == pair[1] else 2
        if both and len(group) == n_places:
            # symmetry can't be written, but both relations can
            report.repair("symmetric relations written in both directions", len(both))
            for labels in group.values():
                labels += [label for label in both if label not in labels]
        elif both:
            taken = "right" in group
            found.append((pair[::-1] if taken else pair, "bi", both))
        for direction, labels in group.items():
            ends = pair[::-1] if direction == "left" else pair
            found.append((ends, "right", labels))
    return found


def _to_config(labels: Labels) -> str:
    lines = ["<View>", "  <Relations>"]
    lines += [f"    <Relation value={quoteattr(label)}/>" for label in labels.pairs]
    lines += ["  </Relations>", f'  <Labels name="{LABELS}" toName="{TEXT}">']
    lines += [f"    <Label value={quoteattr(type_)}/>" for type_ in labels.entities]
    lines += ["  </Labels>", f'  <Text name="{TEXT}" value="${TEXT}"/>', "</View>"]
    return "\n".join(lines) + "\n"


WRITER = Writer(
    "label_studio",
    "Label Studio tasks with their labeling config (JSON)",
    ".json",
    write,
    holds=frozenset({META, SCORES, SYMMETRIC}),
)

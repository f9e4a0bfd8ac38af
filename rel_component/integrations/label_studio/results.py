"""Convert the service's answers to Label Studio predictions."""

from typing import AbstractSet, Any, Dict, Tuple

from ...formats import EntityRecord, Record, RelationRecord, Report, Source
from ...formats.writers import WriteOptions
from ...formats.writers.label_studio import WRITER, to_results, to_score
from ...formats.writers.prepare import prepare
from .config import LabelConfig


def to_prediction(
    answer: Dict[str, Any],
    config: LabelConfig,
    version: str,
    symmetric: AbstractSet[str] = frozenset(),
) -> Dict[str, Any]:
    """Create the prediction for a task.

    answer (Dict[str, Any]): entities and relations of its text, and the uncertainty.
    config (LabelConfig): the project's config. Entities and relations with other labels
        are omitted, since Label Studio doesn't display them.
    version (str): version of the model.
    symmetric (AbstractSet[str]): labels of symmetric relations.
    RETURNS (Dict[str, Any]): the prediction, with a score to sort tasks by uncertainty.
    """
    ids: Dict[Tuple[int, int, str], str] = {}
    for entity in answer["entities"]:
        if entity["label"] in config.entities:
            ids.setdefault(_key(entity), str(len(ids)))
    relations = [
        relation
        for relation in answer["relations"]
        if {_key(relation["head"]), _key(relation["tail"])} <= ids.keys()
        and (not config.relations or relation["label"] in config.relations)
    ]
    record = Record(
        answer["text"],
        Source("task"),
        [EntityRecord(id_, key[2], [key[:2]]) for key, id_ in ids.items()],
        [
            RelationRecord(x["label"], ids[_key(x["head"])], ids[_key(x["tail"])])
            for x in relations
        ],
    )
    options, report = WriteOptions(symmetric=tuple(symmetric)), Report()
    names = {"from_name": config.from_name, "to_name": config.to_name}
    results = [
        result
        for prepared in prepare([record], WRITER, options, report)
        for result in to_results(prepared, 0, report, **names)
    ]
    score = to_score(answer["uncertainty"])
    return {"result": results, "score": score, "model_version": version}


def _key(entity: Dict[str, Any]) -> Tuple[int, int, str]:
    return (entity["start"], entity["end"], entity["label"])

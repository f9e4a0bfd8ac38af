"""Convert the service's answers to Label Studio predictions."""

from typing import AbstractSet, Any, Dict, List, Tuple

from .config import LabelConfig


def to_prediction(
    answer: Dict[str, Any],
    config: LabelConfig,
    version: str,
    symmetric: AbstractSet[str] = frozenset(),
) -> Dict[str, Any]:
    """Create the prediction for a task.

    answer (Dict[str, Any]): entities and relations of its text.
    config (LabelConfig): the project's config. Entities and relations with other labels
        are omitted, since Label Studio doesn't display them.
    version (str): version of the model.
    symmetric (AbstractSet[str]): labels of symmetric relations.
    RETURNS (Dict[str, Any]): the prediction, with the lowest score of its relations, to
        sort tasks by uncertainty.
    """
    regions: Dict[Tuple[int, int, str], Dict[str, Any]] = {}
    for entity in answer["entities"]:
        if entity["label"] in config.entities:
            regions.setdefault(_key(entity), _to_region(entity, len(regions), config))
    results = list(regions.values())
    links: Dict[Tuple[str, str, str], List[str]] = {}
    scores = [1.0]
    for relation in answer["relations"]:
        ends = [regions.get(_key(relation[x])) for x in ("head", "tail")]
        label = relation["label"]
        if None in ends or (config.relations and label not in config.relations):
            continue
        head, tail = (end["id"] for end in ends if end is not None)
        scores.append(relation["score"])
        direction = "bi" if label in symmetric else "right"
        if direction == "bi" and (tail, head, "bi") in links:
            continue  # only one relation for both directions
        links.setdefault((head, tail, direction), []).append(label)
    for (head, tail, direction), labels in links.items():
        results.append(
            {
                "type": "relation",
                "from_id": head,
                "to_id": tail,
                "direction": direction,
                "labels": list(dict.fromkeys(labels)),
            }
        )
    return {"result": results, "score": min(scores), "model_version": version}


def _to_region(entity: Dict[str, Any], number: int, config: LabelConfig) -> Any:
    return {
        "id": f"e{number}",
        "from_name": config.from_name,
        "to_name": config.to_name,
        "type": "labels",
        "value": {
            "start": entity["start"],
            "end": entity["end"],
            "text": entity["text"],
            "labels": [entity["label"]],
        },
    }


def _key(entity: Dict[str, Any]) -> Tuple[int, int, str]:
    return (entity["start"], entity["end"], entity["label"])

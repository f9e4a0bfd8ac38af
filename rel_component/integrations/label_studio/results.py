"""Answers of the service as predictions of Label Studio."""

from typing import AbstractSet, Any, Dict, List, Tuple

from .config import LabelConfig


def to_prediction(
    answer: Dict[str, Any],
    config: LabelConfig,
    version: str,
    symmetric: AbstractSet[str] = frozenset(),
) -> Dict[str, Any]:
    """A prediction for one task.

    answer (Dict[str, Any]): entities and relations of its text.
    config (LabelConfig): of the project. Entities and relations with labels that it
        does not have are left out, as Label Studio could not show them.
    version (str): of the model.
    symmetric (AbstractSet[str]): labels whose direction does not count.
    RETURNS (Dict[str, Any]): its score is the lowest of its relations, so that tasks
        can be sorted by what the model is unsure of.
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
            continue  # written once, for both directions
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

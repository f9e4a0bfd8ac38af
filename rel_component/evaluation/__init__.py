from .scores import (
    DEFAULT_THRESHOLDS,
    get_random_baseline,
    list_entity_finders,
    predict_on_gold_entities,
    score_thresholds,
)

__all__ = [
    "DEFAULT_THRESHOLDS",
    "get_random_baseline",
    "list_entity_finders",
    "predict_on_gold_entities",
    "score_thresholds",
]

from .entities import score_entities, score_tokens
from .scores import (
    DEFAULT_THRESHOLDS,
    get_random_baseline,
    predict_end_to_end,
    predict_on_gold_entities,
    score_thresholds,
)

__all__ = [
    "DEFAULT_THRESHOLDS",
    "get_random_baseline",
    "predict_end_to_end",
    "predict_on_gold_entities",
    "score_entities",
    "score_thresholds",
    "score_tokens",
]

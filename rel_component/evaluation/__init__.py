from .entities import score_entities, score_tokens
from .pipelines import (
    find_extractor,
    find_spans_key,
    get_spans_key,
    list_entity_finders,
    load_pipeline,
)
from .scores import (
    DEFAULT_THRESHOLDS,
    get_random_baseline,
    predict_end_to_end,
    predict_on_gold_entities,
    score_thresholds,
)

__all__ = [
    "DEFAULT_THRESHOLDS",
    "find_extractor",
    "find_spans_key",
    "get_random_baseline",
    "get_spans_key",
    "list_entity_finders",
    "load_pipeline",
    "predict_end_to_end",
    "predict_on_gold_entities",
    "score_entities",
    "score_thresholds",
    "score_tokens",
]

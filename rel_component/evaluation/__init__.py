from .entities import score_entities, score_tokens
from .predictions import predict_end_to_end, predict_on_gold_entities

__all__ = [
    "predict_end_to_end",
    "predict_on_gold_entities",
    "score_entities",
    "score_tokens",
]

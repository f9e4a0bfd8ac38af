"""Compatibility with the tutorial's module, for code that imports it."""

from rel_component.model.candidates import create_instances
from rel_component.model.v1 import (
    create_classification_layer,
    create_relation_model,
    create_tensors,
)

__all__ = [
    "create_classification_layer",
    "create_instances",
    "create_relation_model",
    "create_tensors",
]

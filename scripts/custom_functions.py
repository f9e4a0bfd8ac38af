"""Compatibility with the tutorial's module, for commands that pass it as `--code`."""

from rel_component.corpus.readers import create_docbin_reader
from rel_component.corpus.readers import read_gold_entities as read_files
from rel_component.model.candidates import create_instances
from rel_component.model.v1 import (
    create_classification_layer,
    create_relation_model,
    create_tensors,
)
from rel_component.pipe.extractor import make_relation_extractor

__all__ = [
    "create_classification_layer",
    "create_docbin_reader",
    "create_instances",
    "create_relation_model",
    "create_tensors",
    "make_relation_extractor",
    "read_files",
]

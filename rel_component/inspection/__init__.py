"""Inspect annotated documents before training."""

from .constraints import suggest_schema
from .files import inspect_files
from .report import inspect_splits
from .sections import list_sections, list_tables

__all__ = [
    "inspect_files",
    "inspect_splits",
    "list_sections",
    "list_tables",
    "suggest_schema",
]

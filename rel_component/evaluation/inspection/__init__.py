"""A look at annotated documents before training."""

from .report import inspect_splits
from .tables import Table, list_tables

__all__ = ["Table", "inspect_splits", "list_tables"]

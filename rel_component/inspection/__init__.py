"""A look at annotated documents before training."""

from ..wording import Table
from .report import inspect_splits
from .tables import list_tables

__all__ = ["Table", "inspect_splits", "list_tables"]

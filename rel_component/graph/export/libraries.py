"""Lazy imports of the libraries of the extra `graph`."""

import importlib
from typing import Any

from ...wording import get_command


def import_library(name: str) -> Any:
    """RETURNS (Any): the module. RAISES (ValueError): if it's not installed."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ValueError(
            f"This needs {name.partition('.')[0]}, which is not installed: "
            f"{get_command('graph')}."
        ) from error

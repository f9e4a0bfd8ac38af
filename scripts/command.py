"""What every command does before it starts."""

import sys
from typing import Callable

import typer


def run_command(main: Callable[..., None]) -> None:
    """Run a command; it prints UTF-8 whatever the locale, as its files are UTF-8."""
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(encoding="utf-8")  # type: ignore[union-attr]
    typer.run(main)

"""Commands in this process: faster than a shell, and coverage sees them."""

import importlib.util
import sys
from typing import Callable

import typer
from typer.testing import CliRunner

from tests.paths import SCRIPTS


def load_script(name: str) -> Callable[..., str]:
    """A function that runs a script with arguments and returns what it prints, in one
    line; `code` is the exit code that it has to have."""
    if str(SCRIPTS) not in sys.path:  # as it is for a script that is run
        sys.path.append(str(SCRIPTS))
    spec = importlib.util.spec_from_file_location(name, SCRIPTS / f"{name}.py")
    assert spec is not None and spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    app = typer.Typer()
    app.command()(script.main)

    def run(*arguments: object, code: int = 0) -> str:
        result = CliRunner().invoke(app, [str(argument) for argument in arguments])
        assert isinstance(result.exception, (SystemExit, type(None))), result.exception
        assert result.exit_code == code, result.output
        return " ".join(result.output.split())

    return run

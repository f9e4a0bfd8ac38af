"""Commands in this process: faster than a shell, and coverage sees them."""

import functools
import importlib.util
import sys
from types import ModuleType
from typing import Callable

import click.testing
import typer
from typer.testing import CliRunner

from tests.paths import SCRIPTS


@functools.cache
def load_module(name: str) -> ModuleType:
    """RETURNS (ModuleType): a script of this name, which is not run."""
    if str(SCRIPTS) not in sys.path:  # as it is for a script that is run
        sys.path.append(str(SCRIPTS))
    spec = importlib.util.spec_from_file_location(name, SCRIPTS / f"{name}.py")
    assert spec is not None and spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    return script


def invoke(name: str, *arguments: object, code: int = 0) -> click.testing.Result:
    """Run a script as a shell would, in this process.

    name (str): of the script, without `.py`.
    *arguments (object): of the command line.
    code (int): the exit code that it has to have.
    RETURNS (Result): with `stdout`, `stderr`, and `output` of both.
    """
    app = typer.Typer()
    app.command()(load_module(name).main)
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    # anything else would be a traceback
    assert isinstance(result.exception, (SystemExit, type(None))), result.exception
    assert result.exit_code == code, result.output
    return result


def load_script(name: str) -> Callable[..., str]:
    """RETURNS (Callable[..., str]): runs a script with arguments and returns all that
    it prints in one line; `code` is the exit code that it has to have."""

    def run(*arguments: object, code: int = 0) -> str:
        return " ".join(invoke(name, *arguments, code=code).output.split())

    return run

"""Nothing of the package needs a POSIX system: Windows has none of these modules."""

import ast
import subprocess
import sys

from tests.paths import ROOT, SCRIPTS

POSIX = ("fcntl", "grp", "pty", "pwd", "resource", "syslog", "termios", "tty", "uvloop")
# attributes that `os` and `signal` lack there
MISSING = {
    "os": {"fork", "getpgid", "getuid", "killpg", "mkfifo", "setpgrp", "wait"},
    "signal": {"SIGKILL", "SIGALRM", "SIGHUP", "SIGUSR1", "alarm", "pause"},
}
IMPORT_ALL = f"""
import asyncio, getpass, multiprocessing, subprocess, sys, tarfile  # have other ways
for name in {POSIX!r}:
    sys.modules[name] = None
import importlib, pkgutil, rel_component
for module in pkgutil.walk_packages(rel_component.__path__, "rel_component."):
    importlib.import_module(module.name)
"""


def test_every_module_is_imported_without_posix():
    command = [sys.executable, "-W", "ignore", "-c", IMPORT_ALL]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_no_function_needs_posix():
    files = [*(ROOT / "rel_component").rglob("*.py"), *SCRIPTS.glob("*.py")]
    found = [
        f"{file.name}:{node.lineno} {name}"
        for file in files
        for node in walk(ast.parse(file.read_text("utf8")))
        for name in find_posix(node)
    ]
    assert found == []


def test_what_has_another_way_needs_none():
    source = """
try:
    import {}
except {}:
    pass
"""
    for name, error, n_found in [
        ("resource", "ImportError", 0),
        ("resource", "OSError", 1),
        ("os\n    os.fork()", "ImportError", 1),
    ]:
        nodes = walk(ast.parse(source.format(name, error)))
        assert sum(len([*find_posix(node)]) for node in nodes) == n_found


def walk(node):
    """All nodes but imports whose failure is caught."""
    yield node
    for child in ast.iter_child_nodes(node):
        if not (isinstance(child, ast.Import) and is_guarded(node)):
            yield from walk(child)


def is_guarded(node):
    handlers = getattr(node, "handlers", [])
    names = (getattr(handler.type, "id", None) for handler in handlers)
    return "ImportError" in names


def find_posix(node):
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names if alias.name in POSIX)
    elif isinstance(node, ast.ImportFrom) and node.module in POSIX:
        yield node.module
    elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        if node.attr in MISSING.get(node.value.id, ()):
            yield f"{node.value.id}.{node.attr}"

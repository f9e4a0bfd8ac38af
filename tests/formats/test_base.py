"""Options of formats, and the lists of formats: what could be forgotten."""

import ast
import importlib
import pkgutil
from itertools import chain

import pytest

from rel_component.formats import (
    FORMATS,
    SHARED,
    WRITERS,
    Option,
    Options,
    tools,
    writers,
)
from rel_component.formats.base import Format


@pytest.mark.parametrize(
    "package, name, listed",
    [(tools, "FORMAT", FORMATS), (writers, "WRITER", WRITERS)],
)
def test_every_format_is_listed(package, name, listed):
    modules = [
        importlib.import_module(f"{package.__name__}.{info.name}")
        for info in pkgutil.iter_modules(package.__path__)
    ]
    found = [getattr(module, name) for module in modules if hasattr(module, name)]
    assert sorted(x.name for x in found) == sorted(listed)
    assert all(listed[x.name] is x for x in found)


def list_modules(name):
    """The module and what it imports of its package, with their syntax trees."""
    names, todo = {}, [name]
    while todo:
        module = importlib.import_module(todo.pop())
        if module.__name__ in names or hasattr(module, "__path__"):
            continue
        with open(module.__file__, encoding="utf8") as file:
            names[module.__name__] = tree = ast.parse(file.read())
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.level in (1, 2):
                parent = ".".join(module.__name__.split(".")[: -node.level])
                package = f"{parent}.{node.module}" if node.module else parent
                todo.append(package)
                if not node.module:
                    todo += [f"{parent}.{alias.name}" for alias in node.names]
    return names


def find_read_options(name):
    """Options that a module reads as `options[NAME]`."""
    found = set()
    for module_name, tree in list_modules(name).items():
        module = importlib.import_module(module_name)
        for node in ast.walk(tree):
            if isinstance(node, ast.Subscript):
                text = ast.unparse(node.value).rpartition(".")[2]
                if text == "options":
                    found.add(eval(ast.unparse(node.slice), vars(module)))
    return found


@pytest.mark.parametrize("name", FORMATS)
def test_a_format_declares_the_options_that_it_reads(name):
    read = find_read_options(FORMATS[name].reader.__module__)
    assert read == set(FORMATS[name].options)
    assert all(isinstance(option, Option) for option in read)


def test_an_option_that_is_not_declared_cannot_be_read(tmp_path):
    depth = Option("depth", 3, "how deep")
    read = Format("x", "x", lambda path, options, report: options[depth], bool).read
    with pytest.raises(LookupError, match="depth is used by a format that doesn't"):
        read(tmp_path, Options(depth=4), None)
    read = Format("x", "x", lambda p, o, r: o[depth], bool, options=(depth,)).read
    assert read(tmp_path, Options(depth=4), None) == 4
    assert read(tmp_path, Options(), None) == 3


def test_options_of_one_name_agree():
    options = list(chain(SHARED, *(f.options for f in FORMATS.values())))
    for option in options:
        same = [other for other in options if other.name == option.name]
        for key in ("default", "choices", "flag", "kind"):
            assert all(getattr(x, key) == getattr(option, key) for x in same)
        assert option not in SHARED or len(same) == 1
        assert option.help and not option.help.endswith(".")
    flags = {option.on_command_line for option in options}
    assert len(flags) == len({option.name for option in options})


@pytest.mark.parametrize(
    "values, problem",
    [
        ({"mention": "all"}, "No format has the option 'mention'; expected one of"),
        ({"mentions": "al"}, "--mentions: found 'al', expected one of first, nearest"),
        ({"align": "left"}, "--align: found 'left', expected one of retokenize"),
    ],
)
def test_wrong_options_are_named(values, problem):
    own = [option for format_ in FORMATS.values() for option in format_.options]
    with pytest.raises(ValueError, match=problem):
        Options(**values).check(own)
    Options(mentions="all", align="error").check(own)

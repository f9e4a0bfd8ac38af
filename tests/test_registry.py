import importlib
import pkgutil
import subprocess
import sys
from importlib.metadata import entry_points

import catalogue
import pytest
from spacy.util import registry

import rel_component
from tests.paths import ROOT

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PROJECT = ROOT / "pyproject.toml"
GROUPS = tomllib.loads(PROJECT.read_text("utf8"))["project"]["entry-points"]
ENTRIES = [
    (group.partition("_")[2], name, value)
    for group, entries in GROUPS.items()
    for name, value in entries.items()
]
# what the package may import when spaCy loads it, besides the standard library
LIGHT = {"numpy", "rel_component", "spacy", "srsly", "thinc"}
BUILD = """
import builtins
found, do_import = set(), builtins.__import__

def record(name, globals=None, locals=None, fromlist=(), level=0):
    importer = (globals or {}).get("__name__") or ""
    if importer.startswith("rel_component") and not level:
        found.add(name.partition(".")[0])
    return do_import(name, globals, locals, fromlist, level)

builtins.__import__ = record
import spacy
nlp = spacy.blank("en")
nlp.add_pipe("relation_extractor")
import rel_component
print(*found)
"""


@pytest.mark.parametrize(
    "group,name,value", ENTRIES, ids=[entry[1] for entry in ENTRIES]
)
def test_entry_point_resolves(group, name, value):
    module, _, attribute = value.partition(":")
    function = getattr(importlib.import_module(module), attribute)
    assert getattr(registry, group).get(name) is function


def test_decorated_names_are_the_listed_names():
    for module in pkgutil.walk_packages(rel_component.__path__, "rel_component."):
        importlib.import_module(module.name)
    decorated = {
        (group.removeprefix("internal_"), name)
        for (_, group, name), function in catalogue.REGISTRY.items()
        if function.__module__.startswith("rel_component.")
    }
    assert decorated == {(group, name) for group, name, _ in ENTRIES}


@pytest.mark.parametrize("group", GROUPS)
def test_installed_entry_points_are_those_of_the_project(group):
    """Else: pip install -e ."""
    installed = {
        entry.name: entry.value
        for entry in entry_points(group=group)
        if entry.value.startswith("rel_component")
    }
    assert installed == GROUPS[group]


def test_importing_is_light(tmp_path):
    """Building an nlp imports nothing that is slow or may be missing."""
    result = subprocess.run(
        [sys.executable, "-c", BUILD], cwd=tmp_path, capture_output=True, text=True
    )
    found = set(result.stdout.split())
    assert {"numpy", "spacy", "thinc"} <= found, result.stderr
    assert found - sys.stdlib_module_names <= LIGHT

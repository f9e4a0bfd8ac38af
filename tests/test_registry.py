import importlib
import pkgutil
import re
import subprocess
import sys
from importlib.metadata import entry_points

import catalogue
import pytest
from spacy.util import registry

import rel_component
from tests.paths import DATA, ROOT

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PROJECT = ROOT / "pyproject.toml"
SETTINGS = tomllib.loads(PROJECT.read_text("utf8"))
GROUPS = SETTINGS["project"]["entry-points"]
ENTRIES = [
    (group.partition("_")[2], name, value)
    for group, entries in GROUPS.items()
    for name, value in entries.items()
]
# what the package may import when spaCy loads a pipeline, besides the standard library
LIGHT = {"numpy", "rel_component", "spacy", "srsly", "thinc"}
# Thinc imports PyTorch, and spaCy all plugins, wherever they are installed: here they
# are not, so whatever of ours needs them fails
LOAD = """
import builtins, sys
from importlib import metadata

HEAVY = {"torch", "transformers", "spacy_transformers", "fastapi", "matplotlib"}
imported, do_import = set(), builtins.__import__

def record(name, globals=None, locals=None, fromlist=(), level=0):
    top = name.partition(".")[0]
    importer = (globals or {}).get("__name__") or ""
    if importer.startswith("rel_component") and not level:
        imported.add(top)
    if top in HEAVY and not level:
        raise ModuleNotFoundError(name)
    return do_import(name, globals, locals, fromlist, level)

def get_entry_points(**chosen):
    packages = [metadata.distribution(name) for name in ("spacy", "rel-component")]
    found = metadata.EntryPoints(x for one in packages for x in one.entry_points)
    return found.select(**chosen)

builtins.__import__, metadata.entry_points = record, get_entry_points
import spacy
nlp = spacy.load(sys.argv[1])
nlp("Ann works for Acme .")
import rel_component
print(*imported)
print(*sys.modules)
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


def test_loading_a_pipeline_is_light(tmp_path):
    """It imports nothing that is slow or may be missing."""
    result = subprocess.run(
        [sys.executable, "-c", LOAD, str(DATA / "saved_models" / "joint_tok2vec")],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert not result.returncode, result.stderr
    imported, modules = (set(line.split()) for line in result.stdout.splitlines())
    assert {"numpy", "spacy", "thinc"} <= imported
    assert imported - sys.stdlib_module_names <= LIGHT
    assert not modules & {"torch", "transformers", "fastapi", "matplotlib"}
    rooms = {
        name.split(".")[1] for name in modules if name.startswith("rel_component.")
    }
    assert {"pipe", "model"} <= rooms
    assert not rooms & {"formats", "corpus", "evaluation", "inference", "training"}


def test_contributors_see_all_layers():
    """The table of CONTRIBUTING has the layers that lint-imports checks."""
    text = (ROOT / "CONTRIBUTING.md").read_text("utf8")
    (contract,) = SETTINGS["tool"]["importlinter"]["contracts"]
    for number, names in enumerate(reversed(contract["layers"]), 1):
        (row,) = (x for x in text.splitlines() if x.startswith(f"| {number} | "))
        named = set(re.findall(r"`([a-z_]+)(?:/|\.py)`", row))
        missing = set(names.split(" | ")) - named
        assert not missing, f"layer {number}"


@pytest.mark.parametrize("name", ["gliner2", "spacy_llm"])
def test_previous_paths(name):
    old = importlib.import_module(f"rel_component.integrations.{name}")
    new = importlib.import_module(f"rel_component.pipe.{name}")
    assert all(getattr(old, x) is getattr(new, x) for x in old.__all__)

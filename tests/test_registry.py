import importlib
import pkgutil
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest
from spacy.language import Language
from spacy.util import registry

import rel_component

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PROJECT = Path(__file__).parent.parent / "pyproject.toml"
GROUPS = tomllib.loads(PROJECT.read_text("utf8"))["project"]["entry-points"]
ENTRIES = [
    (group.removeprefix("spacy_"), name, value)
    for group, entries in GROUPS.items()
    for name, value in entries.items()
]
HEAVY = [
    "torch",
    "transformers",
    "spacy_transformers",
    "fastapi",
    "ray",
    "matplotlib",
    "pandas",
    "sklearn",
    "scipy",
    "tensorflow",
    "cupy",
]


@pytest.mark.parametrize("group,name,value", ENTRIES, ids=[entry[1] for entry in ENTRIES])
def test_entry_point_resolves(group, name, value):
    module, _, attribute = value.partition(":")
    function = getattr(importlib.import_module(module), attribute)
    if group == "factories":
        assert registry.factories.get(name).__wrapped__ is function
    else:
        assert getattr(registry, group).get(name) is function


@pytest.mark.parametrize("group", GROUPS)
def test_installed_entry_points_are_those_of_the_project(group):
    """Else: pip install -e ."""
    installed = {
        entry.name: entry.value
        for entry in entry_points(group=group)
        if entry.value.startswith("rel_component")
    }
    assert installed == GROUPS[group]

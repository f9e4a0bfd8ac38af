"""Benchmarks are not run here, but what they import is there."""

import importlib.util

import pytest

from tests.paths import ROOT

# not among the extras
OTHERS = {"cosmic_ray"}


@pytest.mark.parametrize(
    "path", sorted((ROOT / "benchmarks").glob("*.py")), ids=lambda path: path.stem
)
def test_benchmarks_can_be_imported(path, monkeypatch):
    monkeypatch.syspath_prepend(path.parent)
    spec = importlib.util.spec_from_file_location(f"benchmark_{path.stem}", path)
    try:
        spec.loader.exec_module(importlib.util.module_from_spec(spec))
    except ModuleNotFoundError as error:
        assert error.name in OTHERS

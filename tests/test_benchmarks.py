"""Benchmarks are not run here, but what they import is there."""

import importlib.util
import json

import pytest

from tests.paths import ROOT

# not among the extras
OTHERS = {"cosmic_ray"}
# no figures, or changes the checkout
NOT_RUN = {"folds", "make_corpus", "mutants", "tutorial_fixture"}


@pytest.mark.parametrize(
    "path", sorted((ROOT / "benchmarks").glob("*.py")), ids=lambda path: path.stem
)
def test_benchmarks_can_be_imported(path, monkeypatch):
    monkeypatch.syspath_prepend(path.parent)
    try:
        load(path)
    except ModuleNotFoundError as error:
        assert error.name in OTHERS


def load(path):
    spec = importlib.util.spec_from_file_location(f"benchmark_{path.stem}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_all_benchmarks_are_run_and_record_figures():
    words = (ROOT / "benchmarks" / "all.sh").read_text("utf8").split()
    names = {x.stem for x in (ROOT / "benchmarks").glob("[a-z]*.py")} - NOT_RUN
    for name in names:
        assert name in words
        source = (ROOT / "benchmarks" / f"{name}.py").read_text("utf8")
        assert "record(" in source, name


def test_figures_become_a_table(tmp_path, monkeypatch):
    figures, output = tmp_path / "figures.jsonl", tmp_path / "results.md"
    record = load(ROOT / "benchmarks" / "_figures.py").record
    record("nothing", 1, "unless the variable is set")
    monkeypatch.setenv("BENCHMARK_FIGURES", str(figures))
    record("convert", 1234.5, "documents/s")
    record("extract", 0.954, "× one process")
    record("SpERT", None, "skipped")
    assert json.loads(figures.read_text("utf8").splitlines()[0])["figure"] == 1234.5
    load(ROOT / "benchmarks" / "_results.py").main(figures, output)
    assert output.read_text("utf8").splitlines()[-3:] == [
        "| convert | 1,234 | documents/s |",
        "| extract | 0.95 | × one process |",
        "| SpERT | – | skipped |",
    ]

"""The figures of docs/checkpoints.md are those that its command counts."""

import importlib.util

import pytest

from tests.paths import DOCS

pytest.importorskip("transformers")


def test_the_table_is_what_is_counted():
    path = DOCS / "count_parameters.py"
    spec = importlib.util.spec_from_file_location("count_parameters", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    text = (DOCS / "checkpoints.md").read_text(encoding="utf8")
    rows = [module.format_row(*row) for row in module.describe()]
    assert len(rows) == len(module.CONFIGS)
    for name, row in zip(module.CONFIGS, rows):
        assert row in text
        # and it has a licence and a config
        assert text.count(f"\n| `{name}` |") == 2

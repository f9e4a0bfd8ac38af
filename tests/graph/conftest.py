import pytest

from rel_component.graph import KnowledgeGraph

from .util import HOSTILE, make_row, triple


@pytest.fixture
def graph():
    result = KnowledgeGraph()
    rows = [
        make_row("d1", triple("Ann", "Acme", 0.9), triple("ann", "“ACME”", 0.5)),
        make_row("d2", triple("Ann", "Acme", 0.7), triple("Bob", HOSTILE, 0.6)),
        make_row("d3", triple("Ann", "Acme.", 0.8)),
    ]
    rows[0]["entities"].append({"start": 90, "end": 95, "label": "X", "text": "alone"})
    result.add(rows)
    return result

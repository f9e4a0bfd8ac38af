from rel_component.evaluation import tables


def test_a_metric_of_labels_only(monkeypatch):
    """One line shows it in all tables; entities don't have it."""
    monkeypatch.setitem(tables.LABEL_SCORES, "MCC", "mcc")
    scores = {"p": 1.0, "r": 0.5, "f": 0.667, "support": 2}
    labels = tables.tabulate_labels("", "label", {"KNOWS": {**scores, "mcc": 0.25}})
    assert labels.rows == [["KNOWS", "2", "100.0", "50.0", "66.7", "25.0"]]
    total = ["micro", "", "100.0", "50.0", "66.7"]
    types = tables.tabulate_labels("", "type", {"PER": scores}, [total])
    assert types.header == ["type", "gold", "P", "R", "F", "MCC"]
    assert types.rows == [["PER", "2", "100.0", "50.0", "66.7", "–"], [*total, ""]]
    assert len(types.aligns) == 6

import json

import pytest

from .util import make, read, write


def load(path):
    return [json.loads(line) for line in path.read_text(encoding="utf8").splitlines()]


def sample(**fields):
    record = make(
        "Ann met New York.", [(0, 3, "P"), (8, 16, "LOC")], [("MET", 0, 1)], **fields
    )
    record.relations[0].attrs = {"score": 0.5}
    return record


def test_task(tmp_path):
    path, _ = write(tmp_path, "prodigy", [sample()])
    (task,) = load(path)
    head = {"start": 0, "end": 3, "token_start": 0, "token_end": 0, "label": "P"}
    child = {"start": 8, "end": 16, "token_start": 2, "token_end": 3, "label": "LOC"}
    assert task["spans"] == [{**head, "text": "Ann"}, {**child, "text": "New York"}]
    assert task["relations"] == [
        # the last tokens of the spans
        {
            "head": 0,
            "child": 3,
            "head_span": head,
            "child_span": child,
            "label": "MET",
            "score": 0.5,
        }
    ]
    assert [t["text"] for t in task["tokens"]] == ["Ann", "met", "New", "York", "."]
    assert [t["ws"] for t in task["tokens"]] == [True, True, True, False, False]
    assert task["tokens"][3] == {
        **{"text": "York", "start": 12, "end": 16, "id": 3},
        **{"ws": False, "disabled": False},
    }
    assert (task["answer"], task["meta"]) == ("accept", {"id": "a"})


def test_predictions_have_no_answer(tmp_path):
    record = sample(meta={"uncertainty": 0.9, "meta": {"source": "web"}, "answer": "x"})
    path, _ = write(tmp_path, "prodigy", [record], predictions=True)
    (task,) = load(path)
    assert "answer" not in task
    assert task["meta"] == {"id": "a", "uncertainty": 0.9, "source": "web"}


@pytest.mark.parametrize("tokens", [[(0, 3), (4, 7), (8, 17)], [(0, 7)]])
def test_own_tokens_are_kept_and_split_at_entities(tmp_path, tokens):
    path, report = write(tmp_path, "prodigy", [sample(tokens=tokens)])
    (task,) = load(path)
    back = read(path, "prodigy")["a"]
    assert "".join(t["text"] + " " * t["ws"] for t in task["tokens"]) == back.text
    borders = {x for start, end in tokens for x in (start, end)} | {0, 3, 8, 16}
    assert borders <= {x for t in task["tokens"] for x in (t["start"], t["end"])}
    assert report.repaired["tokens split at the border of an entity"] > 0


def test_longer_of_overlapping_entities_is_kept(tmp_path):
    spans = [(8, 11, "LOC"), (8, 16, "CITY"), (8, 16, "LOC"), (0, 3, "P")]
    links = [("IN", 3, 1), ("IN", 3, 0)]
    record = make("Ann met New York.", spans, links)
    path, report = write(tmp_path, "prodigy", [record])
    (task,) = load(path)
    assert [s["label"] for s in task["spans"]] == ["CITY", "P"]
    assert [r["child_span"]["label"] for r in task["relations"]] == ["CITY"]
    assert report.problems == [
        "a.json doc 4 (id a, spans[0]): 'New' overlaps another entity, and Prodigy "
        "shows only one; entity 'LOC' not written.",
        "a.json doc 4 (id a, spans[2]): 'New York' overlaps another entity, and "
        "Prodigy shows only one; entity 'LOC' not written.",
        "a.json doc 4 (id a, links[1]): its tail was not written; relation 'IN' not "
        "written.",
    ]

import json

import pytest

from rel_component.formats import FORMATS, Options, Report, find_format, read_records
from rel_component.relations import get_relation_data
from tests.paths import DATA

from ..mutate import damage, damage_bytes, for_seeds
from ..util import entities, read, triples, write_lines

PATH = DATA / "tag_spans" / "rows.jsonl"
ROWS = [json.loads(line) for line in PATH.read_text().splitlines()]


def test_rows_of_a_text_are_combined():
    assert find_format(PATH) is FORMATS["tag_spans"]
    docs, report = read(PATH, null_labels=("NO_REL",))
    assert report.problems == [] and not report.hints
    assert [doc.text[:4] for doc in docs] == ["Rome", "Hier"]
    assert entities(docs[1]) == [("Hier", "ENT"), ("Anna", "ENT"), ("Rome", "ENT")]
    # the first span is the head, wherever it stands
    assert triples(docs[1]) == [("Anna", "SAW", "Rome"), ("Rome", "WHEN", "Hier")]
    assert report.n_merged["documents"] == {"rows of the same text": 2}
    assert report.n_merged["entities"] == {"exact duplicates": 3}
    assert report.n_skipped["relations"] == {"NO_REL kept as unrelated pair": 1}
    ids = [doc.user_data["rel_component_source"]["id"] for doc in docs]
    assert ids == ["8", "7"]


def test_other_pairs_are_unannotated_with_rows_for_unrelated_ones():
    docs, _ = read(PATH, null_labels=("NO_REL",))
    complete = [get_relation_data(doc).complete for doc in docs]
    assert complete == [True, False]
    _, report = read(PATH)
    assert any("--null-label NO_REL" in advice for advice in report.hints)


def test_a_text_is_ready_with_its_last_row(tmp_path):
    rows = [{**ROWS[0], "id": f"{i}-0", "text": f"{i} " * 20} for i in range(50)]
    path = write_lines(tmp_path / "a.jsonl", rows)
    report = Report()
    records = read_records(path, Options(), report)
    next(records)
    assert report.n_read["documents"] == 1
    assert len(list(records)) == 49


@pytest.mark.parametrize(
    "ids,n",
    [
        (("7-0", "7-1"), 1),
        (("7-0", "8-0"), 2),
        (("0", "1"), 1),
        ((0, 1), 1),
        ((None, None), 1),
    ],
)
def test_identical_texts(tmp_path, ids, n):
    rows = [{**ROWS[0], "id": id_} for id_ in ids]
    docs, report = read(write_lines(tmp_path / "a.jsonl", rows))
    assert len(docs) == n and report.problems == []


@pytest.mark.parametrize(
    "changes,problem",
    [
        ({"text": None}, "text: found null"),
        ({"rel_tag": 3}, "rel_tag: found 3"),
        ({"tag_spans": 3}, "tag_spans: found 3"),
        ({"tag_spans": [[0, 4]]}, "tag_spans: found [[0, 4]], expected two spans"),
        ({"tag_spans": [[0, 4], 3]}, "tag_spans[1]: found 3"),
        ({"tag_spans": [[0, 4], [3]]}, "tag_spans[1]: found [3], expected [start"),
        ({"tag_spans": [[0, 4], [3, None]]}, "tag_spans[1][1]: found null"),
        ({"tag_spans": [[0, 4], [3, 99]]}, "tag_spans[1]: offsets 3-99 are outside"),
    ],
)
def test_wrong_fields_are_named(tmp_path, changes, problem):
    path = write_lines(tmp_path / "a.jsonl", [ROWS[0], {**ROWS[2], **changes}])
    docs, report = read(path)
    assert triples(docs[0]) == [("Anna", "SAW", "Rome")]
    assert problem in report.problems[0]
    assert all(line.startswith(f"{path}:2 ") for line in report.problems)
    assert report.n_lost["relations"] == 1


@for_seeds(200)
def test_damaged_files(tmp_path, rng):
    path = tmp_path / "a.jsonl"
    if rng.randrange(3):
        path.write_text("\n".join(map(json.dumps, damage(ROWS, rng))))
    else:
        path.write_bytes(damage_bytes(ROWS, rng))
    # `read` asserts that everything is accounted for
    read(path, null_labels=("NO_REL",))

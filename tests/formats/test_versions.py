import dataclasses
import tracemalloc

import pytest

from rel_component.formats import FormatError, Options, Report, iter_docs
from rel_component.formats.record import (
    EntityRecord,
    Record,
    RelationRecord,
    Source,
    Version,
)
from rel_component.formats.versions import RepeatedText, Versions, parse_time

from .tools.test_prodigy import TASK
from .util import NLP, write_lines

MADE = Version("x")


def make(line, version=MADE, label="R", **changes):
    """A record with two entities and a relation."""
    entities = [EntityRecord("a", "A", [(0, 1)]), EntityRecord("b", "B", [(2, 3)])]
    relations = [RelationRecord(label, "a", "b")]
    source = Source("f.jsonl", line=line)
    return Record("a b", source, entities, relations, version=version, **changes)


def by(name, **changes):
    return dataclasses.replace(MADE, by=(name,), **changes)


def choose(records, policy=None):
    """Lines of the records that are taken."""
    report = Report()
    versions = Versions(Options(annotation=policy), report)
    for kind, n in (("documents", 1), ("entities", 2), ("relations", 1)):
        report.read(kind, n * len(records))
    if versions.needs_survey:
        versions.survey(records)
    taken = list(versions.choose(records))
    assert choose_once(records, policy) in (taken, None)
    for kind, n in (("documents", 1), ("entities", 2), ("relations", 1)):
        report.written(kind, n * len(taken))
    assert report.unaccounted() == {}
    return [record.source.line for record in taken], report


def choose_once(records, policy):
    """What is taken without a survey; None if one is needed."""
    report = Report()
    try:
        return list(
            Versions(Options(annotation=policy), report, once=True).choose(records)
        )
    except RepeatedText:
        return None


@pytest.mark.parametrize(
    "policy, n_readings",
    [(None, 1), ("ground-truth", 1), ("by:me", 1), ("latest", 2), ("all", 1)],
)
def test_when_a_survey_is_needed(policy, n_readings):
    me = by("me", is_truth=True)
    # several annotations that agree need none, but for the latest of them
    records = [make(1, me), make(2, me), make(3, dataclasses.replace(me, of="y"))]
    assert (choose_once(records, policy) is None) == (n_readings == 2)
    assert choose_once(records[1:], policy) == records[1:]
    differ = [*records, make(4, me, "S")]
    assert (choose_once(differ, policy) is None) == (policy != "all")
    # the ground truth after another annotation
    late = [make(1, by("me")), make(2, me)]
    assert (choose_once(late, policy) is None) == (policy in (None, "latest"))


def test_formats_without_versions_pass_through():
    records = [make(1, None), make(2, None, "S")]
    for policy in (None, "first", "latest", "ground-truth", "by:me"):
        assert choose(records, policy)[0] == [1, 2]


def test_without_a_policy_all_have_to_agree():
    same = make(2)
    same.entities = [
        dataclasses.replace(entity, id=entity.id * 2) for entity in same.entities[::-1]
    ]
    same.relations = [RelationRecord("R", "aa", "bb")]
    lines, report = choose([make(1), same, make(3, Version("y"), "S")])
    assert lines == [1, 3] and report.problems == []
    assert report.n_merged["documents"] == {"same annotation of the same text": 1}
    lines, report = choose([make(1), make(2), make(3, label="S"), make(4)])
    assert lines == []
    assert report.problems == [
        "f.jsonl:1: found 4 annotations of this text that differ, expected one (here; "
        "line 2; line 3; line 4); none of them is converted. To choose, use "
        "--annotation latest, first, all or by:ID of an annotator."
    ]
    assert report.n_lost == {"documents": 4, "entities": 8, "relations": 4}


@pytest.mark.parametrize("change", ["direction", "symmetric", "entity", "text"])
def test_what_makes_annotations_differ(change):
    other = make(2)
    if change == "direction":
        other.relations = [RelationRecord("R", "b", "a")]
    elif change == "symmetric":
        other.relations[0].symmetric = True
    elif change == "entity":
        other.entities[0].label = "C"
    else:
        other.text = "a b "
    assert choose([make(1), other])[0] == []


def test_the_ground_truth_counts_wherever_it_stands():
    truth = dataclasses.replace(MADE, is_truth=True)
    records = [make(1), make(2, truth, "S"), make(3)]
    for policy in (None, "ground-truth"):
        assert choose(records, policy)[0] == [2]
    lines, report = choose([*records, make(4, truth, "T")])
    assert lines == []
    assert "found 2 annotations marked as ground truth of this" in report.problems[0]
    assert report.n_skipped["documents"]["another annotation is the ground truth"] == 2
    lines, report = choose([make(1)], "ground-truth")
    assert lines == [] and report.problems == []
    assert report.n_skipped["documents"] == {"not marked as ground truth": 1}


@pytest.mark.parametrize(
    "times,latest",
    [([1, 3, 2], 2), ([None, None], 2), ([5, None], 1), ([2, 2], 2)],
)
def test_the_latest_by_time_then_by_place(times, latest):
    records = [
        make(i, dataclasses.replace(MADE, time=time), f"R{i}")
        for i, time in enumerate(times, 1)
    ]
    assert choose(records, "latest")[0] == [latest]
    assert choose(records, "first")[0] == [1]
    assert choose(records, "all")[0] == list(range(1, len(times) + 1))


def test_one_annotator():
    records = [make(1, by("anna")), make(2, by("ben"), "S"), make(3, by("ben"), "T")]
    assert choose(records, "by:anna")[0] == [1]
    lines, report = choose(records, "by:ben")
    assert lines == []
    assert "found 2 annotations by ben of this text" in report.problems[0]


def test_long_lists_of_places_are_cut():
    records = [make(i, by(f"p{i}"), f"R{i}") for i in range(9)]
    _, report = choose(records)
    assert (
        "(here by p0; line 1 by p1; line 2 by p2; line 3 by p3; ...)"
        in (report.problems[0])
    )


@pytest.mark.parametrize("policy", ["", "by:", "newest", "BY:1"])
def test_unknown_policies_are_refused(policy):
    with pytest.raises(FormatError, match="--annotation: found"):
        Versions(Options(annotation=policy), Report())


@pytest.mark.parametrize(
    "value,time",
    [
        ("1970-01-01T00:01:00Z", 60),
        ("1970-01-01T00:01:00.500000Z", 60.5),
        ("1970-01-01T01:01:00+01:00", 60),
        ("1970-01-02", 86400),
        (60, 60),
        (60.5, 60.5),
        *((value, None) for value in ("", "soon", None, True, [], float("nan"))),
        (10**400, None),
    ],
)
def test_times(value, time):
    assert parse_time(value) == time


@pytest.mark.parametrize("policy", [None, "first", "latest", "all"])
def test_no_records_are_kept(tmp_path, policy):
    filler = "x" * 20_000
    tasks = [
        {**TASK, "_input_hash": i // 2, "note": filler, "_session_id": f"s{i % 2}"}
        for i in range(400)
    ]
    path = write_lines(tmp_path / "a.jsonl", tasks)
    docs = iter_docs(
        [path], Options(annotation=policy), Report(), tokenizer=NLP.tokenizer
    )
    next(docs)
    tracemalloc.start()
    n = 1 + sum(1 for _ in docs)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert n == (400 if policy == "all" else 200)
    assert peak < path.stat().st_size / 4

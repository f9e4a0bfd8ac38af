import copy
import json

import pytest

from rel_component.relations import get_relation_data
from tests.paths import ASSETS, DATA

from ..util import NLP, entities, read, triples, write_lines

TEXT = "Marie Curie worked at the University of Paris."
WORKS = ("Marie Curie", "WORKS_AT", "University of Paris")


def make_tokens(text):
    return [
        {
            "text": token.text,
            "start": token.idx,
            "end": token.idx + len(token),
            "id": token.i,
            "ws": bool(token.whitespace_),
        }
        for token in NLP(text)
    ]


PER = {"start": 0, "end": 11, "token_start": 0, "token_end": 1, "label": "PER"}
ORG = {"start": 26, "end": 45, "token_start": 5, "token_end": 7, "label": "ORG"}
RELATION = {
    "head": 1,
    "child": 7,
    "head_span": PER,
    "child_span": ORG,
    "label": "WORKS_AT",
}
TASK = {
    "text": TEXT,
    "tokens": make_tokens(TEXT),
    "spans": [PER, ORG],
    "relations": [RELATION],
    "answer": "accept",
    "meta": {"source": "PMC-14-x"},
}


def task(**changes):
    value = copy.deepcopy(TASK)
    value.update(changes)
    return {k: v for k, v in value.items() if v is not task}


def relation(**changes):
    value = {**RELATION, **changes}
    return {k: v for k, v in value.items() if v is not relation}


def test_reads_a_task(tmp_path):
    docs, report = read(write_lines(tmp_path / "a.jsonl", [TASK]))
    assert report.problems == [] and not report.repaired
    assert entities(docs[0]) == [("Marie Curie", "PER"), ("University of Paris", "ORG")]
    assert triples(docs[0]) == [WORKS]
    assert docs[0].user_data["rel_component_source"]["line"] == 1


def test_own_tokens_are_used(tmp_path):
    tokens = [{"start": 0, "end": 11}, {"start": 12, "end": 46}]
    value = task(tokens=tokens, spans=[PER], relations=[])
    docs, _ = read(write_lines(tmp_path / "a.jsonl", [value]))
    assert [t.text for t in docs[0]] == ["Marie Curie", TEXT[12:]]


def test_endpoint_variants():
    path = DATA / "prodigy" / "03_prodigy_endpoint_variants.jsonl"
    docs, report = read(path)
    assert [triples(doc) for doc in docs] == [[WORKS], [WORKS], [], [], [WORKS]]
    assert report.repaired == {
        "relation end resolved by covering span": 2,
        "relation end resolved by its last token (child_span disagrees)": 1,
        "'ws' flags ignored: whitespace taken from the text": 1,
    }
    bare, missing = report.problems
    assert f"{path}:3 relations[0].child_span: relation endpoint is not" in bare
    assert f"{path}:4 relations[0].child: 42 is not an entity" in missing
    docs, report = read(path, bare_token_label="TOKEN")
    assert triples(docs[2]) == [("Marie Curie", "VIA", "at")]
    assert ("at", "TOKEN") in entities(docs[2])
    assert len(report.problems) == 1


def test_only_accepted_tasks_are_gold():
    path = DATA / "prodigy" / "04_prodigy_only_rejected.jsonl"
    docs, report = read(path)
    assert docs == [] and report.problems == []
    assert report.n_skipped["documents"] == {
        "answer=reject": 1,
        "answer=ignore": 1,
        "no answer": 1,
    }
    # all that is in them is accounted for
    assert report.n_read["entities"] == report.n_skipped["entities"].total() > 0
    assert report.n_read["relations"] == report.n_skipped["relations"].total() > 0
    assert "--accept-unanswered" in next(iter(report.hints))
    docs, _ = read(path, accept_unanswered=True)
    assert len(docs) == 1


def test_unknown_answer_is_an_error(tmp_path):
    _, report = read(write_lines(tmp_path / "a.jsonl", [TASK, task(answer="yes")]))
    assert ":2 answer: found 'yes', expected one of accept" in report.problems[0]


def test_spans_that_share_their_last_token(tmp_path):
    inner = {"start": 40, "end": 45, "token_start": 7, "token_end": 7, "label": "LOC"}
    value = task(spans=[PER, inner, ORG])
    docs, report = read(write_lines(tmp_path / "a.jsonl", [value]))
    assert report.problems == [] and triples(docs[0]) == [WORKS]
    value["relations"] = [relation(child_span=relation)]
    _, report = read(write_lines(tmp_path / "b.jsonl", [value]))
    assert "token 7 is in 2 entities" in report.problems[0]


def test_task_without_tokens_is_counted_with_the_tokenizer(tmp_path):
    spans = [{k: s[k] for k in ("start", "end", "label")} for s in (PER, ORG)]
    bare = relation(head_span=relation, child_span=relation)
    value = task(tokens=task, spans=spans, relations=[bare])
    docs, report = read(write_lines(tmp_path / "a.jsonl", [value]))
    assert triples(docs[0]) == [WORKS]
    assert "no tokens in the task: counted as --lang makes them" in report.repaired


def test_tokens_of_another_text_are_not_used(tmp_path):
    tokens = make_tokens("Quite another text of the same length as that.")
    spans = [{k: s[k] for k in ("start", "end", "label")} for s in (PER, ORG)]
    value = task(tokens=tokens, spans=spans)
    docs, report = read(write_lines(tmp_path / "a.jsonl", [value]))
    assert triples(docs[0]) == [WORKS]
    assert "tokens that do not fit the text: retokenized" in report.repaired


def shift(value, n):
    """A task with the offsets of its spans moved; its tokens stay as they are."""
    value = json.loads(json.dumps(value))  # spans are shared in it
    links = value["relations"]
    for span in [*value["spans"], *(r[k] for r in links for k in r if "span" in k)]:
        span["start"] += n
        span["end"] += n
    return value


@pytest.mark.parametrize("own", [True, False])
def test_spans_without_text_are_held_against_their_tokens(tmp_path, own):
    value = shift(TASK, 1)
    if not own:  # the tokens are off as well
        for token in value["tokens"]:
            token["start"] += 1
            token["end"] += 1
    path = write_lines(tmp_path / "a.jsonl", [value])
    docs, report = read(path)
    assert entities(docs[0]) == [] and triples(docs[0]) == []
    assert report.problems[0].startswith(
        f"{path}:1 spans[0]: the text of tokens 0 to 1 'Marie Curie' is not the "
        f"text at 1-12, 'arie Curie '"
    )
    docs, report = read(path, repair_offsets=True)
    assert report.problems == [] and triples(docs[0]) == [WORKS]
    assert report.repaired["offsets moved to the stored text"] == 2


def test_invalid_tokens_of_a_span(tmp_path):
    value = task(spans=[{**PER, "token_end": 99}, ORG])
    docs, report = read(write_lines(tmp_path / "a.jsonl", [value]))
    assert report.problems == [] and triples(docs[0]) == [WORKS]
    assert report.repaired == {"token_start or token_end is not a token: skipped": 1}


@pytest.mark.parametrize("own", [True, False])
def test_offsets_in_utf16_units_without_text(tmp_path, own):
    text = f"😀😀{TEXT}"
    value = shift(task(text=text), 4)
    tokens = make_tokens(TEXT)
    first = {"text": text[:2], "start": 0, "end": 2, "ws": False}
    for token in tokens:
        token["start"] += 2 if own else 4
        token["end"] += 2 if own else 4
    value["tokens"] = [first if own else {**first, "end": 4}, *tokens]
    link = value["relations"][0]
    for span in (*value["spans"], link["head_span"], link["child_span"]):
        span["token_start"] += 1
        span["token_end"] += 1
    link["head"] += 1
    link["child"] += 1
    docs, report = read(write_lines(tmp_path / "a.jsonl", [value]))
    assert report.problems == [] and triples(docs[0]) == [WORKS]
    assert report.repaired["offsets in UTF-16 units"] == 2


@pytest.mark.parametrize("value", [None, task])
def test_a_task_without_its_list_of_relations_is_not_complete(tmp_path, value):
    path = write_lines(tmp_path / "a.jsonl", [TASK, task(relations=value)])
    docs, report = read(path)
    assert len(docs) == 1
    assert report.problems[0].startswith(f"{path}:2 relations: ")
    assert "--entities-only" in report.problems[0]
    docs, report = read(path, entities_only=True)
    assert report.problems == []
    assert [get_relation_data(doc).complete for doc in docs] == [True, False]


@pytest.mark.parametrize(
    "changes,problem",
    [
        ({"text": None}, "text: found null"),
        ({"spans": 3}, "spans: found 3"),
        ({"spans": [PER, None]}, "spans[1]: found null"),
        ({"spans": [PER, {**ORG, "start": -4}]}, "offsets -4-45 are outside"),
        ({"spans": [PER, {**ORG, "end": 1e400}]}, "spans[1].end: found Infinity"),
        ({"spans": [PER, {**ORG, "label": None}]}, "spans[1].label: found null"),
        ({"relations": {}}, "relations: found {}"),
        ({"relations": [relation(label=None)]}, "relations[0].label: found null"),
        ({"relations": [relation(head="1")]}, "relations[0].head: found '1'"),
        (
            {"relations": [relation(head=relation, head_span=relation)]},
            "head: missing",
        ),
        ({"relations": [relation(head_span=[1])]}, "head_span: found [1]"),
        ({"relations": [relation(head_span={})]}, "head_span.start: missing"),
        (
            {"relations": [relation(head=-1, head_span=relation)]},
            "relations[0].head: -1 is not an entity",
        ),
    ],
)
def test_wrong_fields_are_named(tmp_path, changes, problem):
    path = write_lines(tmp_path / "a.jsonl", [TASK, task(**changes)])
    _, report = read(path)
    assert problem in report.problems[0]
    assert f"{path}:2 " in report.problems[0]


def test_null_labels_and_renaming_as_in_the_tutorial(tmp_path):
    relations = [relation(), relation(label="No-rel"), relation(label="Pos-Reg")]
    path = write_lines(tmp_path / "a.jsonl", [task(relations=relations)])
    _, report = read(path)
    assert any("--null-label No-rel" in advice for advice in report.hints)
    docs, report = read(
        path, null_labels=("No-rel",), map_label={"Pos-Reg": "WORKS_AT"}
    )
    assert not report.hints
    assert report.n_skipped["relations"] == {"No-rel kept as unrelated pair": 1}
    assert report.n_merged["relations"] == {"same by renaming or symmetry": 1}
    assert triples(docs[0]) == [WORKS]


def annotated(who, time, links=(RELATION,), **changes):
    """The task as somebody annotated it."""
    marks = {"_input_hash": 5, "_session_id": f"set-{who}", "_timestamp": time}
    return task(relations=list(links), **{**marks, **changes})


@pytest.mark.parametrize(
    "policy,expected",
    [
        ("first", [[WORKS]]),
        ("latest", [[]]),
        ("all", [[WORKS], []]),
        ("by:set-ben", [[WORKS]]),
        ("by:ben", []),
        ("ground-truth", []),
    ],
)
def test_different_annotations(tmp_path, policy, expected):
    path = write_lines(
        tmp_path / "a.jsonl", [annotated("ben", 1), annotated("anna", 2, ())]
    )
    docs, report = read(path)
    assert docs == []
    assert report.problems == [
        f"{path}:1: found 2 annotations of this text that differ, expected one (here "
        f"by set-ben; line 2 by set-anna); none of them is converted. To choose, "
        f"use --annotation latest, first, all or by:ID of an annotator."
    ]
    assert report.n_lost == {"documents": 2, "entities": 4, "relations": 1}
    docs, report = read(path, annotation=policy)
    assert [triples(doc) for doc in docs] == expected and report.problems == []


def test_equal_annotations_are_merged(tmp_path):
    values = [
        annotated("ben", 1),
        annotated("anna", 2),
        annotated("eve", 3, (), text="a b", spans=[], _input_hash=6),
    ]
    docs, report = read(write_lines(tmp_path / "a.jsonl", values))
    assert report.problems == [] and [len(triples(doc)) for doc in docs] == [1, 0]
    assert report.n_merged["documents"] == {"same annotation of the same text": 1}
    assert report.n_merged["entities"].total() == 2
    assert report.n_merged["relations"].total() == 1


def test_rejected_tasks_are_skipped(tmp_path):
    values = [annotated("ben", 1), annotated("anna", 2, (), answer="reject")]
    docs, report = read(write_lines(tmp_path / "a.jsonl", values))
    assert report.problems == [] and [triples(doc) for doc in docs] == [[WORKS]]


@pytest.mark.parametrize(
    "marks,n",
    [
        ({"_input_hash": 5}, 0),
        ({"_input_hash": None, "_session_id": "s"}, 0),
        ({"_input_hash": None, "_annotator_id": "s"}, 0),
        ({"_input_hash": None, "_session_id": None}, 2),
    ],
)
def test_versions_of_a_task(tmp_path, marks, n):
    values = [task(**marks), task(**marks, relations=[])]
    docs, report = read(write_lines(tmp_path / "a.jsonl", values))
    assert len(docs) == n and len(report.problems) == (n == 0)
    # the same text with another hash was made another input on purpose
    values[1]["_input_hash"] = 6
    docs, _ = read(write_lines(tmp_path / "b.jsonl", values))
    assert len(docs) == 2


REAL = ASSETS / "genia_prodigy" / "annotations.jsonl"
needs_genia = pytest.mark.skipif(
    not REAL.exists(), reason="asset genia_prodigy is not downloaded"
)


@needs_genia
def test_genia_loses_nothing():
    docs, report = read(REAL)
    assert report.problems == []
    assert len(docs) == 149
    assert sum(len(doc.ents) for doc in docs) == 466
    assert report.n_read["relations"] == 267
    assert report.n_merged["relations"] == {"exact duplicates": 4}


@needs_genia
def test_genia_with_the_tutorial_mapping():
    docs, _report = read(
        REAL,
        map_label=dict.fromkeys(("Pos-Reg", "Neg-Reg", "Reg", "No-rel"), "Regulates"),
        symmetric=("Binds",),
    )
    # as counted by the tutorial's parse_data.py: 209 + 56 + 30
    assert sum(len(doc._.relations) for doc in docs) == 295
    assert {r.label for d in docs for r in d._.relations} == {"Regulates", "Binds"}


def test_texts_with_the_same_hash_are_different_documents(tmp_path):
    other = {**copy.deepcopy(TASK), "text": TASK["text"] + "!"}
    tasks = [{**task, "_input_hash": 5} for task in (TASK, other)]
    docs, report = read(write_lines(tmp_path / "a.jsonl", tasks))
    assert len(docs) == 2 and report.problems == []

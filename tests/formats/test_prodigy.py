import copy

import pytest

from .util import ASSETS, DATA, NLP, entities, read, triples, write_lines

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
        "'ws' flags ignored: blanks taken from the text": 1,
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
    value = task(tokens=make_tokens("Quite another text of the same length as that."))
    docs, report = read(write_lines(tmp_path / "a.jsonl", [value]))
    assert triples(docs[0]) == [WORKS]
    assert "tokens that do not fit the text: tokenized anew" in report.repaired


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

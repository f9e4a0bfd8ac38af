import copy
import json

import pytest

from rel_component.formats import (
    FORMATS,
    Options,
    Report,
    find_format,
    iter_docs,
    read_records,
)
from rel_component.formats.html_text import render
from rel_component.relations import get_relation_data
from tests.paths import DATA

from ..mutate import damage, damage_bytes, for_seeds
from ..util import NLP, entities, read, triples, write_json, write_lines

FOLDER = DATA / "label_studio"
TEXT = "Marie Curie worked at the University of Paris."


def region(id_, start, end, *labels, **changes):
    return {
        "id": id_,
        "from_name": "label",
        "to_name": "text",
        "type": "labels",
        "value": {
            "start": start,
            "end": end,
            "labels": list(labels),
            **({"text": TEXT[start:end]} if type(start) is int else {}),
            **changes,
        },
    }


def relation(head, tail, *labels, **changes):
    value = {"from_id": head, "to_id": tail, "type": "relation", "direction": "right"}
    return {**value, "labels": list(labels), **changes}


PER, ORG = region("a", 0, 11, "PER"), region("b", 26, 45, "ORG")
RESULT = [relation("a", "b", "WORKS_AT"), PER, ORG]
WORKS = ("Marie Curie", "WORKS_AT", "University of Paris")


def annotation(result=RESULT, **changes):
    return {"id": 1, "completed_by": 1, "result": result, **changes}


def task(*annotations, **changes):
    value = {"id": 7, "data": {"text": TEXT}, "annotations": list(annotations)}
    return {**value, **changes}


def read_task(tmp_path, *annotations, options=None, **changes):
    path = write_json(tmp_path / "a.json", [task(*annotations, **changes)])
    return read(path, **(options or {}))


def read_result(tmp_path, result, **options):
    return read_task(tmp_path, annotation(result), options=options)


def test_reads_a_task(tmp_path):
    docs, report = read_task(tmp_path, annotation(), meta={"source": "x"})
    assert report.problems == [] and not report.repaired
    assert docs[0].text == TEXT
    assert entities(docs[0]) == [("Marie Curie", "PER"), ("University of Paris", "ORG")]
    assert triples(docs[0]) == [WORKS]
    assert get_relation_data(docs[0]).complete is True
    source = docs[0].user_data["rel_component_source"]
    assert (source["index"], source["id"]) == (0, "7")


@pytest.mark.parametrize("key", ["annotations", "completions"])
def test_one_task_in_a_file_and_tasks_in_lines(tmp_path, key):
    value = {"data": {"text": TEXT}, key: [annotation()]}
    for path in (
        write_json(tmp_path / "a.json", value),
        write_lines(tmp_path / "b.jsonl", [value, {**value, "id": 2}]),
    ):
        assert find_format(path) is FORMATS["label_studio"]
        docs, report = read(path)
        assert report.problems == []
        assert all(triples(doc) == [WORKS] for doc in docs)
    assert len(docs) == 2


def test_cloud_storage_has_a_file_for_each_annotation(tmp_path):
    inner = {"id": 7, "data": {"text": TEXT}}
    paths = [
        write_json(tmp_path / "1", annotation(task=inner)),
        write_json(tmp_path / "2", annotation(task=inner, completed_by={"id": 2})),
        write_json(tmp_path / "3", annotation([PER, 5], task={**inner, "id": 8})),
        write_json(tmp_path / "4", annotation(task={**inner, "id": 8})),
        write_json(tmp_path / "5", annotation(task=inner, was_cancelled=True)),
        write_json(tmp_path / "6", annotation(task={**inner, "data": 5})),
    ]
    assert find_format(paths[0]) is FORMATS["label_studio"]
    report = Report()
    docs = list(iter_docs(paths, Options(), report, tokenizer=NLP.tokenizer))
    assert report.unaccounted() == {}
    assert [triples(doc) for doc in docs] == [[WORKS]]
    assert docs[0].user_data["rel_component_source"]["id"] == "7"
    assert report.n_merged["documents"] == {"same annotation of the same text": 1}
    item, differ, data = report.problems
    assert item.startswith(f"{paths[2]}:1 result[1]: found 5")
    assert f"{paths[2]}:1: found 2 annotations" in differ
    assert f"(here; {paths[3]}:1)" in differ
    assert data.startswith(f"{paths[5]}:1 data: found 5")


@pytest.mark.parametrize(
    "direction,expected",
    [
        ("right", {("a", "b")}),
        ("left", {("b", "a")}),
        ("bi", {("a", "b"), ("b", "a")}),
        (None, {("a", "b")}),
    ],
)
def test_directions(tmp_path, direction, expected):
    names = {"a": "Marie Curie", "b": "University of Paris"}
    link = relation("a", "b", "L", direction=direction)
    docs, report = read_result(tmp_path, [link, PER, ORG])
    assert report.problems == []
    assert {(h, t) for h, _, t in triples(docs[0])} == {
        (names[h], names[t]) for h, t in expected
    }
    # by the record, a relation without direction is one
    path = tmp_path / "a.json"
    (record,) = read_records(path, Options(), Report())
    assert [r.symmetric for r in record.relations] == [direction == "bi"]


def test_several_labels_of_a_relation_and_of_a_region(tmp_path):
    both = region("a", 0, 11, "PER", "SCIENTIST")
    result = [relation("a", "b", "WORKS_AT", "LEADS"), both, ORG]
    docs, report = read_result(tmp_path, result)
    assert report.problems == []
    assert sorted(label for _, label, _ in triples(docs[0])) == ["LEADS", "WORKS_AT"]
    assert [span.label_ for span in docs[0].spans["entities"]] == [
        "PER",
        "SCIENTIST",
        "ORG",
    ]
    assert {r.head.label_ for r in docs[0]._.relations} == {"PER"}
    assert report.n_read == {
        "files": 1,
        "documents": 1,
        "entities": 3,
        "relations": 2,
    }


def test_results_with_one_id_are_one_region(tmp_path):
    role = region("a", 0, 11, "ROLE")
    choice = {"id": "a", "type": "choices", "value": {"start": 0, "choices": ["x"]}}
    docs, report = read_result(tmp_path, [*RESULT, role, choice])
    assert report.problems == [] and triples(docs[0]) == [WORKS]
    assert ("Marie Curie", "ROLE") in [
        (span.text, span.label_) for span in docs[0].spans["entities"]
    ]
    assert report.not_converted == {"Label Studio results of the type 'choices'": 1}
    other = region("a", 0, 5, "ROLE")
    _, report = read_result(tmp_path, [*RESULT, other])
    assert "result[3].id): found 'a' for another span of text" in report.problems[0]
    assert "annotations[0].result[1] already has it" in report.problems[0]


def test_relation_without_a_label(tmp_path):
    result = [relation("a", "b"), {**relation("b", "a"), "labels": None}, PER, ORG]
    _, report = read_result(tmp_path, result)
    assert report.n_lost["relations"] == 2
    assert "annotations[0].result[0].labels): found no label" in report.problems[0]
    assert "--default-label NAME" in report.problems[0]
    docs, report = read_result(tmp_path, result, default_label="LINK")
    assert report.problems == [] and len(triples(docs[0])) == 2
    assert report.notes["relations without a label: --default-label"] == 2


def test_json_min_has_no_relations():
    path = FOLDER / "06_labelstudio_json_min_has_no_relations.json"
    docs, report = read(path)
    assert docs == []
    (problem,) = report.problems
    assert problem.startswith(f"{path}: this is a JSON-MIN export of Label Studio")
    assert "Export as JSON" in problem and "--entities-only" in problem
    assert report.n_lost == {"documents": 4, "entities": 10}
    docs, report = read(path, entities_only=True, annotation="first")
    assert report.problems == []
    assert entities(docs[1]) == [("Berlin", "LOC"), ("Germany", "LOC")]
    assert [len(doc.spans["entities"]) for doc in docs] == [3, 2, 3]
    assert not any(get_relation_data(doc).complete for doc in docs)
    # it has one record for each annotation of a task
    _, report = read(path, entities_only=True)
    assert "found 2 annotations of this text that differ" in report.problems[0]


def test_offsets_in_utf16_units():
    docs, report = read(FOLDER / "08_labelstudio_utf16_offsets.json")
    assert report.problems == []
    assert report.repaired == {"offsets in UTF-16 units": 2}
    assert triples(docs[0]) == [("Berlin", "CAPITAL_OF", "Germany")]


CHOICES = [
    (None, ["LIVES_IN"]),
    ("ground-truth", ["LIVES_IN"]),
    ("first", ["WORKS_AT"]),
    ("latest", ["LIVES_IN"]),
    ("all", ["WORKS_AT", "LIVES_IN"]),
    ("by:1", ["WORKS_AT"]),
    ("by:3", []),
]


@pytest.mark.parametrize("policy,labels", CHOICES)
def test_different_annotations(policy, labels):
    path = FOLDER / "10_labelstudio_disagreeing_annotations.json"
    docs, report = read(path, annotation=policy)
    assert report.problems == []
    assert [label for doc in docs for _, label, _ in triples(doc)] == labels
    assert report.n_skipped["documents"]["annotation cancelled"] == 1
    assert report.not_converted == {
        "Label Studio drafts": 1,
        "Label Studio predictions": 1,
    }


def test_different_annotations_without_ground_truth(tmp_path):
    other = annotation([PER], completed_by={"id": 2, "email": "anna@x.org"})
    docs, report = read_task(tmp_path, annotation(), other)
    assert docs == []
    (problem,) = report.problems
    assert problem.startswith(
        f"{tmp_path}/a.json doc 0 (id 7, annotations[0]): found 2 annotations of this "
        f"text that differ, expected one (here by 1; doc 0 (id 7, annotations[1]) by 2)"
    )
    assert "--annotation latest, first, all or by:ID" in problem
    assert report.n_lost == {"documents": 2, "entities": 3, "relations": 1}
    for name in ("by:2", "by:anna@x.org"):
        docs, report = read_task(
            tmp_path, annotation(), other, options={"annotation": name}
        )
        assert [len(doc.ents) for doc in docs] == [1] and report.problems == []


def test_the_latest_is_the_one_changed_last(tmp_path):
    times = {"created_at": "2024-03-01T10:00:00Z", "updated_at": "2024-03-09T10:00:00Z"}
    newer = annotation(**times)
    older = annotation([PER], created_at="2024-03-05T10:00:00Z")
    docs, _ = read_task(tmp_path, newer, older, options={"annotation": "latest"})
    assert [triples(doc) for doc in docs] == [[WORKS]]
    # older versions count seconds
    newer, older = annotation(created_at=1609789589), annotation([PER], created_at=5)
    docs, _ = read_task(tmp_path, newer, older, options={"annotation": "latest"})
    assert [triples(doc) for doc in docs] == [[WORKS]]


def test_equal_annotations_are_merged(tmp_path):
    renamed = json.loads(json.dumps(RESULT).replace('"a"', '"x"'))
    docs, report = read_task(tmp_path, annotation(), annotation(renamed[::-1]))
    assert report.problems == [] and [triples(doc) for doc in docs] == [[WORKS]]
    reason = {"same annotation of the same text": 1}
    assert report.n_merged["documents"] == reason
    assert report.n_merged["entities"].total() == 2


def test_unannotated_tasks(tmp_path):
    predictions = [{"model_version": "m", "result": RESULT}]
    path = write_json(
        tmp_path / "a.json", [task(), task(predictions=predictions), task(annotation())]
    )
    docs, report = read(path)
    assert len(docs) == 1 and report.problems == []
    assert report.n_skipped["documents"] == {"not annotated": 2}
    assert "--accept-unanswered" in next(iter(report.hints))
    docs, report = read(path, accept_unanswered=True, annotation="by:m")
    assert [triples(doc) for doc in docs] == [[WORKS]]
    assert not report.hints


def test_file_of_predictions_for_import(tmp_path):
    value = {
        "data": {"text": TEXT, "doc_id": "d1"},
        "predictions": [{"model_version": "m", "score": 0.8, "result": RESULT}],
    }
    path = write_json(tmp_path / "a.json", [value])
    docs, report = read(path)
    assert docs == [] and "--accept-unanswered" in next(iter(report.hints))
    docs, report = read(path, accept_unanswered=True, group_by="data.doc_id")
    assert triples(docs[0]) == [WORKS] and report.problems == []
    assert docs[0].user_data["rel_component_source"]["group"] == "d1"


HTML = (
    "<html>\n<head><title>x</title></head>\n<body><p>Anna works<br/>at "
    "<b>Acme &amp; Co</b>.</p><script>var x;</script></body></html>"
)


def test_html_is_rendered():
    assert render(HTML) == "Anna works\nat Acme & Co."
    assert render("<p>a</p><style>b</style> c") == "a c"
    assert render("a < b") == "a < b"


def html_task(text, **changes):
    def place(id_, start, end, label):
        value = {
            "start": "/p[1]/text()[1]",
            "end": "/p[1]/text()[1]",
            "startOffset": 0,
            "endOffset": 4,
            "globalOffsets": {"start": start, "end": end},
            "text": text[start:end],
            "hypertextlabels": [label],
            **changes,
        }
        return {
            "id": id_,
            "to_name": "html",
            "type": "hypertextlabels",
            "value": {k: v for k, v in value.items() if v is not html_task},
        }

    result = [
        place("a", 0, 4, "PER"),
        place("b", 14, 23, "ORG"),
        relation("a", "b", "WORKS_AT"),
    ]
    return {"id": 1, "data": {"html": HTML}, "annotations": [annotation(result)]}


def test_hypertext(tmp_path):
    text = render(HTML)
    empty = {**html_task(text), "id": 2, "annotations": [annotation([])]}
    path = write_json(tmp_path / "a.json", [html_task(text), empty])
    docs, report = read(path)
    assert report.problems == [] and [doc.text for doc in docs] == [text, text]
    assert triples(docs[0]) == [("Anna", "WORKS_AT", "Acme & Co")]
    # offsets in the source
    path = write_json(tmp_path / "b.json", [html_task("x" + text)])
    _, report = read(path)
    assert "is not the text at 0-4, 'Anna'" in report.problems[0]
    path = write_json(tmp_path / "c.json", [html_task(text, globalOffsets=html_task)])
    _, report = read(path)
    assert "result[0].value.globalOffsets): missing" in report.problems[0]


def test_line_ends_written_as_backslash_n(tmp_path):
    value = region("a", 0, 11, "PER", text="Marie\\nCurie")
    data = {"text": TEXT.replace("Marie Curie", "Marie\nCurie")}
    docs, report = read_task(tmp_path, annotation([value]), data=data)
    assert report.problems == [] and len(docs[0].ents) == 1


@pytest.mark.parametrize(
    "data,to_name,options,found",
    [
        ({"body": TEXT}, "text", {}, TEXT),
        ({"body": TEXT, "title": "x"}, "body", {}, TEXT),
        ({"text": TEXT, "title": "x"}, "main", {}, TEXT),
        ({"body": TEXT, "title": "x"}, "main", {"fields": {"text": "body"}}, TEXT),
        ({"body": TEXT, "title": "x"}, "main", {}, TEXT),
        ({"body": TEXT, "title": TEXT}, "main", {}, "(id 7, data): found 'body', 'ti"),
        ({"dialogue": [{}]}, "main", {}, "(id 7, data): found no text ('dialogue')"),
        ({}, "main", {}, "found no text (no fields)"),
        ({"body": 3}, "x", {"fields": {"text": "body"}}, "data.body): found 3"),
    ],
)
def test_annotated_field(tmp_path, data, to_name, options, found):
    one = annotation([{**PER, "to_name": to_name}])
    docs, report = read_task(tmp_path, one, data=data, options=options)
    if found == TEXT:
        assert report.problems == [] and docs[0].text == TEXT
    else:
        assert docs == [] and found in report.problems[0]
        assert report.n_lost == {"documents": 1, "entities": 1}


def test_field_is_remembered_for_tasks_without_regions(tmp_path):
    data = {"body": TEXT, "title": "x"}
    values = [
        {
            "id": 1,
            "data": data,
            "annotations": [annotation([{**PER, "to_name": "body"}])],
        },
        {"id": 2, "data": data, "annotations": [annotation([])]},
    ]
    docs, report = read(write_json(tmp_path / "a.json", values))
    assert report.problems == [] and [doc.text for doc in docs] == [TEXT, TEXT]


def test_regions_in_several_texts(tmp_path):
    result = [PER, {**ORG, "to_name": "other"}]
    docs, report = read_result(tmp_path, result)
    assert docs == []
    assert "data): found regions in 2 texts (text, other)" in report.problems[0]


def test_regions_of_a_picture(tmp_path):
    box = {"id": "x", "to_name": "image", "type": "rectanglelabels", "value": {}}
    docs, report = read_result(tmp_path, [*RESULT, box])
    assert triples(docs[0]) == [WORKS] and report.n_lost == {"entities": 1}


def test_text_that_is_a_url(tmp_path):
    data = {"text": "https://x.org/a.txt"}
    _, report = read_task(tmp_path, annotation([PER]), data=data)
    assert any("only an address" in advice for advice in report.hints)


@pytest.mark.parametrize(
    "result,problem",
    [
        ([region("a", 0, 11)], "result[0].value.labels): found no label"),
        ([region("a", 0, 11, None)], "result[0].value.labels): found null"),
        ([region("a", "0", 11, "PER")], "result[0].value.start): found '0'"),
        ([region("a", True, 11, "PER")], "result[0].value.start): found true"),
        ([region("a", 0, 10**30, "PER")], "result[0]): offsets 0-1000"),
        ([region("a", 0, 5, "PER", text=5)], "result[0].value.text): found 5"),
        ([region(["a"], 0, 5, "PER")], 'result[0].id): found ["a"]'),
        ([5], "result[0]): found 5, expected an object"),
        ([{"type": "labels"}], "result[0].value): found null"),
        (
            [{"type": "rectanglelabels", "value": {"x": 1, "rectanglelabels": ["A"]}}],
            "result[0].type): found 'rectanglelabels', expected a span of text",
        ),
        (
            [relation("a", "z", "L"), PER],
            "[0].to_id): 'z' is not an entity of this",
        ),
        (
            [relation("a", "b", "L"), PER, {**ORG, "value": {"labels": ["ORG"]}}],
            "to_id): 'b' was not converted, see annotations[0].result[2]",
        ),
        ([relation(None, "a", "L"), PER], "result[0].from_id): found null"),
        ([relation("a", "a", "L", direction="up"), PER], "direction): found 'up'"),
        ([relation("a", "a", 5), PER], "result[0].labels): found 5"),
        ([relation("a", "a", labels="L"), PER], "result[0].labels): found 'L'"),
    ],
)
def test_wrong_fields_are_named(tmp_path, result, problem):
    docs, report = read_result(tmp_path, result)
    assert len(docs) == 1
    assert any(problem in line for line in report.problems), report.problems
    assert all(f"{tmp_path}/a.json doc 0 (id 7, " in line for line in report.problems)


@pytest.mark.parametrize(
    "value,problem",
    [
        (task(annotation(None)), "annotations[0].result): found null"),
        (task(5), "annotations[0]): found 5"),
        (task(annotation(was_cancelled=1)), "[0].was_cancelled): found 1"),
        (task(annotations=3), "(id 7, annotations): found 3"),
        (task(annotation(), data=None), "(id 7, data): found null"),
        ([], "the task): found []"),
    ],
)
def test_wrong_tasks_are_named(tmp_path, value, problem):
    path = write_json(tmp_path / "a.json", [task(annotation()), value])
    docs, report = read(path)
    assert len(docs) == 1 and report.n_lost["documents"] == 1
    assert problem in report.problems[0] and " doc 1 " in report.problems[0]


TASKS = [
    task(annotation(), annotation([PER], completed_by=2, created_at="2024-03-01")),
    task(predictions=[{"result": RESULT}]),
    html_task(render(HTML)),
    {
        "text": TEXT,
        "id": 1,
        "label": [PER["value"]],
        "annotator": 1,
        "annotation_id": 11,
        "lead_time": 3,
    },
    annotation(task={"id": 1, "data": {"text": TEXT}}),
]
POLICIES = [None, "all", "first", "latest", "ground-truth", "by:1"]


@for_seeds(300)
def test_damaged_files(tmp_path, rng):
    path = tmp_path / "a.json"
    if rng.randrange(3):
        path.write_text(json.dumps(damage(copy.deepcopy(TASKS), rng)))
    else:
        path.write_bytes(damage_bytes(TASKS, rng))
    # `read` asserts that everything is accounted for
    read(
        path,
        annotation=rng.choice(POLICIES),
        entities_only=rng.random() < 0.5,
        accept_unanswered=rng.random() < 0.5,
        default_label=rng.choice([None, "LINK"]),
    )


def test_the_annotated_field_is_the_one_with_the_regions(tmp_path):
    """If no field has the name of the tag that displays it."""
    result = [{**PER, "to_name": "x"}]
    data = {"text": "A summary", "article": TEXT}
    (doc,), _ = read_task(tmp_path, annotation(result), data=data)
    assert doc.text == TEXT
    data = {"text": "Marie Curie, a summary", "article": TEXT}
    docs, report = read_task(tmp_path, annotation(result), data=data)
    assert docs == [] and "--field text=NAME" in report.problems[0]


def test_html_before_the_first_region(tmp_path):
    value = {"start": "/p[1]/text()[1]", "end": "/p[1]/text()[1]", "text": "Ann"}
    value |= {"globalOffsets": {"start": 0, "end": 3}, "hypertextlabels": ["PER"]}
    marked = {**PER, "type": "hypertextlabels", "value": value}
    tasks = [
        {**task(annotation([])), "id": 1, "data": {"text": "<p>Bob &amp; Al</p>"}},
        {**task(annotation([marked])), "id": 2, "data": {"text": "<p>Ann</p>"}},
    ]
    docs, report = read(write_json(tmp_path / "a.json", tasks))
    assert report.problems == []
    assert [doc.text.strip() for doc in docs] == ["Bob & Al", "Ann"]


def test_only_annotated_fields_are_rendered(tmp_path):
    value = {"start": "/p[1]/text()[1]", "end": "/p[1]/text()[1]", "text": "Ann"}
    value |= {"globalOffsets": {"start": 0, "end": 3}, "hypertextlabels": ["PER"]}
    marked = {**PER, "type": "hypertextlabels", "to_name": "html", "value": value}
    plain = region("a", 19, 22, "PER", text="Ann")
    tasks = [
        {**task(annotation([marked])), "data": {"html": "<p>Ann</p>"}},
        {
            **task(annotation([plain])),
            "id": 8,
            "data": {"text": "if a<b and c>d for Ann"},
            "meta": {"start": "/home"},
        },
    ]
    docs, report = read(write_json(tmp_path / "a.json", tasks))
    assert report.problems == []
    assert [entities(doc) for doc in docs] == [[("Ann", "PER")]] * 2


def test_field_of_tasks_before_the_first_region(tmp_path):
    """Undecided by the regions' texts, `text` is the field."""
    marked = annotation([{**PER, "to_name": "x"}])
    tasks = [
        {**task(annotation([])), "data": {"text": "A summary", "article": "None."}},
        {**task(marked), "id": 8, "data": {"text": "A summary", "article": TEXT}},
    ]
    docs, report = read(write_json(tmp_path / "a.json", tasks))
    assert report.problems == [] and [doc.text for doc in docs] == ["None.", TEXT]
    silent = {**PER, "to_name": "x", "value": {**PER["value"], "text": None}}
    data = {"text": TEXT, "title": "x"}
    (doc,), _ = read_task(tmp_path, annotation([silent]), data=data)
    assert doc.text == TEXT

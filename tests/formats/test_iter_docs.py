"""What is lost or found in files of several formats, from file to Doc."""

import codecs
import json
import unicodedata

import pytest

from rel_component import get_relations
from rel_component.formats import (
    Options,
    Report,
    WriteOptions,
    from_doc,
    iter_docs,
    write_records,
)
from rel_component.relations import get_relation_data

TOKENS = ["Bob", "met", "Ann", "and", "Cid"]
TEXT = " ".join(TOKENS)
SPANS = [(0, 3), (8, 11), (16, 19)]


def read(folder, files, inputs=None, *, format_name="auto", **options):
    """RETURNS (Tuple[List[Doc], Report]): of these files, by name."""
    for name, content in files.items():
        data = content if isinstance(content, bytes) else content.encode()
        (folder / name).write_bytes(data)
    report = Report()
    paths = [folder / name for name in inputs or files]
    docs = iter_docs(paths, Options(**options), report, format_name=format_name)
    return list(docs), report


def make_row(*spans, text=TEXT, relations=(), **fields):
    entities = [{"start": i, "end": j, "label": "P"} for i, j in spans]
    return {"text": text, "entities": entities, "relations": list(relations), **fields}


def to_lines(*rows):
    return "\n".join(map(json.dumps, rows))


def list_triples(doc):
    return [(r.head.text, r.label, r.tail.text) for r in get_relations(doc)]


def list_negatives(doc):
    data = get_relation_data(doc)
    texts = [doc[start:end].text for start, end in data.spans.tolist()]
    return {(texts[head], texts[tail]) for head, tail in data.list_negatives()}


DOCRED = {
    "title": "t",
    "sents": [TOKENS],
    "vertexSet": [
        [{"name": TOKENS[i], "sent_id": 0, "pos": [i, i + 1], "type": "P"}]
        for i in (0, 2, 4)
    ],
}
PUBTATOR = "1|t|Bob met Ann and Cid\n" + "".join(
    f"1\t{start}\t{end}\t{TOKENS[i]}\tP\tC{i}\n"
    for i, (start, end) in zip((0, 2, 4), SPANS)
)


@pytest.mark.parametrize(
    "name, whole, damaged",
    [
        (
            "a.json",
            json.dumps([{**DOCRED, "labels": [{"h": 0, "t": 2, "r": "r"}]}]),
            json.dumps(
                [{**DOCRED, "labels": [{"h": 0, "t": 1}, {"h": 0, "t": 2, "r": "r"}]}]
            ),
        ),
        (
            "a.pubtator",
            f"{PUBTATOR}1\tr\tC0\tC4\n",
            f"{PUBTATOR}1\t\tC0\tC2\n1\tr\tC0\tC4\n",
        ),
    ],
)
def test_a_lost_relation_does_not_become_a_negative_pair(
    name, whole, damaged, tmp_path
):
    (doc,), report = read(tmp_path, {name: whole})
    assert ("Bob", "Ann") in list_negatives(doc) and not report.problems
    (doc,), report = read(tmp_path, {name: damaged})
    assert list_triples(doc) == [("Bob", "r", "Cid")] and report.problems
    assert not list_negatives(doc)


def test_losses_are_those_of_their_own_document(tmp_path):
    intact = make_row((0, 3))
    lost = make_row((0, 1), text=" ")
    (doc,), report = read(tmp_path, {"a.jsonl": to_lines(lost, intact)})
    assert report.problems and get_relation_data(doc).complete
    lost = make_row((0, 3), (50, 60))
    intact = make_row(*SPANS, relations=[{"label": "r", "head": 0, "tail": 1}])
    files = {"a.jsonl": to_lines(lost, intact)}
    (doc,), report = read(tmp_path, files, only_with_relations=True)
    assert report.problems and get_relation_data(doc).complete


def test_losses_are_those_of_their_own_sentence_with_merged_pairs(tmp_path):
    end = {"subj_start": 0, "subj_end": 0, "subj_type": "P", "obj_type": "P"}
    item = {"id": "1", "relation": "r", **end, "obj_start": 2, "obj_end": 2}
    rows = [
        {**item, "token": ["A", "likes", "B"]},
        {**item, "token": ["C", "likes", "D"], "obj_end": 9},
    ]
    files = {"a.json": json.dumps(rows)}
    (whole, damaged), report = read(tmp_path, files, merge_pairs=True)
    assert report.problems
    assert [token.ent_iob for token in whole] == [3, 2, 3]
    assert [token.ent_iob for token in damaged] == [3, 0, 0]


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_texts_may_be_in_another_unicode_form(form, tmp_path):
    text = unicodedata.normalize("NFD" if form == "NFC" else "NFC", "The café in Paris")
    cafe = unicodedata.normalize(form, "café")
    start, end = text.index("c"), text.index(" in")
    row = {"text": text, "triple_list": [[cafe, "in", "Paris"]]}
    files = {"a.json": json.dumps([row])}
    (doc,), report = read(tmp_path, files)
    assert (doc.ents[0].text, report.problems) == (text[start:end], [])
    files = {"b.txt": text, "b.ann": f"T1\tP {start} {end}\t{cafe}\n"}
    (doc,), report = read(tmp_path, files, ["b.txt"])
    assert (doc.ents[0].text, report.problems) == (text[start:end], [])


def test_i2b2_may_start_with_a_byte_order_mark(tmp_path):
    concepts = 'c="mild pain" 1:0 1:1||t="problem"\nc="rest" 1:3 1:3||t="treatment"\n'
    relation = 'c="rest" 1:3 1:3||r="TrIP"||c="mild pain" 1:0 1:1\n'
    files = {"a.txt": "mild pain and rest\n"}
    for suffix, content in (("con", concepts), ("rel", relation)):
        files[f"a.{suffix}"] = codecs.BOM_UTF8 + content.encode()
    (tmp_path / "i2b2").mkdir()
    read(tmp_path / "i2b2", files)
    (doc,), report = read(tmp_path, {}, ["i2b2"])
    assert list_triples(doc) == [("rest", "TrIP", "mild pain")]
    assert not report.problems


@pytest.mark.parametrize(
    "format_name, name, first, rows",
    [
        (
            "spert",
            "a.json",
            {"tokens": ["Bob", 5], "entities": [], "relations": []},
            {"tokens": ["Bob"], "entities": [], "relations": []},
        ),
        (
            "prodigy",
            "a.jsonl",
            {"spans": [], "relations": [], "answer": "accept", "_task_hash": 1},
            {"text": "Bob", "answer": "accept", "_task_hash": 2, "relations": []},
        ),
    ],
)
def test_a_wrong_first_document_does_not_hide_the_others(
    format_name, name, first, rows, tmp_path
):
    content = to_lines(first, rows)
    if name == "a.json":
        content = json.dumps([first, rows])
    for chosen in ("auto", format_name):
        docs, report = read(tmp_path, {name: content}, format_name=chosen)
        assert (len(docs), len(report.problems)) == (1, 1)


def test_a_given_format_is_used_where_the_file_fits_several(tmp_path):
    plain = {"a.jsonl": to_lines(make_row())}
    docs, report = read(tmp_path, plain, format_name="jsonl")
    assert (len(docs), report.problems) == (1, [])
    write_records(
        map(from_doc, read(tmp_path, {"b.jsonl": to_lines(make_row((0, 3)))})[0]),
        tmp_path / "c.jsonl",
        "huggingface",
        WriteOptions(),
        Report(),
    )
    docs, report = read(tmp_path, {}, ["c.jsonl"], format_name="huggingface")
    assert ([len(doc.ents) for doc in docs], report.problems) == ([1], [])


def test_repeated_texts_without_ids_stay_apart_in_doccano(tmp_path):
    rows = [make_row((0, 3)), make_row(), make_row((0, 3))]
    docs, _ = read(tmp_path, {"a.jsonl": to_lines(*rows)})
    records = map(from_doc, docs)
    path = tmp_path / "d.jsonl"
    write_records(records, path, "doccano", WriteOptions(), Report())
    docs, report = read(tmp_path, {}, ["d.jsonl"])
    assert ([len(doc.ents) for doc in docs], report.problems) == ([1, 0, 1], [])


def test_plain_lines_in_another_encoding_may_start_without_entities(tmp_path):
    empty = [make_row(text=f"Bob {i}") for i in range(2000)]
    data = to_lines(*empty, make_row((0, 3))).encode("utf-16")
    docs, report = read(tmp_path, {"a.jsonl": data}, encoding="utf-16")
    assert (len(docs), len(docs[-1].ents), report.problems) == (2001, 1, [])


@pytest.mark.parametrize("ids, n", [((0, 1, 2), 1), ((1, 2, 3), 0), ("abc", 1)])
def test_a_number_that_is_an_id_and_another_position_is_ambiguous(ids, n, tmp_path):
    row = make_row(*SPANS, relations=[{"label": "r", "head": 1, "tail": 2}])
    for entity, id_ in zip(row["entities"], ids):
        entity["id"] = id_
    (doc,), report = read(tmp_path, {"a.jsonl": to_lines(row)})
    assert len(get_relations(doc)) == n
    assert all("1 is the id of entities[0], and a pos" in x for x in report.problems)
    assert len(report.problems) == 1 - n


def test_relations_of_entities_left_out_on_purpose_are_left_out(tmp_path):
    ann = "T1\tP 0 3\tBob\nT2\tP 4 7;12 15\tmet and\nR1\tr Arg1:T1 Arg2:T2\n"
    files = {"a.txt": TEXT, "a.ann": ann}
    for split in (None, "lines"):
        (doc,), report = read(
            tmp_path, files, ["a.txt"], discontinuous="drop", split_documents=split
        )
        assert [ent.text for ent in doc.ents] == ["Bob"] and not report.problems
        assert sum(report.n_skipped["relations"].values()) == 1
    # its words are not taught to be outside of entities, where they are known
    (doc,), _ = read(tmp_path, files, ["a.txt"], discontinuous="drop")
    assert [token.ent_iob for token in doc] == [3, 0, 0, 0, 0]


def test_another_name_of_the_document_leaves_texts_of_entities(tmp_path):
    entity = {"text": "Paris", "start": 4, "end": 9, "entityLabel": "P"}
    row = {"text": "Bob lives in Paris", "tokens": [entity], "relations": []}
    files = {"a.json": json.dumps([row])}
    (doc,), report = read(
        tmp_path, files, format_name="ubiai", fields={"document": "text"}
    )
    assert not doc.ents
    assert "text 'Paris' is not the text at 4-9, 'lives'" in report.problems[0]


def test_symmetric_relations_agree_in_either_direction(tmp_path):
    def region(id_, start, end):
        value = {"start": start, "end": end, "labels": ["P"]}
        return {"id": id_, "type": "labels", "value": value}

    def link(head, tail, label="r"):
        ends = {"from_id": head, "to_id": tail, "direction": "bi", "labels": [label]}
        return {"type": "relation", **ends}

    regions = [region("b", 0, 3), region("a", 8, 11)]
    versions = [
        {"id": i, "completed_by": i, "result": [*regions, link(*ends)]}
        for i, ends in enumerate(["ab", "ba"])
    ]
    task = {"id": 1, "data": {"text": TEXT}, "annotations": versions}
    (doc,), report = read(tmp_path, {"a.json": json.dumps([task])})
    assert len(get_relations(doc)) == 2 and not report.problems
    versions[:] = [{"result": [*regions, link("a", "b", "none")]}]
    files = {"a.json": json.dumps([task])}
    (doc,), _ = read(tmp_path, files, null_labels=("none",), complete=False)
    assert list_negatives(doc) == {("Bob", "Ann"), ("Ann", "Bob")}

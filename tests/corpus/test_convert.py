import pytest
import spacy

from rel_component.corpus.convert import ConversionError, convert
from rel_component.corpus.readers import read_docs
from rel_component.formats import Format, Options, Report

from ..formats.tools.test_prodigy import TASK
from ..formats.tools.test_ubiai import DOCUMENT
from ..formats.util import triples, write_json, write_lines


def write(tmp_path, n):
    values = [{**DOCUMENT, "document": f"{DOCUMENT['document']} {i}"} for i in range(n)]
    return write_json(tmp_path / "a.json", values)


def test_from_python_as_on_the_command_line(tmp_path):
    options = Options(map_label={"WORKS_AT": "AT"}, fields={})
    made = convert([write(tmp_path, 20)], tmp_path / "data", options=options)
    assert {path.name: n for path, n in made.written.items()} == {
        "train.spacy": 14,
        "dev.spacy": 3,
        "test.spacy": 3,
    }
    assert made.removed == made.left == []
    assert made.report.n_written["documents"] == 20
    doc = next(read_docs(tmp_path / "data" / "dev.spacy", spacy.blank("en")))
    assert triples(doc) == [("Marie Curie", "AT", "University of Paris")]
    # strings are paths too, and an earlier split goes
    made = convert([str(write(tmp_path, 20))], tmp_path / "data", split="0.5,0.5")
    assert made.removed == [tmp_path / "data" / "test.spacy"]


def example(i, **changes):
    entities = [{"id": 1, "label": "A", "start_offset": 0, "end_offset": 3}]
    return {
        "id": i,
        "text": f"Ann {i}",
        "entities": entities,
        "relations": [],
    } | changes


def task(i, label="A"):
    value = {"start": 0, "end": 3, "text": "Ann", "labels": [label]}
    region = {"id": "r", "type": "labels", "to_name": "text", "value": value}
    made = {"id": i, "result": [region]}
    return {"id": i, "data": {"text": f"Ann {i}"}, "annotations": [made]}


def several(value, *others):
    return {**value, "annotations": [x["annotations"][0] for x in (value, *others)]}


FILES = {
    "prodigy": [{**TASK, "_input_hash": i} for i in range(4)],
    "doccano": [example(i) for i in range(4)],
    "label_studio": [task(i) for i in range(4)],
}
REPEATED = {
    "prodigy": {**TASK, "_input_hash": 0, "relations": []},
    "doccano": example(0, entities=[]),
    "label_studio": several(task(5), task(5, "B")),
}


@pytest.mark.parametrize("name", FILES)
def test_files_are_read_once_unless_a_text_is_repeated(tmp_path, monkeypatch, name):
    read, readings = Format.read, []

    def count(self, *arguments):
        readings.append(self.name)
        return read(self, *arguments)

    monkeypatch.setattr(Format, "read", count)
    path = write_lines(tmp_path / "all.jsonl", FILES[name])
    made = convert([path], tmp_path / "x.spacy")
    assert made.written == {tmp_path / "x.spacy": 4} and readings == [name]
    # the same annotation again needs no decision
    same = FILES[name][0]
    if name == "label_studio":
        same = several(task(5), task(5))
    write_lines(path, [*FILES[name], same])
    made = convert([path], tmp_path / "x.spacy")
    assert made.report.n_merged["documents"].total() == 1 and readings == [name] * 2
    # another one has to be compared with what was read before
    write_lines(path, [*FILES[name], REPEATED[name]])
    with pytest.raises(ConversionError, match=r"(2 problems|1 problem)\."):
        convert([path], tmp_path / "x.spacy")
    assert readings == [name] * 5
    made = convert([path], tmp_path / "x.spacy", on_error="skip")
    n_lost = made.report.n_lost["documents"]
    assert n_lost == 2 and made.report.n_read["documents"] - n_lost == len(
        list(read_docs(tmp_path / "x.spacy", spacy.blank("en")))
    )


def test_what_fails_says_why_and_counts_nothing_as_written(tmp_path):
    report = Report()
    path = write_json(tmp_path / "a.json", [DOCUMENT, {**DOCUMENT, "tokens": None}])
    with pytest.raises(ConversionError, match=r"1 problem\. Correct it, or skip"):
        convert([path], tmp_path / "x.spacy", report=report)
    assert report.unaccounted() == {} and not report.n_written
    reason = "converted, but not written"
    assert report.n_skipped["documents"][reason] == 1
    assert not (tmp_path / "x.spacy").exists()
    made = convert([path], tmp_path / "x.spacy", on_error="skip")
    assert made.written == {tmp_path / "x.spacy": 1}


@pytest.mark.parametrize(
    "arguments, problem",
    [
        ({"options": Options(mention="all")}, "No format has the option 'mention'"),
        ({"options": Options(entity_label="")}, "--entity-label: found '', expected"),
        ({"options": Options(label_features=("a", " "))}, "--label-feature: found"),
        ({"on_error": "go"}, "--on-error: found 'go', expected one of stop, skip"),
        ({"format_name": "excel"}, "--format excel: unknown"),
        ({"dev": ["x"]}, "found both"),
        ({"options": Options(group_regex="(")}, "not a regular expression"),
    ],
)
def test_mistakes_are_explained(tmp_path, arguments, problem):
    with pytest.raises(ConversionError, match=problem) as caught:
        convert([write(tmp_path, 3)], tmp_path / "x.spacy", **arguments)
    assert caught.value.written == {}


@pytest.mark.parametrize(
    "text, lang, is_told",
    [
        ("Анна работает в Acme", "en", True),
        ("Анна работает в Acme", "ru", False),
        ("Zoë arbeitet in Łódź für Müller", "en", False),
        ("他在谷歌工作", "en", True),
        ("123 ...", "en", False),
    ],
)
def test_a_language_that_is_not_english_is_noticed(tmp_path, text, lang, is_told):
    path = write_lines(tmp_path / "a.jsonl", [{**example(1), "text": text}])
    made = convert([path], tmp_path / "a.spacy", options=Options(lang=lang))
    assert any("--lang ru" in hint for hint in made.report.hints) == is_told


def test_texts_in_two_groups_are_told(tmp_path):
    values = [{**TASK, "meta": {"source": x}} for x in "aab"]
    values[0] = {**values[0], "text": values[0]["text"] + " More."}
    path = write_lines(tmp_path / "a.jsonl", values)
    options = Options(group_by="meta.source")
    made = convert([path], tmp_path / "data", options=options, dev_groups="b")
    assert made.report.notes["texts in train and dev"] == 1
    assert any("1 text is in train and dev" in hint for hint in made.report.hints)

import pytest
import spacy

from rel_component.corpus.convert import ConversionError, convert
from rel_component.corpus.readers import read_docs
from rel_component.formats import Options, Report

from ..formats.tools.test_ubiai import DOCUMENT
from ..formats.util import triples, write_json


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


def test_what_fails_says_why_and_counts_nothing_as_written(tmp_path):
    report = Report()
    path = write_json(tmp_path / "a.json", [DOCUMENT, {**DOCUMENT, "tokens": None}])
    with pytest.raises(ConversionError, match=r"1 problem\. Correct it, or leave out"):
        convert([path], tmp_path / "x.spacy", report=report)
    assert report.unaccounted() == {} and not report.n_written
    reason = "converted, but nothing is written"
    assert report.n_skipped["documents"][reason] == 1
    assert not (tmp_path / "x.spacy").exists()
    made = convert([path], tmp_path / "x.spacy", on_error="skip")
    assert made.written == {tmp_path / "x.spacy": 1}


@pytest.mark.parametrize(
    "arguments, problem",
    [
        ({"options": Options(mention="all")}, "No format has the option 'mention'"),
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

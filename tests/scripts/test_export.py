"""Gold documents out to annotation tools, and back through the converter."""

import json
from pathlib import Path

import pytest
import spacy
from spacy.tokens import DocBin

from rel_component import get_relations
from rel_component.formats import WRITERS, Options, Report, iter_docs
from tests.paths import ASSETS

from ..formats.util import triples
from ..script_runner import load_script
from ..util import make_doc

run = load_script("export")
NLP = spacy.blank("en")


def save(path, docs):
    DocBin(docs=docs, store_user_data=True).to_disk(path)
    return path


def load(path, **options):
    report = Report()
    docs = list(iter_docs([path], Options(**options), report))
    assert report.problems == []
    return docs


@pytest.fixture
def nested(tmp_path):
    """Nested entities, and a relation in both directions."""
    words = "Ann knows Bob of New York"
    entities = [(0, 1, "P"), (2, 3, "P"), (4, 6, "LOC"), (4, 5, "X")]
    links = [(0, "KNOWS", 1), (1, "KNOWS", 0), (1, "OF", 2)]
    doc = make_doc(NLP.vocab, words, entities, links, spans_key="entities")
    return save(tmp_path / "dev.spacy", [doc])


@pytest.fixture(scope="module")
def ads(tmp_path_factory):
    docs = load(ASSETS / "job_ads.json")
    return docs, save(tmp_path_factory.mktemp("ads") / "ads.spacy", docs)


def contents(doc, has_blanks):
    """Text, entities and relations; offsets count no blanks, if there are none."""

    def at(span):
        if has_blanks:
            return (span.start_char, span.end_char, span.label_)
        before = "".join(doc.text[: span.start_char].split())
        return (len(before), "".join(span.text.split()), span.label_)

    return (
        doc.text if has_blanks else "".join(doc.text.split()),
        frozenset(at(span) for span in doc.spans["entities"]),
        frozenset((at(r.head), r.label, at(r.tail)) for r in get_relations(doc)),
    )


@pytest.mark.parametrize("name", WRITERS)
def test_round_trip_of_the_sample_corpus(tmp_path, ads, name):
    docs, path = ads
    output = run(path, "--format", name, "--output", tmp_path)
    assert "documents: 172 read, 172 written" in output
    assert "relations: 635 read, 635 written" in output
    suffix = WRITERS[name].suffix
    back = load(tmp_path / f"ads{suffix}" if suffix else tmp_path)
    has_blanks = name not in ("spert", "gliner", "glirel", "huggingface")
    assert {contents(doc, has_blanks) for doc in back} == {
        contents(doc, has_blanks) for doc in docs
    }


def test_symmetric_labels_are_written_once(tmp_path, nested):
    output = run(nested, "-f", "brat", "-o", tmp_path / "x", "--symmetric", "KNOWS")
    assert "3 read, 2 written, 1 merged (second directions of symmetric" in output
    assert "not written: documents' tokens 1" in output
    (doc,) = load(tmp_path / "x")
    assert sorted(triples(doc)) == [
        ("Ann", "KNOWS", "Bob"),
        ("Bob", "KNOWS", "Ann"),
        ("Bob", "OF", "New York"),
    ]


def test_schema_is_added_to_the_configuration(tmp_path, nested):
    schema = tmp_path / "schema.json"
    relations = {"KNOWS": {"symmetric": True}, "LATER": {"pairs": [["P", "DATE"]]}}
    schema.write_text(json.dumps({"relations": relations}))
    run(nested, "-f", "brat", "-o", tmp_path / "x", "--schema", schema)
    text = (tmp_path / "x" / "annotation.conf").read_text()
    assert "KNOWS\tArg1:<ENTITY>, Arg2:<ENTITY>, <REL-TYPE>:symmetric\n" in text
    assert "LATER\tArg1:P, Arg2:DATE\n" in text and "\nDATE\n" in text


def test_unsupported_items_are_reported(tmp_path, nested):
    arguments = (nested, "-f", "prodigy", "-o", tmp_path / "x.jsonl")
    report = tmp_path / "report.json"
    output = run(*arguments, "--report", report, code=1)
    assert "document entities[3]" not in output
    assert "dev.spacy doc 0 (entities[2]): 'New' overlaps another entity" in output
    assert (
        "1 item can't be written as prodigy. Choose a format that supports it" in output
    )
    assert "Nothing was written." in output
    assert not (tmp_path / "x.jsonl").exists()
    assert len(json.loads(report.read_text())["problems"]) == 1

    output = run(*arguments, "--on-error", "skip")
    assert (
        "entities: 4 read, 3 written, 1 skipped (overlaps another entity 1)" in output
    )
    assert triples(load(tmp_path / "x.jsonl")[0])[-1] == ("Bob", "OF", "New York")


def test_many_problems_are_truncated(tmp_path):
    entities = [(0, 2, "A"), *((0, 1, f"X{i}") for i in range(15))]
    doc = make_doc(NLP.vocab, "a b", entities, [], spans_key="entities")
    path = save(tmp_path / "a.spacy", [doc])
    output = run(path, "-f", "prodigy", "-o", tmp_path, code=1)
    assert "(14 more like this.)" in output and "--report FILE lists all" in output
    assert "15 items can't be written" in output


def test_several_files(tmp_path, nested):
    docs = list(DocBin().from_disk(nested).get_docs(NLP.vocab))
    other = save(tmp_path / "train.spacy", docs)
    out = tmp_path / "out"
    run(nested, other, "-f", "doccano", "-o", out)
    assert sorted(p.name for p in out.iterdir()) == ["dev.jsonl", "train.jsonl"]
    run(nested, other, "-f", "brat", "-o", tmp_path / "brat")
    assert (tmp_path / "brat/dev/annotation.conf").is_file()
    assert (tmp_path / "brat/train/annotation.conf").is_file()
    output = run(nested, nested, "-f", "doccano", "-o", out, code=1)
    assert "2 inputs would be written to" in output


def test_predictions_to_correct(tmp_path, nested):
    path = tmp_path / "x.json"
    run(nested, "-f", "label_studio", "-o", path, "--to-correct")
    assert "predictions" in json.loads(path.read_text())[0]
    assert load(path) == []
    assert len(load(path, accept_unanswered=True)) == 1


def test_entities_of_another_key(tmp_path, nested):
    doc = make_doc(NLP.vocab, "Ann left", [(0, 1, "P")], [], spans_key="sc")
    path = save(tmp_path / "sc.spacy", [doc])
    for key, expected in (("sc", ["P"]), ("entities", [])):
        run(path, "-f", "jsonl", "-o", tmp_path / "x.jsonl", "--spans-key", key)
        row = json.loads((tmp_path / "x.jsonl").read_text())
        assert [e["label"] for e in row["entities"]] == expected


def test_brat_folder_is_not_overwritten(tmp_path, nested):
    folder = tmp_path / "x"
    run(nested, "-f", "brat", "-o", folder)
    (folder / "dev-00000.ann").write_text("corrected")
    output = run(nested, "-f", "brat", "-o", folder, code=1)
    assert "this folder isn't empty, and annotations in it" in output
    assert (folder / "dev-00000.ann").read_text() == "corrected"
    run(nested, "-f", "brat", "-o", folder, "--force")
    assert (folder / "dev-00000.ann").read_text() != "corrected"


@pytest.mark.parametrize(
    "arguments,expected",
    [
        (("-f", "xml"), "--format xml: unknown output format, expected one of"),
        (("-f", "brat", "-o", "x.json"), "--output x.json: expected a folder for brat"),
        (("-f", "jsonl", "--on-error", "x"), "--on-error: found 'x', expected stop or"),
        (("-f", "jsonl", "--schema", "no.json"), "no.json: schema file not found"),
        (
            ("-f", "jsonl", "--model", "no/such"),
            "Pipeline no/such doesn't exist. Check",
        ),
    ],
)
def test_error_messages(tmp_path, nested, arguments, expected):
    output = run(nested, "-o", tmp_path / "x", *arguments, code=1)
    assert expected in output
    assert not (tmp_path / "x").exists()


def test_other_files_must_be_converted_first(tmp_path):
    path = ASSETS / "job_ads.json"
    output = run(path, "-f", "brat", "-o", tmp_path / "x", code=1)
    assert "is not a .spacy file. Convert your annotations first" in output
    output = run(tmp_path / "no.spacy", "-f", "brat", "-o", tmp_path / "x", code=1)
    assert "No corpus at" in output
    assert not (tmp_path / "x").exists()


def test_full_disk(tmp_path, nested, monkeypatch):
    def fail(*arguments):
        raise OSError(28, "No space left on device")  # the system names no file

    arguments = (nested, "-o", tmp_path / "out")
    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", fail)
        output = run(*arguments, "-f", "jsonl", code=1)
        assert "out/dev.jsonl: can't be written: No space left on device." in output
    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", fail)
        output = run(*arguments, "-f", "brat", code=1)
        assert "out: can't be written: No space left on device." in output
    report = ("--report", tmp_path / "dev.spacy" / "x")
    output = run(*arguments, "-f", "jsonl", *report, code=1)
    assert "--report /" in output and "can't be written" in output

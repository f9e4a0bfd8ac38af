import json
import subprocess
import sys
from functools import partial

import pytest
import spacy
import typer
from spacy.tokens import DocBin

import rel_component.corpus.convert as corpus_convert
from rel_component.corpus.docbin import CorpusFile
from rel_component.corpus.readers import read_docs
from rel_component.formats import FORMATS, SHARED
from rel_component.relations import get_relation_data
from tests.paths import ASSETS, DATA, SCRIPTS
from tests.script_runner import load_module, load_script

from ..formats.tools.test_prodigy import TASK
from ..formats.tools.test_ubiai import DOCUMENT
from ..formats.util import triples, write_json, write_lines

SCRIPT = SCRIPTS / "convert.py"
NLP = spacy.blank("en")


app = typer.Typer()
app.command()(load_module("convert").main)
run = load_script("convert")


def test_every_option_of_a_format_is_offered():
    offered = {
        flag: parameter
        for parameter in typer.main.get_command(app).params
        for flag in (*parameter.opts, *parameter.secondary_opts)
    }
    declared = [*SHARED, *(o for f in FORMATS.values() for o in f.options)]
    for option in declared:
        parameter = offered[option.on_command_line]
        assert parameter.name == option.name
        assert option.help in parameter.help
        assert all(choice in parameter.help for choice in option.choices)


def test_options_are_not_removed():
    # in the order in which they came: a name that is here is in somebody's script
    names = """output format lang encoding split seed group-by group-regex dev-groups
        test-groups train dev test on-error align discontinuous repair-offsets
        spans-key map-label map-entity symmetric symmetric-store null-label drop-self
        only-with-relations entities-only incomplete annotation accept-unanswered
        bare-token-label default-label field types mentions n-ary label-feature
        span-layer relation-layer typesystem tag-scheme docs-by entity-label
        merge-pairs key report"""
    offered = {x for p in typer.main.get_command(app).params for x in p.opts}
    assert {f"--{name}" for name in names.split()} <= offered
    switches = {x for p in typer.main.get_command(app).params for x in p.secondary_opts}
    assert {"--no-drop-self", "--no-incomplete"} <= switches


def load(path):
    return list(DocBin().from_disk(path).get_docs(NLP.vocab))


def numbered(n):
    return [
        {**DOCUMENT, "document": f"{DOCUMENT['document']} {i}", "number": i}
        for i in range(n)
    ]


def test_splits_a_corpus(tmp_path):
    path = write_json(tmp_path / "a.json", numbered(20))
    arguments = (path, "--output", tmp_path / "data", "--split", "0.5,0.25,0.25")
    output = run(*arguments, "--report", tmp_path / "report.json")
    assert "train.spacy: 10 documents" in output
    parts = [load(tmp_path / "data" / f"{n}.spacy") for n in ("train", "dev", "test")]
    assert [len(part) for part in parts] == [10, 5, 5]
    assert len({doc.text for part in parts for doc in part}) == 20
    doc = parts[1][0]
    assert triples(doc) == [("Marie Curie", "WORKS_AT", "University of Paris")]
    assert [span.label_ for span in doc.spans["entities"]] == ["PER", "ORG"]
    assert not doc.has_annotation("SENT_START")
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["relations"]["written"] == 20
    # the same seed, the same files
    before = (tmp_path / "data" / "dev.spacy").read_bytes()
    run(*arguments)
    assert (tmp_path / "data" / "dev.spacy").read_bytes() == before


def test_large_corpus_is_written_in_several_files(tmp_path, monkeypatch):
    path, out = write_json(tmp_path / "a.json", numbered(20)), tmp_path / "data"
    arguments = (path, "--output", out, "--split", "0.5,0.25,0.25")
    run(*arguments)
    names = ("train", "dev", "test")
    whole = {name: read_texts(out / f"{name}.spacy") for name in names}
    for limits, n_files in (({"max_docs": 4}, 3), ({"max_tokens": 1}, 10)):
        monkeypatch.setattr(corpus_convert, "CorpusFile", partial(CorpusFile, **limits))
        output = run(*arguments)
        assert f"train.spacy: 10 documents in {n_files} files" in output
        # the same split, in the same order
        assert {name: read_texts(out / f"{name}.spacy") for name in names} == whole
    monkeypatch.undo()
    # what an earlier conversion left goes, as a file does
    output = run(*arguments[:-1], "0.5,0.5")
    assert "test.spacy: removed" in output
    assert sorted(file.name for file in out.iterdir()) == ["dev.spacy", "train.spacy"]
    assert all(file.is_file() for file in out.iterdir())


def read_texts(path):
    return [doc.text for doc in read_docs(path, NLP)]


def test_other_folders_are_not_overwritten(tmp_path):
    path, out = write_json(tmp_path / "a.json", numbered(20)), tmp_path / "data"
    (out / "dev.spacy").mkdir(parents=True)
    (out / "dev.spacy" / "notes.txt").write_text("mine")
    output = run(path, "--output", out, code=1)
    assert "found a folder that contains notes.txt, expected a new path or" in output
    assert "Nothing was written." in output
    assert [file.name for file in out.iterdir()] == ["dev.spacy"]


@pytest.mark.parametrize(
    "options, problem",
    [
        (
            ["--map-label", "A=B", "--map-label", "A=C"],
            "--map-label: found A=B and A=C, expected only one",
        ),
        (
            ["--map-label", "A=B", "--null-label", "A"],
            "--null-label A and --map-label A=B: expected one of them.",
        ),
        (["--group-regex", "x"], "--group-regex: expected --group-by"),
        (["--key", "no/key.txt"], "--key no/key.txt: file not found."),
        (["--types", "no.json"], "--types no.json: file not found."),
        (["--dev-groups", "4$"], "--dev-groups: no document has a group; expected"),
    ],
)
def test_contradictory_options(tmp_path, options, problem):
    path = write_json(tmp_path / "a.json", numbered(5))
    output = run(path, "--output", tmp_path / "data", *options, code=1)
    assert problem in output and "Nothing was written." in output


def test_paths_that_cannot_be_written(tmp_path):
    path, out = write_json(tmp_path / "a.json", numbered(5)), tmp_path / "x.spacy"
    output = run(path, "--output", path / "x.spacy", code=1)
    assert "a.json: can't be written: File exists." in output
    for report in (path / "r.json", tmp_path):
        output = run(path, "--output", out, "--report", report, code=1)
        assert "x.spacy: 5 documents" in output and "--report /" in output
        output = run(tmp_path / "none", "--output", out, "--report", report, code=1)
        assert "not found" in output and "Nothing was written." in output


def test_full_disk(tmp_path, monkeypatch):
    def fail(corpus, path, positions=None):
        if path.name == "dev.spacy":
            raise OSError(28, "No space left on device", str(path))
        return write(corpus, path, positions)

    write = CorpusFile.write
    monkeypatch.setattr(CorpusFile, "write", fail)
    path = write_json(tmp_path / "a.json", numbered(20))
    output = run(path, "--output", tmp_path / "d", code=1)
    assert "dev.spacy: can't be written: No space left on device." in output
    assert "Nothing was written" not in output and "Written: " in output


def test_one_file(tmp_path):
    paths = [
        write_json(tmp_path / "a.json", [DOCUMENT]),
        write_lines(tmp_path / "b.jsonl", [TASK]),
    ]
    run(*paths, "--output", tmp_path / "new" / "x.spacy")
    assert len(load(tmp_path / "new" / "x.spacy")) == 2


def test_corpus_with_its_own_split(tmp_path):
    train = write_json(tmp_path / "a.json", numbered(3))
    dev = write_json(tmp_path / "b.json", numbered(1))
    output = run("--train", train, "--dev", dev, "--output", tmp_path)
    assert len(load(tmp_path / "train.spacy")) == 3
    assert len(load(tmp_path / "dev.spacy")) == 1
    assert not (tmp_path / "test.spacy").exists()
    assert "1 text is in train and dev, so" in output


def test_removes_files_of_an_earlier_split(tmp_path):
    path, out = write_json(tmp_path / "a.json", numbered(20)), tmp_path / "d"
    run(path, "--output", out)
    (out / "other.spacy").write_text("")
    output = run(path, "--output", out, "--split", "0.7,0.3")
    names = sorted(file.name for file in out.iterdir())
    assert names == ["dev.spacy", "other.spacy", "train.spacy"]
    assert "test.spacy: removed" in output and "dev.spacy: removed" not in output
    run(path, "--output", out)
    run(path, "--output", out / "x.spacy")
    assert (out / "test.spacy").exists()
    output = run("--train", path, "--dev", path, "--output", out)
    assert "test.spacy: kept, but left by an earlier conversion" in output
    assert (out / "test.spacy").exists()
    assert "20 texts are in train and dev" in output


def test_unknown_labels(tmp_path):
    path = write_json(tmp_path / "a.json", numbered(3))
    out = ("--output", tmp_path / "x.spacy")
    output = run(path, *out, "--map-label", "WORK=X", "--map-entity", "PERS=P")
    assert "--map-label WORK: no relation has this label; found WORKS_AT." in output
    assert "--map-entity PERS: no entity has this label; found PER, ORG." in output
    output = run(path, *out, "--symmetric", "WORK", "--null-label", "no")
    assert "--symmetric WORK: no relation has this label; found WORKS_AT." in output
    assert "--null-label no: no relation has this label; found WORKS_AT." in output
    # symmetry is asked of labels as they are after renaming
    right = ("--map-label", "WORKS_AT=X", "--symmetric", "X", "--map-entity", "PER=P")
    assert "has this label" not in run(path, *out, *right)


def test_unknown_field_to_group_by(tmp_path):
    tasks = [{**TASK, "meta": {"source": i}} for i in range(2)]
    path = write_lines(tmp_path / "x.jsonl", [TASK, *tasks])
    arguments = (path, "--output", tmp_path / "x.spacy", "--group-by")
    output = run(*arguments, "meta.sorce", code=1)
    assert "--group-by meta.sorce: no document has this field" in output
    assert "meta.source" in output and not (tmp_path / "x.spacy").exists()
    run(*arguments, "meta.source")


@pytest.mark.parametrize(
    "arguments", [("nothing.json",), ("x.json", "y.json", "--format", "excel")]
)
def test_unreadable_input_only_reports_the_reason(tmp_path, monkeypatch, arguments):
    monkeypatch.chdir(tmp_path)
    write_json(tmp_path / "x.json", numbered(3))
    for more in ((), ("--on-error", "skip")):
        output = run(*arguments, *more, code=1)
        assert "left out" not in output and "--on-error" not in output
        assert output.endswith("Nothing was written.")
        assert output.count(arguments[-1]) == 1


def test_several_wrong_paths(tmp_path):
    output = run(tmp_path / "a.json", tmp_path / "b.json", code=1)
    assert output.count("not found") == 2
    # one of several: the others could be converted
    path = write_json(tmp_path / "x.json", numbered(1))
    output = run(tmp_path / "a.json", path, code=1)
    assert "1 problem. Correct it, or skip" in output
    output = run(path, "--output", tmp_path / "data", code=1)
    assert "Can't split 1 document into" in output and "only 1 group of" in output


def test_stops_at_losses_or_skips_them(tmp_path):
    path = DATA / "ubiai" / "02_ubiai_missing_and_duplicate_relations.json"
    output = run(path, "--output", tmp_path / "x.spacy", code=1)
    assert "(relations[2].child): 99" in output and "--on-error skip" in output
    assert not list(tmp_path.iterdir())
    output = run(path, "--output", tmp_path / "x.spacy", "--on-error", "skip")
    assert "(relations[2].child): 99" in output
    assert len(load(tmp_path / "x.spacy")) == 1


def test_no_documents_is_an_error(tmp_path):
    path = DATA / "prodigy" / "04_prodigy_only_rejected.jsonl"
    for more in ((), ("--on-error", "skip")):
        output = run(path, "--output", tmp_path / "x.spacy", *more, code=1)
        assert (
            "No documents were converted" in output and "--accept-unanswered" in output
        )
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "arguments,problem",
    [
        ((), "found neither"),
        (("nothing.json",), "not found"),
        (("folder",), "found a folder without files of i2b2 or brat, the"),
        (("x.json", "--dev", "y.json"), "found both"),
        (("x.json", "--split", "1,1"), "sum to 1"),
        (("x.json", "--align", "left"), "--align: found 'left', expected one of"),
        (("x.json", "--docs-by", "page"), "--docs-by: found 'page', expected one of"),
        (("x.json", "--tag-scheme", "bio2"), "--tag-scheme: found 'bio2', expected"),
        (("x.json", "--map-label", "A"), "--map-label: found 'A', expected OLD=NEW"),
        (("x.json", "--lang", "nonsense"), "--lang nonsense"),
        (("x.json", "--format", "excel"), "--format excel: unknown"),
        (("x.json", "--dev-groups", "("), "not a regular expression"),
        (("x.json", "--test-groups", "3"), "expected --dev-groups"),
        (("x.json", "--encoding", "nonsense"), "unknown encoding"),
        (("--train", "x.json", "--output", "x.spacy"), "expected a folder"),
    ],
)
def test_error_messages(tmp_path, monkeypatch, arguments, problem):
    monkeypatch.chdir(tmp_path)
    write_json(tmp_path / "x.json", numbered(3))
    (tmp_path / "folder").mkdir()
    assert problem in run(*arguments, code=1)


def test_entities_only_and_types(tmp_path):
    task = {key: value for key, value in TASK.items() if key != "relations"}
    path = write_lines(tmp_path / "x.jsonl", [task])
    out = ("--output", tmp_path / "x.spacy")
    assert "--entities-only" in run(path, *out, code=1)
    run(path, *out, "--entities-only")
    (doc,) = load(tmp_path / "x.spacy")
    assert get_relation_data(doc).complete is False
    path = tmp_path / "elsewhere.json"
    path.write_bytes((DATA / "spert" / "small_train.json").read_bytes())
    run(path, *out, "--types", DATA / "spert" / "small_types.json")
    married = ("Pierre Curie", "Married", "Marie Curie")
    assert married in triples(load(tmp_path / "x.spacy")[0])


def test_options_for_single_formats(tmp_path):
    out = tmp_path / "x.spacy"
    columns = DATA / "columns" / "label_studio.conll"
    run(columns, "-o", out, "--docs-by", "docstart", "--tag-scheme", "iob1")
    (doc,) = load(out)
    assert len(list(doc.sents)) == 2 and len(doc.ents) == 5
    test = DATA / "semeval" / "TEST_FILE_small.txt"
    (tmp_path / "test.txt").write_bytes(test.read_bytes())
    key = test.with_name("TEST_FILE_KEY_small.TXT")
    more = ("--key", key, "--entity-label", "NOMINAL", "--null-label", "Other")
    run(tmp_path / "test.txt", "-o", out, *more)
    assert triples(load(out)[0]) == [("audits", "Message-Topic", "waste")]
    assert {ent.label_ for ent in load(out)[0].ents} == {"NOMINAL"}
    item = {"token": ["Ada", "left", "Rome"], "relation": "a", "subj_type": "PER"}
    item.update(obj_type="LOC", subj_start=0, subj_end=0, obj_start=2, obj_end=2)
    path = write_json(tmp_path / "x.json", [item, {**item, "relation": "b"}])
    run(path, "-o", out, "--merge-pairs")
    assert [len(triples(doc)) for doc in load(out)] == [2]
    docred = DATA / "docred" / "small.json"
    run(docred, "-o", out, "--mentions", "evidence")
    assert ("Lovelace", "spouse", "William King") in triples(load(out)[0])


def test_layers_and_labels_by_option(tmp_path):
    out = tmp_path / "x.spacy"
    xmi = DATA / "inception" / "curie.xmi"
    types = ("--typesystem", xmi.with_name("TypeSystem.xml"))
    (tmp_path / "a.xmi").write_bytes(xmi.read_bytes())
    layers = ("--span-layer", "Token", "--relation-layer", "Dependency")
    run(tmp_path / "a.xmi", "-o", out, *types, *layers)
    assert triples(load(out)[0]) == [("Curie", "flat", "Marie")]
    output = run(xmi, "-o", out, "--relation-layer", "Rel", "--label-feature", "sense")
    assert "--relation-layer Rel: no document has this layer; found " in output
    assert "custom.Relation" in output
    bioc = DATA / "bioc" / "small.xml"
    output = run(bioc, "-o", out, "--label-feature", "kind", code=1)
    assert "expected 'kind', which holds the label" in output
    output = run(bioc, "-o", out, "--n-ary", "some", code=1)
    assert "--n-ary: found 'some', expected one of error, pairs, drop" in output


def test_zip_and_mixed_folder_are_reported_once(tmp_path):
    (tmp_path / "x.zip").write_bytes(b"PK\3\4")
    output = run(tmp_path / "x.zip", code=1)
    assert output.count("this is a zip archive") == 1 and "problem" not in output
    write_lines(tmp_path / "x.jsonl", [TASK])
    (tmp_path / "x.ann").write_text("")
    output = run(tmp_path, code=1)
    assert "expected one format in a folder" in output and "problem" not in output
    (tmp_path / "x.ann").rename(tmp_path / "x.con")
    (tmp_path / "x.con").write_text('c="rest" 1:0 1:0||t="treatment"')
    assert "has only those of i2b2" in run(tmp_path, code=1)


def test_runs_as_a_script(tmp_path):
    path = write_json(tmp_path / "x.json", numbered(1))
    command = [sys.executable, str(SCRIPT), str(path), "-o", str(tmp_path / "x.spacy")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert len(load(tmp_path / "x.spacy")) == 1
    done = subprocess.run([*command, "--lang", "?"], capture_output=True, text=True)
    assert done.returncode == 1 and "Traceback" not in done.stderr


GENIA = ASSETS / "genia_prodigy" / "annotations.jsonl"


@pytest.mark.skipif(not GENIA.exists(), reason="asset genia_prodigy is not downloaded")
def test_genia_as_in_the_tutorial(tmp_path):
    labels = ("Pos-Reg", "Neg-Reg", "Reg", "No-rel")
    mapping = [x for label in labels for x in ("--map-label", f"{label}=Regulates")]
    group = ("--group-by", "meta.source", "--group-regex", r"PM(?:C|ID)-(\d+)")
    rules = ("--dev-groups", "4$", "--test-groups", "3$", "--only-with-relations")
    run(GENIA, "-o", tmp_path, *mapping, "--symmetric", "Binds", *group, *rules)
    # as parse_data.py of the tutorial prints them
    for name, n_docs, n_relations in (
        ("train", 102, 209),
        ("dev", 27, 56),
        ("test", 20, 30),
    ):
        docs = load(tmp_path / f"{name}.spacy")
        assert len(docs) == n_docs
        assert sum(len(doc._.relations) for doc in docs) == n_relations


def test_annotators(tmp_path):
    tasks = [{**TASK, "_input_hash": 1, "_session_id": name} for name in ("a", "b")]
    tasks[1]["relations"] = []
    path, out = write_lines(tmp_path / "x.jsonl", tasks), tmp_path / "x.spacy"
    output = run(path, "--output", out, code=1)
    assert "found 2 annotations of this text that differ" in output
    run(path, "--output", out, "--annotation", "by:b")
    assert [triples(doc) for doc in load(out)] == [[]]
    output = run(path, "--output", out, "--annotation", "by:c", code=1)
    assert "--annotation by:c: no annotation is by c; found those by a, b." in output
    output = run(path, "--output", out, "--annotation", "newest", code=1)
    assert "--annotation: found 'newest', expected one of ground-truth" in output


@pytest.mark.parametrize("name", ["a.json", "out.spacy"])
def test_report_does_not_overwrite_data(tmp_path, name):
    path = write_json(tmp_path / "a.json", [DOCUMENT])
    before = path.read_bytes()
    output = tmp_path / "out.spacy"
    done = run(path, "--output", output, "--report", tmp_path / name, code=1)
    assert "which the report would" in done
    assert path.read_bytes() == before and not output.exists()

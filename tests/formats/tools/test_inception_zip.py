import re
import zipfile
from io import BytesIO

import pytest

from rel_component.formats import FORMATS, archive, find_format
from tests.paths import DATA

from ..mutate import for_seeds
from ..util import read, read_as, triples

FOLDER = DATA / "inception"
XMI, JSON, TYPES = (
    (FOLDER / name).read_bytes()
    for name in ("curie.xmi", "curie.json", "TypeSystem.xml")
)
TSV = (DATA / "webanno_tsv" / "small.tsv").read_bytes()
DOCUMENT = {"curie.xmi": XMI, "TypeSystem.xml": TYPES}
RELATIONS = [
    ("Marie Curie", "WORKS_IN", "Paris"),
    ("She", "SAME", "Marie Curie"),
    ("left", "agent", "She"),
]


def make_zip(files):
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def write(tmp_path, files):
    path = tmp_path / "export.zip"
    path.write_bytes(make_zip(files))
    return path


def other(data):
    """The same document without one relation."""
    text = re.sub(r"\s*<custom:Relation.*?/>", "", data.decode(), count=1)
    return text.replace(" 22 ", " ").encode()


def test_a_document_with_its_type_system(tmp_path):
    path = write(tmp_path, DOCUMENT)
    assert find_format(path) is FORMATS["inception_zip"]
    (doc,), report = read(path)
    assert triples(doc) == RELATIONS and report.problems == []
    assert doc.user_data["rel_component_source"]["file"] == f"{path}/curie.xmi"


PROJECT = {
    "exportedproject7.json": b"{}",
    "source/curie.txt": b"text",
    "annotation/curie.txt/INITIAL_CAS.zip": make_zip(DOCUMENT),
    "annotation/curie.txt/anna.zip": make_zip(DOCUMENT),
    "annotation/curie.txt/bert.zip": make_zip({**DOCUMENT, "curie.xmi": other(XMI)}),
    "annotation/small.txt/anna.tsv": TSV,
    "annotation_ser/curie.txt/anna.ser": b"java",
}
CURATED = {**PROJECT, "curation/curie.txt/CURATION_USER.json": JSON}


def test_curated_annotations_are_preferred(tmp_path):
    docs, report = read(write(tmp_path, CURATED))
    assert report.problems == []
    found = {doc.user_data["rel_component_source"]["id"]: doc for doc in docs}
    assert set(found) == {"curie.txt", "small.txt"}
    assert triples(found["curie.txt"]) == RELATIONS
    assert (
        found["curie.txt"]
        .user_data["rel_component_source"]["file"]
        .endswith("export.zip/curation/curie.txt/CURATION_USER.json")
    )
    reason = "another annotation is the ground truth"
    assert report.n_skipped["documents"] == {reason: 2}


def test_annotators_who_disagree(tmp_path):
    path = write(tmp_path, PROJECT)
    docs, report = read(path)
    assert [len(doc.spans["entities"]) for doc in docs] == [6]
    (problem,) = report.problems
    assert "found 2 annotations" in problem and "--annotation" in problem
    assert f"{path}/annotation/curie.txt/bert.zip/curie.xmi by bert" in problem
    for name, n in (("anna", 3), ("bert", 2)):
        docs, report = read(path, annotation=f"by:{name}")
        assert report.problems == [] and len(triples(docs[0])) == n


def test_equal_annotations_are_merged(tmp_path):
    anna = PROJECT["annotation/curie.txt/anna.zip"]
    docs, report = read(
        write(tmp_path, {**PROJECT, "annotation/curie.txt/bert.zip": anna})
    )
    assert len(docs) == 2 and report.problems == []
    assert report.n_merged["documents"] == {"same annotation of the same text": 1}


@pytest.mark.parametrize(
    "files, found",
    [
        ({"a.xmi": XMI}, "a.xmi: found no TypeSystem.xml next to it"),
        ({"a.xmi": b" ", "TypeSystem.xml": TYPES}, "a.xmi: the file is empty"),
        ({"a.xmi": XMI[:-20], "TypeSystem.xml": TYPES}, "a.xmi:29: not XML"),
        ({"a.xmi": XMI, "TypeSystem.xml": b"x"}, "TypeSystem.xml:1: not XML"),
        (
            {"annotation/a/anna.zip": b"x"},
            "anna.zip: not a valid zip archive",
        ),
        (
            {"annotation/a/anna.zip": make_zip({"b": b""})},
            "anna.zip: found 0 documents",
        ),
        (
            {"annotation/a/anna.tsv": b"#FORMAT=x"},
            "anna.tsv:1: found '#FORMAT=x', expect",
        ),
        ({"annotation/a/anna.tsv": b"\xe9"}, "anna.tsv:1: byte 0 of the file is 0xE9"),
        ({"annotation/a/anna.json": b"{"}, "anna.json: not JSON"),
    ],
)
def test_documents_that_cannot_be_read(tmp_path, files, found):
    path = write(tmp_path, {**files, "curation/z/CURATION_USER.json": JSON})
    docs, report = read(path)
    assert len(docs) == 1 and report.n_lost == {"documents": 1}
    (problem,) = report.problems
    assert problem.startswith(f"{path}/") and found in problem


@pytest.mark.parametrize(
    "files, found",
    [
        (
            {"annotation_ser/a/anna.ser": b"x"},
            "choose UIMA CAS JSON as the secondary form",
        ),
        ({"annotation/a/anna.txt": b"x"}, "found no .xmi, .json or .tsv documents"),
        ({"a.json": b"{}"}, "this is a zip archive (or an Office document): unpack"),
        ({}, "expected"),
    ],
)
def test_archives_without_documents(tmp_path, files, found):
    path = write(tmp_path, files)
    docs, report = read(path)
    assert docs == [] and report.n_lost == {"files": 1}
    assert str(path) in report.problems[0] and found in report.problems[0]


def test_files_that_are_too_large(tmp_path, monkeypatch):
    monkeypatch.setattr(archive, "MAX_SIZE", 100)
    docs, report = read(write(tmp_path, DOCUMENT))
    assert docs == [] and report.n_lost == {"documents": 1}
    assert (
        f"curie.xmi: found {len(XMI)} bytes, expected at most 100" in report.problems[0]
    )


def test_a_type_system_for_all(tmp_path):
    path = write(tmp_path, {"annotation/a/anna.zip": make_zip({"a.xmi": XMI})})
    (doc,), _ = read(path, typesystem=FOLDER / "TypeSystem.xml")
    assert triples(doc) == RELATIONS


@for_seeds(100, readable=0.3)
def test_mutated_archives(tmp_path, rng):
    data = bytearray(make_zip(CURATED))
    for _ in range(rng.randint(1, 3)):
        start = rng.randrange(len(data))
        data[start : start + rng.choice([1, 1, 30])] = rng.randbytes(1)
    path = tmp_path / "a.zip"
    path.write_bytes(bytes(data))
    return read_as("inception_zip", path, annotation="all")[0]

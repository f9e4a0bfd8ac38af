import pytest

from rel_component.brat_config import read_annotation_conf
from rel_component.formats import Options, Report, read_records
from rel_component.formats.writers.details import KB_IDS, SYMMETRIC
from rel_component.schema import Schema

from .util import get_entities, make, read, write

TEXT = "Marie Curie\r\nmet  Pierre in Paris."


def sample():
    spans = [(18, 24, "PER"), (0, 11, "PER"), (28, 33, "LOC"), (6, 24, "X")]
    record = make(TEXT, spans, [("MET", 1, 0), ("LIVES_IN", 0, 2)], id="7")
    record.entities[2].attrs = {"kb_id": "WD:Q90"}
    record.relations[0].attrs = {"score": 0.83125}
    return record


def lines(path):
    return path.read_bytes().decode("utf8").split("\n")


def test_text_and_annotations(tmp_path):
    path, _ = write(tmp_path, "brat", [sample()])
    assert (path / "7.txt").read_bytes() == TEXT.encode()
    assert lines(path / "7.ann") == [
        "T1\tPER 0 11\tMarie Curie",
        "T2\tX 6 11;13 24\tCurie met  Pierre",
        "T3\tPER 18 24\tPierre",
        "T4\tLOC 28 33\tParis",
        "R1\tMET Arg1:T1 Arg2:T3\t",
        "R2\tLIVES_IN Arg1:T3 Arg2:T4\t",
        "N1\tReference T4 WD:Q90\tParis",
        "#1\tAnnotatorNotes R1\t0.8313",
        "",
    ]


def test_a_text_without_annotations_has_an_empty_file(tmp_path):
    path, _ = write(tmp_path, "brat", [make("Ann", [])])
    assert (path / "a.ann").read_bytes() == b""
    # also if it is named, as a shell's `folder/*` does
    report = Report()
    (record,) = read_records(path / "a.ann", Options(), report)
    assert record.complete and report.problems == []


def test_text_is_on_one_line(tmp_path):
    # all that some program takes for a line end
    text = "a\tb\x0bc\x1cd\x85e\u2028f"
    record = make(text, [(0, len(text), "X")])
    path, _ = write(tmp_path, "brat", [record])
    (line, rest) = lines(path / "a.ann")
    # the text has to be that of the pieces
    assert line == "T1\tX 0 3;4 5;6 7;8 9;10 11\ta\tb c d e f" and rest == ""
    assert line.splitlines() == [line]


def test_other_whitespace_is_kept(tmp_path):
    path, _ = write(tmp_path, "brat", [make("10\u00a0km", [(0, 5, "X")])])
    assert lines(path / "a.ann") == ["T1\tX 0 5\t10\u00a0km", ""]


@pytest.mark.parametrize("link", ["WD:Ann Lee", "Q1", ":Q1"])
def test_unsupported_links_are_counted(tmp_path, link):
    record = make("Ann", [(0, 3, "P")])
    record.entities[0].attrs = {"kb_id": link}
    path, report = write(tmp_path, "brat", [record])
    assert report.not_converted == {KB_IDS: 1}
    assert lines(path / "a.ann") == ["T1\tP 0 3\tAnn", ""]


def test_configuration_allows_existing_labels(tmp_path):
    spans = [(0, 3, "P"), (4, 7, "ORG"), (8, 11, "LOC"), (9, 11, "Q")]
    links = [("IN", 0, 1), ("IN", 0, 2), ("IN", 3, 1), ("IN", 3, 2), ("IN", 1, 2)]
    record = make("Ann Ltd Rom", spans, [*links, ("MET", 0, 3)])
    record.relations[-1].symmetric = True
    path, _ = write(tmp_path, "brat", [record])
    text = (path / "annotation.conf").read_text()
    assert text == (
        "[entities]\nP\nORG\nLOC\nQ\n\n[relations]\n"
        "IN\tArg1:ORG, Arg2:LOC\n"
        "IN\tArg1:P|Q, Arg2:LOC|ORG\n"
        "MET\tArg1:P, Arg2:Q, <REL-TYPE>:symmetric\n"
        "MET\tArg1:Q, Arg2:P, <REL-TYPE>:symmetric\n"
        "<OVERLAP>\tArg1:<ENTITY>, Arg2:<ENTITY>, <OVL-TYPE>:<ANY>\n"
        "\n[events]\n\n[attributes]\n"
    )
    entry = read_annotation_conf(path / "annotation.conf")["relations"]["IN"]
    types = {e.id: e.label for e in record.entities}
    pairs = {(types[r.head], types[r.tail]) for r in record.relations[:-1]}
    assert set(map(tuple, entry["pairs"])) == pairs


def test_configuration_has_the_labels_of_the_schema_too(tmp_path):
    schema = Schema({"IN": [("P", "LOC")], "ANY": None, "M": None}, symmetric=["M"])
    record = make("Ann Ltd", [(0, 3, "P"), (4, 7, "ORG")], [("IN", 0, 1)])
    path, _ = write(tmp_path, "brat", [record], schema=schema, entity_types=("DATE",))
    found = read_annotation_conf(path / "annotation.conf")["relations"]
    types = ["DATE", "LOC", "ORG", "P"]
    every = [[head, tail] for head in types for tail in types]
    assert sorted(found["IN"]["pairs"]) == [["P", "LOC"], ["P", "ORG"]]
    assert sorted(found["ANY"]["pairs"]) == sorted(found["M"]["pairs"]) == every
    assert [label for label in found if found[label]["symmetric"]] == ["M"]


def test_labels_are_renamed_and_advice_is_given(tmp_path):
    spans = [(0, 3, "per:x"), (4, 7, "per x"), (8, 11, "per_x")]
    path, report = write(tmp_path, "brat", [make("Ann Bob Eve", spans, [("л", 0, 1)])])
    back = read(path, "brat")["a"]
    assert [e.label for e in back.entities] == ["per_x", "per_x-2", "per_x-3"]
    assert [r.label for r in back.relations] == ["_"]
    assert (
        "brat does not allow the label 'per x', so it's written as per_x-2; "
        "use --map-entity 'per_x-2=per x' to restore it"
    ) in report.hints
    assert any("use --map-label '_=л' to restore it" in hint for hint in report.hints)
    visual = (path / "visual.conf").read_text(encoding="utf8")
    assert (
        "[labels]\nper_x | per:x\nper_x-2 | per x\nper_x-3 | per_x\n_ | л\n" in visual
    )


def test_plain_labels_need_no_display(tmp_path):
    spans = [(0, 3, "PER"), (4, 7, "per"), (4, 7, "a-b_C")]
    path, report = write(tmp_path, "brat", [make("Ann Bob", spans)])
    assert not (path / "visual.conf").exists() and not report.hints
    back = read(path, "brat")["a"]
    assert [e.label for e in back.entities] == ["PER", "per", "a-b_C"]


@pytest.mark.parametrize(
    "ids,names",
    [
        (["x/y z.txt", "../..", "", None], ["x-y-z.txt", "doc", "doc-2", "a-00004"]),
        (["Док", "a", "A", "a"], ["Док", "a", "A-2", "a-3"]),
        (["." + 300 * "x"], [99 * "x"]),
        ([100 * "\u4e2d"], [33 * "\u4e2d"]),
    ],
)
def test_names_of_documents(tmp_path, ids, names):
    path, _ = write(tmp_path, "brat", [make("Ann", [], id=id_) for id_ in ids])
    assert sorted(p.name[:-4] for p in path.glob("*.ann")) == sorted(names)
    assert read(path, "brat").keys() == set(names)


def test_numbered_documents_are_listed_in_order(tmp_path):
    corpus = [make("Ann", [], id=id_) for id_ in "ba"]
    path, _ = write(tmp_path, "brat", corpus, numbered=True)
    assert sorted(p.name for p in path.glob("*.ann")) == ["00001-b.ann", "00002-a.ann"]


def test_byte_order_marks_are_removed(tmp_path):
    spans = [(0, 1, "X"), (0, 5, "P"), (6, 9, "P")]
    record = make("\ufeff\ufeffAnn Bob", spans, [("R", 1, 2), ("R", 0, 2)])
    path, report = write(tmp_path, "brat", [record])
    back = read(path, "brat")["a"]
    assert back.text == "Ann Bob"
    assert get_entities(back) == {("P", ((0, 3),)), ("P", ((4, 7),))}
    assert len(back.relations) == 1
    assert report.n_lost == {"entities": 1, "relations": 1}
    assert "is only a mark; entity 'X' not written." in report.problems[0]
    assert "its head was not written; relation 'R'" in report.problems[1]


def test_symmetry_of_single_relations_is_lost(tmp_path):
    record = make("Ann Bob Eve", [(0, 3, "P"), (4, 7, "P"), (8, 11, "P")])
    record.relations = make("", [], [("R", 0, 1), ("R", 1, 2), ("S", 0, 1)]).relations
    for relation in record.relations[1:]:
        relation.symmetric = True
    path, report = write(tmp_path, "brat", [record])
    assert report.not_converted == {SYMMETRIC: 1}
    marks = [(r.label, r.symmetric) for r in read(path, "brat")["a"].relations]
    assert marks == [("R", False), ("R", False), ("S", True)]


def test_other_documents_in_the_folder_are_kept(tmp_path):
    write(tmp_path, "brat", [make("Ann", [], id="a")])
    path, _ = write(tmp_path, "brat", [make("Bob", [], id="b")])
    names = ["a.ann", "a.txt", "annotation.conf", "b.ann", "b.txt"]
    assert sorted(p.name for p in path.iterdir()) == names
    assert [p.name for p in tmp_path.iterdir()] == ["out"]

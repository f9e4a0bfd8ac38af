import pytest
import spacy
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rel_component import get_relations
from rel_component.formats import FORMATS, FormatError, Options, Report, find_format
from rel_component.formats import iter_docs as convert_all
from rel_component.formats.to_doc import to_docs
from rel_component.formats.tools.brat import read
from tests.paths import ASSETS, DATA

from ..mutate import how_many

DATA = DATA / "brat"
NEREL = ASSETS / "nerel"
NLP = spacy.blank("xx")


def iter_docs(path, **options):
    report = Report()
    options = Options(lang="xx", **options)
    docs = list(
        to_docs(read(path, options, report), options, report, tokenizer=NLP.tokenizer)
    )
    assert not report.unaccounted()
    return docs, report


TEXT = "BRCA1 binds BRCA2.\n"


def write(folder, ann, text=TEXT, name="doc", newline="\n"):
    (folder / f"{name}.txt").write_bytes(text.encode("utf8"))
    (folder / f"{name}.ann").write_bytes(ann.replace("\n", newline).encode("utf8"))
    return folder


def relations(doc):
    return {(r.head.text, r.label, r.tail.text) for r in get_relations(doc)}


def test_reads_a_folder_with_its_subfolders():
    docs, report = iter_docs(DATA / "news")
    assert report.problems == []
    assert [doc.user_data["rel_component_source"]["id"] for doc in docs] == [
        "curie",
        "more/berlin.v2",
    ]
    assert report.n_written == {"documents": 2, "entities": 10, "relations": 9}
    assert relations(docs[0]) == {
        ("Marie Curie", "WORKS_AT", "University of Paris"),
        ("University of Paris", "LOCATED_IN", "Paris"),
        ("Marie Curie", "MARRIED", "Pierre Curie"),
        ("Pierre Curie", "MARRIED", "Marie Curie"),
        ("Marie Curie", "WON", "Nobel Prizes in physics and chemistry"),
        ("Pierre Curie", "WON", "Nobel Prizes in physics and chemistry"),
        ("Marie", "ALIAS", "Marie Curie"),
        ("Marie Curie", "ALIAS", "Marie"),
        ("Pierre", "ALIAS", "Pierre Curie"),
        ("Pierre Curie", "ALIAS", "Pierre"),
    }
    assert len(docs[0].spans["entities"]) == 8
    assert "Paris" not in {ent.text for ent in docs[0].ents}
    assert docs[0].ents[0].kb_id_ == "Wikidata:Q7186"
    assert report.not_converted == {
        "brat attributes": 2,
        "brat events": 1,
        "brat notes": 1,
    }


@pytest.mark.parametrize("name", ["curie.ann", "curie.txt"])
def test_reads_one_pair(name):
    docs, report = iter_docs(DATA / "news" / name)
    assert len(docs) == 1
    assert report.n_written["relations"] == 7


def test_older_files_are_combined():
    docs, _ = iter_docs(DATA / "parts")
    assert relations(docs[0]) == {("BRCA1", "Binds", "BRCA2")}


def test_symmetry_comes_from_a_configuration_one_folder_above():
    docs, _ = iter_docs(DATA / "news" / "more")
    assert ("Germany", "MARRIED", "Berlin") in relations(docs[0])
    assert ("Germany", "LOCATED_IN", "Berlin") not in relations(docs[0])


def test_invalid_lines_are_reported():
    docs, report = iter_docs(DATA / "bad_lines")
    folder = DATA / "bad_lines"
    begins = [
        f"{folder}/annotation.conf:6: found the macro <Thing>",
        f"{folder}/annotation.conf:7: relation 'Binds': found 'Arg1:Gene|Protein; ",
        f"{folder}/doc.ann:4 T3: found 'T3' again, expected unique ids: line 3",
        f"{folder}/doc.ann:5 T4: found 'T4 Gene 51 56 BRCA2', expected",
        f"{folder}/doc.ann:6 T5: found no text after the offsets",
        f"{folder}/doc.ann:9: found 's evidence of a broken export'",
        f"{folder}/doc.ann:12 R1: 2 entities have the id 'T3' (line 3, line 4)",
        f"{folder}/doc.ann:13 R2: 2 entities have the id 'T3'",
        f"{folder}/doc.ann:14 R3: found 3 arguments",
        f"{folder}/doc.ann:15 R4: found 2 arguments with the roles Arg1, Arg1",
        f"{folder}/doc.ann:16 R5: 2 entities have the id 'T3'",
        f"{folder}/doc.ann:17 *: 2 entities have the id 'T3'",
        f"{folder}/doc.ann:17 *: 'T5' was not converted, see line 6",
        f"{folder}/doc.ann:18 *: 2 entities have the id 'T3'",
        f"{folder}/doc.ann:18 *: 'T5' was not converted, see line 6",
        f"{folder}/doc.ann:18 *: 'T77' is not an entity of this document",
        f"{folder}/doc.ann:23 Z9: found 'Z9\\tunknown line type'",
        f"{folder}/doc.ann:7 T6: offsets 51-51 are empty",
        f"{folder}/doc.ann:8 T7: text 'BRCA2' is not the text",
        f"{folder}/only_ann.ann: found annotations without their text",
    ]
    assert len(report.problems) == len(begins)
    for problem, begin in zip(report.problems, begins):
        assert problem.startswith(begin)
    assert len(docs) == 2
    assert {ent.text for ent in docs[0].spans["entities"]} == {
        "Breast and Ovarian Cancers",
        "Ovarian Cancers",
        "BRCA1",
        "binds",
    }
    assert report.notes["text files without annotation file"] == 1
    assert report.not_converted == {
        "brat attributes": 2,
        "brat events": 1,
        "brat notes": 1,
    }


def test_an_id_that_is_repeated_with_a_wrong_text(tmp_path):
    ann = "T1\tG 0 5\tBRCA2\nT1\tG 0 5\tBRCA1\nT2\tG 12 17\tBRCA2\n"
    report = Report()
    docs = list(convert_all([write(tmp_path, ann)], Options(), report))
    assert report.unaccounted() == {}
    assert [span.text for span in docs[0].spans["entities"]] == ["BRCA2"]
    assert [problem.partition("doc.ann")[2][:4] for problem in report.problems] == [
        ":2 T",
        ":1 T",
    ]


def test_unannotated_text_has_no_negatives():
    records = list(read(DATA / "bad_lines", Options(), Report()))
    assert {r.source.id: r.complete for r in records} == {
        "doc": True,
        "only_text": False,
    }


def test_line_ends_counted_as_one(tmp_path):
    ann = "T1\tLOC 0 6\tBerlin\nT2\tLOC 25 32\tGermany\nR1\tIN Arg1:T1 Arg2:T2\n"
    write(tmp_path, ann, "Berlin is the capital\r\nof Germany.\r\n")
    docs, report = iter_docs(tmp_path)
    assert report.problems == []
    assert report.repaired == {"offsets in characters with line ends as one": 2}
    assert relations(docs[0]) == {("Berlin", "IN", "Germany")}


def test_line_ends_counted_as_two(tmp_path):
    ann = "T1\tLOC 0 6\tBerlin\nT2\tLOC 26 33\tGermany\n"
    text = "Berlin is the capital\r\nof Germany.\r\n"
    docs, report = iter_docs(write(tmp_path, ann, text, newline="\r\n"))
    assert report.problems == [] and not report.repaired
    assert [ent.text for ent in docs[0].ents] == ["Berlin", "Germany"]


def test_trailing_tab_and_symmetric_lines(tmp_path):
    ann = (
        "T1\tGene 0 5\tBRCA1\nT2\tGene 12 17\tBRCA2\nT3\tVerb 6 11\tbinds\n"
        "R1\tBinds Arg1:T1 Arg2:T2\t\n*\tEquiv T2 T1 T3\n"
    )
    docs, report = iter_docs(write(tmp_path, ann), symmetric_store="canonical")
    assert report.problems == []
    assert relations(docs[0]) == {
        ("BRCA1", "Binds", "BRCA2"),
        ("BRCA1", "Equiv", "BRCA2"),
        ("BRCA1", "Equiv", "binds"),
        ("binds", "Equiv", "BRCA2"),
    }


@pytest.mark.parametrize(
    "line, found",
    [
        ("T9\tGene 5 0\tBRCA1", "offsets 5-0 are empty"),
        ("T9\tGene -1 5\tBRCA1", "offsets -1-5 are outside the text"),
        ("T9\tGene 0 9999999999\tBRCA1", "are outside the text"),
        (f"T9\tGene 0 {'9' * 5000}\tBRCA1", ":1 T9: found"),
        ("T9\tGene 0 x\tBRCA1", ":1 T9: found"),
        ("T9\tGene\tBRCA1", ":1 T9: found"),
        ("T9\t0 5\tBRCA1", ":1 T9: found"),
        ("T9", ":1 T9: found 'T9', expected"),
        ("R9\t", ":1 R9: found"),
        ("R9\tBinds", "found 0 arguments"),
        ("R9\tBinds T1 T2", ":1 R9: found"),
        ("*\tEquiv", ":1 *: found"),
        ("*\tEquiv T1 T1", ":1 *: found T1 twice in this line, expected different"),
        ("* Equiv T1 T2", "spaces instead of tabs"),
        ("\tT1", "expected an id such as T1"),
    ],
)
def test_bad_lines_are_errors_not_tracebacks(line, found, tmp_path):
    _, report = iter_docs(write(tmp_path, line + "\n"))
    assert len(report.problems) == 1
    assert found in report.problems[0]


def test_documents_that_cannot_be_read_do_not_stop_the_others(tmp_path):
    ann = "T1\tGene 0 5\tBRCA1\n"
    write(tmp_path, ann)
    (tmp_path / "a.txt").write_bytes(b"M\xfcnchen")
    (tmp_path / "a.ann").write_text("")
    (tmp_path / "b.txt").write_text("")
    (tmp_path / "b.ann").write_text(ann)
    docs, report = iter_docs(tmp_path)
    assert len(docs) == 1
    assert report.n_lost["documents"] == 1
    assert "a.txt:1: byte 1 of the file is 0xFC" in report.problems[0]
    assert "text is empty; its entities (1) are not" in report.problems[1]


def test_empty_text_without_annotations_is_no_problem(tmp_path):
    write(tmp_path, "T1\tGene 0 5\tBRCA1\n")
    for name, text in (("a", ""), ("b", " \n")):
        (tmp_path / f"{name}.txt").write_text(text)
        (tmp_path / f"{name}.ann").write_text("")
    docs, report = iter_docs(tmp_path)
    assert len(docs) == 1 and not report.problems


def test_roles_that_name_head_and_tail_determine_the_direction(tmp_path):
    lines = [
        "T1\tGene 0 5\tBRCA1",
        "T2\tGene 0 3\tBRC",
        "R1\tworks obj:T2 subj:T1",
        "R2\tlikes Tail:T2 Head:T1",
        "R3\tknows arg2:T2 arg1:T1",
    ]
    (doc,), _ = iter_docs(write(tmp_path, "\n".join(lines)), spans_key="sc")
    found = [(r.head.text, r.label, r.tail.text) for r in get_relations(doc)]
    assert found == [("BRCA1", label, "BRC") for label in ("works", "likes", "knows")]


@pytest.mark.parametrize("name", ["x.json", "missing.ann", "folder"])
def test_other_inputs_are_rejected(name, tmp_path):
    (tmp_path / "x.json").write_text("{}")
    (tmp_path / "folder").mkdir()
    path = tmp_path / name
    with pytest.raises(FormatError, match="found"):
        list(read(path, Options(), Report()))


def test_a_shell_glob_reads_each_document_once(tmp_path):
    write(tmp_path, "T1\tGene 0 5\tBRCA1\n")
    write(tmp_path, "T1\tGene 0 5\tBRCA1\n", "BRCA1 again", name="b.v2")
    (tmp_path / "c.txt").write_text("nobody annotated this")
    (tmp_path / "annotation.conf").write_text(
        "[entities]\nGene\n[relations]\nIs Arg1:Gene, Arg2:Gene\n"
    )
    report = Report()
    paths = sorted(tmp_path.iterdir())
    docs = list(convert_all(paths, Options(lang="xx"), report, tokenizer=NLP.tokenizer))
    assert report.problems == [] and report.unaccounted() == {}
    assert [d.text for d in docs] == ["BRCA1 again", "nobody annotated this", TEXT]
    assert report.n_merged["files"] == {"part of an input read already": 2}
    for more in ([tmp_path, *paths], [*paths, tmp_path]):
        report = Report()
        assert (
            len(
                list(
                    convert_all(
                        more, Options(lang="xx"), report, tokenizer=NLP.tokenizer
                    )
                )
            )
            == 3
        )
        assert report.unaccounted() == {}


@pytest.mark.parametrize("name", ["news", "news/curie.ann", "news/curie.txt", "parts"])
def test_is_recognised(name):
    assert find_format(DATA / name) is FORMATS["brat"]


SAMPLE_TEXT = (DATA / "news" / "curie.txt").read_bytes()
SAMPLE_ANN = (DATA / "news" / "curie.ann").read_bytes()


@settings(
    max_examples=how_many(150),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
def test_mutated_files_never_give_a_traceback(data, tmp_path):
    for name, sample in (("x.txt", SAMPLE_TEXT), ("x.ann", SAMPLE_ANN)):
        for _ in range(data.draw(st.integers(0, 4))):
            start = data.draw(st.integers(0, len(sample)))
            end = start + data.draw(st.integers(0, 12))
            new = data.draw(
                st.sampled_from([b"", b"\t", b" ", b"\n", b"\r\n", b"T1", b"*"])
                | st.binary(max_size=4)
                | st.text(max_size=4).map(lambda s: s.encode("utf8", "ignore"))
                | st.integers(-5, 200).map(lambda n: str(n).encode())
            )
            sample = sample[:start] + new + sample[end:]
        (tmp_path / name).write_bytes(sample)
    align = data.draw(st.sampled_from(["retokenize", "expand", "contract", "error"]))
    pieces = data.draw(st.sampled_from(["hull", "first", "drop", "error"]))
    iter_docs(tmp_path, align=align, discontinuous=pieces)


@pytest.mark.parametrize("suffix", [".ann", ".a1"])
def test_broken_link_to_annotations(tmp_path, suffix):
    (tmp_path / "a.txt").write_text("Ann met Bob.")
    (tmp_path / f"a{suffix}").symlink_to(tmp_path / "gone")
    docs, report = iter_docs(tmp_path)
    assert docs == [] and report.n_lost["documents"] == 1
    assert f"a{suffix}: can't be read" in report.problems[0]


needs_nerel = pytest.mark.skipif(
    not NEREL.is_dir(), reason="assets/nerel is missing: run `spacy project assets`"
)


@needs_nerel
@pytest.mark.parametrize(
    "part, n_docs, n_entities, n_relations",
    [("train", 746, 44627, 30754), ("dev", 94, 5535, 3927)],
)
def test_nerel_is_read_whole(part, n_docs, n_entities, n_relations):
    docs, report = iter_docs(NEREL / part)
    broken = report.problems
    assert len(docs) == n_docs
    assert len(broken) == (part == "train")
    assert all(f"{NEREL}/train/21013_text.ann:52: found" in line for line in broken)
    written = report.n_written
    assert written["entities"] + report.n_merged["entities"].total() == n_entities
    assert written["relations"] + report.n_merged["relations"].total() == n_relations
    assert written["entities"] == sum(len(doc.spans["entities"]) for doc in docs)
    assert written["relations"] == sum(len(get_relations(doc)) for doc in docs)


CAUSE = "T1\tX 0 5\tBRCA1\nT2\tY 12 17\tBRCA2\nR1\tR {}:T1 {}:T2\n"


def read_both(tmp_path, options):
    folders = [tmp_path / name for name in ("one", "two")]
    for folder, roles in zip(folders, (("Cause", "Effect"), ("Effect", "Cause"))):
        folder.mkdir(exist_ok=True)
        write(folder, CAUSE.format(*roles))
    report = Report()
    paths = [folder / "doc.ann" for folder in folders]
    docs = list(convert_all(paths, options, report, tokenizer=NLP.tokenizer))
    assert report.problems == []
    return [relations(doc) for doc in docs]


def test_direction_does_not_depend_on_how_files_are_given(tmp_path):
    """Roles without a known meaning have the same order in all inputs."""
    assert read_both(tmp_path, Options(lang="xx")) == [
        {("BRCA1", "R", "BRCA2")},
        {("BRCA2", "R", "BRCA1")},
    ]


def test_configuration_decides_on_the_direction(tmp_path):
    lines = "[entities]\nX\nY\n[relations]\nR Effect:X|Y, Cause:X|Y\n"
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "annotation.conf").write_text(lines)
    assert read_both(tmp_path, Options(lang="xx")) == [
        {("BRCA2", "R", "BRCA1")},
        {("BRCA1", "R", "BRCA2")},
    ]


def test_upper_case_suffixes_are_named(tmp_path):
    write(tmp_path, CAUSE.format("Arg1", "Arg2"))
    (tmp_path / "doc.ann").rename(tmp_path / "doc.ANN")
    with pytest.raises(FormatError, match=r"doc\.ANN: found the suffix \.ANN"):
        iter_docs(tmp_path)


def test_separate_files_beside_a_combined_one_are_counted(tmp_path):
    write(tmp_path, CAUSE.format("Arg1", "Arg2"))
    (tmp_path / "doc.a1").write_text("T1\tX 0 5\tBRCA1\n")
    _, report = iter_docs(tmp_path)
    assert "brat's separate files beside .ann" in "".join(report.summary())


def test_linked_folders_are_read_once(tmp_path):
    folder, elsewhere = tmp_path / "a", tmp_path / "b"
    folder.mkdir()
    elsewhere.mkdir()
    write(elsewhere, CAUSE.format("Arg1", "Arg2"))
    (folder / "link").symlink_to(elsewhere)
    (elsewhere / "circle").symlink_to(folder)
    docs, _ = iter_docs(folder)
    assert len(docs) == 1


def test_order_of_roles_is_known_for_each_pair_of_roles(tmp_path):
    """A relation with other roles comes first; a macro stands for the arguments."""
    (tmp_path / "one").mkdir()
    write(tmp_path / "one", CAUSE.format("Arg1", "Arg2"), name="a")
    assert read_both(tmp_path, Options(lang="xx"))[1] == {("BRCA2", "R", "BRCA1")}
    lines = "[entities]\nX\nY\n[relations]\n<A>=Effect:X|Y, Cause:X|Y\nR <A>\n"
    (tmp_path / "two" / "annotation.conf").write_text(lines)  # of the second input
    assert read_both(tmp_path, Options(lang="xx"))[0] == {("BRCA2", "R", "BRCA1")}

import pytest

from rel_component.formats import FORMATS, FormatError, Options, Report, find_format
from tests.paths import DATA

from ..mutate import damage_text, for_seeds
from ..util import read, read_as, triples

PATH = DATA / "webanno_tsv" / "small.tsv"
TEXT = PATH.read_text()
PIECES = [
    *(
        "\t",
        "\t\t",
        "\n",
        "\n\n",
        "|",
        "[1]",
        "[9]",
        "]",
        "_",
        "*",
        "\\",
        "1-1",
        "1-8.1",
    ),
    *("#Text=", "#T_SP=x.Y|z", "#T_RL=x.R|BT_x.Y", "0-5", "9" * 30, "-", "😊", "\x00"),
]
HEADER = """#FORMAT=WebAnno TSV 3.3
#T_SP=custom.Span|label
#T_RL=custom.Relation|label|BT_custom.Span


#Text=Ann saw Bob .
"""
ROWS = [
    "1-1\t0-3\tAnn\tPER\t_\t_\t",
    "1-2\t4-7\tsaw\t_\t_\t_\t",
    "1-3\t8-11\tBob\tPER\tSAW\t1-1\t",
    "1-4\t12-13\t.\t_\t_\t_\t",
]


def spans(doc):
    return [(span.text, span.label_) for span in doc.spans["entities"]]


def write(tmp_path, *rows, header=HEADER):
    path = tmp_path / "a.tsv"
    path.write_bytes((header + "\n".join(rows) + "\n").encode())
    return path


def replaced(n, row):
    return [*ROWS[:n], row, *ROWS[n + 1 :]]


def test_reads_a_document():
    assert find_format(PATH) is FORMATS["webanno_tsv"]
    (doc,), report = read(PATH)
    assert report.problems == []
    assert doc.text == "😊 Marie Curie worked in Paris,\nI-I.\n She left."
    assert spans(doc) == [
        ("Marie Curie", "PER"),
        ("worked", "work"),
        ("Paris", "LOC"),
        ("Paris", "GPE_x"),
        ("I", "ROM"),
        ("I", "ROM"),
    ]
    assert triples(doc) == [
        ("Marie Curie", "WORKS_IN", "Paris"),
        ("Marie Curie", "BORN_IN", "Paris"),
        ("I", "LIKE", "I"),
        ("worked", "a", "Marie Curie"),
        ("worked", "b", "Paris"),
    ]
    assert [r.tail.label_ for r in doc._.relations][:2] == ["LOC", "GPE_x"]
    assert [span.kb_id_ for span in doc.spans["entities"]] == [*[""] * 4, "Q1", ""]
    assert [sentence.text for sentence in doc.sents][1] == "She left."
    assert report.not_converted == {
        "rows of the layer POS": 11,
        "rows of the layer CoreferenceLink": 1,
    }
    assert doc.user_data["rel_component_source"]["id"] == "small.tsv"


def test_tokens_are_read_from_the_file():
    (record,) = FORMATS["webanno_tsv"].read(PATH, Options(), Report())
    words = [record.text[start:end] for start, end in record.tokens]
    rows = [line.split("\t") for line in TEXT.splitlines() if "\t" in line]
    assert words == [row[2] for row in rows if "." not in row[0]]


def test_layers_and_features_by_option():
    (doc,), _ = read(PATH, span_layers=("POS",), relation_layers=("none",))
    assert [span.label_ for span in doc.spans["entities"]][:2] == ["X", "NNP"]
    assert triples(doc) == []
    (doc,), report = read(PATH, label_features=("kind",), slots="drop")
    assert report.not_converted["slots of spans"] == 2
    assert {label for _, label, _ in triples(doc)} == {"Rel", "sure"}
    assert report.notes["relations without a label: named after their layer"] == 2
    assert any("--map-label Rel=NAME" in hint for hint in report.hints)
    options = {"default_label": "LINK", "slots": "drop"}
    (doc,), _ = read(PATH, label_features=("kind",), **options)
    assert {label for _, label, _ in triples(doc)} == {"LINK", "sure"}


SLOTS = """#FORMAT=WebAnno TSV 3.3
#T_SP=webanno.custom.Word|
#T_SP=webanno.custom.Frame|ROLE_webanno.custom.Frame:links_webanno.custom.FrameLink|uima.tcas.Annotation


#Text=Ann gave Bob tea .
"""


@pytest.mark.parametrize(
    "roles, targets, found",
    [
        ("pr2;pr1", "1-3[1];1-1[2]", [("gave", "pr2", "Bob"), ("gave", "pr1", "Ann")]),
        # without a role: named after the feature
        (
            "*;x\\;y",
            "1-3[1];1-1[2]",
            [("gave", "links", "Bob"), ("gave", "x;y", "Ann")],
        ),
        ("a", "*", []),
        ("_", "*", []),
        ("a|b[7]", "1-3[1]|1-1", [("gave", "a", "Bob"), ("gave Bob", "b", "Ann")]),
    ],
)
def test_slots(tmp_path, roles, targets, found):
    rows = [
        "1-1\t0-3\tAnn\t*[2]\t_\t_\t",
        f"1-2\t4-8\tgave\t_\t{roles}\t{targets}\t",
        "1-3\t9-12\tBob\t*[1]\t" + ("b[7]\t1-1\t" if "|" in roles else "_\t_\t"),
    ]
    (doc,), report = read(write(tmp_path, *rows, header=SLOTS))
    assert report.problems == []
    assert triples(doc) == found


def test_an_annotation_without_slots_is_read(tmp_path):
    rows = ["1-1\t0-3\tAnn\t_\t_\t_\t", "1-2\t4-8\tgave\t_\t_\t*\t"]
    (doc,), report = read(write(tmp_path, *rows, header=SLOTS))
    assert [span.text for span in doc.spans["entities"]] == ["gave"]
    assert report.problems == []


def test_slots_of_other_layers_and_empty_slots(tmp_path):
    header = SLOTS.replace("webanno.custom.Word", "uima.x.Word").replace(
        "uima.tcas.Annotation", "uima.x.Word"
    )
    rows = [
        "1-1\t0-3\tAnn\t*\t_\t_\t",
        "1-2\t4-8\tgave\t_\ta;b;c\t1-1;1-3;x\t",
        "1-3\t9-12\tBob\t_\t_\t_\t",
    ]
    # the slots bring the layer with them
    (doc,), report = read(write(tmp_path, *rows, header=header))
    assert triples(doc) == [("gave", "a", "Ann")]
    assert [problem.partition("a.tsv")[2] for problem in report.problems] == [
        ":8: found no annotations in the row 1-3, of the layers that are read, "
        "expected one; relation 'b' not converted.",
        ":8: found the target 'x' of a slot, expected a row and perhaps a number, "
        "such as 1-5 or 1-5[3]; relation 'c' not converted.",
    ]


CHAIN = """#FORMAT=WebAnno TSV 3.3
#T_CH=de.tudarmstadt.ukp.dkpro.core.api.coref.type.CoreferenceLink|referenceRelation|referenceType


#Text=Old Nia sat , she sang .
"""


def test_chains(tmp_path):
    rows = [
        "1-1\t0-3\tOld\tana->1-1\tnam[1]\t",
        "1-2\t4-7\tNia\tana->1-1\tnam[1]\t",
        "1-3\t8-11\tsat\t*->2-1\t*[2]\t",
        "1-4\t12-13\t,\t_\t_\t",
        "1-5\t14-17\tshe\t*->1-2\tpr[1]\t",
        "1-6\t18-22\tsang\t*->2-2|x\t_\t",
    ]
    path = write(tmp_path, *rows, header=CHAIN)
    (doc,), report = read(path)
    assert spans(doc) == [] and "--chains directed relates" in next(iter(report.hints))
    (doc,), report = read(path, chains="directed")
    assert spans(doc) == [
        *(("Old Nia", "nam"), ("sat", "CoreferenceLink"), ("she", "pr")),
        ("sang", "CoreferenceLink"),
    ]
    assert triples(doc) == [
        ("Old Nia", "ana", "she"),
        ("sat", "CoreferenceLink", "sang"),
    ]
    (problem,) = report.problems
    assert "found the link 'x' of a chain, expected one such as coref->1-2" in problem
    (doc,), _ = read(path, chains="symmetric", default_label="SAME")
    assert triples(doc)[2:] == [("sat", "SAME", "sang"), ("sang", "SAME", "sat")]


def test_layers_of_endpoints_are_read(tmp_path):
    header = HEADER.replace("custom.Span", "uima.x.Word")
    (doc,), _ = read(write(tmp_path, *ROWS, header=header))
    assert triples(doc) == [("Ann", "SAW", "Bob")]


def test_layers_without_features(tmp_path):
    header = HEADER.replace("Span|label\n", "Span|\n").replace(
        "Relation|label|", "Rel|"
    )
    rows = ["1-1\t0-3\tAnn\t*\t_", "1-3\t8-11\tBob\t*\t1-1\t"]
    (doc,), report = read(write(tmp_path, *rows, header=header))
    assert triples(doc) == [("Ann", "Rel", "Bob")]
    assert spans(doc) == [("Ann", "Span"), ("Bob", "Span")] and not report.hints


def test_offsets_in_characters(tmp_path):
    """Scripts that write this format often count so."""
    header = HEADER.replace("Ann ", "😊nn ")
    rows = [row.replace("Ann", "😊nn") for row in ROWS]
    (doc,), report = read(write(tmp_path, *rows, header=header))
    assert triples(doc) == [("😊nn", "SAW", "Bob")] and report.problems == []
    assert report.repaired == {"offsets in characters": 2}


def test_sentences_far_apart_or_without_rows(tmp_path):
    rows = [
        *ROWS,
        "",
        "#Text=Nobody .",
        "",
        "#Text=Eve .",
        "9-1\t10000000-10000003\tEve",
    ]
    rows[-1] += "\tPER\tSAW\t1-3\t"
    (doc,), report = read(write(tmp_path, *rows))
    assert doc.text == "Ann saw Bob .\nNobody .\nEve ." and report.problems == []
    assert triples(doc) == [("Ann", "SAW", "Bob"), ("Bob", "SAW", "Eve")]


@pytest.mark.parametrize("version", ["3", "3.0", "3.1", "3.2", "3.3"])
def test_versions_and_line_ends(tmp_path, version):
    path = write(tmp_path, *ROWS)
    text = path.read_text().replace("3.3", version, 1)
    path.write_bytes(("\ufeff" + text).replace("\n", "\r\n").encode())
    (doc,), report = read(path)
    assert triples(doc) == [("Ann", "SAW", "Bob")] and report.problems == []


@pytest.mark.parametrize(
    "n, row, found",
    [
        (0, "1-1\t0-3\tAnn\tPER", "found 4 columns, the header has 6 of them"),
        (0, ROWS[0] + "x\t", "found 7 columns, the header has 6 of them"),
        (0, "1-1 0-3 Ann PER _ _", "expected a row that starts with id"),
        (0, ROWS[0].replace("0-3", "0-x"), "expected a row that starts with id"),
        (0, ROWS[0].replace("0-3", "3-0"), "offsets 3-0 are empty"),
        (0, ROWS[0].replace("0-3", "0-30"), "offsets 0-30 are outside the sentences"),
        (0, ROWS[0].replace("Ann", "Eve"), "the text of its row 'Eve' is not the"),
    ],
)
def test_bad_rows(tmp_path, n, row, found):
    path = write(tmp_path, *replaced(n, row))
    (doc,), report = read(path)
    # the other entity stays, the relation goes with its end
    assert spans(doc) == [("Bob", "PER")]
    assert report.n_lost == {"relations": 1, "entities": 1}
    assert any(f"{path}:{7 + n}: " in x and found in x for x in report.problems)


@pytest.mark.parametrize(
    "n, old, new, found",
    [
        (
            2,
            "1-1",
            "1-9",
            "found no annotations in the row 1-9, of the layers that are",
        ),
        (
            2,
            "1-1",
            "1-2",
            "found no annotations in the row 1-2, of the layers that are",
        ),
        (2, "1-1", "1-1[5_0]", "no annotations with the number 5 in the row 1-1"),
        (2, "1-1", "here", "found the source 'here', expected a row and perhaps two"),
        (0, "PER", "A[1]|B[2]", "found 2 annotations in the row 1-1"),
    ],
)
def test_relations_with_missing_endpoints(tmp_path, n, old, new, found):
    path = write(tmp_path, *replaced(n, ROWS[n].replace(old, new)))
    (doc,), report = read(path)
    assert triples(doc) == [] and report.n_lost == {"relations": 1}
    (problem,) = report.problems
    assert problem.startswith(f"{path}:9: ") and found in problem


@pytest.mark.parametrize(
    "text, found",
    [
        (
            TEXT.replace("TSV 3.3", "TSV 4.0", 1),
            ":1: found '#FORMAT=WebAnno TSV 4.0', ",
        ),
        (TEXT.replace("#T_SP=", "#T_XX=", 1), ":2: found '#T_XX=de.tudarmstadt"),
        (TEXT.replace("Marie\t", "Mari\xe9\t"), ":13: byte"),
    ],
)
def test_rejected_files(tmp_path, text, found):
    path = tmp_path / "a.tsv"
    path.write_bytes(text.replace("😊", "Oh").encode("latin-1"))
    with pytest.raises(FormatError) as error:
        list(FORMATS["webanno_tsv"].read(path, Options(), Report()))
    assert f"{path}{found}" in str(error.value)


def test_rows_before_any_text(tmp_path):
    path = write(tmp_path, *ROWS, header=HEADER.replace("#Text=Ann saw Bob .\n", ""))
    docs, report = read(path)
    assert docs == [] and report.n_lost == {"entities": 4}
    assert "expected '#Text=' with a sentence first" in report.problems[0]


@for_seeds(300, readable=0.5)
def test_mutated_files(tmp_path, rng):
    path = tmp_path / "a.tsv"
    path.write_bytes(damage_text(TEXT, rng, PIECES))
    return read_as("webanno_tsv", path)[0]

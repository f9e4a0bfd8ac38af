import pytest

from rel_component.formats import FORMATS, Options, Report, find_format
from rel_component.relations import get_relation_data
from tests.paths import DATA

from ..mutate import damage_text, for_seeds
from ..util import read, read_as, triples

PATH = DATA / "pubtator" / "small.txt"
TEXT = PATH.read_text()
TITLES = "1|t|A and B.\n1|a|C too.\n"
PIECES = [
    *("\t", "\t\t", "\n", "\n\n", "|", "|t|", "|a|", "501", "502\t", "-1", "9" * 30),
    *("D1", "D2,D3", " ", "\r\n", "\u2028", "\U0001f600", "\x00", "-"),
]


def spans(doc):
    return [(span.text, span.label_, span.kb_id_) for span in doc.spans["entities"]]


def write(tmp_path, text, encoding="utf8"):
    path = tmp_path / "a.txt"
    path.write_bytes(text.encode(encoding))
    return path


def test_reads_documents():
    assert find_format(PATH) is FORMATS["pubtator"]
    docs, report = read(PATH)
    assert report.problems == []
    assert docs[0].text == "Drug A and disease B.\nDrug A caused B | C in mice."
    assert spans(docs[0]) == [
        ("Drug A", "Chemical", "D1"),
        ("disease B", "Disease", "D2"),
        ("Drug A", "Chemical", "D1"),
        ("B", "Disease", "D2"),
        ("C", "Disease", "D3|D4"),
        ("mice", "Species", ""),
    ]
    assert triples(docs[0]) == [
        ("Drug A", "Positive", "disease B"),
        ("C", "Negative", "Drug A"),
    ]
    sources = [doc.user_data["rel_component_source"] for doc in docs]
    assert [(x["line"], x["id"]) for x in sources] == [(1, "501"), (12, "502")]
    assert docs[1].text == "No abstract, no mention.\n"


def starts(mentions):
    """Where the ends of the relations begin."""
    (doc, _), _ = read(PATH, mentions=mentions)
    return {
        (r.head.start_char, r.label, r.tail.start_char) for r in doc._.relations
    }, doc


def test_related_mentions():
    first, doc = starts("first")
    assert first == {(0, "Positive", 11), (40, "Negative", 0)}
    assert get_relation_data(doc).complete is False
    nearest, _ = starts("nearest")
    assert nearest == {(22, "Positive", 11), (40, "Negative", 22)}
    all_, doc = starts("all")
    assert all_ == {
        *((head, "Positive", tail) for head in (0, 22) for tail in (11, 36)),
        *((40, "Negative", tail) for tail in (0, 22)),
    }
    assert get_relation_data(doc).complete is True


def test_other_mentions_of_related_concepts_are_unannotated():
    record = next(FORMATS["pubtator"].read(PATH, Options(), Report()))
    texts = {entity.id: entity.text for entity in record.entities}
    pairs = {(texts[head], texts[tail]) for head, tail in record.negatives}
    assert pairs == {
        ("Drug A", "Drug A"),
        *(("disease B", "B"), ("B", "disease B")),
        *((x, "C") for x in ("disease B", "B")),
        *(("C", x) for x in ("disease B", "B")),
    }
    record = next(FORMATS["pubtator"].read(PATH, Options(complete=False), Report()))
    assert record.negatives == []


def test_concepts_with_separators(tmp_path):
    rows = "1\t0\t1\tA\tGene\tc|SUB|G\n1\t6\t7\tB\tGene\tG\n1\tR\tc|SUB|G\tG\n"
    (doc,), report = read(write(tmp_path, TITLES + rows))
    assert triples(doc) == [("A", "R", "B")] and report.problems == []


def test_a_concept_related_to_itself(tmp_path):
    rows = "1\t0\t1\tA\tGene\t7\n1\t6\t7\tB\tGene\t7\n1\tR\t7\t7\n"
    (doc,), _ = read(write(tmp_path, TITLES + rows))
    assert triples(doc) == [("A", "R", "B")]


@pytest.mark.parametrize("encoding", ["utf8", "utf-16-le"])
def test_units_of_offsets(tmp_path, encoding):
    def size(text):
        return len(text.encode(encoding)) // (1 + (encoding != "utf8"))

    title = "😊 Äthanol"
    at = size("😊 ")
    rows = f"1\t{at}\t{size(title)}\tÄthanol\tX\t1\n"
    rows += f"1\t{size(title) + 1}\t{size(title) + 2}\tB\tX\t2\n1\tR\t1\t2\n"
    (doc,), report = read(write(tmp_path, f"1|t|{title}\n1|a|B.\n{rows}"))
    assert triples(doc) == [("Äthanol", "R", "B")] and report.problems == []
    unit = "UTF-8 bytes" if encoding == "utf8" else "UTF-16 units"
    assert report.repaired[f"offsets in {unit}"] == 2


def test_line_ends_and_further_passages(tmp_path):
    text = "1|t|A.\r\n1|a|B.\r\n1|c|C.\r\n1\t6\t7\tC\tX\r\n\r\n"
    (doc,), report = read(write(tmp_path, text))
    assert doc.text == "A.\nB.\nC." and spans(doc) == [("C", "X", "")]
    assert report.problems == []


@pytest.mark.parametrize(
    "line, kind, found",
    [
        (
            "1\tx\t1\tA\tX\t7",
            "entities",
            "found the offsets 'x' and '1', expected whole",
        ),
        ("1\t0\t\tA\tX\t7", "entities", "found the offsets '0' and ''"),
        ("1\t0\t1\tA\t \t7", "entities", "found no type, expected one in column 5"),
        (
            "1\t0\t1\tA",
            "entities",
            "expected ID<tab>start<tab>end<tab>text<tab>type<tab>",
        ),
        ("1\t0", "entities", "expected ID<tab>start<tab>end"),
        ("1 0 1 A X 7", "entities", "expected a title such as 1234|t|Title, or tabs"),
        (
            "9\t0\t1\tA\tX\t7",
            "entities",
            "found the document id '9', expected '1' as in",
        ),
        ("1\t0\t1\tB\tX\t7", "entities", "text 'B' is not the text at 0-1, 'A'"),
        ("1\t3\t3\tB\tX\t7", "entities", "offsets 3-3 are empty"),
        ("1\t-3\t3\tB\tX\t7", "entities", "offsets -3-3 are outside the text"),
        (f"1\t0\t{'9' * 18}\tB\tX\t7", "entities", "are outside the text"),
        (f"1\t0\t{'9' * 999}\tB\tX\t7", "entities", "expected whole numbers"),
        ("1\tR\t5\t6\t7\t8\t9", "entities", "found the offsets 'R' and '5'"),
        ("1\tR\tZ\t1", "relations", "found the concept 'Z', which no mention of this"),
        (
            "1\tR\t-1\t1",
            "relations",
            "found the concept '-1', which no mention of this",
        ),
        ("1\t\t1\t1", "relations", "expected ID<tab>label<tab>concept<tab>concept"),
        ("9\tR\t1\t1", "relations", "found the document id '9'"),
    ],
)
def test_bad_lines(tmp_path, line, kind, found):
    good = "1\t6\t7\tB\tX\t1\n"
    path = write(tmp_path, f"{TITLES}{good}{line}\n")
    (doc,), report = read(path)
    assert spans(doc) == [("B", "X", "1")] and triples(doc) == []
    assert report.n_lost == {kind: 1}
    (problem,) = report.problems
    assert problem.startswith(f"{path}:4: ") and found in problem


def test_documents_without_title(tmp_path):
    rows = "2\t0\t1\tA\tX\t1\n2\tR\t1\t1\n"
    path = write(tmp_path, f"1|t|T\n1\t0\t1\tT\tX\n2|a|A.\n{rows}")
    docs, report = read_as("pubtator", path)
    assert [doc.text for doc in docs] == ["T"]
    assert report.problems[0] == (
        f"{path}:3: found '2|a|A.', expected '2|t|' with the title before it, from "
        f"which offsets count; document not converted."
    )
    assert report.n_lost == {"documents": 1, "entities": 1, "relations": 1}
    docs, report = read_as("pubtator", write(tmp_path, rows))
    assert docs == [] and "found '2' before any title" in report.problems[0]


def test_lines_in_another_encoding(tmp_path):
    data = TEXT.replace("mice.", "mic\xe9.").encode("latin-1")
    path = tmp_path / "a.txt"
    path.write_bytes(data)
    docs, report = read(path)
    # without its abstract a document has no text to count in
    assert [doc.text for doc in docs] == ["No abstract, no mention.\n"]
    assert report.n_lost == {"documents": 1, "entities": 6, "relations": 2}
    assert f"{path}:2: byte" in report.problems[0]
    assert "--encoding latin-1" in report.problems[0]
    assert len(read(path, encoding="latin-1")[0]) == 2
    path.write_bytes(TEXT.replace("\tmice", "\tmic\xe9").encode("latin-1"))
    docs, report = read(path)
    assert len(docs) == 2 and report.n_lost == {"entities": 1}


@for_seeds(300, readable=0.65)
def test_mutated_files(tmp_path, rng):
    path = tmp_path / "a.txt"
    path.write_bytes(damage_text(TEXT, rng, PIECES))
    return read_as("pubtator", path, mentions=rng.choice(["first", "all"]))[0]

import pytest

from rel_component.formats import FORMATS, Options, Report, find_format, read_records
from rel_component.relations import get_relation_data
from tests.paths import ASSETS, DATA

from ..mutate import damage_text, for_seeds
from ..util import entities, read, read_as

SMALL = DATA / "columns"
FIRST = "Ada Lovelace met Charles Babbage in New London ."
SECOND = "Turin Milan hosted him ."
PEOPLE = [("Ada Lovelace", "PER"), ("Charles Babbage", "PER"), ("New London", "LOC")]
TOWNS = [("Turin", "LOC"), ("Milan", "LOC")]
SCHEMES = {
    "iob1.conll": "IOB1",
    "iob2.conll": "IOB2",
    "bilou.tsv": "BILUO",
    "bioes.txt": "BIOES",
    "label_studio.conll": "IOB2",
    "ubiai.tsv": "IOB2",
}


def write(tmp_path, text):
    path = tmp_path / "x.conll"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


@pytest.mark.parametrize("name", SCHEMES)
def test_every_variant_has_the_same_sentences(name):
    assert find_format(SMALL / name) is FORMATS["columns"]
    docs, report = read(SMALL / name)
    assert report.problems == [] and not report.repaired and not report.not_converted
    assert [doc.text for doc in docs] == [FIRST, SECOND]
    assert [token.text for token in docs[0]] == FIRST.split()
    assert [entities(doc) for doc in docs] == [PEOPLE, TOWNS]
    assert report.notes[f"files with tags of the scheme {SCHEMES[name]}"] == 1


def test_pairs_are_unannotated():
    docs, report = read(SMALL / "iob2.conll")
    assert [get_relation_data(d).complete for d in docs] == [False, False]
    assert report.notes["documents without a list of relations: incomplete"] == 2


def test_source_is_the_first_line():
    docs, _ = read(SMALL / "iob1.conll")
    lines = [doc.user_data["rel_component_source"]["line"] for doc in docs]
    assert lines == [3, 15]


def test_documents_by_docstart():
    docs, report = read(SMALL / "label_studio.conll", docs_by="docstart")
    assert [doc.text for doc in docs] == [f"{FIRST} {SECOND}"]
    assert entities(docs[0]) == PEOPLE + TOWNS
    assert [sent.text for sent in docs[0].sents] == [FIRST, SECOND]
    docs, _ = read(SMALL / "iob1.conll", docs_by="docstart")
    assert [doc.text for doc in docs] == [FIRST, SECOND] and not report.hints
    assert not docs[0].has_annotation("SENT_START")
    docs, report = read(SMALL / "iob2.conll", docs_by="docstart")
    assert len(docs) == 1 and "without -DOCSTART- lines" in next(iter(report.hints))


@pytest.mark.parametrize(
    "line", ["-DOCSTART-", "-DOCSTART- (12)", "--DOCSTART--\tO", "-docstart- -X- O"]
)
def test_variants_of_docstart(tmp_path, line):
    path = write(tmp_path, f"{line}\nRome B-LOC\n. O\n{line}\n\nParis B-LOC\n")
    docs, report = read(path)
    assert [entities(doc) for doc in docs] == [[("Rome", "LOC")], [("Paris", "LOC")]]
    assert report.problems == []


def test_sentences_of_one_document_stay_together(tmp_path):
    parts = ["Rome B-LOC\n\nOslo B-LOC\n\n", "Bonn B-LOC\n\n", "Lyon B-LOC\n\n"]
    text = "".join(f"-DOCSTART- O\n\n{part}" for part in parts)

    def groups(text):
        docs, _ = read(write(tmp_path, text))
        return [doc.user_data["rel_component_source"]["group"] for doc in docs]

    assert len(set(groups(text))) == 3 and len(groups(text)) == 4
    assert groups(text)[0] == groups(text)[1]
    # of two documents no train, dev and test could be made
    assert groups(text[: text.rindex("-D")]) == [None] * 3


def test_a_tag_that_begins_without_b_is_repaired(tmp_path):
    path = write(tmp_path, "Rome B-LOC\nand O\nNew I-LOC\nYork I-LOC\nBen I-PER\n")
    docs, report = read(path)
    expected = [("Rome", "LOC"), ("New York", "LOC"), ("Ben", "PER")]
    assert entities(docs[0]) == expected and report.problems == []
    assert report.repaired == {"I- without B- taken as the beginning of an entity": 2}


def test_the_scheme_can_be_given(tmp_path):
    docs, report = read(SMALL / "iob1.conll", tag_scheme="iob2")
    assert entities(docs[0]) == PEOPLE and report.repaired.total() == 4
    docs, report = read(SMALL / "bilou.tsv", tag_scheme="BILOU")
    assert report.problems == [] and len(docs) == 2
    docs, report = read(SMALL / "bilou.tsv", tag_scheme="iob2")
    assert docs == []
    assert report.problems[0] == (
        f"{SMALL / 'bilou.tsv'}:2: found the tag 'L-PER', expected O, or a type after "
        f"one of B-, I- (the scheme is IOB2; --tag-scheme names another one); sentence "
        f"not converted."
    )
    _, report = read(SMALL / "bilou.tsv", tag_scheme="bmes")
    assert "--tag-scheme: found 'bmes', expected one of auto" in report.problems[0]


BROKEN = [
    ":4: found 2 columns in 'Lovelace NNP', expected 3 as in most lines, the word",
    ":7: found tabs between the columns in 'Babbage\\tNNP\\tB-PER', expected spaces",
    ":10: found the tag 'X-LOC', expected O, or a type after one of B-, I- (the",
    ":11: found the tag 'LOC', expected O, or a type after one of",
    ":14: found 4 columns in 'New York NNP B-LOC', expected 3",
    ":22: byte 208 of the file is 0xFC, which is not valid UTF-8",
    ":25: found the tag 'B-', expected O, or a type",
]


def test_broken_lines_are_named_and_the_rest_is_kept():
    path = SMALL / "broken.conll"
    docs, report = read(path)
    assert [entities(doc) for doc in docs] == [[("Paris", "LOC")]]
    assert len(report.problems) == len(BROKEN)
    for problem, expected in zip(report.problems, BROKEN):
        assert problem.startswith(f"{path}{expected}")
        assert problem.endswith("; sentence not converted.")
    # two lines of one sentence are one document
    assert report.n_lost == {"documents": 6, "entities": 1}


def test_a_broken_sentence_is_left_out_of_its_document():
    docs, report = read(SMALL / "broken.conll", docs_by="docstart")
    assert [doc.text for doc in docs] == ["Paris is big"]
    assert len(report.problems) == len(BROKEN)
    # each sentence counts as one entity at least; the first document has no other
    assert report.n_lost == {"documents": 1, "entities": 6}


@pytest.mark.parametrize(
    "text,line,found",
    [
        ("a\tO\nb\tO\nc O\n", 3, "found spaces between the columns in 'c O', expected"),
        ("a\tO\nb\tO\nc\n", 3, "found 1 column in 'c', expected 2"),
        ("a\tO\nb\tO\nc\tx\tO\n", 3, "found 3 columns in 'c\\tx\\tO', expected 2"),
        ("a O\nb O\nc 0\n", 3, "found the tag '0', expected O"),
        ("a O\nb B-X\nc I\n", 3, "found the tag 'I', expected one with a type"),
        ("a O\nb O\rc O\nd O\n", 2, "found a carriage return inside the line"),
        ("a O\nb O\n#c\nd O\n", 3, "found 1 column in '#c'"),
    ],
)
def test_invalid_lines(tmp_path, text, line, found):
    gap = "\t" if "\t" in text else " "
    around = f"x{gap}O\ny{gap}O\n\n{text}\n\nRome{gap}B-LOC\n"
    path = write(tmp_path, around)
    docs, report = read(path)
    assert len(docs) == 2
    (problem,) = report.problems
    assert problem.startswith(f"{path}:{line + 3}: {found}"), problem


@pytest.mark.parametrize(
    "text,problem",
    [
        ("a b c\nd e f\n", ":1: found 'a b c', expected columns separated by tabs or"),
        ("O\nO\n", ":1: found 'O', expected columns"),
        ("\n\n-DOCSTART-\n", ": found no words, expected columns"),
        ("1 a O\n2 b O\n\n1 c O\n", ": found running numbers in the first column"),
    ],
)
def test_files_without_tags_are_rejected(tmp_path, text, problem):
    path, report = write(tmp_path, text), Report()
    assert list(read_records(path, Options(), report, format_name="columns")) == []
    assert report.problems[0].startswith(f"{path}{problem}")
    assert report.n_lost == {"files": 1}


def test_tags_without_a_type_get_one(tmp_path):
    path = write(tmp_path, "BRCA1\tB\ngene\tI\nis\tO\n")
    docs, report = read(path)
    assert entities(docs[0]) == [("BRCA1 gene", "ENT")]
    assert report.notes["entities without a type: --entity-label"] == 1
    docs, _ = read(path, entity_label="GENE")
    assert entities(docs[0]) == [("BRCA1 gene", "GENE")]


def test_comments_and_hashes(tmp_path):
    path = write(tmp_path, "# id 7\nRome B-LOC\n# O\n\n# O\n\n#begin x y\nOslo B-LOC\n")
    docs, report = read(path)
    assert [doc.text for doc in docs] == ["Rome #", "#", "Oslo"]
    assert report.not_converted == {"comment lines": 2} and report.problems == []


def test_words_with_spaces(tmp_path):
    path = write(tmp_path, "New York\tB-LOC\nis\tO\n\u00a0\tO\nbig\tO\n")
    docs, report = read(path)
    assert [token.text for token in docs[0]][:2] == ["New York", "is"]
    assert entities(docs[0]) == [("New York", "LOC")] and report.problems == []
    path = write(tmp_path, "a\u00a0b O\nRome B-LOC\n")
    assert read(path)[0][0].text == "a\u00a0b Rome"


def test_other_encodings(tmp_path):
    path = write(tmp_path, "Zürich B-LOC\n\x85 O\nist O\n".encode("latin-1"))
    docs, report = read(path, encoding="latin-1")
    assert docs[0].text == "Zürich \x85 ist" and report.problems == []
    path = write(tmp_path, "Zürich B-LOC\n. O\n\nRom B-LOC\n".encode("utf-16"))
    docs, _ = read(path, encoding="utf-16")
    assert [doc.text for doc in docs] == ["Zürich .", "Rom"]


@for_seeds(300)
def test_damaged_files(tmp_path, rng):
    name = rng.choice([*SCHEMES, "broken.conll"])
    text = (SMALL / name).read_bytes().decode(errors="replace")
    path = write(tmp_path, damage_text(text, rng))
    options = {"docs_by": rng.choice(["sentence", "docstart"])}
    # both assert that everything is accounted for
    read(path, **options)
    read_as("columns", path, **options)


CONLL2002 = ASSETS / "conll2002_es"


@pytest.mark.skipif(not CONLL2002.exists(), reason="asset conll2002_es is missing")
@pytest.mark.parametrize(
    "name,n_docs,n_entities",
    [
        ("esp.train", 8323, 18798),
        ("esp.testa", 1915, 4352),
        ("esp.testb", 1517, 3559),
    ],
)
def test_conll2002_matches_conlleval(name, n_docs, n_entities):
    docs, report = read(CONLL2002 / name)
    assert report.problems == []
    assert len(docs) == n_docs
    assert sum(len(doc.ents) for doc in docs) == n_entities
    # each file has one I- at the beginning of a sentence
    assert list(report.repaired.values()) == [1]


UBIAI = ASSETS / "ubiai_jobs"


@pytest.mark.skipif(not UBIAI.exists(), reason="asset ubiai_jobs is not downloaded")
@pytest.mark.parametrize(
    "name,n_docs,n_entities",
    [("training", 77, 2037), ("DEV", 20, 512), ("TEST", 11, 386)],
)
def test_ubiai_columns(name, n_docs, n_entities):
    docs, report = read(UBIAI / f"NER_{name}.tsv", docs_by="docstart")
    assert report.problems == [] and not report.repaired
    assert len(docs) == n_docs
    assert sum(len(doc.ents) for doc in docs) == n_entities

"""What is not read is named, with the nearest way in."""

import pytest

from rel_component.formats import FormatError, find_format

from .util import read, write_json

MENTION = {"id": "E1", "text": "Ada", "entity_type": "PER", "start": 0, "end": 1}
SURFACE = {"uri": "Q1", "boundaries": [0, 3], "surfaceform": "Ada"}
KLUE = {"sentence": "Ada", "subject_entity": {"word": "Ada"}, "object_entity": {}}


@pytest.mark.parametrize(
    "value, name, way",
    [
        (KLUE, "KLUE-RE", "'h' and 't' of OpenNRE"),
        (
            {"text": "Ada", "entities": [SURFACE], "triples": []},
            "REBEL",
            "the triple_list of CasRel",
        ),
        (
            {"tokens": ["Ada"], "entity_mentions": [MENTION], "relation_mentions": []},
            "OneIE",
            "as entities and relations of SpERT",
        ),
    ],
)
def test_json_that_is_not_read_is_named(tmp_path, value, name, way):
    path = write_json(tmp_path / "a.json", [value])
    for format_name in ("auto", "jsonl"):
        with pytest.raises(FormatError, match=f"this looks like {name} .*{way}"):
            find_format(path, format_name)


@pytest.mark.parametrize(
    "text, expected",
    [
        ('[\n{"document": "Ada', "line 2 column 14; the file ends in the middle"),
        ('{"text": "Ada",', "column 16; the file ends in the middle"),
        ('{"text" "Ada"}\n', "Expecting ':' delimiter at line 1 column 9"),
    ],
)
def test_json_that_breaks_in_the_first_document_says_where(tmp_path, text, expected):
    path = tmp_path / "a.json"
    path.write_text(text)
    with pytest.raises(FormatError, match=f"not JSON: .*{expected}"):
        find_format(path)


CHEMPROT = {
    "abstracts": "1\tOn niadol\tNiadol blocks ROX2.",
    "entities": "1\tT1\tCHEMICAL\t0\t6\tNiadol",
    "relations": "1\tCPR:4\tY \tINHIBITOR\tArg1:T1\tArg2:T2",
    "drugprot_relations": "1\tPRODUCT-OF\tArg1:T1\tArg2:T2",
}


def test_chemprot_is_named(tmp_path):
    for name, line in CHEMPROT.items():
        path = tmp_path / f"{name}.tsv"
        path.write_text(f"{line}\n")
        with pytest.raises(FormatError, match="looks like ChemProt or DrugProt"):
            find_format(path)
    (tmp_path / "empty.tsv").write_text("")
    _, report = read(tmp_path)
    assert (
        "this looks like ChemProt or DrugProt in columns (write title and"
        in (report.problems[0])
    )

import json
import re
import shutil
import sys

import pytest

from rel_component.formats import FORMATS, Options, Report, find_format
from rel_component.relations import get_relation_data
from tests.paths import DATA

from ..mutate import damage, damage_text, damage_xml, for_seeds
from ..util import read, read_as, triples, write_json

FOLDER = DATA / "inception"
XMI, JSON, TYPES = (FOLDER / x for x in ("curie.xmi", "curie.json", "TypeSystem.xml"))
VALUE = json.loads(JSON.read_text())
RELATIONS = [
    ("Marie Curie", "WORKS_IN", "Paris"),
    ("She", "SAME", "Marie Curie"),
    ("left", "agent", "She"),
]
PIECES = [
    *("<", ">", "/>", '"', "&", "&x;", "-1", "17", "99", "9" * 30, 'begin="x"', "😊"),
    *("<custom:Span/>", "</xmi:XMI>", "<cas:Sofa", "\x00", "Governor", "members"),
]


def spans(doc):
    return [(span.text, span.label_) for span in doc.spans["entities"]]


def write(tmp_path, *changes):
    """The XMI file with some text replaced, and its type system beside it."""
    shutil.copy(TYPES, tmp_path / "TypeSystem.xml")
    text = XMI.read_text()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path = tmp_path / "a.xmi"
    path.write_text(text)
    return path


@pytest.mark.parametrize("path", [XMI, JSON])
def test_reads_a_document(path):
    assert find_format(path) is FORMATS["inception"]
    (doc,), report = read(path)
    assert report.problems == []
    # an emoji is two UTF-16 units
    assert doc.text == "😊 Marie Curie worked in Paris.\r\nShe left."
    assert spans(doc) == [
        ("😊", "Flag"),
        ("Marie Curie", "PER"),
        ("Paris", "LOC"),
        ("She", "PER"),
        ("left", "leave"),
    ]
    assert doc.spans["entities"][1].kb_id_ == "Q7186"
    assert triples(doc) == RELATIONS
    assert [sentence.text.strip() for sentence in doc.sents][1] == "She left."
    assert report.not_converted == {
        "annotations of POS": 1,
        "annotations of Dependency": 1,
        "annotations of CorefLink": 1,
    }
    assert get_relation_data(doc).complete is True
    assert doc.user_data["rel_component_source"]["id"] == "curie.txt"


@pytest.mark.parametrize("path", [XMI, JSON])
def test_slots(path):
    (doc,), report = read(path, slots="drop")
    assert triples(doc) == RELATIONS[:-1]
    assert report.not_converted["slots of spans"] == 1
    (doc,), report = read(path)
    assert triples(doc) == RELATIONS and report.notes["relations from slots"] == 1


def test_chains(tmp_path):
    (doc,), report = read(XMI)
    assert any("chains of CorefLink are left out; --chains" in x for x in report.hints)
    # `pr` is followed by `nam`, which has no label for its link
    first = '<custom0:CorefLink xmi:id="24"'
    second = (
        '<custom0:CorefLink xmi:id="30" sofa="1" begin="3" end="14" '
        'referenceType="nam"/>'
    )
    path = write(
        tmp_path,
        (first, f'{second}{first} next="30" referenceRelation="ana"'),
        ('23 24"/>', '23 24 30"/>'),
    )
    (doc,), report = read(path, chains="directed")
    assert report.problems == [] and not report.hints
    assert triples(doc) == [*RELATIONS, ("She", "ana", "Marie Curie")]
    assert [r.head.label_ for r in doc._.relations][-1] == "pr"
    (doc,), _ = read(path, chains="symmetric")
    assert triples(doc)[len(RELATIONS) :] == [
        ("She", "ana", "Marie Curie"),
        ("Marie Curie", "ana", "She"),
    ]


def test_json_with_annotations_by_id(tmp_path):
    """As the specification allows, beside the list."""
    structures = {
        x["%ID"]: {key: x[key] for key in x if key != "%ID"}
        for x in VALUE["%FEATURE_STRUCTURES"]
    }
    path = write_json(tmp_path / "a.json", {**VALUE, "%FEATURE_STRUCTURES": structures})
    (doc,), report = read(path)
    assert triples(doc) == RELATIONS and report.problems == []


def test_legacy_json_is_named(tmp_path):
    path = write_json(tmp_path / "a.json", {"_context": {}, "_views": {}})
    _, report = read(path)
    assert "a legacy UIMA CAS JSON export of INCEpTION (export as" in report.problems[0]


def test_tokens_are_read_from_the_file():
    (record,) = FORMATS["inception"].read(XMI, Options(), Report())
    words = [record.text[start:end] for start, end in record.tokens]
    assert words == "😊 Marie Curie worked in Paris . She left .".split()


def test_layers_and_features_by_option(tmp_path):
    (doc,), report = read(XMI, span_layers=("Token",), relation_layers=("Dependency",))
    assert triples(doc) == [("Curie", "flat", "Marie")] and len(doc.ents) == 10
    (doc,), report = read(XMI, span_layers=("custom.Span",))
    assert spans(doc) == [("Paris", "LOC")]
    assert report.problems[0] == (
        f"{XMI} Relation id 22.Governor: found NamedEntity id 17, expected an "
        f"annotation of a layer that is read as entities; --span-layer NamedEntity "
        f"reads this one (give it once for each layer); relation 'WORKS_IN' not "
        f"converted."
    )
    (doc,), _ = read(XMI, label_features=("identifier",))
    assert ("Marie Curie", "Q7186") in spans(doc)


def test_layers_of_endpoints_are_read(tmp_path):
    word = "de.tudarmstadt.ukp.dkpro.core.api.lexmorph.type.pos.POS"
    path = write(
        tmp_path, ('Governor="17" Dependent="18"', 'Governor="15" Dependent="15"')
    )
    types = TYPES.read_text()
    start = types.index("<name>custom.Relation</name>")
    assert "custom.Relation" in types
    changed = types[:start] + types[start:].replace(
        "uima.tcas.Annotation</range", f"{word}</range", 2
    )
    (tmp_path / "TypeSystem.xml").write_text(changed)
    (doc,), _ = read(path)
    assert ("Marie", "WORKS_IN", "Marie") in triples(doc)


def test_annotations_without_label(tmp_path):
    path = write(tmp_path, (' label="LOC"', ""), (' label="WORKS_IN"', ""))
    (doc,), report = read(path)
    assert ("Paris", "Span") in spans(doc)
    assert triples(doc)[0] == ("Marie Curie", "Relation", "Paris")
    assert report.problems == [] and len(report.hints) == 3
    (doc,), report = read(path, default_label="LINK")
    assert triples(doc)[0] == ("Marie Curie", "LINK", "Paris")


def test_projects_without_relation_layer(tmp_path):
    path = write(tmp_path)
    text = re.sub(r"\s*<custom:Relation.*?/>", "", path.read_text())
    path.write_text(text.replace(" 22 23", ""))
    (doc,), _ = read(path)
    # there is a layer for them, and no relation
    assert get_relation_data(doc).complete is True
    types = TYPES.read_text().replace("<name>Governor<", "<name>Gov<")
    (tmp_path / "TypeSystem.xml").write_text(types)
    path.write_text(
        re.sub(r"\s*<dependency:Dep.*?/>", "", text)
        .replace(" 16 ", " ")
        .replace(" 22 23", "")
    )
    (doc,), report = read(path, slots="drop")
    assert report.problems == [] and len(doc.ents) == 5
    assert get_relation_data(doc).complete is False


def test_where_the_type_system_is(tmp_path):
    path = write(tmp_path)
    types = tmp_path / "TypeSystem.xml"
    types.rename(tmp_path / "a_typesystem.xml")
    assert len(read(path)[0]) == 1
    (tmp_path / "a_typesystem.xml").unlink()
    _, report = read(path)
    assert "found no TypeSystem.xml next to it" in report.problems[0]
    assert len(read(path, typesystem=TYPES)[0]) == 1
    _, report = read(path, typesystem=tmp_path / "none.xml")
    assert f"{tmp_path}/none.xml: can't be read" in report.problems[0]
    _, report = read(path, typesystem=path)
    assert "which" in report.problems[0] and "does not have" in report.problems[0]


def test_type_system_among_inputs_is_skipped():
    docs, report = read(TYPES)
    assert docs == [] and report.problems == []
    assert report.notes["type systems, read with the .xmi files next to them"] == 1


def test_json_without_types(tmp_path):
    path = write_json(
        tmp_path / "a.json", {k: VALUE[k] for k in VALUE if k != "%TYPES"}
    )
    _, report = read(path)
    assert "found no '%TYPES'" in report.problems[0]
    (doc,), _ = read(path, typesystem=TYPES)
    assert triples(doc) == RELATIONS


def without_type(name):
    pattern = rf"<typeDescription>\s*<name>[^<]*\.{name}</name>.*?</typeDescription>"
    text, n = re.subn(pattern, "", TYPES.read_text(), flags=re.DOTALL)
    assert n == 1
    return text


def test_types_missing_in_the_type_system(tmp_path):
    path = write(tmp_path)
    types = tmp_path / "TypeSystem.xml"
    types.write_text(without_type("Span"))
    docs, report = read(path)
    assert docs == []
    assert report.problems == [
        f"{path}: found an annotation of the type custom.Span, which {types} does not "
        f"have, expected all types of the document there. Export both again, or use "
        f"--typesystem for the right one."
    ]
    # INCEpTION adds this one to every document, and not to every type system
    types.write_text(without_type("DocumentMetaData"))
    (doc,), report = read(path)
    assert triples(doc) == RELATIONS and report.problems == []
    assert doc.user_data["rel_component_source"]["id"] == "a.xmi"


def test_cassis_is_only_needed_here(monkeypatch):
    monkeypatch.setitem(sys.modules, "cassis", None)
    _, report = read(XMI)
    assert report.problems == [
        f"{XMI}: UIMA CAS is read by dkpro-cassis, which is not installed: pip install "
        f"-e '.[inception]' in the project's folder."
    ]


ENDS = 'begin="25" end="30" label'


@pytest.mark.parametrize(
    "old, new, lost, found",
    [
        (ENDS, 'begin="30" end="25" label', 2, "offsets 29-24 are empty"),
        (
            ENDS,
            'begin="25" end="99" label',
            2,
            "found the offsets 25-99, expected them",
        ),
        (ENDS, 'begin="-1" end="9" label', 2, "found the offsets -1-9, expected them"),
        (ENDS, 'begin="1" end="30" label', 2, "offset 1, which is in the middle of a"),
        (ENDS, 'end="30" label', 2, "found the offsets [0, 29], expected two numbers"),
        ('label="LOC"', 'label=" "', 2, "Span id 18.label: found ' ', expected a name"),
        (
            'Governor="17" ',
            "",
            1,
            "Relation id 22.Governor: found nothing, expected an",
        ),
        (
            'nor="17"',
            'nor="15"',
            1,
            "found POS id 15, expected an annotation of a layer",
        ),
    ],
)
def test_bad_annotations(tmp_path, old, new, lost, found):
    path = write(tmp_path, (old, new))
    (doc,), report = read(path)
    assert triples(doc) == RELATIONS[1:]
    assert len(report.problems) == lost
    assert any(problem.startswith(str(path)) for problem in report.problems)
    assert any(found in problem for problem in report.problems)


@pytest.mark.parametrize(
    "old, new, found",
    [
        ('nor="17"', 'nor="99"', "found a reference to the id 99, which doesn't exist"),
        ('label="LOC"', 'colour="LOC"', "with the feature 'colour', which its type in"),
        ('begin="25"', 'begin="x"', "not a valid CAS: ValueError"),
        ("😊 Marie Curie worked in Paris.&#13;&#10;She left.", "", "found no text"),
        ("</xmi:XMI>", "", ":31: not XML: no element found at column 1. The file ends"),
        ("<xmi:XMI", '<!DOCTYPE x [<!ENTITY a "b">]><xmi:XMI', "the declaration of th"),
    ],
)
def test_documents_that_cannot_be_read(tmp_path, old, new, found):
    path = write(tmp_path, (old, new))
    docs, report = read(path)
    assert docs == [] and report.n_lost == {"files": 1}
    (problem,) = report.problems
    assert problem.startswith(str(path)) and found in problem


@pytest.mark.parametrize(
    "types",
    ["", "<a>", "<typeSystemDescription/>", TYPES.read_text().replace("TOP", "X")],
)
def test_broken_type_systems(tmp_path, types):
    path = write(tmp_path)
    (tmp_path / "TypeSystem.xml").write_text(types)
    docs, report = read(path)
    assert docs == [] and len(report.problems) == 1
    assert f"{tmp_path}/TypeSystem.xml" in report.problems[0]


def test_repeated_annotation(tmp_path):
    structures = [x for x in VALUE["%FEATURE_STRUCTURES"] for _ in range(2)]
    view = VALUE["%VIEWS"]["_InitialView"]
    members = [x for x in view["%MEMBERS"] for _ in range(2)]
    value = {
        **VALUE,
        "%FEATURE_STRUCTURES": structures,
        "%VIEWS": {"_InitialView": {**view, "%MEMBERS": members}},
    }
    (doc,), report = read(write_json(tmp_path / "a.json", value))
    assert triples(doc) == RELATIONS and report.problems == []
    assert report.n_merged["entities"]["exact duplicates"] == 5


@for_seeds(240, readable=0.06)
def test_mutated_xmi(tmp_path, rng):
    path = write(tmp_path)
    text = path.read_text()
    is_whole = rng.randrange(3)
    path.write_bytes(
        damage_xml(text, rng) if is_whole else damage_text(text, rng, PIECES)
    )
    return read_as("inception", path)[0]


def test_invalid_text(tmp_path):
    whole = json.loads(JSON.read_text())
    (sofa,) = (x for x in whole["%FEATURE_STRUCTURES"] if "sofaString" in x)
    for value in ({"start": 1}, ["a"]):
        sofa["sofaString"] = value
        docs, report = read(write_json(tmp_path / "a.json", whole))
        (problem,) = report.problems
        assert not docs and f"found {json.dumps(value)}, expected a text" in problem


@for_seeds(240, readable=0.15)
def test_mutated_json(tmp_path, rng):
    value = damage(VALUE["%FEATURE_STRUCTURES"], rng)
    whole = {**VALUE, "%FEATURE_STRUCTURES": value}
    whole = whole if rng.randrange(4) else damage(VALUE, rng)
    return read_as("inception", write_json(tmp_path / "a.json", whole))[0]


@for_seeds(100, readable=0.2)
def test_mutated_type_systems(tmp_path, rng):
    path = write(tmp_path)
    (tmp_path / "TypeSystem.xml").write_bytes(damage_xml(TYPES.read_text(), rng))
    return read_as("inception", path)[0]

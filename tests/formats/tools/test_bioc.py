import json
import re

import pytest

from rel_component.formats import FORMATS, Report, find_format, iter_docs
from rel_component.formats.base import Options
from rel_component.relations import get_relation_data
from tests.paths import DATA

from ..mutate import damage, damage_text, damage_xml, for_seeds
from ..util import read, read_as, triples, write_json

XML = DATA / "bioc" / "small.xml"
JSON = DATA / "bioc" / "concepts.json"
COLLECTION = json.loads(JSON.read_text())
PIECES = [
    *("<", ">", "/>", "</annotation>", "<passage>", '"', "&", "&amp;", "&x;", "-1"),
    *("999999999999999999999", "R1", "T1", "<text/>", "<offset>x</offset>", "<!--"),
    *("<node/>", "<location/>", '<infon key="type"/>', "é", "\U0001f600", "\x00"),
]


def spans(doc):
    return [(span.text, span.label_) for span in doc.spans["entities"]]


def passage(text, offset, *annotations, **more):
    """A passage; annotations are (id, type, offset, length, text)."""
    return {
        "offset": offset,
        "text": text,
        "annotations": [
            {
                "id": id_,
                "infons": {"type": type_},
                "text": mention,
                "locations": [{"offset": start, "length": length}],
            }
            for id_, type_, start, length, mention in annotations
        ],
        **more,
    }


def relation(label, *nodes, **infons):
    return {
        "id": "R",
        "infons": {"type": label, **infons},
        "nodes": [{"refid": id_, "role": role} for id_, role in nodes],
    }


def write(tmp_path, *passages, relations=(), **more):
    document = {"id": "7", "passages": list(passages), "relations": list(relations)}
    return write_json(tmp_path / "a.json", {"documents": [{**document, **more}]})


GENES = passage(
    "A binds B and C.",
    0,
    *((x, "Gene", "A binds B and C".find(x), 1, x) for x in "ABC"),
)


def test_reads_xml():
    assert find_format(XML) is FORMATS["bioc"]
    docs, report = read(XML)
    assert report.problems == []
    assert docs[0].text == (
        "Aspirin in β-thalassemia. Mild and severe anemia followed.  No other drug did."
    )
    assert spans(docs[0]) == [
        ("Aspirin", "Chemical"),
        ("β-thalassemia", "Disease"),
        ("Mild and severe anemia", "Disease"),
        ("severe anemia", "Disease"),
    ]
    assert docs[0].spans["entities"][0].kb_id_ == "MESH:D001241"
    assert set(triples(docs[0])) == {
        # roles say which is the head, whatever stands first
        ("severe anemia", "SEVERER", "Mild and severe anemia"),
        ("Aspirin", "TREATS", "β-thalassemia"),
        # two ends of the same role have no direction
        ("β-thalassemia", "SEEN_WITH", "severe anemia"),
        ("severe anemia", "SEEN_WITH", "β-thalassemia"),
    }
    assert report.repaired["texts of annotations in ASCII only: not compared"] == 1
    source = docs[0].user_data["rel_component_source"]
    assert (source["line"], source["id"]) == (7, "17")
    assert [doc.text for doc in docs[1:]] == ["Nothing here."]


def test_json_and_xml_are_the_same(tmp_path):
    """Each sentence on its own, and the reader's own way from XML to JSON."""
    from rel_component.formats.tools.bioc import _to_object
    from rel_component.formats.xml_stream import iter_elements

    documents = [_to_object(node) for node in iter_elements(XML, "document")]
    for indent in (None, 1):
        path = tmp_path / "a.json"
        path.write_text(json.dumps({"documents": documents}, indent=indent))
        docs, report = read(path)
        assert report.problems == []
        for doc, other in zip(docs, read(XML)[0], strict=True):
            assert doc.text == other.text and triples(doc) == triples(other)
    # or a document per line
    path.write_text("\n".join(map(json.dumps, documents)))
    assert [doc.text for doc in read(path)[0]] == [doc.text for doc in docs]


@pytest.mark.parametrize(
    "mentions, expected",
    [
        ("first", [("Drug A", "Positive", "disease B")]),
        ("nearest", [("Drug A", "Positive", "disease B")]),
        (
            "all",
            [
                ("Drug A", "Positive", "disease B"),
                ("Drug A", "Positive", "B"),
                ("Drug A", "Positive", "disease B"),
                ("Drug A", "Positive", "B"),
            ],
        ),
    ],
)
def test_relations_between_concepts(mentions, expected):
    (doc,), report = read(JSON, mentions=mentions)
    assert report.problems == []
    assert triples(doc) == expected
    data = get_relation_data(doc)
    assert data["complete"] is (mentions == "all")


def test_other_mentions_of_related_concepts_are_unannotated():
    (record,) = FORMATS["bioc"].read(JSON, Options(), Report())
    texts = {entity.id: entity.text for entity in record.entities}
    pairs = {(texts[head], texts[tail]) for head, tail in record.negatives}
    # D1 is not related to D3 or D4; nobody knows of mice, which have no concept
    assert ("Drug A", "C") in pairs and ("C", "B") in pairs
    assert not {("Drug A", "B"), ("B", "Drug A"), ("Drug A", "mice")} & pairs


def test_units_of_offsets(tmp_path):
    text = "Äthanol 😊 hilft. "
    for encoding, width in (("utf8", 1), ("utf-16-le", 2), ("utf-32-le", 4)):

        def size(part, encoding=encoding, width=width):
            return len(part.encode(encoding)) // width

        start = size(text)
        path = write(
            tmp_path,
            passage(text, 0, ("1", "X", size("Äthanol 😊 "), 5, "hilft")),
            passage(
                "Nicht µ-Opioid.",
                start,
                ("2", "Y", start + 6, size("µ-Opioid"), "µ-Opioid"),
            ),
            relations=[relation("R", ("1", ""), ("2", ""))],
        )
        (doc,), report = read(path)
        assert report.problems == []
        assert triples(doc) == [("hilft", "R", "µ-Opioid")]
        assert doc.text == text + "Nicht µ-Opioid."
        units = {
            "utf8": "offsets in UTF-8 bytes",
            "utf-16-le": "offsets in UTF-16 units",
        }
        assert report.repaired[units.get(encoding, "")] == 2 * (encoding in units)


def test_overlapping_and_distant_passages(tmp_path):
    path = write(
        tmp_path,
        passage("One.", 5, ("1", "X", 5, 3, "One")),
        passage("Two.", 8, ("2", "X", 8, 3, "Two")),
        passage("Three.", 10**15, ("3", "X", 10**15, 5, "Three")),
    )
    (doc,), report = read(path)
    assert doc.text == "One. Two. Three." and report.problems == []
    assert spans(doc) == [("One", "X"), ("Two", "X"), ("Three", "X")]
    overlaps = "passages that overlap by their offsets: put one after another"
    assert report.repaired[overlaps] == 1


def test_annotations_of_the_document_or_of_two_passages(tmp_path):
    both = passage("", 0, ("1", "X", 4, 3, "one"), ("2", "Y", 4, 7, "one two"))
    passages = [passage("The one", 0), passage("two", 8)]
    path = write(tmp_path, *passages, annotations=both["annotations"])
    (doc,), report = read(path)
    assert report.problems == []
    assert spans(doc) == [("one", "X"), ("one two", "Y")]


def test_relations_of_more_than_two(tmp_path):
    three = relation("BINDS", ("A", "x"), ("B", "y"), ("C", "z"))
    path = write(tmp_path, GENES, relations=[three])
    _, report = read(path)
    assert report.problems == [
        f"{path} doc 0 (id 7, relations[0].nodes): found 3 nodes, expected two; "
        f"--n-ary pairs relates every two of them, --n-ary drop leaves such relations "
        f"out; relation 'BINDS' not converted."
    ]
    (doc,), report = read(path, n_ary="pairs")
    assert triples(doc) == [
        ("A", "BINDS", "B"),
        ("A", "BINDS", "C"),
        ("B", "BINDS", "C"),
    ]
    assert report.n_read["relations"] == 3
    (doc,), report = read(path, n_ary="drop")
    assert triples(doc) == [] and report.problems == []
    assert report.n_skipped["relations"] == {"more than two entities": 1}


def test_roles_keep_the_order_of_the_first_relation(tmp_path):
    relations = [
        relation("R", ("A", "agent"), ("B", "theme")),
        relation("R", ("C", "theme"), ("B", "agent")),
        relation("S", ("C", "theme"), ("B", "agent")),
        relation("R", ("B", "Arg2"), ("C", "Arg1")),
    ]
    (doc,), _ = read(write(tmp_path, GENES, relations=relations))
    assert set(triples(doc)) == {
        ("A", "R", "B"),
        ("B", "R", "C"),
        ("C", "S", "B"),
        ("C", "R", "B"),
    }


def test_ids_that_restart_in_each_passage(tmp_path):
    link = [relation("R", ("1", ""), ("2", ""))]
    path = write(
        tmp_path,
        passage(
            "A B.", 0, ("1", "X", 0, 1, "A"), ("2", "X", 2, 1, "B"), relations=link
        ),
        passage(
            "C D.", 5, ("1", "X", 5, 1, "C"), ("2", "X", 7, 1, "D"), relations=link
        ),
        relations=link,
    )
    (doc,), report = read(path)
    assert triples(doc) == [("A", "R", "B"), ("C", "R", "D")]
    (problem,) = report.problems
    assert "relations[0].nodes[0].refid): 2 annotations have the id '1'" in problem


def test_labels_from_other_infons(tmp_path):
    path = tmp_path / "a.xml"
    text = re.sub(r'key="type">(?=[A-Z])', 'key="kind">', XML.read_text())
    path.write_text(text)
    _, report = read(path)
    assert report.n_lost == {"entities": 4, "relations": 3}
    assert report.problems[0] == (
        f"{path}:14 passages[0].annotations[0].infons: found the keys 'kind', "
        f"'identifier', expected 'type', which holds the label; --label-feature KEY "
        f"names another; entity not converted."
    )
    docs, report = read(path, label_features=("kind",))
    assert report.problems == [] and len(triples(docs[0])) == 4


def test_relations_without_label(tmp_path):
    link = relation("R", ("A", ""), ("B", ""))
    link["infons"] = {}
    path = write(tmp_path, GENES, relations=[link])
    _, report = read(path)
    assert "relations[0].infons): found none, expected 'type'" in report.problems[0]
    (doc,), report = read(path, default_label="LINK")
    assert triples(doc) == [("A", "LINK", "B")] and report.problems == []


def annotation(**changes):
    value = passage("", 0, ("1", "X", 0, 1, "A"))["annotations"][0]
    return {**value, **changes}


@pytest.mark.parametrize(
    "value, found",
    [
        (5, "annotations[0]): found 5, expected an object"),
        (annotation(infons=[]), "infons): found [], expected an object or null"),
        (annotation(infons={"type": " "}), "infons.type): found ' ', expected a name"),
        (annotation(infons={"type": 5}), "infons.type): found 5, expected a string"),
        (annotation(text=5), "text): found 5, expected a string"),
        (annotation(locations=[]), "locations): found none, expected offset, length"),
        (annotation(locations=5), "locations): found 5, expected a list"),
        (annotation(locations=[{"offset": "x", "length": 1}]), "found 'x', expected a"),
        (annotation(locations=[{"offset": 0}]), "locations[0].length): missing"),
        (annotation(locations=[{"offset": 0, "length": -1}]), "0--1 are empty"),
        (annotation(locations=[{"offset": 0, "length": 0}]), "0-0 are empty"),
        (annotation(locations=[{"offset": 20, "length": 1}]), "20-21 are outside the "),
        (annotation(locations=[{"offset": -1, "length": 1}]), "-1-0 are outside the "),
        (
            annotation(locations=[{"offset": 10**20, "length": 1}]),
            "are outside the pas",
        ),
        (annotation(text="B"), "text 'B' is not the text at 0-1, 'A'"),
    ],
)
def test_bad_annotations(tmp_path, value, found):
    good = passage("A and B.", 0, ("2", "X", 6, 1, "B"))
    good["annotations"].insert(0, value)
    link = relation("R", ("1", ""), ("2", ""))
    path = write(tmp_path, good, relations=[link])
    (doc,), report = read(path)
    assert spans(doc) == [("B", "X")] and triples(doc) == []
    assert report.n_lost == {"entities": 1, "relations": 1}
    assert any(found in problem for problem in report.problems)


@pytest.mark.parametrize(
    "value, found",
    [
        (5, "relations[0]): found 5, expected an object"),
        (relation("R", ("A", "")), "nodes): found 1 node, expected two"),
        (
            relation("R"),
            "found no nodes, and 0 infons with the concept of an annotation",
        ),
        (relation("R", ("A", ""), ("Z", "")), "'Z' is not an annotation of this docum"),
        (relation("R", ("A", ""), ("R", "")), "'R' is a relation, expected an annotat"),
        (relation("R", ("A", ""), (None, "")), "refid): found null, expected a string"),
        (relation("R", ("A", ""), ("B", 5)), "role): found 5, expected a string"),
        ({"infons": {"type": "R"}, "nodes": {}}, "nodes): found {}, expected a list"),
    ],
)
def test_bad_relations(tmp_path, value, found):
    path = write(tmp_path, GENES, relations=[value])
    docs, report = read(path)
    assert len(docs) == 1 and report.n_lost == {"relations": 1}
    assert found in report.problems[0]


@pytest.mark.parametrize(
    "change, found",
    [
        ({"passages": None}, "passages): found none, expected the text in passages"),
        ({"passages": 5}, "passages): found 5, expected a list"),
        ({"passages": [5]}, "passages[0]): found 5, expected an object"),
        ({"passages": [{"text": 5}]}, "passages[0].text): found 5, expected a string"),
        ({"passages": [{"text": "A"}]}, "passages[0].offset): missing, expected a who"),
        ({"passages": [{"offset": "0", "text": "A"}]}, "offset): found '0', expected"),
        ({"relations": 5}, "relations): found 5, expected a list"),
        ({"infons": 5}, "infons): found 5, expected an object"),
    ],
)
def test_bad_documents(tmp_path, change, found):
    documents = [{**COLLECTION["documents"][0], **change}, *COLLECTION["documents"]]
    path = write_json(tmp_path / "a.json", {"documents": documents})
    docs, report = read(path)
    assert len(docs) == 1 and len(report.problems) == 1
    assert report.problems[0].startswith(f"{path} doc 0 (id 31, ")
    assert found in report.problems[0]
    lost = "relations" in change or "infons" in change
    assert report.n_lost["entities"] == 6 * lost


def test_repeated_elements_are_named(tmp_path):
    path = tmp_path / "a.xml"
    twice = "<text>Ann</text><text>Ann met Bob</text>"
    path.write_text(
        "<collection><document><id>1</id><passage><offset>0</offset>"
        f"{twice}</passage></document><document><id>2</id><passage><offset>0</offset>"
        f"{twice[:16]}<infon key='type'>a</infon><infon key='type'>a</infon></passage>"
        "</document></collection>"
    )
    docs, report = read(path)
    assert [doc.text for doc in docs] == ["Ann"]
    (problem,) = report.problems
    assert 'text: found ["Ann", "Ann met Bob"], expected a string' in problem


def test_elements_and_attributes_of_any_name(tmp_path):
    path = tmp_path / "a.xml"
    text = XML.read_text().replace("<passage>", '<passage annotations="x" infons="y">')
    text = text.replace("<document>", "<document><passages/><infons>z</infons>")
    path.write_text(text.replace('"T1"', '"007"'))
    docs, report = read(path)
    assert docs == [] and report.n_lost["documents"] == 2
    assert f"{path}:7 passages[1].annotations: found 'x'" in report.problems[0]
    path.write_text(XML.read_text().replace('"T1"', '"007"'))
    assert len(triples(read(path)[0][0])) == 4


def test_deep_nesting(tmp_path):
    value = {"passages": 5}
    for _ in range(450):
        value = {"passages": [value], "annotations": [1]}
    docs, report = read(write_json(tmp_path / "a.json", {"documents": [value]}))
    assert docs == [] and len(report.problems) == 1


def test_truncated_file(tmp_path):
    path = tmp_path / "a.xml"
    text = XML.read_text()
    path.write_text(text[: text.index("Nothing here")])
    docs, report = read(path)
    assert len(docs) == 1 and report.n_lost == {"documents": 1}
    assert f"{path}:70: not XML" in report.problems[0]
    assert "The file ends in the middle of it." in report.problems[0]


@pytest.mark.parametrize(
    "begin", ["", "<collection>", "<collection><source>x</source>", "<collection/>"]
)
def test_without_documents(tmp_path, begin):
    path = tmp_path / "a.xml"
    path.write_text(begin)
    docs, report = read(path)
    assert docs == []
    assert report.problems or begin == "<collection/>"


def test_xml_entities_are_rejected(tmp_path):
    """A billion laughs: ten names, each ten times the one before."""
    names = [f'<!ENTITY x{i + 1} "{f"&x{i};" * 10}">' for i in range(9)]
    bomb = '<!DOCTYPE collection [<!ENTITY x0 "ha">' + "".join(names) + "]>"
    path = tmp_path / "a.xml"
    path.write_text(
        f"{bomb}<collection><document><id>&x9;</id></document></collection>"
    )
    docs, report = read(path)
    assert docs == []
    assert f"{path}:1: found the declaration of the entity 'x0'" in report.problems[0]


@for_seeds(300, readable=0.3)
def test_mutated_xml(tmp_path, rng):
    path = tmp_path / "a.xml"
    if rng.randrange(3):
        path.write_bytes(damage_xml(XML.read_text(), rng))
    else:
        path.write_bytes(damage_text(XML.read_text(), rng, PIECES))
    return read_as("bioc", path, n_ary=rng.choice(["error", "pairs", "drop"]))[0]


@for_seeds(300, readable=0.3)
def test_mutated_json(tmp_path, rng):
    path = write_json(tmp_path / "a.json", damage(COLLECTION, rng))
    return read_as("bioc", path, mentions=rng.choice(["first", "all"]))[0]


def test_direction_is_the_same_in_all_files(tmp_path):
    """BioC often has one document per file."""
    paths, report = [], Report()
    for name, roles in (("a", ("Cause", "Effect")), ("b", ("Effect", "Cause"))):
        marks = (("1", "P", 0, 4, "Anna"), ("2", "P", 9, 3, "Bob"))
        relation = {
            "id": "R",
            "infons": {"type": "KNOWS"},
            "nodes": [{"refid": i, "role": r} for i, r in zip("12", roles)],
        }
        part = {**passage("Anna met Bob", 0, *marks), "relations": [relation]}
        document = {"id": name, "passages": [part]}
        paths.append(write_json(tmp_path / f"{name}.json", {"documents": [document]}))
    docs = list(iter_docs(paths, Options(), report))
    assert report.problems == []
    assert [triples(doc) for doc in docs] == [
        [("Anna", "KNOWS", "Bob")],
        [("Bob", "KNOWS", "Anna")],
    ]

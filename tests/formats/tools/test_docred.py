import json
import shutil
from pathlib import Path

import pytest

from rel_component import get_relations
from rel_component.formats import FORMATS, Options, Report, find_format, read_records
from rel_component.relations import get_relation_data
from tests.paths import DATA

from ..mutate import damage, damage_bytes, for_seeds
from ..util import read, read_as, write_json

SMALL = DATA / "docred"
VALUES = json.loads((SMALL / "small.json").read_text())
DOCUMENT = VALUES[0]


def links(doc):
    """Relations with the token that their ends begin at: texts may repeat."""
    return [
        (r.head.text, r.head.start, r.label, r.tail.text, r.tail.start)
        for r in get_relations(doc)
    ]


LOVELACE = ("Lovelace", 6)
ADA = ("Ada Lovelace", 0)
LONDON = ("London", 4)
KING = ("William King", 8)


def test_reads_documents():
    for name in ("small", "broken"):
        assert find_format(SMALL / f"{name}.json") is FORMATS["docred"]
    docs, report = read(SMALL / "small.json")
    assert report.problems == [] and not report.repaired
    words = [word for sentence in DOCUMENT["sents"] for word in sentence]
    assert [token.text for token in docs[0] if not token.is_space] == [
        word for word in words if word != " "
    ]
    assert [sent.text.split()[0] for sent in docs[0].sents] == [
        "Ada",
        "Lovelace",
        "London",
    ]
    assert [(ent.text, ent.label_) for ent in docs[0].ents] == [
        ("Ada Lovelace", "PER"),
        ("London", "LOC"),
        ("Lovelace", "PER"),
        ("William King", "PER"),
        ("London", "LOC"),
    ]
    assert links(docs[1]) == []
    source = docs[0].user_data["rel_component_source"]
    assert (source["index"], source["id"]) == (0, "Ada")
    assert report.notes["further mentions of an entity"] == 2


FACTS = {
    "first": [
        (*ADA, "residence", *LONDON),
        (*ADA, "spouse", *KING),
        (*KING, "spouse", *ADA),
        (*LONDON, "P999", *ADA),
    ],
    "nearest": [
        (*LOVELACE, "residence", *LONDON),
        (*LOVELACE, "spouse", *KING),
        (*KING, "spouse", *LOVELACE),
        (*LONDON, "P999", *LOVELACE),
    ],
    # where there is no evidence, the first mentions
    "evidence": [
        (*ADA, "residence", *LONDON),
        (*LOVELACE, "spouse", *KING),
        (*KING, "spouse", *ADA),
        (*LONDON, "P999", *ADA),
    ],
}


@pytest.mark.parametrize("policy", FACTS)
def test_related_mentions(policy):
    docs, report = read(SMALL / "small.json", mentions=policy)
    assert links(docs[0]) == FACTS[policy]
    assert report.notes[f"relations between entities: {policy} mentions"] == 4


def test_all_mentions():
    docs, report = read(SMALL / "small.json", mentions="all")
    found = links(docs[0])
    assert len(found) == report.n_read["relations"] == 2 * 2 + 2 + 2 + 2 * 2
    assert {link[1] for link in found if link[2] == "residence"} == {0, 6}
    assert {link[0] for link in found if link[2] == "P999"} == {"London"}
    assert len(set(found)) == 12
    assert get_relation_data(docs[0]).complete is True


def test_unrelated_pairs():
    (record, _) = read_records(SMALL / "small.json", Options(), Report())
    place = {entity.id: entity.fragments[0][0] for entity in record.entities}
    negatives = {(place[head], place[tail]) for head, tail in record.negatives}
    assert not record.complete
    ada, lovelace = 0, 31
    london, king = 22, 48
    # related in one direction is unrelated in the other, for all mentions
    assert (king, london) in negatives and (london, king) in negatives
    # of other mentions of related entities nothing is known
    assert (lovelace, london) not in negatives and (ada, london) not in negatives
    assert (london, ada) not in negatives and (lovelace, king) not in negatives
    (record, _) = read_records(SMALL / "small.json", Options(complete=False), Report())
    assert not record.complete and not record.negatives


def test_one_direction_is_negative_unless_directions_do_not_count(tmp_path):
    value = {**DOCUMENT, "labels": DOCUMENT["labels"][:1]}
    path = write_json(tmp_path / "a.json", [value])

    def n_negatives(**options):
        (record,) = read_records(path, Options(**options), Report())
        return len(record.negatives)

    # 5 mentions; 2 x 2 pairs of the related entities, one way or both
    assert n_negatives() == 20 - 4
    assert n_negatives(symmetric=("P551",)) == 20 - 8


def test_labels_without_names_stay_as_they_are(tmp_path):
    path = tmp_path / "small.json"
    shutil.copy(SMALL / "small.json", path)
    docs, report = read(path)
    assert [link[2] for link in links(docs[0])] == ["P551", "P26", "P26", "P999"]
    assert not any("rel_info" in note for note in report.notes)
    docs, report = read(path, types=SMALL / "rel_info.json")
    assert [link[2] for link in links(docs[0])][-2:] == ["spouse", "P999"]
    assert report.notes["relations named in rel_info.json"] == 3
    assert report.notes["relations not in rel_info.json"] == 1


@pytest.mark.parametrize(
    "names,problem",
    [
        ("", "the file is empty"),
        ("{", "not JSON"),
        ("[]", "the names: found [], expected an object"),
        ('{"P26": 5}', "P26: found 5, expected a string"),
        ('{"P26": ""}', "P26: found '', expected a name"),
    ],
)
def test_invalid_names(tmp_path, names, problem):
    path = write_json(tmp_path / "a.json", VALUES)
    (tmp_path / "rel_info.json").write_text(names)
    docs, report = read(path)
    assert len(docs) == 2 and links(docs[0])[0][2] == "P551"
    (found,) = report.problems
    assert found.startswith(f"{tmp_path / 'rel_info.json'}") and problem in found
    _, report = read(path, types=Path("nothing.json"))
    assert report.problems[0].startswith("nothing.json: can't be read")


def test_every_bad_item_is_named():
    path = SMALL / "broken.json"
    docs, report = read(path)
    ada = "doc 0 (id Ada, "
    expected = [
        f"{ada}vertexSet[0][1].sent_id): found 2, expected an index into the 2 sentenc",
        f"{ada}vertexSet[0][2].sent_id): found -1, expected an index into the 2",
        f"{ada}vertexSet[1][0].pos): found words 3 to 6, expected 0 <= start < end <= "
        "5, the words of sentence 0, end being the word after the last one; entity",
        f"{ada}vertexSet[3][1].pos): found [0], expected [start, end]; entity not",
        f"{ada}vertexSet[3][2].type): missing, expected a string",
        f"{ada}vertexSet[3][3]): found 7, expected an object",
        f"{ada}labels[0].t): vertexSet[1] has no mention that can be read; relation",
        f"{ada}labels[2].t): 9 is not an entity of this document, expected an index "
        "into its 5 entities, from 0; relation 'P551' not converted.",
        f"{ada}labels[3].h): -1 is not an entity of this document",
        f"{ada}labels[4].r): missing, expected a string",
        f"{ada}labels[5].t): vertexSet[4] has no mention that can be read",
        f"{ada}labels[7]): found 'P26', expected an object; relation not",
        f"{ada}vertexSet[2][0]): name 'London' is not the text at 10-12, 'in'",
        f"{ada}labels[1]): its tail vertexSet[2][0] was not converted",
        "doc 1 (id no labels, labels): missing, expected a list",
        "doc 2 (id flat, vertexSet[0]): found {",
    ]
    assert len(report.problems) == len(expected)
    for problem, beginning in zip(report.problems, expected):
        assert problem.startswith(f"{path} {beginning}"), problem
    assert [link[:3] for link in links(docs[0])] == [("Ada", 0, "spouse")]
    name = "names that say more or less than their words: the words are taken"
    assert report.repaired == {name: 1}
    assert report.n_lost == {"documents": 2, "entities": 8, "relations": 9}


def test_the_test_set_has_no_labels(tmp_path):
    value = {k: v for k, v in DOCUMENT.items() if k != "labels"}
    path = write_json(tmp_path / "a.json", [value])
    docs, report = read(path)
    assert docs == [] and "--entities-only" in report.problems[0]
    docs, report = read(path, entities_only=True)
    assert report.problems == [] and len(docs[0].ents) == 5
    assert get_relation_data(docs[0]).complete is False


@pytest.mark.parametrize(
    "evidence,problem",
    [
        (["0"], "labels[0].evidence[0]: found '0', expected a whole number"),
        ([0, 3], "labels[0].evidence[1]: found 3, expected an index into the 3"),
        (0, "labels[0].evidence: found 0, expected a list"),
    ],
)
def test_evidence_matters_only_where_it_is_used(tmp_path, evidence, problem):
    value = {**DOCUMENT, "labels": [{"h": 0, "t": 1, "r": "P1", "evidence": evidence}]}
    path = write_json(tmp_path / "a.json", [value])
    assert read(path)[1].problems == []
    docs, report = read(path, mentions="evidence")
    assert problem.replace(":", "):", 1) in report.problems[0] and len(docs) == 1


@for_seeds(200)
def test_damaged_files(tmp_path, rng):
    path = tmp_path / "a.json"
    if rng.randrange(4):
        path.write_text(json.dumps(damage([DOCUMENT, *VALUES], rng)))
    else:
        path.write_bytes(damage_bytes([VALUES], rng))
    # both assert that everything is accounted for
    read(path)
    policy = rng.choice(["first", "nearest", "all", "evidence"])
    read_as("docred", path, mentions=policy, entities_only=rng.random() < 0.5)

import json

import pytest

from rel_component import get_relations
from rel_component.formats import FORMATS, Options, Report, find_format, read_records
from rel_component.relations import get_relation_data

from ..mutate import damage, damage_bytes, for_seeds
from ..util import entities, read, read_as, triples, write_json

WORDS = "Ada Lovelace met Charles Babbage in London .".split()


def item(**changes):
    """Ada Lovelace met Charles Babbage."""
    value = {
        "id": "i1",
        "docid": "d1",
        "relation": "per:met",
        "token": WORDS,
        "subj_start": 0,
        "subj_end": 1,
        "subj_type": "PERSON",
        "obj_start": 3,
        "obj_end": 4,
        "obj_type": "PERSON",
        "stanford_pos": ["NNP"] * 8,
    }
    value.update(changes)
    return {key: value for key, value in value.items() if value is not item}


LONDON = {"obj_start": 6, "obj_end": 6, "obj_type": "CITY", "id": "i2"}
ITEMS = [
    item(),
    item(**LONDON, relation="no_relation"),
    item(
        id="i3",
        docid="d2",
        token=["-LRB-", "Acme", "-RRB-", "is", "in", "Rome"],
        relation="org:city",
        subj_start=5,
        subj_end=5,
        subj_type="CITY",
        obj_start=1,
        obj_end=1,
        obj_type="ORG",
    ),
]
MET = ("Ada Lovelace", "per:met", "Charles Babbage")
NONE = ("Ada Lovelace", "no_relation", "London")


def test_reads_items(tmp_path):
    path = write_json(tmp_path / "a.json", ITEMS)
    assert find_format(path) is FORMATS["tacred"]
    docs, report = read(path)
    assert report.problems == []
    assert [token.text for token in docs[0]] == WORDS
    assert entities(docs[0]) == [
        ("Ada Lovelace", "PERSON"),
        ("Charles Babbage", "PERSON"),
    ]
    # the subject is the head, wherever it stands
    assert [triples(doc) for doc in docs] == [
        [MET],
        [NONE],
        [("Rome", "org:city", "Acme")],
    ]
    sources = [doc.user_data["rel_component_source"] for doc in docs]
    assert [source["id"] for source in sources] == ["i1", "i2", "i3"]
    assert [source["group"] for source in sources] == ["d1", "d1", "d2"]
    # nobody looked at other pairs
    assert not any(get_relation_data(doc).complete for doc in docs)
    assert any("--null-label no_relation" in hint for hint in report.hints)
    assert (
        report.hints[
            "sentences are repeated with other pairs of entities; use "
            "--merge-pairs to combine the pairs of a sentence in one document"
        ]
        == 1
    )


def test_no_relation_is_a_pair_without_one(tmp_path):
    path = write_json(tmp_path / "a.json", ITEMS)
    docs, report = read(path, null_labels=("no_relation",))
    assert [len(get_relations(doc)) for doc in docs] == [1, 0, 1]
    assert [len(get_relation_data(doc).pairs) for doc in docs] == [1, 1, 1]
    assert not any("no_relation" in hint for hint in report.hints)


def test_pairs_of_a_sentence_are_merged(tmp_path):
    other = item(id="i4", docid="d9")
    path = write_json(tmp_path / "a.json", [*ITEMS, other, item(id="i5")])
    docs, report = read(path, merge_pairs=True)
    assert triples(docs[0]) == [MET, NONE]
    assert len(docs) == 3 and len(docs[0].ents) == 3
    assert report.n_merged["documents"] == {"pairs of one sentence": 2}
    assert report.n_merged["entities"] == {"exact duplicates": 3}
    assert report.n_merged["relations"] == {"exact duplicates": 1}
    assert not any("--merge-pairs" in hint for hint in report.hints)


def test_merged_pairs_are_named_by_their_item(tmp_path):
    path = write_json(tmp_path / "a.json", [item(), item(**LONDON)])
    options = Options(merge_pairs=True)
    (record,) = read_records(path, options, Report())
    assert record.place(record.entities[3]) == f"{path} doc 1 (id i2, obj_start)"
    assert record.place(record.relations[1]) == f"{path} doc 1 (id i2, relation)"


@pytest.mark.parametrize(
    "changes,problem,n_relations",
    [
        ({"subj_start": -1}, "subj_start): found words -1 to 1, expected 0 <= su", 0),
        ({"subj_start": 2}, "subj_start): found words 2 to 1", 0),
        (
            {"obj_end": 8},
            "obj_start): found words 3 to 8, expected 0 <= obj_start <= ",
            0,
        ),
        ({"obj_end": "4"}, "obj_end): found '4', expected a whole number", 0),
        ({"obj_end": item}, "obj_end): missing", 0),
        ({"obj_type": None}, "obj_type): found null", 0),
        ({"relation": None}, "relation): found null, expected a string", 0),
        ({"relation": item}, "relation): missing", 0),
        ({"relation": " "}, "relation): found ' ', expected a name", 0),
        ({"token": "Ada"}, "token): found 'Ada', expected a list", None),
        ({"token": []}, "token): found an empty list", None),
        ({"token": ["Ada", ""]}, "token[1]): found '', expected a word", None),
        ({"token": item}, "token): missing", None),
    ],
)
def test_wrong_fields_are_named(tmp_path, changes, problem, n_relations):
    path = write_json(tmp_path / "a.json", [ITEMS[2], item(**changes)])
    docs, report = read(path)
    assert report.problems[0].startswith(f"{path} doc 1 (id i1, {problem}")
    assert report.n_lost["relations"] == 1
    if n_relations is None:
        assert len(docs) == 1 and report.n_lost["entities"] == 2
    else:
        assert len(docs) == 2 and triples(docs[1]) == []


def test_a_lost_entity_takes_its_relation_along(tmp_path):
    path = write_json(tmp_path / "a.json", [item(subj_start=9)])
    docs, report = read(path)
    assert entities(docs[0]) == [("Charles Babbage", "PERSON")]
    assert report.problems[1] == (
        f"{path} doc 0 (id i1, relation): 'subj' was not converted, see subj_start; "
        f"relation 'per:met' not converted."
    )


def test_items_without_a_relation(tmp_path):
    path = write_json(tmp_path / "a.json", [item(relation=item), item()])
    docs, report = read(path, entities_only=True)
    assert report.problems == [] and [triples(doc) for doc in docs] == [[], [MET]]
    assert report.notes["items without a relation"] == 1


@for_seeds(150)
def test_damaged_files(tmp_path, rng):
    path = tmp_path / "a.json"
    if rng.randrange(4):
        path.write_text(json.dumps(damage(ITEMS, rng)))
    else:
        path.write_bytes(damage_bytes([ITEMS], rng))
    # both assert that everything is accounted for
    read(path)
    options = {"merge_pairs": rng.random() < 0.5, "entities_only": rng.random() < 0.5}
    read_as("tacred", path, **options)

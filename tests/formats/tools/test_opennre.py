import json

import pytest

from rel_component.formats import FORMATS, find_format
from rel_component.formats.tools.opennre import INCLUSIVE
from rel_component.relations import get_relation_data
from tests.paths import DATA

from ..mutate import damage, damage_bytes, for_seeds
from ..util import entities, read, read_as, triples, write_json, write_lines

OPENNRE = DATA / "opennre" / "small.txt"
FEWREL = DATA / "opennre" / "fewrel.json"
ITEMS = [json.loads(line) for line in OPENNRE.read_text("utf8").splitlines()]
LISTS = json.loads(FEWREL.read_text("utf8"))
LIVED = [("Ada Lovelace", "residence", "London")]


def test_reads_characters_and_words():
    assert find_format(OPENNRE) is FORMATS["opennre"]
    docs, report = read(OPENNRE)
    assert report.problems == []
    # the head is `h`, wherever it stands
    met = [("Charles Babbage", "acquaintance", "Ada Lovelace")]
    assert [triples(doc) for doc in docs] == [LIVED, LIVED, met]
    assert docs[0].spans["entities"][0].kb_id_ == "Q1"
    assert [token.text for token in docs[2]] == ITEMS[2]["token"]
    assert not any(get_relation_data(doc).complete for doc in docs)


def test_inclusive_ends_are_detected_from_names():
    """As in the people-relation data set of OpenNRE."""
    _, report = read(OPENNRE)
    assert report.repaired == {INCLUSIVE: 2}


def test_other_names_are_ignored(tmp_path):
    item = {**ITEMS[1], "h": {"name": "Lady Lovelace", "pos": [0, 1]}}
    docs, report = read(write_lines(tmp_path / "a.txt", [item]))
    assert entities(docs[0])[0] == ("Ada", "ENT")
    assert not report.repaired


def test_single_word_with_inclusive_end(tmp_path):
    item = {**ITEMS[1], "t": {"name": "London", "pos": [4, 4]}}
    docs, report = read(write_lines(tmp_path / "a.txt", [item]))
    assert triples(docs[0]) == LIVED and report.repaired == {INCLUSIVE: 1}


def test_reads_fewrel():
    assert find_format(FEWREL) is FORMATS["opennre"]
    docs, report = read(FEWREL)
    assert report.problems == []
    assert [triples(doc) for doc in docs] == [
        [("Ada Lovelace", "P551", "London")],
        [("Notes", "P50", "Ada")],
        [("Sketch and more Notes", "P50", "Ada")],
    ]
    assert report.n_read["documents"] == 3
    assert report.notes["further mentions of an entity"] == 2
    assert [ent.kb_id_ for ent in docs[0].spans["entities"]] == ["Q1", "Q2"]


def test_related_mentions_of_fewrel():
    docs, _ = read(FEWREL, mentions="all")
    assert len(triples(docs[1])) == 4
    docs, _ = read(FEWREL, mentions="nearest")
    assert len(triples(docs[1])) == 1


def test_words_of_fewrel_with_a_gap_are_pieces():
    docs, _ = read(FEWREL, discontinuous="first")
    assert triples(docs[2]) == [("Sketch", "P50", "Ada")]


def test_pairs_of_a_sentence_are_merged():
    docs, report = read(OPENNRE, merge_pairs=True)
    assert len(docs) == 2
    assert report.n_merged["documents"] == {"pairs of one sentence": 1}
    _, report = read(OPENNRE)
    assert any("--merge-pairs to combine" in hint for hint in report.hints)


def test_types_and_items_without_a_relation(tmp_path):
    item = {**ITEMS[0], "t": {**ITEMS[0]["t"], "type": "CITY"}}
    del item["relation"]
    path = write_lines(tmp_path / "a.txt", [item])
    docs, report = read(path, entity_label="PER")
    assert entities(docs[0]) == [("Ada Lovelace", "PER"), ("London", "CITY")]
    assert report.problems == [
        f"{path}:1 relation: missing, expected a label; if pairs are not labelled, "
        f"use --entities-only to read their entities; relation not converted."
    ]
    _, report = read(path, entities_only=True)
    assert report.problems == []


@pytest.mark.parametrize(
    "side, problem",
    [
        ({"pos": [3, 99]}, "h.pos: found characters 3 to 99, expected 0 "),
        ({"name": "x", "pos": [3, 3]}, "h.pos: found characters 3 to 3"),
        ({"name": "x", "pos": [-1, 3]}, "h.pos: found characters -1 to 3"),
        ({"name": "x", "pos": [1]}, "h.pos: found [1], expected [start, end]"),
        ({"name": "x", "pos": [1, "2"]}, "h.pos[1]: found '2', expected a whole num"),
        ({"name": "x"}, "h.pos: missing"),
        ("Ada", "h: found 'Ada', expected an object or a list"),
        (["Ada", "Q1"], 'h: found ["Ada", "Q1"], expected [name, id, [[word'),
        (["Ada", "Q1", [[]]], "h[2][0]: found [], expected words from 0"),
        (["Ada", "Q1", [[99]]], "h[2][0]: found [99], expected words from 0"),
    ],
)
def test_wrong_ends_are_named(tmp_path, side, problem):
    path = write_lines(tmp_path / "a.txt", [{**ITEMS[0], "h": side}, ITEMS[0]])
    docs, report = read(path)
    assert report.problems[0].startswith(f"{path}:1 {problem}")
    assert "'h' was not converted, see h; relation 'residence'" in report.problems[1]
    assert [triples(doc) for doc in docs] == [[], LIVED]


@pytest.mark.parametrize(
    "pos, problem",
    [
        ([3, 99], "h: offsets 3-99 are outside the text"),
        ([0, 3], "h: name 'x' is not the text at 0-3, "),
    ],
)
def test_names_have_to_be_the_text(tmp_path, pos, problem):
    side = {"name": "x", "pos": pos}
    path = write_lines(tmp_path / "a.txt", [{**ITEMS[0], "h": side}, ITEMS[0]])
    _, report = read(path)
    assert report.problems[0].startswith(f"{path}:1 {problem}")
    assert "its head h was not converted; relation 'residence'" in report.problems[1]


def test_offsets_in_other_units_are_converted(tmp_path):
    text = "\U0001f600 Bob lives in Paris now"
    sides = {
        "h": {"name": "Bob", "pos": [3, 6]},
        "t": {"name": "Paris", "pos": [16, 21]},
    }
    row = {"text": text, **sides, "relation": "r"}
    (doc,), report = read(write_lines(tmp_path / "a.txt", [row]))
    assert [ent.text for ent in doc.ents] == ["Bob", "Paris"]
    assert report.problems == []


def test_wrong_items_of_fewrel_are_named_by_their_list(tmp_path):
    broken = {**LISTS["P551"][0], "tokens": "Ada"}
    path = write_json(tmp_path / "a.json", {"P50": LISTS["P50"], "P551": [broken, 7]})
    docs, report = read(path)
    assert len(docs) == 2 and report.n_lost["documents"] == 2
    assert report.problems == [
        f"{path} doc 2 (P551[0].tokens): found 'Ada', expected a list; document not "
        f"converted.",
        f"{path} doc 3 (P551[1]): found 7, expected an object; document not converted.",
    ]


@for_seeds(100, readable=0.3)
def test_damaged_files(tmp_path, rng):
    path = tmp_path / "a.json"
    if rng.random() < 0.5:
        path.write_text(json.dumps(damage(LISTS, rng)))
    elif rng.random() < 0.5:
        path.write_text("\n".join(json.dumps(damage(item, rng)) for item in ITEMS))
    else:
        path.write_bytes(damage_bytes(rng.choice([ITEMS, [LISTS]]), rng))
    options = {
        "merge_pairs": rng.random() < 0.5,
        "entities_only": rng.random() < 0.5,
        "mentions": rng.choice(["first", "nearest", "all", "evidence"]),
    }
    read(path)
    return read_as("opennre", path, **options)[0]

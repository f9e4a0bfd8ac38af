import json

import pytest

from rel_component.formats import FORMATS, find_format
from rel_component.formats.tools.triples import FOLDED, INSIDE, PARTS, SEVERAL, SLOTS
from rel_component.relations import get_relation_data
from tests.paths import DATA

from ..mutate import damage, damage_bytes, for_seeds
from ..util import entities, read, read_as, triples, write_json

FOLDER = DATA / "triples"
CASREL = json.loads((FOLDER / "casrel.json").read_text("utf8"))
TPLINKER = json.loads((FOLDER / "tplinker.json").read_text("utf8"))
LINES = [
    [json.loads(line) for line in (FOLDER / name).read_text("utf8").splitlines()]
    for name in ("nyt.json", "duie.json")
]


def casrel(tmp_path, text, *triple_list, **options):
    value = {"text": text, "triple_list": list(triple_list)}
    return read(write_json(tmp_path / "a.json", [value]), **options)


def places(doc):
    return [(span.start_char, span.text) for span in doc.spans["entities"]]


def test_all_variants_are_detected():
    for path in FOLDER.iterdir():
        assert find_format(path) is FORMATS["triples"]


def test_reads_casrel():
    docs, report = read(FOLDER / "casrel.json")
    assert [triples(doc) for doc in docs] == [
        [("Ada Lovelace", "lived_in", "London")],
        [("Ada", "wrote_to", "Bob"), ("Ada", "wrote_to", "Eve")],
        [("London Zoo", "in", "London")],
        [("Cancun", "in", "Mexico")],
    ]
    assert entities(docs[0]) == [("Ada Lovelace", "ENT"), ("London", "ENT")]
    assert report.notes[SEVERAL.format("first")] == 2
    assert report.notes[INSIDE] == 1 and report.notes[FOLDED] == 1
    assert report.problems == [
        f"{FOLDER / 'casrel.json'} doc 3 (triple_list[1].object): 'Peru' is not in the "
        f"text, expected a part of it; relation 'in' not converted."
    ]
    assert [get_relation_data(doc).complete for doc in docs] == [True] * 3 + [False]


def test_reads_nyt():
    docs, report = read(FOLDER / "nyt.json")
    assert report.problems == []
    assert triples(docs[0]) == [
        ("Ada Lovelace", "/people/person/place_lived", "London")
    ]
    # types, and entities without relations, stand apart
    assert entities(docs[0]) == [
        ("Ada Lovelace", "PERSON"),
        ("London", "LOCATION"),
        ("Anne", "PERSON"),
    ]
    assert report.n_read["entities"] == 3


def test_reads_duie():
    docs, report = read(FOLDER / "duie.json", lang="zh")
    assert report.problems == []
    assert [triples(doc) for doc in docs] == [
        [("艾达", "居住地", "伦敦"), ("艾达", "作品", "笔记")],
        [("艾达", "居住地", "伦敦")],
    ]
    assert entities(docs[0])[1] == ("伦敦", "地点")
    assert report.not_converted == {SLOTS: 1}
    # there are no blanks between its words
    assert PARTS not in report.notes


def test_reads_tplinker_with_its_offsets():
    docs, report = read(FOLDER / "tplinker.json")
    assert report.problems == [] and not report.notes.keys() & {SEVERAL.format("first")}
    assert places(docs[0]) == [(8, "Ada"), (15, "London")]
    assert entities(docs[0]) == [("Ada", "PER"), ("London", "LOC")]


def test_invalid_offsets_of_tplinker(tmp_path):
    value = json.loads(json.dumps(TPLINKER))
    value[0]["relation_list"][0]["subj_char_span"] = [9, 12]
    value[0]["entity_list"][1]["char_span"] = [15]
    docs, report = read(write_json(tmp_path / "a.json", value))
    assert len(report.problems) == 3 and triples(docs[0]) == []
    assert "(id t_0, entity_list[1].char_span): found [15], expec" in report.problems[0]


ADA = "Ada wrote to Bob and Ada wrote to Eve ."


@pytest.mark.parametrize(
    "occurrences, expected",
    [("first", [0]), ("all", [0, 21]), ("refuse", [])],
)
def test_mentions_that_occur_several_times(tmp_path, occurrences, expected):
    docs, report = casrel(
        tmp_path, ADA, ["Ada", "wrote_to", "Eve"], occurrences=occurrences
    )
    heads = [start for start, text in places(docs[0]) if text == "Ada"]
    assert heads == expected and len(triples(docs[0])) == len(expected)
    assert report.n_read["relations"] == max(1, len(expected))
    if occurrences == "refuse":
        assert "'Ada' occurs 2 times in the text (at 0-3, 21-24)" in report.problems[0]
        assert report.n_skipped["relations"] == {"ambiguous id": 1}
    else:
        assert report.notes[SEVERAL.format(occurrences)] == 1


def test_whole_words_are_preferred(tmp_path):
    docs, report = casrel(tmp_path, "Adam saw Ada", ["Ada", "x", "Adam"])
    assert places(docs[0]) == [(0, "Adam"), (9, "Ada")]
    docs, report = casrel(tmp_path, "Adam saw", ["Ada", "x", "saw"])
    assert triples(docs[0]) == [("Ada", "x", "saw")] and report.notes[PARTS] == 1


def test_all_pairs_but_no_mention_with_itself(tmp_path):
    docs, _ = casrel(tmp_path, "A sees A", ["A", "sees", "A"], occurrences="all")
    assert len(triples(docs[0])) == 2
    docs, report = casrel(tmp_path, "A sees", ["A", "sees", "A"])
    assert triples(docs[0]) == [("A", "sees", "A")] and report.problems == []


def test_repeated_mentions(tmp_path):
    value = {**LINES[0][0]}
    value["entityMentions"] = [*value["entityMentions"], value["entityMentions"][0]]
    docs, report = read(write_json(tmp_path / "a.json", [value]))
    assert report.n_merged["entities"] == {"mentions listed again": 1}
    assert len(entities(docs[0])) == 3


@pytest.mark.parametrize(
    "triple, problem",
    [
        (["Ada", "x"], 'triple_list[0]): found ["Ada", "x"], expected [subject, r'),
        (["Ada", "x", 5], "triple_list[0][2]): found 5, expected a string"),
        (["Ada", " ", "Bob"], "triple_list[0][1]): found ' ', expected a name"),
        ("Ada", "triple_list[0]): found 'Ada', expected a list"),
    ],
)
def test_wrong_triples_are_named(tmp_path, triple, problem):
    docs, report = casrel(tmp_path, ADA, triple, ["Ada", "wrote_to", "Eve"])
    assert report.problems[0].startswith(f"{tmp_path / 'a.json'} doc 0 ({problem}")
    assert len(triples(docs[0])) == 1 and len(report.problems) == 1


def test_documents_without_triples(tmp_path):
    path = write_json(tmp_path / "a.json", [CASREL[0], {"text": "Ada left ."}])
    docs, report = read(path)
    assert "doc 1 (triple_list): missing, expected a list" in report.problems[0]
    docs, report = read(path, entities_only=True)
    assert len(docs) == 2 and report.problems == []


@for_seeds(200, readable=0.3)
def test_damaged_files(tmp_path, rng):
    path = tmp_path / "a.json"
    values = rng.choice([CASREL, TPLINKER, *LINES])
    if rng.random() < 0.7:
        path.write_text(json.dumps(damage(values, rng)))
    else:
        path.write_bytes(damage_bytes(values, rng))
    read(path)
    occurrences = rng.choice(["first", "all", "refuse"])
    return read_as("triples", path, occurrences=occurrences)[0]

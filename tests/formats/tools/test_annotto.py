import copy
import json

import pytest

from rel_component.formats import FORMATS, find_format
from rel_component.relations import get_relation_data
from tests.paths import DATA

from ..mutate import damage, damage_bytes, for_seeds
from ..util import entities, read, triples, write_lines

PATH = DATA / "annotto" / "annotation.jsonlines"
LINES = [json.loads(line) for line in PATH.read_text().splitlines()]
NER = ("annotation", "ner")


def change(*keys, to):
    """The first line with one value changed, or left out."""
    value = copy.deepcopy(LINES[0])
    part = value
    for key in keys[:-1]:
        part = part[key]
    if to is change:
        del part[keys[-1]]
    else:
        part[keys[-1]] = to
    return value


def test_reads_items():
    assert find_format(PATH) is FORMATS["annotto"]
    docs, report = read(PATH, group_by="item.metadata.page")
    assert report.problems == [] and not report.repaired
    assert [doc.text for doc in docs] == ["Hier, Anna a vu Rome.", "Bonne nuit."]
    # of all tasks; ids are no positions
    assert entities(docs[0]) == [("Hier", "TIME"), ("Anna", "SUBJ"), ("Rome", "OBJ")]
    assert triples(docs[0]) == [("Anna", "SAW", "Rome"), ("Rome", "WHEN", "Hier")]
    source = docs[0].user_data["rel_component_source"]
    assert (source["line"], source["id"], source["group"]) == (1, "7", "3")
    assert all(get_relation_data(doc).complete for doc in docs)
    assert report.n_skipped["documents"] == {"not annotated": 2}
    assert report.not_converted == {
        "Annotto comments": 1,
        "Annotto earlier annotations": 2,
    }


def test_an_item_without_its_list_of_relations_is_not_complete(tmp_path):
    path = write_lines(tmp_path / "a.jsonl", [change(*NER, "relations", to=change)])
    _, report = read(path)
    assert f"{path}:1 annotation.ner.relations: missing" in report.problems[0]
    assert report.n_lost == {"documents": 1, "entities": 3}
    docs, report = read(path, entities_only=True)
    assert report.problems == [] and len(docs[0].ents) == 3
    assert get_relation_data(docs[0]).complete is False


FIRST = (*NER, "NER", "entities", 0)


@pytest.mark.parametrize(
    "keys,value,problem",
    [
        (("item",), None, "item: found null"),
        (("item", "data"), change, "item.data: missing"),
        (("item", "data", "text"), 5, "item.data.text: found 5"),
        (("annotation",), 5, "annotation: found 5"),
        (NER, [1], "annotation.ner: found [1]"),
        ((*NER, "NER"), 5, "annotation.ner.NER: found 5"),
        ((*NER, "NER", "entities"), 5, "annotation.ner.NER.entities: found 5"),
        (FIRST, 5, "annotation.ner.NER.entities[0]: found 5"),
        ((*FIRST, "ent_id"), change, "entities[0].ent_id: missing"),
        ((*FIRST, "ent_id"), 9, "ner.TIME.entities[0].ent_id: found '9' again"),
        ((*FIRST, "value"), None, "entities[0].value: found null"),
        ((*FIRST, "start_char"), -3, "entities[0]: offsets -3-20 are outside"),
        (
            (*FIRST, "start_char"),
            "3",
            "relations[0].dest: 4 was not converted, see annotation.ner.NER.entities[0",
        ),
        ((*NER, "relations"), 5, "annotation.ner.relations: found 5"),
        ((*NER, "relations", 0), 5, "annotation.ner.relations[0]: found 5"),
        ((*NER, "relations", 0, "label"), " ", "relations[0].label: found ' '"),
        (
            (*NER, "relations", 0, "src"),
            7,
            "relations[0].src: 7 is not an entity of this item, expected one of 4, 0",
        ),
        ((*NER, "relations", 0, "dest"), True, "relations[0].dest: found true"),
    ],
)
def test_wrong_fields_are_named(tmp_path, keys, value, problem):
    path = write_lines(tmp_path / "a.jsonl", [LINES[3], change(*keys, to=value)])
    _, report = read(path)
    assert any(problem in line for line in report.problems), report.problems
    assert all(f"{path}:2 " in line for line in report.problems)


@for_seeds(200)
def test_damaged_files(tmp_path, rng):
    path = tmp_path / "a.jsonl"
    if rng.randrange(3):
        path.write_text("\n".join(map(json.dumps, damage(LINES, rng))))
    else:
        path.write_bytes(damage_bytes(LINES, rng))
    # `read` asserts that everything is accounted for
    read(path, entities_only=rng.random() < 0.5)

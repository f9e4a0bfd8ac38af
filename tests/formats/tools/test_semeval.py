import shutil
from pathlib import Path

from rel_component import get_relations
from rel_component.formats import FORMATS, find_format
from rel_component.relations import get_relation_data
from tests.paths import DATA

from ..mutate import damage_text, for_seeds
from ..util import entities, read, read_as, triples

SMALL = DATA / "semeval"
TEST = SMALL / "TEST_FILE_small.txt"
NULL = {"null_labels": ("Other",)}


def write(tmp_path, text, name="x.txt"):
    path = tmp_path / name
    path.write_bytes(text.encode())
    return path


def test_reads_a_training_file():
    for path in (SMALL / "train.txt", TEST, SMALL / "broken.txt"):
        assert find_format(path) is FORMATS["semeval"]
    docs, report = read(SMALL / "train.txt", **NULL)
    assert report.problems == [] and not report.repaired and not report.hints
    assert [doc.text for doc in docs] == [
        "The author of a tool uses a pen to write.",
        'A ridge rises from the "old" sea, he said "slowly."',
        "The smoke came from a fire nearby.",
    ]
    assert entities(docs[0]) == [("author", "ENT"), ("pen", "ENT")]
    assert [triples(doc) for doc in docs] == [
        [("pen", "Instrument-Agency", "author")],
        [],
        [("fire", "Cause-Effect", "smoke")],
    ]
    source = docs[2].user_data["rel_component_source"]
    assert (source["line"], source["id"]) == (9, "3")
    # a label is on both directions of the only pair
    assert all(get_relation_data(doc).complete for doc in docs)
    assert report.not_converted == {"comment lines": 4}
    docs, _ = read(SMALL / "train.txt", entity_label="NOMINAL")
    assert entities(docs[0]) == [("author", "NOMINAL"), ("pen", "NOMINAL")]


def test_other_as_null_label_or_class():
    docs, report = read(SMALL / "train.txt")
    # it has no direction
    expected = [("ridge", "Other", "sea"), ("sea", "Other", "ridge")]
    assert triples(docs[1]) == expected
    (hint,) = report.hints
    assert "--null-label Other" in hint
    _, report = read(SMALL / "train.txt", map_label={"Other": "Unclear"})
    assert not report.hints


def test_test_file_with_key():
    docs, report = read(TEST, **NULL)
    assert report.problems == []
    assert triples(docs[0]) == [("audits", "Message-Topic", "waste")]
    assert triples(docs[2]) == []
    assert report.notes["labels of the key without a sentence"] == 1
    # which of them is the head, the key does not say of the second
    expected = {"company", "chairs"}
    assert {r.head.text for r in get_relations(docs[1])} == expected
    assert {r.tail.text for r in get_relations(docs[1])} == expected
    assert report.repaired == {"labels without direction read as symmetric": 1}
    assert "TEST_FILE_FULL.TXT has the directions" in next(iter(report.hints))


def test_key_from_another_folder(tmp_path):
    path = tmp_path / "other.txt"
    shutil.copy(TEST, path)
    docs, report = read(path)
    assert docs == []
    assert report.problems[0] == (
        f"{path}:1: found no label in the next line nor in a key file, expected one "
        f"such as Cause-Effect(e1,e2) or Other; --key names the file with the labels, "
        f"--entities-only reads sentences without; sentence not converted."
    )
    assert report.n_lost == {"documents": 3, "entities": 6}
    docs, report = read(path, key=SMALL / "TEST_FILE_KEY_small.TXT")
    assert report.problems == [] and len(docs) == 3
    docs, report = read(path, entities_only=True)
    assert report.problems == [] and [triples(doc) for doc in docs] == [[], [], []]
    assert not any(get_relation_data(doc).complete for doc in docs)
    docs, report = read(path, key=Path("nothing.txt"), entities_only=True)
    assert report.problems[0].startswith("nothing.txt: can't be read")


def test_mistakes_in_the_key(tmp_path):
    shutil.copy(TEST, tmp_path / "a.txt")
    key = "7\tMessage-Topic(e1,e2)\nCause\n\n8\tEffect(e1)\n7\tOther\n9\n"
    path = write(tmp_path, key, "a_key.txt")
    docs, report = read(tmp_path / "a.txt")
    expected = [
        f"{path}:2: found 'Cause', expected a number, a tab and a label such as",
        f"{path}:5: found the number 7 again, expected it once; the label of line 1 is",
        f"{path}:6: found '9', expected a number",
        f"{path}:4: found the label 'Effect(e1)', expected one such as Cause-Effect(e1",
        f"{tmp_path / 'a.txt'}:3: found no label in the next line nor in a key file",
    ]
    assert len(report.problems) == len(expected)
    for problem, beginning in zip(report.problems, expected):
        assert problem.startswith(beginning), problem
    assert triples(docs[0]) == [("audits", "Message-Topic", "waste")]
    assert report.n_lost["files"] == 1


def test_every_bad_item_is_named():
    path = SMALL / "broken.txt"
    docs, report = read(path)
    once = "expected each of <e1> </e1> <e2> </e2> once, the first of each pair before"
    label = "expected one such as Cause-Effect(e1,e2) or Other; relation not converted."
    sentence = "expected a number, a tab and a sentence with <e1> and <e2> in quotes"
    expected = [
        f":1: found the tags '<e1> </e1> <e2>', {once}",
        f":5: found the tags '<e1> </e1> <e1> </e1> <e2> </e2> <e2> </e2>', {once}",
        f":9: found the tags '</e1> <e1> <e2> </e2>', {once}",
        ":13: found no label in the next line nor in a key file",
        f":17: found the label 'Cause-Effect(e1,e3)', {label}",
        f":21: found the label 'Cause-Effect(e1,e1)', {label}",
        f":24: found the label 'Cause Effect', {label}",
        f":27: found '\"The <e1>fire</e1> caused <e2>smoke</e2>.\"', {sentence}",
        ":33: found 'Cause-Effect(e1,e2)' after the label, expected a line that starts",
        f":38: found 'Stray words', {sentence}; sentence not converted.",
        ":40: byte 695 of the file is 0xE9, which is not valid UTF-8",
        ":44 <e1>: offsets 4-5 cover only whitespace",
        ":45: its head <e1> was not converted",
    ]
    assert len(report.problems) == len(expected)
    for problem, beginning in zip(report.problems, expected):
        assert problem.startswith(f"{path}{beginning}"), problem
    text = "The fire caused smoke."
    assert [doc.text for doc in docs][:4] == [text] * 4
    assert [triples(doc) for doc in docs][:4] == [
        *([], [], []),
        [("fire", "Cause-Effect", "smoke")],
    ]
    # of a pair whose label can't be read nothing is known
    complete = [get_relation_data(doc).complete for doc in docs]
    assert complete == [False, False, False, True, False]
    assert report.repaired == {"sentences without quotes around them": 1}
    assert report.n_lost == {"documents": 8, "entities": 13, "relations": 10}


def test_other_files_are_rejected(tmp_path):
    docs, _ = read_as("semeval", write(tmp_path, "Hello\n1\t<e1>a</e1> <e2>b</e2>\n"))
    assert docs == []


@for_seeds(200)
def test_damaged_files(tmp_path, rng):
    name = rng.choice(["train.txt", "TEST_FILE_small.txt", "broken.txt"])
    text = (SMALL / name).read_bytes().decode(errors="replace")
    path = tmp_path / "x.txt"
    path.write_bytes(damage_text(text, rng))
    key = (SMALL / "TEST_FILE_KEY_small.TXT").read_bytes().decode()
    (tmp_path / "x_key.txt").write_bytes(damage_text(key, rng))
    # both assert that everything is accounted for
    read(path)
    read_as("semeval", path, entities_only=rng.random() < 0.5)

import io
import json

import pytest
import spacy
from spacy.training import Example
from spacy.util import load_config, load_model_from_config

from rel_component.corpus.readers import copy_without_relations
from rel_component.inference.inputs import read_source

from ..paths import CONFIGS
from ..script_runner import invoke, load_script
from ..util import make_doc
from .conftest import ENTITIES, TEXT

run = load_script("predict")


def read(*arguments):
    """RETURNS (List[Dict]): the relations of the only text, from printed JSON."""
    return json.loads(invoke("predict", *arguments, "--json").stdout)["relations"]


def test_a_table_is_printed(model, texts):
    lines = invoke("predict", model, texts).stdout.splitlines()
    (line,) = [line for line in lines if "WORKS_FOR" in line]
    assert line.split()[:3] == ["Ann", "WORKS_FOR", "Acme"]


def test_json_lines_are_written(model, texts, tmp_path):
    output = tmp_path / "out.jsonl"
    run(model, texts, "--output", output)
    row = json.loads(output.read_text(encoding="utf8"))
    assert row["id"] == 3
    assert [r["tail"]["text"] for r in row["relations"]] == ["Acme"]
    assert read(model, texts) == row["relations"]


def test_the_input_is_not_overwritten(model, texts, tmp_path):
    before = texts.read_bytes()
    said = run(model, texts, "--output", texts, code=1)
    assert "which the output would overwrite" in said and texts.read_bytes() == before


def test_other_fields_are_written_as_json_has_them(model, tmp_path):
    path, output = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    number = 0.048592769656281266
    fields = f'"entities": [], "x": NaN, "y": 1e400, "z": {number}'
    path.write_text(f'{{"text": "Ann", {fields}}}\n')
    run(model, path, "--output", output)
    row = json.loads(output.read_text(encoding="utf8"), parse_constant=pytest.fail)
    assert (row["x"], row["y"], row["z"]) == (None, None, number)


def test_a_table_is_written(model, texts, tmp_path):
    output = tmp_path / "out.csv"
    run(model, texts, "--output", output)
    header, row = output.read_text(encoding="utf8").splitlines()
    assert header == (
        "id,head,head_type,head_start,head_end,relation,"
        "tail,tail_type,tail_start,tail_end,score"
    )
    *values, score = row.split(",")
    head, tail = (["Ann", "PERSON", "0", "3"], ["Acme", "ORG", "14", "18"])
    assert values == ["3", *head, "WORKS_FOR", *tail]
    assert 0.5 < float(score) <= 1


def test_a_relation_below_the_threshold_is_mentioned(model, texts):
    said = run(model, texts, "--threshold", "1")
    assert "No relations (3 entities, best score " in said
    for label, is_best in (("WORKS_FOR", True), ("OTHER", False)):
        other = run(model, texts, "--threshold", "1", "--label", label)
        assert (other == said) == is_best


def test_relations_are_filtered_by_label_and_score(model, texts):
    assert len(read(model, texts, "--label", "WORKS_FOR")) == 1
    for option in (("--label", "OTHER"), ("--min-score", "1")):
        assert read(model, texts, *option) == []


@pytest.mark.parametrize(
    "arguments, expected",
    [
        (("no/such/model", "text"), "Pipeline no/such/model doesn't exist."),
        (("tests", "text"), "tests is not a pipeline: expected a folder with a con"),
        (("MODEL", "no/such.jsonl"), "file or folder not found"),
        (("MODEL", "no/such"), "file or folder not found"),
        (("MODEL", "my missing texts.csv"), "file or folder not found"),
        (("MODEL", "missing.tsv"), "file or folder not found"),
        (("MODEL", "Ann works for Acme"), "texts have no entities"),
        (("MODEL", "Ann", "--label", "WORKS-FOR"), "it has OTHER, WORKS_FOR"),
        (("MODEL", "TEXTS", "--threshold", "7"), "expected a number from 0 to 1"),
        (("MODEL", "TEXTS", "--format", "xml"), "expected one of table, jsonl"),
        (("MODEL", "TEXTS", "--format", "table", "--output", "a"), "remove --outpu"),
        (("MODEL", "TEXTS", "--json", "--format", "spert"), "combined"),
        # languages without spaces have texts with slashes
        (("MODEL", "他在谷歌/微软工作。"), "texts have no entities"),
        # long raw texts are no file names
        (("MODEL", "word " * 70), "texts have no entities"),
        (("MODEL", "word " * 2000), "texts have no entities"),
        (("MODEL", "We store all of it in data.csv"), "texts have no entities"),
        (("MODEL", "-", "--head", "0:1", "--tail", "2:3"), "expected the text itself"),
        (("MODEL", "one\ntwo " * 40), "texts have no entities"),
    ],
)
def test_error_messages(model, texts, arguments, expected):
    names = {"MODEL": model, "TEXTS": texts}
    assert expected in run(*(names.get(x, x) for x in arguments), code=1)


def test_an_input_without_texts_is_an_error(model, tmp_path):
    for name, data in {"a.jsonl": "", "b.json": "[]"}.items():
        (tmp_path / name).write_text(data)
        assert "no texts" in run(model, tmp_path / name, code=1)


@pytest.mark.parametrize(
    "name, data, expected",
    [
        ("a.jsonl", '{"text": "a \\ud800"}', "text 1: '\\ud800' contains an unpaired"),
        (
            "a.jsonl",
            '{"text": "a"}\r{"text": "b"}',
            "lines end with carriage returns on",
        ),
        ("a.jsonl", '{"tokens": ["a", ""]}', "a.jsonl:1 tokens[1]: found ''; expected"),
        ("a.jsonl", f'{{"text": {"[" * 9999}', "a.jsonl:1: its JSON is nested too"),
        ("a.json", "[" * 100_000, "a.json: not JSON"),
        ("a.jsonl", f'{{"text": "a", "n": {"9" * 5000}}}', "a.jsonl:1: not JSON"),
        (
            "a.csv",
            "id,body\n1,a\n",
            "a.csv:1: expected one column 'text'; found id, bo",
        ),
        ("a.csv", "text,text\n1,a\n", "expected one column 'text'; found text, text."),
        ("a.csv", "id,text\n1,a,b\n", "a.csv:2: found 3 values; expected 2, as in"),
        ("a.tsv", "text\tid\n\na\n", "a.tsv:3: found 1 value; expected 2, as in the"),
        ("a.tsv", 'text\tid\n"a\t1\nb\t2\n', "a.tsv:3: unexpected end of data"),
        ("a.csv", "", "a.csv:1: expected one column 'text'; found nothing."),
        ("a.csv", "text\n", "found no texts, expected at least one"),
        ("a.txt", "a " * 500_001, "text 1: 1000002 characters; expected at most 100"),
    ],
)
def test_invalid_files(model, tmp_path, name, data, expected):
    path = tmp_path / name
    path.write_bytes(data.encode())
    # with entities, where they don't matter
    nlp = spacy.load(model)
    nlp.add_pipe("entity_ruler", first=True)
    nlp.to_disk(tmp_path / "model")
    assert expected in run(tmp_path / "model", path, "--json", code=1)


@pytest.fixture
def joint(model, tmp_path):
    """The same pipeline, which finds the entities itself."""
    nlp = spacy.load(model)
    names = {"PERSON": ("Ann", "Bob"), "ORG": ("Acme",)}
    patterns = [{"label": x, "pattern": y} for x in names for y in names[x]]
    nlp.add_pipe("entity_ruler", first=True).add_patterns(patterns)
    nlp.to_disk(tmp_path / "joint")
    return tmp_path / "joint"


@pytest.mark.parametrize("suffix, separator", [(".csv", ","), (".TSV", "\t")])
def test_rows_of_a_table_are_texts(joint, tmp_path, suffix, separator):
    rows = [["n", "text"], ["1", '"Ann works\nfor Acme"'], ["2", "Bob for Acme"]]
    path = tmp_path / f"texts{suffix}"
    lines = [separator.join(row) for row in rows]
    path.write_bytes(("\ufeff" + "\r\n".join(lines) + "\r\n").encode())
    found = [
        json.loads(x)
        for x in invoke("predict", joint, path, "--json").stdout.splitlines()
    ]
    assert [(row["n"], row["text"]) for row in found] == [
        ("1", "Ann works\nfor Acme"),
        ("2", "Bob for Acme"),
    ]
    assert all(len(row["entities"]) == 2 for row in found)


def test_the_text_may_come_from_the_standard_input(joint, monkeypatch):
    def read_input(data, by_line=False):
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(data)))
        return [task.text for task in read_source("-", by_line)]

    assert read_input(b"\xef\xbb\xbfAnn\n") == ["Ann\n"]
    assert read_input("a\u2028b\r\n\nc\n".encode(), True) == ["a\u2028b", "c"]
    with pytest.raises(ValueError, match="standard input: found no texts"):
        read_input(b"\n")
    with pytest.raises(ValueError, match="standard input: byte 1 is not UTF-8"):
        read_input(b"a\xff")


def test_long_cells_of_a_table(tmp_path):
    (tmp_path / "a.csv").write_text(f'text\n"{"a " * 100_000}"\n', "utf8")
    (task,) = read_source(str(tmp_path / "a.csv"))
    assert len(task.text) == 200_000


def test_unknown_types_of_given_entities_are_named(texts, tmp_path):
    config = load_config(CONFIGS / "rel_tok2vec.cfg")
    nlp = load_model_from_config(config, auto_fill=True)
    gold = make_doc(nlp.vocab, TEXT, ENTITIES, [(0, "WORKS_FOR", 1)])
    nlp.initialize(lambda: [Example(copy_without_relations(gold), gold)])
    model, other = tmp_path / "typed", tmp_path / "other.jsonl"
    nlp.to_disk(model)
    text = texts.read_text("utf8")
    assert "doesn't know" not in run(model, texts)
    other.write_text(text.replace("PERSON", "person"), "utf8")
    said = run(model, other)
    assert "doesn't know the entity type person, so it misses relations" in said
    assert "It knows ORG, PERSON." in said


def test_nan_in_metadata(model, tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text('{"text": "a", "entities": [], "n": NaN}', "utf8")
    shown = invoke("predict", model, path, "--json").stdout
    assert shown == '{"n":null,"text":"a","entities":[],"relations":[]}\n'


def test_the_threshold_can_be_lowered(model, texts):
    assert len(read(model, texts)) == 1
    assert len(read(model, texts, "--threshold", "0")) == 6 * 2  # pairs and labels


def test_spert_json(model, tmp_path):
    words = "Ann works for Acme and Bob".split()
    entities = [
        {"type": "PERSON", "start": 0, "end": 1},
        {"type": "ORG", "start": 3, "end": 4},
    ]
    path = tmp_path / "in.json"
    path.write_text(json.dumps([{"tokens": words, "entities": entities}]), "utf8")
    (item,) = json.loads(invoke("predict", model, path, "--format", "spert").stdout)
    assert item["tokens"] == words
    assert item["entities"] == entities
    assert item["relations"] == [{"type": "WORKS_FOR", "head": 0, "tail": 1}]


def test_a_folder_of_texts_is_read(model, tmp_path):
    (tmp_path / "a.txt").write_text("Ann works for Acme", "utf8")
    assert "1 of 1 texts have no entities" in run(model, tmp_path, code=1)

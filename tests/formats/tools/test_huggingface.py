import json
import sys

import pyarrow
import pytest
from pyarrow import parquet

from rel_component.formats import FORMATS, find_format
from tests.paths import DATA

from ..mutate import damage, damage_bytes, for_seeds
from ..util import entities, read, read_as, triples, write_json, write_lines

FOLDER = DATA / "huggingface"
TAGS = FOLDER / "tags.jsonl"
LINES = [json.loads(line) for line in TAGS.read_text("utf8").splitlines()]
INFO = json.loads((FOLDER / "dataset_info.json").read_text("utf8"))
ROW = {
    "tokens": ["Ada", "Lovelace", "met", "Rex"],
    "entities": [
        {"start": 0, "end": 2, "type": "PER"},
        {"start": 3, "end": 4, "type": "DOG"},
    ],
    "relations": [{"head": 0, "tail": 1, "type": "MET"}],
    "orig_id": "d1",
}
MET = [("Ada Lovelace", "MET", "Rex")]


def write_parquet(path, rows, features=None):
    """A table as the library `datasets` writes it."""
    table = pyarrow.Table.from_pylist(rows)
    if features is not None:
        info = json.dumps({"info": {"features": features}})
        table = table.replace_schema_metadata({"huggingface": info})
    parquet.write_table(table, path)
    return path


def test_reads_parquet(tmp_path):
    path = write_parquet(tmp_path / "a.parquet", [ROW, {**ROW, "relations": []}])
    assert find_format(path) is FORMATS["huggingface"]
    docs, report = read(path)
    assert report.problems == []
    assert [triples(doc) for doc in docs] == [MET, []]
    assert entities(docs[0]) == [("Ada Lovelace", "PER"), ("Rex", "DOG")]
    assert docs[0].user_data["rel_component_source"]["id"] == "d1"


def test_tag_names_in_parquet(tmp_path):
    path = write_parquet(tmp_path / "a.parquet", LINES[:1], INFO["features"])
    docs, report = read(path)
    assert report.problems == [] and triples(docs[0]) == MET


def test_tag_names_next_to_json_lines(tmp_path):
    assert find_format(TAGS) is FORMATS["huggingface"]
    docs, report = read(TAGS)
    assert report.problems == []
    assert [triples(doc) for doc in docs] == [MET, []]
    assert [token.text for token in docs[0]] == LINES[0]["tokens"]


def test_class_indices_as_types_next_to_their_names(tmp_path):
    features = {
        "entities": [{"type": {"names": ["PER", "DOG"], "_type": "ClassLabel"}}],
        "relations": [{"type": {"names": ["MET"], "_type": "ClassLabel"}}],
    }
    row = {
        "tokens": ROW["tokens"],
        "entities": [{**x, "type": i} for i, x in enumerate(ROW["entities"])],
        "relations": [{"head": 0, "tail": 1, "type": 0}],
    }
    empty = {**row, "entities": [], "relations": []}
    for rows in ([row], [empty, row]):
        path = write_lines(tmp_path / "a.jsonl", rows)
        write_json(tmp_path / "dataset_info.json", {"features": features})
        assert find_format(path, "huggingface") is find_format(path)
        docs, report = read(path)
        assert report.problems == [] and triples(docs[-1]) == MET


def test_repeated_columns_are_refused(tmp_path):
    columns = [pyarrow.array([[x]]) for x in "abc"]
    table = pyarrow.Table.from_arrays(columns, ["tokens", "entities", "entities"])
    parquet.write_table(table, tmp_path / "a.parquet")
    _, report = read(tmp_path / "a.parquet")
    assert "several columns with the name entities" in report.problems[0]


def test_tag_names_by_option(tmp_path):
    path = write_lines(tmp_path / "a.jsonl", LINES)
    docs, report = read(path)
    assert docs == [] and report.n_lost["documents"] == 2
    assert report.problems[0] == (
        f"{path}:1 ner_tags: found numbers without names, [1, 2, 0, 3], expected tags "
        f"such as 'B-PER'; --types with the dataset_info.json of the data set names "
        f'them, or with a list such as ["O", "B-PER", "I-PER"]; document not converted.'
    )
    names = write_json(tmp_path / "names.json", ["O", "B-PER", "I-PER", "B-DOG"])
    docs, report = read(path, types=names)
    assert report.problems == [] and triples(docs[0]) == MET
    both = write_json(tmp_path / "both.json", {"default": INFO})
    docs, report = read(path, types=both)
    assert report.problems == [] and triples(docs[0]) == MET
    for value in ({}, {"x": 1}, 5):
        docs, report = read(path, types=write_json(tmp_path / "x.json", value))
        assert "x.json: found no features, expected the dataset" in report.problems[0]


@pytest.mark.parametrize(
    "tags",
    [
        ["B-PER", "I-PER", "O", "B-DOG"],
        ["B-PER", "L-PER", "O", "U-DOG"],
        ["B-PER", "E-PER", "O", "S-DOG"],
    ],
)
def test_tags_as_strings(tmp_path, tags):
    path = write_lines(tmp_path / "a.jsonl", [{**LINES[0], "ner_tags": tags}])
    docs, report = read(path)
    assert report.problems == [] and triples(docs[0]) == MET and not report.repaired


def test_sequences_and_classes(tmp_path):
    """A sequence of objects may be an object of lists, and types may be numbers."""
    value = {"dtype": "int32", "_type": "Value"}
    type_ = {"names": ["PER", "DOG"], "_type": "ClassLabel"}
    inner = {"start": value, "end": value, "type": type_}
    old = {"entities": {"feature": inner, "_type": "Sequence"}}
    new = {
        "entities": {
            key: {"feature": feature, "_type": "List"} for key, feature in inner.items()
        }
    }
    lists = {"start": [0, 3], "end": [2, 4], "type": [0, 1]}
    relations = {"head": [0], "tail": [1], "type": ["MET"]}
    row = {**ROW, "entities": lists, "relations": relations}
    for features in (old, new):
        path = write_parquet(tmp_path / "a.parquet", [row], features)
        docs, report = read(path)
        assert report.problems == [] and triples(docs[0]) == MET
        assert entities(docs[0]) == [("Ada Lovelace", "PER"), ("Rex", "DOG")]
    rows = [{"start": 0, "end": 2, "type": 0}, {"start": 3, "end": 4, "type": 1}]
    features = {"entities": [inner]}
    path = write_parquet(tmp_path / "b.parquet", [{**ROW, "entities": rows}], features)
    docs, _ = read(path)
    assert entities(docs[0]) == [("Ada Lovelace", "PER"), ("Rex", "DOG")]


def test_other_columns_are_rejected(tmp_path):
    path = write_parquet(tmp_path / "a.parquet", [{"text": "Ada", "label": 1}])
    _, report = read(path)
    assert report.problems == [
        f"{path}: found the columns text, label, expected tokens (words), entities or "
        f"ner_tags, and relations. Rename them, or write JSON lines of another format."
    ]


@pytest.mark.parametrize(
    "changes, problem",
    [
        ({"tokens": None}, "tokens): found null, expected a list"),
        ({"entities": None}, "entities): found null, expected a list"),
        ({"relations": None}, "relations): found null, expected a list, [] for"),
    ],
)
def test_cells_without_a_value_are_named(tmp_path, changes, problem):
    path = write_parquet(tmp_path / "a.parquet", [ROW, {**ROW, **changes}])
    docs, report = read(path)
    assert report.problems[0].startswith(f"{path} doc 1 (id d1, {problem}")
    assert [triples(doc) for doc in docs] == [MET]


@pytest.mark.parametrize(
    "tags, problem",
    [
        (["B-PER"], "ner_tags: found 1 tags for 4 words, expected as many"),
        (["B-PER", "X", "O", "O"], "ner_tags[1]: found the tag 'X', expected O, or a"),
        (["B-PER", "I", "O", "O"], "ner_tags[1]: found the tag 'I', expected one with"),
        (["B-PER", None, "O", "O"], "ner_tags[1]: found null, expected a string"),
        ("O", "ner_tags: found 'O', expected a list"),
    ],
)
def test_wrong_tags_are_named(tmp_path, tags, problem):
    path = write_lines(tmp_path / "a.jsonl", [{**LINES[0], "ner_tags": tags}])
    _, report = read(path)
    assert report.problems[0].startswith(f"{path}:1 {problem}")


def test_parquet_needs_pyarrow(tmp_path, monkeypatch):
    path = write_parquet(tmp_path / "a.parquet", [ROW])
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    docs, report = read(path)
    assert docs == []
    assert (
        f"{path}: Parquet needs pyarrow, which is not installed" in (report.problems[0])
    )


def test_other_columns_are_kept_as_json(tmp_path):
    row = {**ROW, "n": float("inf"), "raw": b"\xff"}
    docs, report = read(write_parquet(tmp_path / "a.parquet", [row]))
    assert report.problems == [] and triples(docs[0]) == MET


@for_seeds(120, readable=0.3)
def test_damaged_files(tmp_path, rng):
    path = tmp_path / "a.parquet"
    if rng.random() < 0.5:
        values = rng.choice([LINES, [ROW, ROW]])
        write_json(tmp_path / "dataset_info.json", damage(INFO, rng))
        if rng.random() < 0.7:
            path.write_text(json.dumps(damage(values, rng)))
        else:
            path.write_bytes(damage_bytes(values, rng))
    else:
        write_parquet(path, [ROW] * 3, damage(INFO["features"], rng))
        data = bytearray(path.read_bytes())
        for _ in range(rng.randint(0, 2)):
            start = rng.randrange(4, len(data))
            data[start : start + rng.choice([1, 5])] = rng.randbytes(rng.randint(0, 3))
        path.write_bytes(bytes(data))
    read(path)
    return read_as("huggingface", path, entities_only=rng.random() < 0.5)[0]

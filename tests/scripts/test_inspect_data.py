"""The command that looks at data before training."""

import json
from pathlib import Path

import pytest
import spacy
from spacy.tokens import DocBin

from rel_component.relations import LabelConstraints
from rel_component.schema import Schema
from tests.paths import ROOT

from ..script_runner import load_script
from ..util import make_doc

NLP = spacy.blank("en")

run = load_script("inspect_data")


def write(path: Path, *docs, **options) -> Path:
    options = {"store_user_data": True, "attrs": ["ENT_IOB", "ENT_TYPE"], **options}
    DocBin(docs=docs, **options).to_disk(path)
    return path


def make(relations=((0, "WORKS_FOR", 1),), text="Ann works for Acme . Bob sleeps ."):
    return make_doc(NLP.vocab, text, [(0, 1, "PERSON"), (3, 4, "ORG")], relations)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data")
    write(path / "train.spacy", make(), make(text="Cleo works for Umbrella now ."))
    write(path / "dev.spacy", make())
    return path


def test_a_folder_is_inspected_with_tables_and_advice(folder, tmp_path):
    printed = run(folder, "--output", tmp_path / "new/all.json")
    for title in ("Overview", "Relations", "Candidate settings", "Advice"):
        assert f"= {title} =" in printed
    assert "WORKS_FOR 2 1 100 %" in printed
    assert "1 of 1 text of dev is also in train" in printed
    found = json.loads((tmp_path / "new/all.json").read_text(encoding="utf8"))
    assert list(found["splits"]) == ["train", "dev"]
    assert found["files"]["dev"] == str(folder / "dev.spacy")
    assert found["labels"]["WORKS_FOR"]["splits"] == {"train": 2, "dev": 1}


def test_what_holds_is_written_as_a_schema(tmp_path):
    """Each person works for one of the two firms, and each firm has several."""
    ents = [(i, i + 1, "PERSON" if i < 10 else "ORG") for i in range(12)]
    works = [(i, "WORKS_FOR", 10 + i % 2) for i in range(10)]
    path = write(tmp_path / "train.spacy", *[make_doc(NLP.vocab, 12, ents, works)] * 2)
    schema = tmp_path / "new/schema.json"
    printed = run(path, "--schema", schema)
    assert "WORKS_FOR max_tails = 1 (20 of 20 heads)" in " ".join(printed.split())
    own = {"symmetric": False, "pairs": [["PERSON", "ORG"]], "max_tails": 1}
    assert Schema.from_path(schema).to_dict() == {
        "relations": {"WORKS_FOR": own},
        "support": [["PERSON", "WORKS_FOR", "ORG", 20]],
    }
    two = [*works, (0, "WORKS_FOR", 11)]
    write(
        path, *[make_doc(NLP.vocab, 12, ents, found) for found in (works, two, works)]
    )
    run(path, "--schema", schema)
    assert not Schema.from_path(schema).constraints
    run(path, "--schema", schema, "--min-share", 0.95)
    assert Schema.from_path(schema).constraints == {"WORKS_FOR": LabelConstraints(1)}
    assert "The share of a constraint is 2" in run(path, "--min-share", 2, code=1)


def test_a_split_may_be_a_folder_of_files(folder, tmp_path):
    (tmp_path / "train.spacy").mkdir()
    for name in ("train", "dev"):
        file = folder / f"{name}.spacy"
        (tmp_path / "train.spacy" / f"{name}_part.spacy").symlink_to(file)
    for given in (tmp_path, tmp_path / "train.spacy"):
        run(given, "--output", tmp_path / "all.json")
        found = json.loads((tmp_path / "all.json").read_text(encoding="utf8"))
        assert found["splits"]["train"]["documents"] == 3
        assert list(found["splits"]) == ["train"]


def test_sentencizer(folder):
    assert "no sentence boundaries" in run(folder)
    printed = run(folder, "--sentencizer")
    assert "no sentence boundaries" not in printed
    assert "max_sentences = 0" in printed and "annotating_components" in printed


def test_a_picture_is_drawn(folder, tmp_path):
    path = tmp_path / "new/a.svg"
    assert "Picture:" in run(folder, "--picture", path)
    assert path.read_text(encoding="utf8").startswith("<?xml")


def test_rows_are_limited(tmp_path):
    ents = [(i, i + 1, f"TYPE{i}") for i in range(8)]
    doc = make_doc(NLP.vocab, 8, ents, [(i, f"LABEL{i}", i + 1) for i in range(7)])
    path = write(tmp_path / "train.spacy", doc)
    printed = run(path, "--rows", "3")
    assert "LABEL2" in printed and "... and 4 more" in printed
    assert "... and" not in run(path, "--rows", "0")


def test_files_with_the_same_name(folder, tmp_path):
    other = write(tmp_path / "train.spacy", make(text="Cleo works for Umbrella now ."))
    run(folder / "train.spacy", other, "--output", tmp_path / "all.json")
    found = json.loads((tmp_path / "all.json").read_text(encoding="utf8"))
    assert list(found["splits"]) == [str(folder / "train.spacy"), str(other)]
    assert found["train"] == str(folder / "train.spacy")


def test_repeated_file_counts_once(folder, tmp_path):
    run(folder, folder / "train.spacy", "--output", tmp_path / "all.json")
    found = json.loads((tmp_path / "all.json").read_text(encoding="utf8"))
    assert list(found["splits"]) == ["train", "dev"]


def test_a_tutorial_file_is_read(tmp_path):
    run(ROOT / "tests/data/tutorial", "--output", tmp_path / "all.json")
    found = json.loads((tmp_path / "all.json").read_text(encoding="utf8"))
    assert found["splits"]["train"]["relations"] > 0


def test_missing_file(tmp_path):
    assert "No corpus at" in run(tmp_path / "none.spacy", code=1)


def test_folder_without_data(tmp_path):
    printed = run(tmp_path, code=1)
    assert (
        "no .spacy file found in this folder. Convert your annotations first" in printed
    )


def test_unsupported_file(tmp_path):
    path = tmp_path / "a.json"
    path.write_text("[]")
    assert "is not a .spacy file" in run(path, code=1)
    path = path.rename(tmp_path / "a.spacy")
    assert "can't be read as a .spacy file" in run(path, code=1)


def test_empty_file(tmp_path, folder):
    printed = run(folder / "train.spacy", write(tmp_path / "dev.spacy"), code=1)
    assert "dev.spacy contains no documents." in printed


@pytest.mark.parametrize("relations", [None, ()])
def test_file_without_relations(tmp_path, relations):
    printed = run(write(tmp_path / "train.spacy", make(relations)), code=1)
    assert "no relation found in 1 document. If they were annotated" in printed
    assert "DocBin(store_user_data=True)" in printed


@pytest.mark.parametrize(
    "key, value, message",
    [
        ("rel_component", {"spans": []}, "relations of a document can't be read"),
        (("._.", "rel", None, None), {(7, 8): {"L": 1.0}}, "no entity in doc.ents"),
    ],
)
def test_relations_that_cannot_be_read(tmp_path, key, value, message):
    doc = make()
    doc.user_data = {key: value}
    assert message in run(write(tmp_path / "train.spacy", doc), code=1)


@pytest.mark.parametrize(
    "options, message",
    [
        (("--picture", "a.pdf"), "expected one of .png, .svg, .html"),
        (("--similarity", "0.1"), "expected a number from 0.5 to 1"),
        (("--output", "."), "Is a directory"),
    ],
)
def test_invalid_options(folder, options, message):
    assert message in run(folder, *options, code=1)

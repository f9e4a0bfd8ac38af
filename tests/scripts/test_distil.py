"""A teacher that finds names by rule, and whom they work for."""

import json

import pytest
import spacy
from spacy.tokens import DocBin

from rel_component.corpus.readers import read_docs
from rel_component.relations import get_relations

from ..script_runner import load_script
from ..util import make_doc
from .test_preannotate import model  # noqa: F401
from .test_tuning_scripts import make_docs

run = load_script("distil")


@pytest.fixture
def train(tmp_path):
    path = tmp_path / "train.spacy"
    docs = make_docs(spacy.blank("en").vocab, 3)
    DocBin(docs=docs, store_user_data=True).to_disk(path)
    return path


def test_texts_are_added_to_the_annotated_documents(model, train, tmp_path):  # noqa: F811
    texts = tmp_path / "texts.txt"
    known = list(read_docs(train, spacy.blank("en")))[1].text
    texts.write_text(
        f"Ann works for Acme. Nobody is here.\nBob left. Bob left.\nAnn left.\n{known}",
        "utf8",
    )
    held_out = tmp_path / "dev.spacy"
    doc = make_doc(spacy.blank("en").vocab, "Ann left. Yes!", [(0, 1, "PERSON")])
    DocBin(docs=[doc], store_user_data=True).to_disk(held_out)
    output = tmp_path / "new/train.spacy"
    options = ("--train", train, "--exclude", held_out, "-o", output, "--sentences")
    said = " ".join(run(model, texts, *options).split())
    assert "doesn't contain: KNOWS. The small" in said
    assert "in --train or --exclude, left out 2 repeated, left out 1 without" in said
    assert "left out 1 with an entity below 0.8, left out 0 added 2" in said
    assert "In 2 texts, entities have no scores" in said
    assert "3 annotated documents and 2 texts with 3 entities and 1 relation" in said
    docs = list(read_docs(output, spacy.blank("en")))
    assert [doc.text for doc in docs[3:]] == ["Ann works for Acme.", "Bob left."]
    (relation,) = get_relations(docs[3])
    assert (relation.head.text, relation.label, relation.tail.text) == (
        "Ann", "WORKS_FOR", "Acme",
    )  # fmt: skip


def test_what_is_wrong_is_named(model, train, tmp_path):  # noqa: F811
    output = tmp_path / "new.spacy"
    rest = ("--train", train, "-o", output)
    texts = tmp_path / "texts.jsonl"
    texts.write_text(json.dumps({"text": "Nobody"}), "utf8")
    said = run(model, texts, *rest, code=1)
    assert "nothing was written. Use texts that are not annotated yet, or" in said
    texts.write_text("\n", "utf8")
    assert "found no texts" in run(model, texts, *rest, code=1)
    other = ("--train", train, "-o", tmp_path / "new")
    assert "expected a name with .spacy" in run(model, texts, *other, code=1)
    texts.write_text("{", "utf8")
    assert f"{texts}:1: not JSON" in run(model, texts, *rest, code=1)
    assert "file or folder not found" in run(model, tmp_path / "x", *rest, code=1)
    assert "is not a pipeline" in run(tmp_path, texts, *rest, code=1)
    missing = ("--train", tmp_path / "none.spacy", "-o", output)
    assert "No corpus at" in run(model, texts, *missing, code=1)
    assert not output.exists()

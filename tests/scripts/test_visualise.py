import xml.etree.ElementTree as ET

import pytest
from spacy.tokens import DocBin

from ..script_runner import load_script
from ..util import make_doc

run = load_script("visualise")


@pytest.fixture
def gold(vocab, tmp_path):
    """Two documents with two relations each."""
    entities = [(0, 1, "PERSON"), (3, 4, "ORG"), (5, 6, "PERSON")]
    relations = [(0, "WORKS_FOR", 1), (2, "KNOWS", 0)]
    doc = make_doc(vocab, "Ann works for Acme and Bob", entities, relations)
    path = tmp_path / "gold.spacy"
    DocBin(docs=[doc, doc], store_user_data=True).to_disk(path)
    return path


def test_annotations_are_drawn_as_a_page(gold, tmp_path):
    assert "4 relations of 2 texts" in run(gold, "--output", tmp_path / "gold.html")
    page = (tmp_path / "gold.html").read_text(encoding="utf8")
    assert page.count("<figure") == 2
    assert f"<title>Entities and relations in {gold}</title>" in page


def test_one_text_is_drawn_as_svg(gold, tmp_path):
    said = run(gold, "--output", tmp_path / "one.svg", "--limit", 1)
    assert "1 more text was not drawn" in said
    assert ET.fromstring((tmp_path / "one.svg").read_text(encoding="utf8")) is not None


def test_predictions_are_drawn(model, texts, tmp_path):
    run(texts, "--model", model, "--output", tmp_path / "found.svg")
    assert "WORKS_FOR" in (tmp_path / "found.svg").read_text(encoding="utf8")


@pytest.mark.parametrize(
    "arguments, expected",
    [
        (("GOLD", "--output", "x.svg"), "an .svg can show only one text"),
        (("GOLD", "--output", "x.png"), "expected one of .html, .svg"),
        (("Ann works", "--output", "x.svg"), "--model is missing"),
        (("GOLD", "--output", "x.html", "--spans-key", "a"), "doc.spans has no group"),
    ],
)
def test_error_messages(gold, tmp_path, arguments, expected):
    source, option, name, *more = arguments
    source = gold if source == "GOLD" else source
    assert expected in run(source, option, tmp_path / name, *more, code=1)

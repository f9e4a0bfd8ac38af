import json

import pytest
import spacy
from spacy.tokens import DocBin

from rel_component.inference.drawings import draw_texts

from ..util import make_doc

WORDS = "Bank of England"
ENTITIES = [(0, 3, "ORG"), (2, 3, "LOC")]


def draw(source, folder, nlp=None, **options):
    """The entity types of the drawing, and the numbers."""
    output = folder / "out.svg"
    drawn = draw_texts(str(source), output, nlp, **options)
    assert (drawn.texts, drawn.relations) == (1, 0)
    text = output.read_text("utf8")
    return [label for label in ("HIT", "LOC", "ORG") if f">{label}<" in text]


@pytest.fixture
def nlp():
    """Reads `doc.spans["sc"]`, and predicts no relation."""
    nlp = spacy.blank("en")
    ruler = nlp.add_pipe("relation_ruler", config={"spans_key": "sc"})
    ruler.add_patterns([{"label": "IN", "head": "X", "tail": "X", "between": "in"}])
    return nlp


def test_nested_entities_without_relations(nlp, tmp_path):
    path = tmp_path / "gold.spacy"
    gold = make_doc(nlp.vocab, WORDS, ENTITIES, [], spans_key="entities")
    gold.spans["hits"] = [gold.char_span(0, 4, "HIT")]
    DocBin(docs=[gold], store_user_data=True).to_disk(path)
    for model in (None, nlp):
        assert draw(path, tmp_path, model) == ["LOC", "ORG"]
        assert draw(path, tmp_path, model, spans_key="hits") == ["HIT"]
    given = [[0, 15, "ORG"], [8, 15, "LOC"]]
    path = tmp_path / "given.jsonl"
    path.write_text(json.dumps({"text": WORDS, "entities": given}), "utf8")
    assert draw(path, tmp_path, nlp) == ["LOC", "ORG"]


def test_nested_entities_that_are_found(nlp, tmp_path):
    patterns = {"sc": {"ORG": WORDS, "LOC": "England"}, "hits": {"HIT": "Bank"}}
    for key, pattern in patterns.items():
        config = {"spans_key": key}
        ruler = nlp.add_pipe("span_ruler", key, config=config, first=True)
        ruler.add_patterns([{"label": x, "pattern": y} for x, y in pattern.items()])
    assert draw(WORDS, tmp_path, nlp) == ["LOC", "ORG"]
    path = tmp_path / "gold.spacy"
    DocBin(docs=[make_doc(nlp.vocab, WORDS)]).to_disk(path)
    assert draw(path, tmp_path, nlp) == ["LOC", "ORG"]

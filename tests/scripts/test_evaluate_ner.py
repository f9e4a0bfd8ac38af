import json

import pytest
import spacy
from spacy.tokens import DocBin
from spacy.training import Example

from ..script_runner import load_script
from ..util import make_doc


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    nlp = spacy.blank("en")
    nlp.add_pipe("ner")
    gold = make_gold(nlp.vocab)
    examples = [Example(nlp.make_doc(gold.text), gold)]
    optimizer = nlp.initialize(lambda: examples)
    for _ in range(60):
        nlp.update([Example(nlp.make_doc(gold.text), gold)], sgd=optimizer)
    path = tmp_path_factory.mktemp("ner")
    nlp.to_disk(path)
    return path


def make_gold(vocab, words="Ann works for Acme Corp"):
    return make_doc(vocab, words, [(0, 1, "PERSON"), (3, 5, "ORG")])


def test_entities_are_scored_by_span_and_by_token(model, tmp_path, vocab):
    right = make_gold(vocab)
    # gold has one token more than what is found
    wrong = make_doc(
        vocab, "Ann works for Acme Corp", [(0, 1, "PERSON"), (2, 5, "ORG")]
    )
    path = tmp_path / "test.spacy"
    DocBin(docs=[right, wrong], store_user_data=True).to_disk(path)
    output = tmp_path / "out.json"
    printed = load_script("evaluate_ner")(model, path, "--output", output)
    found = json.loads(output.read_text("utf8"))
    assert found["entities"]["ents_micro_f"] == pytest.approx(0.75)
    assert found["entities"]["ents_per_type"]["ORG"]["support"] == 2
    assert found["tokens"]["tokens_micro_p"] == 1.0
    assert found["tokens"]["tokens_micro_r"] == pytest.approx(6 / 7)
    assert "micro 75.0 75.0 75.0" in printed


def test_nested_entities_are_scored_where_the_pipeline_writes_them(tmp_path, vocab):
    """Without --spans-key all scores of such a pipeline were 0."""
    nlp = spacy.blank("en")
    ruler = nlp.add_pipe("span_ruler", config={"spans_key": "all"})
    ruler.add_patterns([{"label": "ORG", "pattern": "Acme Corp"}])
    nlp.to_disk(tmp_path / "model")
    keys = [(0, 1, "PERSON"), (3, 5, "ORG")]
    gold = make_doc(vocab, "Ann works for Acme Corp", keys, spans_key="all")
    path = tmp_path / "test.spacy"
    DocBin(docs=[gold], store_user_data=True).to_disk(path)
    run = load_script("evaluate_ner")
    said = run(tmp_path / "model", path)
    assert "micro 100.0 50.0 66.7" in said and "entities in doc.spans['all']" in said
    assert run(tmp_path / "model", path, "--spans-key", "all") == said
    said = run(tmp_path / "model", path, "--spans-key", "other", code=1)
    assert "writes entities to doc.spans['all']: pass the key of one of" in said


def test_pipeline_without_entities(tmp_path, vocab):
    nlp = spacy.blank("en")
    nlp.to_disk(tmp_path / "model")
    DocBin(docs=[make_gold(vocab)], store_user_data=True).to_disk(tmp_path / "a.spacy")
    run = load_script("evaluate_ner")
    printed = run(tmp_path / "model", tmp_path / "a.spacy", code=1)
    assert "doesn't predict entities" in printed

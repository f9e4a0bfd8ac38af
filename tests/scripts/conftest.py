import json

import pytest
import spacy
from spacy.training import Example

from rel_component.corpus.readers import copy_without_relations

from ..util import make_doc

TEXT = "Ann works for Acme and Bob"
ENTITIES = [(0, 1, "PERSON"), (3, 4, "ORG"), (5, 6, "PERSON")]


@pytest.fixture(scope="session")
def model(tmp_path_factory):
    """A pipeline that learned: whoever stands before a firm works for it."""
    nlp = spacy.blank("en")
    nlp.add_pipe("relation_extractor").add_label("OTHER")
    gold = make_doc(nlp.vocab, TEXT, ENTITIES, [(0, "WORKS_FOR", 1)])
    examples = [Example(copy_without_relations(gold), gold)]
    optimizer = nlp.initialize(lambda: examples)
    for _ in range(80):
        nlp.update(examples, sgd=optimizer)
    path = tmp_path_factory.mktemp("model")
    nlp.to_disk(path)
    return path


@pytest.fixture
def texts(tmp_path):
    """A file with the text and its entities."""
    path = tmp_path / "texts.jsonl"
    entities = [
        {"start": 0, "end": 3, "label": "PERSON"},
        {"start": 14, "end": 18, "label": "ORG"},
        {"start": 23, "end": 26, "label": "PERSON"},
    ]
    row = {"text": TEXT, "entities": entities, "id": 3}
    path.write_text(json.dumps(row) + "\n", encoding="utf8")
    return path

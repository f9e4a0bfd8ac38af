import httpx
import pytest
import spacy
from spacy.tokens import Span
from spacy.training import Example
from thinc.api import fix_random_seed

from rel_component import Relation, set_relations
from rel_component.inference.service import create_app

from ...util import make_doc
from .server import run_server

TEXT = "Ann works for Acme"
RUSSIAN = "Директор завода Иван Петров сменил главу отдела."
# the second entity lies in the first one
RUSSIAN_ENTITIES = [[0, 15, "PROFESSION"], [9, 15, "ORGANIZATION"], [16, 27, "PERSON"]]


@pytest.fixture(scope="package")
def model(tmp_path_factory):
    """Finds entities by rule, and that whoever stands before a firm works for it."""
    nlp = spacy.blank("en")
    ruler = nlp.add_pipe("entity_ruler")
    nlp.add_pipe("relation_extractor")
    gold = make_doc(
        nlp.vocab,
        f"{TEXT} and Bob",
        [(0, 1, "PERSON"), (3, 4, "ORG"), (5, 6, "PERSON")],
        [(0, "WORKS_FOR", 1)],
    )
    train(nlp, [gold])
    names = {"Ann": "PERSON", "Bob": "PERSON", "Acme": "ORG"}
    ruler.add_patterns([{"label": names[x], "pattern": x} for x in names])
    path = tmp_path_factory.mktemp("model")
    nlp.to_disk(path)
    return path


@pytest.fixture(scope="package")
def russian_model(tmp_path_factory):
    """Between given entities that nest, from `doc.spans`."""
    nlp = spacy.blank("ru")
    generator = {"@misc": "rel_component.PairGenerator.v1", "spans_key": "entities"}
    nlp.add_pipe(
        "relation_extractor",
        config={"model": {"create_instance_tensor": {"get_instances": generator}}},
    )
    doc = nlp.make_doc(RUSSIAN)
    spans = [doc.char_span(a, b, label=c) for a, b, c in RUSSIAN_ENTITIES]
    doc.spans["entities"] = spans
    relations = [(2, "WORKS_AS", 0), (2, "WORKPLACE", 1)]
    set_relations(doc, [Relation(spans[h], x, spans[t]) for h, x, t in relations])
    train(nlp, [doc])
    path = tmp_path_factory.mktemp("russian")
    nlp.to_disk(path)
    return path


def train(nlp, golds):
    examples = []
    for gold in golds:
        doc = nlp.make_doc(gold.text)
        doc.ents = [Span(doc, e.start, e.end, e.label_) for e in gold.ents]
        for key, group in gold.spans.items():
            doc.spans[key] = [Span(doc, s.start, s.end, s.label_) for s in group]
        examples.append(Example(doc, gold))
    fix_random_seed(0)  # fixtures of a package come before the one of each test
    optimizer = nlp.initialize(lambda: examples)
    for _ in range(80):
        nlp.update(examples, sgd=optimizer)


@pytest.fixture(scope="module")
def url(model):
    with run_server(create_app(spacy.load(model))) as url:
        yield url


@pytest.fixture(scope="module")
def client(url):
    with httpx.Client(base_url=url, trust_env=False, timeout=300) as client:
        yield client

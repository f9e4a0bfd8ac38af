"""Entities given by the caller mean the same in each way from texts to relations."""

import json
import re

import pytest
import spacy
from spacy.training import Example

from rel_component import Relation, get_relations, set_relations
from rel_component.corpus.readers import copy_without_relations
from rel_component.inference.batch import ExtractSettings
from rel_component.inference.batch.extractor import Extractor
from rel_component.inference.batch.sources.item import Item, Place
from rel_component.inference.given import GivenEntitiesError, make_docs
from rel_component.inference.inputs import read_path
from rel_component.inference.pairs import score_pair
from rel_component.inference.preannotation import preannotate
from rel_component.inference.service import create_app
from rel_component.inference.tasks import Task
from rel_component.inference.texts import extract, find_relations, predict
from rel_component.model.candidates import PairGenerator, get_entities

from ..paths import CONFIGS
from ..script_runner import invoke, load_script
from ..tiny_luke import make_luke
from ..util import make_doc
from .service.server import run_client

TEXT = "Ann Lee of Acme North hired Bob"
# the second entity is nested in the first, the fifth overlaps the fourth
ENTITIES = [
    {"start": 0, "end": 7, "label": "PERSON"},
    {"start": 4, "end": 7, "label": "NAME"},
    {"start": 11, "end": 15, "label": "ORG"},
    {"start": 11, "end": 21, "label": "ORG"},
    {"start": 16, "end": 27, "label": "PLACE"},
    {"start": 28, "end": 31, "label": "PERSON"},
]
N_PAIRS = len(ENTITIES) * (len(ENTITIES) - 1)


@spacy.registry.misc("test_given_reads_ents.v1")
def make_reads_ents():
    return lambda doc: [(a, b) for a in doc.ents for b in doc.ents if a != b]


@spacy.registry.misc("test_given_reads_group.v1")
def make_reads_group():
    def read_group(doc):
        group = list(doc.spans["entities"] if "entities" in doc.spans else doc.ents)
        return [(a, b) for a in group for b in group if a != b]

    return read_group


class Batches:
    """A user's own generator of whole batches."""

    def get_entities(self, docs):
        return get_entities(docs)

    def get_pairs(self, docs, entities):
        return PairGenerator().get_pairs(docs, entities)


@spacy.registry.misc("test_given_batches.v1")
def make_batches():
    return Batches()


def in_v1(generator, **settings):
    get_instances = {"@misc": generator, **settings}
    return {"create_instance_tensor": {"get_instances": get_instances}}


def from_config(config_name, **changes):
    config = spacy.util.load_config(CONFIGS / f"{config_name}.cfg").interpolate()
    return {**config["components"]["relation_extractor"]["model"], **changes}


def load_tok2vec():
    config = spacy.util.load_config(CONFIGS / "rel_tok2vec.cfg").interpolate()
    model = config["components"]["relation_extractor"]["model"]
    model["tok2vec"] = {
        "@architectures": "spacy.HashEmbedCNN.v2",
        "pretrained_vectors": None,
        "width": 16,
        "depth": 1,
        "embed_size": 100,
        "window_size": 1,
        "maxout_pieces": 2,
        "subword_features": True,
    }
    return model


def load_luke(folder):
    path = make_luke(folder / "luke")
    return from_config("rel_luke", name=str(path), hidden_width=8, type_width=0)


def load_markers(folder):
    from ..model.markers.test_architecture import save_checkpoint

    (folder / "bert").mkdir()
    return from_config(
        "rel_markers", name=save_checkpoint(folder / "bert"), window=16, stride=8
    )


MODELS = {
    "doc.ents": lambda _: {},
    "limits": lambda _: in_v1(
        "rel_component.PairGenerator.v1", max_length=100, max_sentences=9
    ),
    "spans": lambda _: in_v1("rel_component.PairGenerator.v1", spans_key="mine"),
    "function": lambda _: in_v1("test_given_reads_group.v1"),
    "batches": lambda _: in_v1("test_given_batches.v1"),
    "pairs": lambda _: load_tok2vec(),
    "markers": load_markers,
    "luke": load_luke,
}


def make_model(config, folder):
    """Two labels, random weights, a relation for each pair and label."""
    nlp = spacy.blank("en")
    ruler = nlp.add_pipe("entity_ruler")
    settings = {"threshold": 0.0}
    nlp.add_pipe(
        "relation_extractor",
        config={**settings, **({"model": config} if config else {})},
    )
    words = TEXT.split()
    gold = make_doc(nlp.vocab, words, [(0, 2, "PERSON"), (3, 4, "ORG"), (6, 7, "NAME")])
    gold.spans["mine"] = gold.ents
    a, b, c = gold.ents
    set_relations(gold, [Relation(a, "OF", b), Relation(b, "HIRED", c)])
    example = Example(copy_without_relations(gold), gold)
    optimizer = nlp.initialize(lambda: [example])
    for _ in range(5):
        nlp.update([example], sgd=optimizer)
    # after initialize, which would clear them
    ruler.add_patterns([{"label": "X", "pattern": "hired"}])
    nlp.to_disk(folder / "model")
    return folder / "model"


def to_rows(relations):
    """From (head, label, tail, score), with head and tail as start, end, label."""
    return sorted((*x[:3], pytest.approx(x[3], abs=1e-4)) for x in relations)


def from_json(found):
    """The entities in their order, and the relations."""

    def key(entity):
        return (entity["start"], entity["end"], entity["label"], entity["text"])

    relations = found["relations"]
    return [*map(key, found["entities"])], to_rows(
        (key(x["head"])[:3], x["label"], key(x["tail"])[:3], x["score"])
        for x in relations
    )


def by_script(folder, entities, path):
    return from_json(json.loads(invoke("predict", folder, path, "--json").stdout))


def by_extract(folder, entities, path):
    extractor = Extractor(ExtractSettings(model=str(folder)), path.parent / "out")
    item = Item(Place(0, 1, 1), Task(TEXT, entities))
    doc = extractor.make_doc(item, "in")
    if doc is None:
        raise ValueError(item.reason)
    extractor.predict([doc], [item])
    return from_json(extractor.make_row(item, doc, "in"))


def by_preannotation(folder, entities, path):
    (record,) = preannotate(spacy.load(folder), [Task(TEXT, entities)])
    spans = {x.id: (*x.fragments[0], x.label) for x in record.entities}
    entities = [(*spans[x.id], x.text) for x in record.entities]
    return entities, to_rows(
        (spans[x.head], x.label, spans[x.tail], x.attrs["score"])
        for x in record.relations
    )


def by_service(folder, entities, path):
    with run_client(create_app(spacy.load(folder))) as client:
        answer = post(client, entities)
    if answer.status_code != 200:
        raise ValueError(answer.json()["detail"])
    return from_json(answer.json()["documents"][0])


def post(client, entities):
    document = {"text": TEXT, "entities": entities}
    return client.post("/extract", json={"documents": [document]})


WAYS = [by_script, by_extract, by_preannotation, by_service]


def find_by_all(folder, entities, path):
    """The entities and relations that each way finds."""
    path.write_text(json.dumps({"text": TEXT, "entities": entities}), "utf8")
    first, *others = [way(folder, entities, path) for way in WAYS]
    for way, found in zip(WAYS[1:], others):
        assert found == first, way.__name__
    return first


def show(entities):
    rows = [(x["start"], x["end"], x["label"]) for x in entities]
    return [(*row, TEXT[row[0] : row[1]]) for row in rows]


@pytest.fixture(scope="module")
def nested_model(tmp_path_factory):
    """Finds nested entities in the group that its extractor reads, words that are no
    entities in another one, and no relation."""
    path = tmp_path_factory.mktemp("nested")
    nlp = spacy.load(make_model(MODELS["spans"](path), path))
    nlp.remove_pipe("entity_ruler")
    for key, words in (("mine", ["Acme North", "North"]), ("hits", ["hired"])):
        config = {"spans_key": key}
        ruler = nlp.add_pipe("span_ruler", key, config=config, first=True)
        ruler.add_patterns([{"label": "X", "pattern": word} for word in words])
    nlp.get_pipe("relation_extractor").threshold = 1.0
    nlp.to_disk(path / "nested")
    return path / "nested"


def at(start, end, label="PERSON"):
    return {"start": start, "end": end, "label": label}


@pytest.mark.filterwarnings("ignore:.*inside a token:UserWarning")
@pytest.mark.parametrize(
    "entities, expected",
    [
        ([at(0, 2), at(5, 9, "NAME")], [at(0, 3), at(4, 10, "NAME")]),  # cut
        ([at(0, 3), at(4, 7), at(0, 3)], [at(0, 3), at(4, 7)]),  # repeated
        ([at(0, 2), at(0, 3), at(0, 3, "NAME")], [at(0, 3, "NAME"), at(0, 3)]),
        ([at(4, 7), at(0, 3), at(0, 7)], [at(0, 3), at(0, 7), at(4, 7)]),
        ([at(3, 7)], [at(4, 7)]),  # from the blank before it
        ([], []),
        (None, [at(11, 21, "X"), at(16, 21, "X")]),  # found
    ],
)
def test_the_same_entities_in_each_way(nested_model, tmp_path, entities, expected):
    found, _ = find_by_all(nested_model, entities, tmp_path / "in.jsonl")
    assert found == show(expected)


@pytest.mark.parametrize("blank", [at(3, 4), at(0, 99), at(2, 2)])
def test_an_entity_without_a_token_is_refused_in_each_way(
    nested_model, tmp_path, blank
):
    path, entities = tmp_path / "in.jsonl", [blank, at(0, 3)]
    path.write_text(json.dumps({"text": TEXT, "entities": entities}), "utf8")
    message = "covers no token" if blank["end"] == 4 else "outside the text|start < end"
    shown = load_script("predict")(nested_model, path, code=1)
    assert re.search(message, shown)
    for way in WAYS[1:]:
        with pytest.raises(ValueError, match=message):
            way(nested_model, entities, path)


@pytest.mark.parametrize("key", ["mine", "entities"])
def test_entities_of_a_doc_are_only_in_a_group(nested_model, tmp_path, key):
    nlp = spacy.load(nested_model, exclude=["mine", "hits"])
    nlp.get_pipe("relation_extractor").threshold = 0.0
    nlp.to_disk(tmp_path / "model")
    extractor = Extractor(ExtractSettings(model=str(tmp_path / "model")), tmp_path)
    found = {}
    for name in (key, "other"):
        doc = make_doc(
            extractor.nlp.vocab, TEXT, [(0, 1, "A"), (0, 2, "B")], (), spans_key=name
        )
        item = Item(Place(0, 1, 1), Task(""), make_doc=lambda _, doc=doc: doc)
        made = extractor.make_doc(item, "in")
        if made is not None:
            extractor.predict([made], [item])
            found[name] = from_json(extractor.make_row(item, made, "in"))
    assert "has no entities" in item.reason  # those of another group
    entities, relations = found[key]
    assert [label for _, _, label, _ in entities] == ["A", "B"]
    assert len(relations) == 4


@pytest.mark.filterwarnings("ignore:.*doesn't know the entity type:UserWarning")
@pytest.mark.parametrize("name", MODELS)
def test_the_same_pairs_and_scores_in_each_way(tmp_path, name):
    if name in ("markers", "luke"):
        pytest.importorskip("spacy_transformers")
    folder = make_model(MODELS[name](tmp_path), tmp_path)
    path = tmp_path / "in.jsonl"
    entities, first = find_by_all(folder, ENTITIES, path)
    assert entities == show(ENTITIES)
    assert len(first) == 2 * N_PAIRS
    assert len({score.expected for *_, score in first}) > N_PAIRS  # they say something
    # a single pair is scored as if it were all that is given
    nested = ENTITIES[:2]
    path.write_text(json.dumps({"text": TEXT, "entities": nested}), "utf8")
    _, rows = by_script(folder, nested, path)
    assert len(rows) == 4
    head, tail = ("{start}:{end}:{label}".format(**entity) for entity in nested)
    found = score_pair(spacy.load(folder), TEXT, head, tail)
    key = (0, 7, "PERSON")
    assert found.scores == {label: score for end, label, _, score in rows if end == key}


def test_a_function_that_reads_ents(tmp_path):
    folder = make_model(in_v1("test_given_reads_ents.v1"), tmp_path)
    flat = [ENTITIES[0], ENTITIES[2], ENTITIES[5]]
    path = tmp_path / "in.jsonl"
    _, rows = find_by_all(folder, flat, path)
    assert len(rows) == 12
    # of what it can't see each way says so
    message = (
        "3 of 6 given entities overlap others, and the model's custom pair generator"
    )
    nlp, task = spacy.load(folder), Task(TEXT, ENTITIES)
    with pytest.raises(GivenEntitiesError, match=message):
        list(predict(nlp, list(make_docs(nlp, [task])), [task]))
    with pytest.raises(GivenEntitiesError, match=message):
        list(preannotate(nlp, [task]))
    with pytest.raises(GivenEntitiesError, match="1 of 2 given entities overlap"):
        score_pair(nlp, TEXT, "0:7:PERSON", "4:7:NAME")
    path.write_text(json.dumps({"text": TEXT, "entities": ENTITIES}), "utf8")
    assert message in load_script("predict")(folder, path, code=1)
    with pytest.raises(GivenEntitiesError, match=message):
        by_extract(folder, ENTITIES, path)
    with run_client(create_app(nlp)) as client:
        answer = post(client, ENTITIES)
    assert answer.status_code == 422 and message in answer.json()["detail"]


def test_the_model_is_as_it_was(tmp_path):
    nlp = spacy.load(make_model({}, tmp_path))
    attrs = nlp.get_pipe("relation_extractor").model.attrs
    own = attrs["get_instances"]
    task = Task(TEXT, ENTITIES)
    for found in find_relations(nlp, [task] * 3, batch_size=2):
        assert len(found.relations) == 2 * N_PAIRS
        # also between two texts
        assert attrs["get_instances"] is own
        assert nlp.pipe_names == ["entity_ruler", "relation_extractor"]
        assert [ent.text for ent in nlp(TEXT).ents] == ["hired"]


def test_entities_of_a_docbin_are_given_too(tmp_path):
    """Nested ones are in the group that conversion writes; without it doc.ents."""
    nlp = spacy.load(make_model({}, tmp_path))
    (doc,) = make_docs(nlp, [Task(TEXT, ENTITIES)])
    copies = [doc.copy(), doc.copy()]
    del copies[1].spans["entities"]
    found = [len(get_relations(x)) for x in extract(nlp, copies, True)]
    assert found == [2 * N_PAIRS, 12]


def test_widened_entities_are_counted_in_one_warning(nlp):
    cut = [{"start": 1, "end": 5, "label": "X"}, {"start": 0, "end": 3, "label": "Y"}]
    tasks = [Task(TEXT), Task(TEXT, cut), Task(TEXT, ENTITIES), Task(TEXT, cut * 2)]
    message = (
        r"^in: 3 entities start or end inside a token, in 2 of 4 texts \(the first is"
    )
    with pytest.warns(UserWarning, match=message) as caught:
        docs = list(make_docs(nlp, tasks, "in"))
    assert len(caught) == 1
    assert [span.text for span in docs[1].spans["entities"]] == ["Ann Lee", "Ann"]


def test_an_entity_without_a_type_is_refused(tmp_path):
    path = tmp_path / "in.jsonl"
    path.write_text('{"text": "a b", "entities": [[0, 1, ""]]}', "utf8")
    with pytest.raises(ValueError, match=r"entities\[0\].label: found ''; expected"):
        list(read_path(path))


def test_given_text_must_be_at_the_offsets():
    nlp = spacy.blank("en")
    entity = {"start": 0, "end": 3, "label": "PERSON", "text": "Ann"}
    (doc,) = make_docs(nlp, [Task(TEXT, [entity])])
    assert doc.spans["entities"][0].text == "Ann"
    entity = {**entity, "start": 4, "end": 7}
    with pytest.raises(GivenEntitiesError, match=r"is 'Lee' in the text, but .* 'Ann'"):
        list(make_docs(nlp, [Task(TEXT, [entity])]))

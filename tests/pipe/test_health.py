"""Pipelines that cannot be right say so."""

import warnings
from inspect import signature

import numpy
import pytest
import spacy
import srsly
from spacy.tokens import Doc
from spacy.util import registry
from thinc.api import reduce_mean

from rel_component.pipe.health import find_upstreams

from ..paths import DATA
from . import test_entity_tagger
from .test_extractor import TOK2VEC, get_docs, make_examples, make_nlp

SAVED = DATA / "saved_models"
NAME = "relation_extractor"


@pytest.fixture
def nlp():
    return make_nlp(shared=True)


def add_alone(nlp, before=None):
    """The extractor in another pipeline, with another encoder or none."""
    other = spacy.blank("en")
    if before is not None:
        other.add_pipe("tok2vec", config={"model": before})
        other.initialize()
    other.add_pipe(NAME, source=nlp)
    return other


def reload(nlp, tmp_path, **options):
    nlp.to_disk(tmp_path)
    return spacy.load(tmp_path, **options)


@pytest.mark.parametrize(
    "take_away",
    [
        lambda nlp, path: reload(nlp, path, exclude=["tok2vec"]),
        lambda nlp, path: reload(nlp, path, disable=["tok2vec"]),
        lambda nlp, path: reload(nlp, path, enable=[NAME]),
        lambda nlp, path: nlp.select_pipes(enable=[NAME]) and nlp,
        lambda nlp, path: add_alone(nlp),
    ],
)
def test_encoder_that_did_not_run(nlp, take_away, tmp_path):
    nlp = take_away(nlp, tmp_path)
    docs = get_docs(nlp)
    with pytest.warns(UserWarning, match=r"of the component 'tok2vec'.* did not run"):
        list(nlp.pipe(docs))
    list(nlp.pipe(get_docs(nlp)))  # said once; warnings are errors


def list_listeners():
    registry.ensure_populated()
    found = registry.architectures.get_all().items()
    return [name for name, make in found if "upstream" in signature(make).parameters]


@pytest.mark.parametrize("name", list_listeners())
def test_every_listener_is_known(name):
    make = registry.architectures.get(name)
    values = {"width": 8, "grad_factor": 1.0, "pooling": reduce_mean()}
    taken = signature(make).parameters.keys() & values.keys()
    (upstream,) = find_upstreams(make(**{x: values[x] for x in taken}, upstream="up"))
    assert upstream.name == "up"


def test_encoder_that_runs_too_late(nlp):
    other = add_alone(nlp)
    other.add_pipe("tok2vec", source=nlp)
    with pytest.warns(UserWarning, match="did not run before it"):
        list(other.pipe(get_docs(other)))


def test_encoder_that_runs(nlp, tmp_path):
    docs = get_docs(nlp)
    list(nlp.pipe(docs))
    list(reload(nlp, tmp_path).pipe(get_docs(nlp)))
    nlp.select_pipes(enable=[NAME])
    list(nlp.pipe(docs))  # they have their vectors
    list(make_nlp().pipe(get_docs(nlp)))  # an encoder of its own


def test_nothing_is_said_without_pairs(nlp):
    nlp.select_pipes(enable=[NAME])
    nlp("Nobody came.")
    nlp(Doc(nlp.vocab))


def test_encoder_of_another_width(nlp):
    other = add_alone(nlp, {**TOK2VEC, "width": 8})
    with pytest.raises(ValueError, match=r"have 8 columns, but .* trained on 16"):
        list(other.pipe(get_docs(other)))


def load(name, **options):
    pytest.importorskip("spacy_transformers")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # renamed settings
        return spacy.load(SAVED / name, **options)


def test_transformer_that_did_not_run():
    for option in ("exclude", "disable"):
        nlp = load("joint_trf", **{option: ["transformer", "ner"]})
        with pytest.raises(ValueError, match="of the component 'transformer'"):
            list(nlp.pipe(get_docs(nlp)))


def get_weights(nlp, name):
    return [
        node.get_param(param)
        for node in nlp.get_pipe(name).model.walk()
        for param in node.param_names
        if node.has_param(param)
    ]


@pytest.mark.parametrize("value", [numpy.nan, numpy.inf])
def test_weights_that_are_no_numbers(nlp, tmp_path, value):
    other = make_nlp(shared=True).get_pipe(NAME)
    for weights in get_weights(nlp, NAME):
        before = weights.flat[-1]
        weights.flat[-1] = value
        with pytest.raises(ValueError, match=f"weights of {NAME} are not all finite"):
            reload(nlp, tmp_path)
        with pytest.raises(ValueError, match=f"weights of {NAME} are not all finite"):
            other.from_bytes(nlp.get_pipe(NAME).to_bytes())
        weights.flat[-1] = before
    reload(nlp, tmp_path)


def test_weights_of_a_transformer_that_are_no_numbers(tmp_path):
    nlp = load("luke")
    torch = pytest.importorskip("torch")
    (shim,) = [s for x in nlp.get_pipe(NAME).model.walk() for s in x.shims]
    with torch.no_grad():
        next(shim._model.parameters()).view(-1)[0] = numpy.nan
    with pytest.raises(ValueError, match="not all finite"):
        nlp.get_pipe(NAME).from_bytes(nlp.get_pipe(NAME).to_bytes())


def test_weights_of_the_encoder_that_are_no_numbers(nlp, tmp_path):
    for weights in get_weights(nlp, "tok2vec"):
        weights[:] = numpy.nan
    nlp = reload(nlp, tmp_path)
    with pytest.warns(UserWarning, match=r"not numbers \(NaN\) for 2 of 2 pairs"):
        doc = nlp(get_docs(nlp)[0])
    assert doc._.relations == []
    list(nlp.pipe(get_docs(nlp)))  # said once


@pytest.mark.parametrize("labels", [["LIKES"], ["LIKES", "HATES", "KNOWS"]])
def test_labels_and_outputs_differ(nlp, tmp_path, labels):
    nlp.to_disk(tmp_path)
    path = tmp_path / NAME / "cfg"
    srsly.write_json(path, {**srsly.read_json(path), "labels": labels})
    with pytest.raises(ValueError, match=rf"has 2 .*the {len(labels)} .*\(LIKES"):
        spacy.load(tmp_path)


def test_pipe_without_weights(nlp):
    fresh = spacy.blank("en")
    pipe = fresh.add_pipe(NAME)
    pipe.add_label("LIKES")
    examples = make_examples(fresh)
    for call in (
        lambda: list(fresh.pipe(get_docs(fresh))),
        lambda: pipe.predict(get_docs(fresh)),
        lambda: pipe.update(examples),
        lambda: fresh.update(examples),
    ):
        with pytest.raises(ValueError, match=r"is not initialized"):
            call()
    fresh("Nobody came.")  # nothing to score


@pytest.fixture
def tagger():
    return test_entity_tagger.make_nlp(shared=True, crf=True)


def tag(nlp):
    return list(nlp.pipe(test_entity_tagger.get_docs(nlp)))


def test_tagger_whose_encoder_did_not_run(tagger):
    tagger.select_pipes(enable=["entity_tagger"])
    with pytest.warns(UserWarning, match="entity_tagger uses vectors of the comp"):
        tag(tagger)
    tag(tagger)  # said once


def test_weights_of_a_tagger_that_are_no_numbers(tagger, tmp_path):
    for weights in get_weights(tagger, "entity_tagger"):
        before = weights.flat[-1]
        weights.flat[-1] = numpy.nan
        with pytest.raises(ValueError, match="weights of entity_tagger are not all"):
            reload(tagger, tmp_path)
        weights.flat[-1] = before
    for weights in get_weights(tagger, "tok2vec"):
        weights[:] = numpy.nan
    with pytest.warns(UserWarning, match=r"scores of entity_tagger .* \d+ of \d+ tok"):
        docs = tag(tagger)
    assert not any(doc.ents for doc in docs)
    tag(tagger)  # said once


def test_labels_and_tags_differ(tagger, tmp_path):
    tagger.to_disk(tmp_path)
    path = tmp_path / "entity_tagger" / "cfg"
    for labels in (["A"], ["A", "B", "C"]):
        srsly.write_json(path, {"labels": labels})
        with pytest.raises(ValueError, match=f"need {4 * len(labels) + 1}"):
            spacy.load(tmp_path)


def test_tagger_without_weights():
    nlp = spacy.blank("en")
    pipe = nlp.add_pipe("entity_tagger")
    pipe.add_label("A")
    examples = test_entity_tagger.make_examples(nlp)
    for call in (lambda: tag(nlp), lambda: pipe.update(examples)):
        with pytest.raises(ValueError, match="entity_tagger is not initialized"):
            call()


def test_two_extractors_with_the_same_labels(nlp):
    nlp.add_pipe(NAME, name="other", source=make_nlp())
    with pytest.warns(UserWarning, match=rf"other replaces .* {NAME} .*\(LIKES"):
        list(nlp.pipe(get_docs(nlp)))
    docs = list(nlp.pipe(get_docs(nlp)))  # said once
    nlp.remove_pipe("other")
    list(nlp.pipe(doc.copy() for doc in docs))  # again, by the same one


def test_weights_can_be_loaded_without_the_labels(nlp):
    pipe = nlp.get_pipe(NAME)
    fresh = spacy.blank("en").add_pipe(
        NAME, config={"model": nlp.config["components"][NAME]["model"]}
    )
    fresh.from_bytes(pipe.to_bytes(), exclude=["cfg"])
    assert fresh.model.get_dim("nO") == len(pipe.labels)

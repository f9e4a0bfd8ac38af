"""Pipelines on users' disks stay loadable: some that earlier code saved, see
tests/data/saved_models/README.txt."""

import json
from contextlib import nullcontext

import pytest
import spacy
from numpy.testing import assert_allclose
from spacy.tokens import Doc, Span, SpanGroup
from spacy.util import registry

from rel_component import get_relations
from rel_component.relations import get_relation_data

from ..paths import DATA

SAVED = sorted(path for path in (DATA / "saved_models").iterdir() if path.is_dir())
# config keys that have new names since
RENAMED = "learn_scale is now called logit_scale"
TRANSFORMERS = ("transformer", "MarkerModel", "LukeModel")


def load(path):
    config = (path / "config.cfg").read_text("utf8")
    if any(word in config for word in TRANSFORMERS):
        pytest.importorskip("spacy_transformers")
    has_old_key = "learn_scale" in config
    with (
        pytest.warns(DeprecationWarning, match=RENAMED)
        if has_old_key
        else nullcontext()
    ):
        return spacy.load(path)


def read(nlp, expected):
    """The text of a fixture, with its entities where the pipeline finds none."""
    doc = Doc(nlp.vocab, expected["words"])
    if "ner" not in nlp.pipe_names:
        entities = [Span(doc, *entity) for entity in expected["entities"]]
        if expected["spans_key"]:
            group = SpanGroup(doc, name=expected["spans_key"], spans=entities)
            doc.spans[expected["spans_key"]] = group
        else:
            doc.ents = entities
    return nlp(doc)


def compare(doc, expected):
    key = expected["spans_key"]
    entities = doc.spans[key] if key else doc.ents
    found = sorted([e.start, e.end, e.label_] for e in entities)
    assert found == sorted(expected["entities"])
    data = get_relation_data(doc)
    assert data.labels == expected["scores"]["labels"]
    pairs = [[*data.spans[h], *data.spans[t]] for h, t in data.pairs]
    assert pairs == [pair[:4] for pair in expected["scores"]["pairs"]]
    scores = [
        [float("nan") if score is None else score for score in pair[4]]
        for pair in expected["scores"]["pairs"]
    ]
    assert_allclose(data.scores, scores, rtol=0, atol=1e-6)
    relations = [
        [r.head.start, r.head.end, r.label, r.tail.start, r.tail.end]
        for r in get_relations(doc)
    ]
    assert relations == [relation[:5] for relation in expected["relations"]]


@pytest.mark.parametrize("path", SAVED, ids=lambda path: path.name)
def test_a_model_saved_by_earlier_code_gives_the_same_scores(path, tmp_path):
    expected = json.loads((path / "scores.json").read_text("utf8"))
    nlp = load(path)
    compare(read(nlp, expected), expected)
    # what today's code saves can be read again, too
    nlp.to_disk(tmp_path)
    compare(read(load(tmp_path), expected), expected)


def test_old_keys_of_the_training_config_are_read():
    (path,) = [path for path in SAVED if path.name == "joint_trf"]
    config = load(path).config["training"]["optimizer"]
    assert "head_scale" in config
    with pytest.warns(DeprecationWarning, match="head_scale is now called"):
        assert registry.resolve({"optimizer": config})["optimizer"] is not None

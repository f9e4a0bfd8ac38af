"""Adapters that learn beside a tiny random transformer."""

import sys

import numpy
import pytest
import spacy
from thinc.api import Adam, fix_random_seed

pytest.importorskip("peft")

from rel_component.model.transformer.checkpoint import CheckpointError

from .test_architecture import LONG, make_nlp, make_relation_nlp

N_STEPS = 8


def get_transformer(nlp):
    return nlp.get_pipe("transformer").model.transformer


def copy_state(transformer):
    return {key: value.clone() for key, value in transformer.state_dict().items()}


@pytest.fixture
def trained(checkpoint):
    """A pipeline that has learnt, its losses, and the weights that it began with."""
    fix_random_seed(0)
    nlp, examples = make_relation_nlp(checkpoint, lora_rank=2)
    nlp.initialize(lambda: examples)
    before = copy_state(get_transformer(nlp))
    optimizer = Adam(0.02)
    losses = [nlp.update(examples, sgd=optimizer) for _ in range(N_STEPS)]
    return nlp, [x["relation_extractor"] for x in losses], before


def freeze(transformer, rank):
    """As where no layer can be adapted."""
    transformer.requires_grad_(False)


def encode(nlp):
    return nlp(LONG)._.trf_data.model_output.last_hidden_state


def test_only_adapters_are_trained(trained):
    nlp, losses, before = trained
    assert losses[-1] < losses[0] / 2
    transformer = get_transformer(nlp)
    learn = {n for n, p in transformer.named_parameters() if p.requires_grad}
    assert learn and all(".lora_" in name for name in learn)
    # rank 2 on query, key, value and three more in each of two layers, and the pooler
    assert len(learn) == 2 * (2 * 6 + 1)
    for name, value in transformer.named_parameters():
        if ".lora_" not in name:
            assert (value == before[name.replace("base_layer.", "")]).all()


def test_merged_weights_are_saved(trained, tmp_path, monkeypatch):
    nlp, _, before = trained
    after = get_transformer(nlp).state_dict()
    assert after.keys() == before.keys()
    changed = {key for key in after if not (after[key] == before[key]).all()}
    assert changed and all(key.endswith("weight") for key in changed)
    assert all("layer." in key for key in changed)
    for key in changed:  # of low rank
        difference = (after[key] - before[key]).numpy()
        sizes = numpy.linalg.svd(difference, compute_uv=False)
        assert sizes[1] > 1e-4 > sizes[2] * 10
    nlp.to_disk(tmp_path)
    expected = encode(nlp)
    monkeypatch.setitem(sys.modules, "peft", None)  # as if it were not installed
    loaded = spacy.load(tmp_path)
    assert numpy.allclose(encode(loaded), expected, atol=1e-5)
    plain = spacy.load(
        tmp_path, config={"components": {"transformer": {"model": {"lora_rank": 0}}}}
    )
    assert (encode(plain) == encode(loaded)).all()


def test_training_continues_from_saved_weights(checkpoint, trained, tmp_path):
    nlp, losses, _ = trained
    nlp.to_disk(tmp_path)
    loaded = spacy.load(tmp_path)
    _, examples = make_relation_nlp(checkpoint)
    start = encode(loaded)
    optimizer = loaded.resume_training()
    optimizer.learn_rate = 0.001
    further = [loaded.update(examples, sgd=optimizer) for _ in range(5)]
    found = [x["relation_extractor"] for x in further]
    assert found[-1] < found[0] < losses[-1]
    assert not numpy.allclose(encode(loaded), start, atol=1e-5)


def test_error_messages(checkpoint, monkeypatch):
    with pytest.raises(CheckpointError, match="frozen_layers is 1 and lora_rank 2; "):
        make_nlp(checkpoint, frozen_layers=1, lora_rank=2)
    with pytest.raises(CheckpointError, match="lora_rank is -1; expected 0"):
        make_nlp(checkpoint, lora_rank=-1)
    monkeypatch.setattr("rel_component.model.transformer.lora.add_lora", freeze)
    nlp, examples = make_relation_nlp(checkpoint, lora_rank=2)
    nlp.initialize(lambda: examples)
    with pytest.raises(CheckpointError, match="BertModel has no linear layers"):
        nlp.update(examples)
    monkeypatch.undo()
    monkeypatch.setitem(sys.modules, "peft", None)
    nlp, examples = make_relation_nlp(checkpoint, lora_rank=2)
    nlp.initialize(lambda: examples)
    with pytest.raises(CheckpointError, match=r"can't be imported .*\[lora\]"):
        nlp.update(examples)

"""Windows in groups: what comes out is what one pass over all would give."""

from itertools import combinations

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("spacy_transformers")

import torch

from rel_component.model.transformer import encoder
from rel_component.model.transformer.encoder import (
    GroupedForward,
    add_gradients,
    group_by_length,
    prepare,
)

LENGTHS = [3, 17, 4, 4, 16, 1, 9, 3]


@pytest.fixture
def transformer(checkpoint):
    from transformers import AutoModel

    no_dropout = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    model = AutoModel.from_pretrained(checkpoint, return_dict=True, **no_dropout)
    # in single precision, sums in another order differ by more or less with the weights
    return model.double().eval()


@pytest.fixture
def groups(monkeypatch):
    """Sizes of the passes, which cost nothing beside their slots."""
    sizes = []
    group = encoder.group_by_length

    def watch(lengths, overhead):
        found = group(lengths, 1)
        sizes.extend(map(len, found))
        return found

    monkeypatch.setattr(encoder, "group_by_length", watch)
    return sizes


def make_inputs(lengths=LENGTHS):
    mask = numpy.arange(max(lengths))[None] < numpy.asarray(lengths)[:, None]
    ids = numpy.random.default_rng(0).integers(5, 15, mask.shape) * mask
    return {"input_ids": torch.as_tensor(ids), "attention_mask": torch.as_tensor(mask)}


def run(transformer, forward, inputs):
    """Outputs at pieces, and the gradient of each parameter."""
    output = forward(**inputs)
    hidden = output.last_hidden_state
    weights = torch.as_tensor(numpy.random.default_rng(1).normal(size=hidden.shape))
    mask = inputs["attention_mask"][:, :, None]
    transformer.zero_grad()
    loss = (hidden * weights * mask).sum() + (output.pooler_output**2).sum()
    loss.backward()
    gradients = {n: p.grad.clone() for n, p in transformer.named_parameters()}
    return hidden * mask, output.pooler_output, gradients


def assert_close(found, expected):
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)


def test_outputs_and_gradients_match_one_pass(transformer, groups):
    inputs = make_inputs()
    expected = run(transformer, transformer.forward, inputs)
    found = run(transformer, GroupedForward(transformer.forward), inputs)
    assert groups == [2, 1, 2, 2, 1]
    assert_close(found, expected)
    assert found[2]["encoder.layer.0.output.dense.weight"].abs().max() > 0.1


def test_all_hidden_states_are_combined(transformer, groups):
    inputs = make_inputs()
    mask = inputs["attention_mask"][:, :, None]
    transformer.config.output_hidden_states = True
    expected = transformer.forward(**inputs).hidden_states
    found = GroupedForward(transformer.forward)(**inputs).hidden_states
    assert len(groups) > 1
    assert len(found) == len(expected) == 3
    for one, two in zip(found, expected):
        assert_close(one * mask, two * mask)


def test_outputs_of_unknown_shape_are_computed_in_one_pass(checkpoint, groups):
    from transformers import AutoModel

    settings = {"attn_implementation": "eager", "return_dict": True}
    transformer = AutoModel.from_pretrained(checkpoint, **settings).eval()
    inputs = make_inputs()
    transformer.config.output_attentions = True
    expected = transformer.forward(**inputs).attentions
    found = GroupedForward(transformer.forward)(**inputs).attentions
    assert_close(found, expected)


def test_left_padded_windows_are_not_grouped(transformer, groups):
    inputs = {key: value.flip(1) for key, value in make_inputs().items()}
    expected = transformer.forward(**inputs).last_hidden_state
    found = GroupedForward(transformer.forward)(**inputs).last_hidden_state
    assert not groups
    assert_close(found, expected)


def test_other_calls_are_passed_on(transformer):
    ids = torch.as_tensor([[5, 6, 7]])
    forward = GroupedForward(transformer.forward)
    expected = transformer.forward(ids).last_hidden_state
    assert_close(forward(ids).last_hidden_state, expected)
    assert_close(forward(input_ids=ids).last_hidden_state, expected)


@given(st.lists(st.integers(1, 30), min_size=1, max_size=7), st.integers(0, 40))
def test_groups_are_optimal(lengths, overhead):
    lengths = numpy.asarray(lengths)
    groups = group_by_length(lengths, overhead)
    assert sorted(numpy.concatenate(groups)) == list(range(len(lengths)))

    def get_cost(groups):
        return sum(len(x) * lengths[x].max() + overhead for x in groups)

    order = numpy.argsort(lengths)
    possible = [
        numpy.split(order, borders)
        for n in range(len(lengths))
        for borders in combinations(range(1, len(lengths)), n)
    ]
    assert get_cost(groups) == min(map(get_cost, possible))


def test_frozen_layers_have_no_gradient(transformer):
    inputs = make_inputs()
    expected = run(transformer, transformer.forward, inputs)[2]
    prepare(transformer, frozen_layers=1)
    transformer.zero_grad()
    output = transformer(**inputs)
    output.last_hidden_state.sum().backward()
    got = {n for n, p in transformer.named_parameters() if p.grad is not None}
    assert got == {name for name in expected if name.startswith("encoder.layer.1.")}
    # nothing below is kept for a backward pass
    hidden = transformer.embeddings(inputs["input_ids"])
    assert not hidden.requires_grad
    assert not transformer.encoder.layer[0](hidden)[0].requires_grad


def test_too_many_frozen_layers(transformer):
    with pytest.raises(ValueError, match=r"frozen_layers is 3, .* has 2 layers"):
        prepare(transformer, frozen_layers=3)


def test_checkpointing_keeps_gradients_and_saves_memory(transformer):
    inputs = make_inputs()
    transformer.train()
    kept = []

    def measure():
        sizes = []
        with torch.autograd.graph.saved_tensors_hooks(
            lambda x: sizes.append(x.numel()) or x, lambda x: x
        ):
            transformer(**inputs)
        kept.append(sum(sizes))

    expected = run(transformer, transformer.forward, inputs)
    measure()
    prepare(transformer, gradient_checkpointing=True)
    assert_close(run(transformer, transformer.forward, inputs), expected)
    measure()
    assert kept[1] < kept[0] / 2


class Scaler:
    """As Thinc's, which is for CUDA only: takes the scale out of all gradients."""

    scale, found_inf = 4.0, False

    def unscale(self, parameters):
        for parameter in parameters:
            if parameter.grad is not None:
                parameter.grad /= self.scale


@pytest.mark.parametrize("overflows", [False, True])
def test_gradients_accumulate_in_mixed_precision(overflows):
    layer, scaler = torch.nn.Linear(2, 1), Scaler()

    def backprop(d_output):
        (layer(torch.ones(3, 2)) * d_output * scaler.scale).sum().backward()
        scaler.unscale(layer.parameters())

    backprop_beside = add_gradients(layer, scaler, backprop)
    backprop_beside(1.0)
    assert layer.bias.grad.item() == 3.0
    scaler.found_inf = overflows
    backprop_beside(2.0)
    assert layer.bias.grad.item() == (3.0 if overflows else 9.0)

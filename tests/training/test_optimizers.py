from itertools import islice

import numpy
import pytest
from thinc.api import Adam

from rel_component.training.optimizers import (
    create_two_rate_adam,
    create_warmup_linear,
    get_layer,
)


def step(optimizer, name):
    weights = numpy.ones((2, 2), dtype="float32")
    gradient = numpy.asarray([[1, 2], [-1, 0.5]], dtype="float32")
    updated, left = optimizer((1, name), weights.copy(), gradient)
    assert not left.any()
    return weights - updated


def test_layers_outside_pytorch_learn_so_many_times_faster():
    settings = {"L2": 0.01, "grad_clip": 1.0}
    plain = step(Adam(0.001, use_averages=False, **settings), "W")
    optimizer = create_two_rate_adam(0.001, task_lr_scale=10.0, **settings)
    assert step(optimizer, "encoder.layer.0.weight") == pytest.approx(plain, abs=1e-6)
    assert step(optimizer, "W") == pytest.approx(10 * plain, rel=1e-3)


@pytest.mark.parametrize("steps", [0, "${training.max_steps}"])
def test_without_a_number_of_steps_the_rate_does_not_fall(steps):
    rates = [*islice(create_warmup_linear(0.1, 100, steps), 5001)]
    rates = [rates[step] for step in (50, 100, 5000)]
    assert rates == pytest.approx([0.05, 0.1, 0.1], rel=1e-3)


def test_a_schedule_holds_for_both():
    optimizer = create_two_rate_adam(iter([0.1, 0.0]), task_lr_scale=2.0)
    optimizer.step_schedules()
    assert not step(optimizer, "W").any()


def test_lower_layers_learn_more_slowly():
    optimizer = create_two_rate_adam(0.001, layer_decay=0.5, L2=0.0)
    plain_optimizer = create_two_rate_adam(0.001, L2=0.0)
    names = {
        "embeddings.word_embeddings.weight": 0.25,
        "encoder.layer.0.output.dense.weight": 0.5,
        "encoder.layer.1.output.dense.weight": 1,
        "encoder.relative_attention_bias.weight": 1,
        "pooler.dense.bias": 1,
        "W": 1,
    }
    for scales in (
        {name: 0 if get_layer(name) is not None else 1 for name in names},
        names,
    ):
        plain = step(plain_optimizer, "W")
        for name, scale in scales.items():
            found = step(optimizer, name)
            assert found == pytest.approx(scale * plain, rel=1e-3), name


def test_layers_are_counted_for_each_transformer():
    optimizer = create_two_rate_adam(0.001, layer_decay=0.5, L2=0.0)
    keys = [(1, "h.0.weight"), (1, "h.1.weight"), (2, "h.0.weight")]
    keys = [(number, f"encoder.{name}") for number, name in keys]
    for scales in ([0, 0, 0], [0.5, 1, 1]):
        for key, scale in zip(keys, scales):
            found, _ = optimizer(key, *numpy.ones((2, 1, 1), dtype="float32"))
            assert 1 - found.item() == pytest.approx(0.001 * scale, rel=1e-3)


@pytest.mark.parametrize(
    "name, layer",
    [
        ("embeddings.LayerNorm.bias", -1),  # BERT
        ("encoder.embed_tokens.weight", -1),  # BART
        ("shared.weight", -1),  # T5
        ("encoder.block.3.layer.0.SelfAttention.q.weight", 3),
        ("wte.weight", -1),  # GPT-2
        ("h.11.attn.c_attn.weight", 11),
        ("transformer.layer.2.ffn.lin1.weight", 2),  # DistilBERT
        ("pooler.dense.weight", None),
    ],
)
def test_layers_of_architectures(name, layer):
    assert get_layer(name) == layer


def test_the_number_of_layers_is_no_longer_a_setting():
    with pytest.warns(DeprecationWarning, match="^n_layers is deprecated"):
        create_two_rate_adam(0.001, layer_decay=0.5, n_layers=2)


@pytest.mark.parametrize("decay", [0.0, -0.5, 1.5])
def test_layer_decay_out_of_range(decay):
    with pytest.raises(ValueError, match=r"^layer_decay is .*; expected a number"):
        create_two_rate_adam(0.001, layer_decay=decay)


@pytest.mark.parametrize("settings", [{}, {"L2": 0.0}, {"grad_clip": 0.0}])
@pytest.mark.parametrize("is_penalty", [False, True])
def test_pytorch_parameters_take_the_steps_of_thincs_adam(settings, is_penalty, rng):
    settings = {"L2": 0.01, "L2_is_weight_decay": not is_penalty, **settings}
    theirs = Adam(0.01, use_averages=False, **settings)
    ours = create_two_rate_adam(0.01, **settings)
    expected = rng.standard_normal((7, 5)).astype("float32")
    found = expected.copy()
    for scale in [1e-9, 1e-4, 1.0, 100.0] * 5:
        gradient = scale * rng.standard_normal((7, 5)).astype("float32")
        expected, _ = theirs((1, "a.weight"), expected, gradient.copy())
        found, left = ours((1, "a.weight"), found, gradient)
        assert not left.any()
        assert found == pytest.approx(expected, abs=1e-5)

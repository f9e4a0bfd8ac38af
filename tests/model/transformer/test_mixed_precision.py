from types import SimpleNamespace

import pytest
import torch

from rel_component.model.transformer.mixed_precision import (
    for_device,
    keep_gradients,
)


def test_disabled_without_gpu():
    assert for_device(True, {"init_scale": 2.0}) == (False, {"enabled": False})


@pytest.mark.parametrize("mixed_precision, expected", [(True, 9.0), (False, 5.0)])
def test_earlier_gradients_are_not_unscaled_again(mixed_precision, expected):
    layer = torch.nn.Linear(2, 1)
    scaler = SimpleNamespace(found_inf=False)

    def backprop(d_output):
        (layer(torch.ones(1, 2)) * 4 * d_output).sum().backward()
        layer.bias.grad /= 4  # Thinc takes the scale out of all that stands there

    shim = SimpleNamespace(
        _model=layer, _grad_scaler=scaler, _mixed_precision=mixed_precision
    )
    keep_gradients(shim, backprop)(4.0)
    keep_gradients(shim, backprop)(4.0 if not mixed_precision else 5.0)
    assert layer.bias.grad.item() == expected

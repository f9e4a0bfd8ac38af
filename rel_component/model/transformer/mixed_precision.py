"""Mixed precision, on GPU only."""

from typing import Any, Callable, Dict, Tuple

from thinc.api import get_torch_default_device


def for_device(
    mixed_precision: bool, grad_scaler_config: Dict[str, Any]
) -> Tuple[bool, Dict[str, Any]]:
    """Disable mixed precision without GPU, since its scaler doesn't support CPU.

    mixed_precision (bool): the setting.
    grad_scaler_config (Dict[str, Any]): config of Thinc's `PyTorchGradScaler`.
    RETURNS (Tuple[bool, Dict[str, Any]]): both settings for this machine, as a copy.
    """
    if get_torch_default_device().type != "cuda":
        return False, {"enabled": False}
    return mixed_precision, {**grad_scaler_config}


def keep_gradients(shim: Any, backprop: Callable) -> Callable:
    """Accumulate gradients of several batches, also in mixed precision.

    shim (PyTorchShim): the transformer's shim.
    backprop (Callable): backprop of one batch.
    RETURNS (Callable): a backprop that preserves earlier gradients.
    """
    if not shim._mixed_precision:
        return backprop
    from .encoder import add_gradients

    return add_gradients(shim._model, shim._grad_scaler, backprop)

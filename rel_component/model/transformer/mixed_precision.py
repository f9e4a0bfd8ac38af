"""Half precision, which only a GPU has."""

from typing import Any, Callable, Dict, Tuple

from thinc.api import get_torch_default_device


def for_device(
    mixed_precision: bool, grad_scaler_config: Dict[str, Any]
) -> Tuple[bool, Dict[str, Any]]:
    """Leave mixed precision out where there is no GPU: its scaler refuses the CPU.

    mixed_precision (bool): as wished.
    grad_scaler_config (Dict[str, Any]): of Thinc's `PyTorchGradScaler`.
    RETURNS (Tuple[bool, Dict[str, Any]]): both, as this machine can do; a copy.
    """
    if get_torch_default_device().type != "cuda":
        return False, {"enabled": False}
    return mixed_precision, {**grad_scaler_config}


def keep_gradients(shim: Any, backprop: Callable) -> Callable:
    """Let gradients of several batches add up, also in mixed precision.

    shim (PyTorchShim): of the transformer.
    backprop (Callable): of one batch.
    RETURNS (Callable): the same; in mixed precision one that leaves the gradients of
        earlier batches as they are.
    """
    if not shim._mixed_precision:
        return backprop
    from .encoder import add_gradients

    return add_gradients(shim._model, shim._grad_scaler, backprop)

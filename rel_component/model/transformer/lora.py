"""Low-rank adapters for a transformer with frozen weights.

Source: Hu et al. (2021), LoRA: Low-Rank Adaptation of Large Language Models.
"""

from typing import Any, Dict, Iterator, Tuple

import torch

from ...wording import get_command
from .checkpoint import CheckpointError

# scale of an adapter's output: the usual alpha, twice the rank
SCALE = 2


def has_lora(transformer: torch.nn.Module) -> bool:
    """RETURNS (bool): whether `add_lora` was called."""
    return any(".lora_A." in name for name, _ in transformer.named_parameters())


def add_lora(transformer: torch.nn.Module, rank: int) -> None:
    """Add adapters to all linear layers, and freeze all other weights.

    `transformer.state_dict()` returns merged weights, so saved models require neither
    adapters nor peft.

    transformer (torch.nn.Module): a Hugging Face encoder.
    rank (int): rank of the adapters.
    RAISES (CheckpointError): if peft is not installed.
    """
    try:
        from peft import LoraConfig, inject_adapter_in_model
    except ImportError as error:
        raise CheckpointError(
            f"lora_rank is {rank}, but peft can't be imported ({error}); install it "
            f"with {get_command('lora')}, or set lora_rank to 0."
        ) from None
    # first, so that adapters are always merged when saving
    transformer.register_state_dict_post_hook(_merge)
    config = LoraConfig(r=rank, lora_alpha=SCALE * rank, target_modules="all-linear")
    inject_adapter_in_model(config, transformer)
    for name, parameter in transformer.named_parameters():
        parameter.requires_grad_(".lora_" in name)


def _merge(
    transformer: torch.nn.Module, state: Dict[str, Any], prefix: str, metadata: Any
) -> None:
    """Replace the weights of adapted layers by merged ones."""
    for name, layer in _iter_adapted(transformer):
        path = f"{prefix}{name}."
        found = {key: state.pop(key) for key in list(state) if key.startswith(path)}
        for key, value in found.items():
            if key.startswith(f"{path}base_layer."):
                state[path + key.removeprefix(f"{path}base_layer.")] = value
        delta = layer.get_delta_weight("default").detach().cpu()
        # on the CPU, since a copy may not fit on the GPU
        state[f"{path}weight"] = state[f"{path}weight"].cpu() + delta


def _iter_adapted(transformer: torch.nn.Module) -> Iterator[Tuple[str, Any]]:
    from peft.tuners.lora import LoraLayer

    for name, module in transformer.named_modules():
        if isinstance(module, LoraLayer):
            yield name, module

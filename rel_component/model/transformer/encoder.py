"""Run and train a Hugging Face encoder: batching by length, frozen layers, gradient
checkpointing and reduced precision."""

from dataclasses import dataclass
from typing import Any, Callable, Dict, List, Optional

import numpy
import torch
from thinc.api import PyTorchGradScaler

from .checkpoint import CheckpointError

# overhead of a pass, in pieces
CPU_OVERHEAD = 32
GPU_OVERHEAD = 4096

WINDOWS = {"input_ids", "attention_mask", "token_type_ids"}
# outputs with one row per window; outputs per piece are padded
BY_PIECE = {"last_hidden_state", "hidden_states"}
BY_WINDOW = {"pooler_output"}


def is_prepared(transformer: torch.nn.Module) -> bool:
    """RETURNS (bool): whether `prepare` was called."""
    return isinstance(transformer.forward, GroupedForward)


def prepare(
    transformer: torch.nn.Module,
    *,
    bfloat16: Optional[bool] = False,
    frozen_layers: int = 0,
    gradient_checkpointing: bool = False,
) -> None:
    """Apply the settings of `rel_component.TransformerModel.v1` to a Hugging Face
    encoder.

    RAISES (CheckpointError): if `frozen_layers` exceeds its number of layers.
    """
    # attributes of Hugging Face's encoders, unknown to mypy
    module: Any = transformer
    for parameter in list_frozen(transformer, frozen_layers):
        parameter.requires_grad_(False)
    if gradient_checkpointing:
        module.gradient_checkpointing_enable({"use_reentrant": False})
    if bfloat16 is None:
        bfloat16 = computes_in_bfloat16()
    module.forward = GroupedForward(module.forward, bfloat16)


def computes_in_bfloat16() -> bool:
    """RETURNS (bool): whether the processor has bfloat16 instructions."""
    names = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return any(getattr(torch.cpu, name, bool)() for name in names)


def list_frozen(
    transformer: torch.nn.Module, n_layers: int
) -> List[torch.nn.Parameter]:
    """RETURNS (List[torch.nn.Parameter]): parameters of the embeddings and bottom
    layers."""
    if n_layers == 0:
        return []
    config: Any = transformer.config
    n_all = config.num_hidden_layers
    if not 0 < n_layers <= n_all:
        raise CheckpointError(
            f"frozen_layers is {n_layers}, but the transformer has {n_all} layers; "
            f"expected a number from 0 to {n_all}."
        )
    stacks = (
        (name, module)
        for name, module in transformer.named_modules()
        if isinstance(module, torch.nn.ModuleList) and len(module) == n_all
    )
    path, stack = next(stacks, (None, None))
    if stack is None:
        raise CheckpointError(
            f"frozen_layers: found no list of {n_all} layers in "
            f"{type(transformer).__name__}; set it to 0."
        )
    frozen = [x for layer in stack[:n_layers] for x in layer.parameters()]
    for name, parameter in transformer.named_parameters():
        if name.startswith(f"{path}."):
            break
        frozen.append(parameter)  # parameters before the layers: the embeddings
    return frozen


def add_gradients(
    transformer: torch.nn.Module, scaler: PyTorchGradScaler, backprop: Callable
) -> Callable:
    """Accumulate gradients of several batches in mixed precision.

    Thinc unscales all gradients, so with `accumulate_gradient`, those of earlier
    batches would be unscaled again.

    backprop (Callable): backprop of one batch; if it overflows, Thinc skips the step.
    RETURNS (Callable): a backprop that preserves earlier gradients.
    """

    def backprop_beside(d_output: Any) -> Any:
        parameters = list(transformer.parameters())
        earlier = [parameter.grad for parameter in parameters]
        for parameter in parameters:
            parameter.grad = None
        dX = backprop(d_output)
        for parameter, gradient in zip(parameters, earlier):
            if gradient is None:
                continue
            if parameter.grad is None or scaler.found_inf:
                parameter.grad = gradient
            else:
                parameter.grad += gradient
        return dX

    return backprop_beside


@dataclass
class GroupedForward:
    """Replaces a transformer's `forward`, with batching by length to reduce padding.

    forward (Callable): the original method.
    bfloat16 (bool): use bfloat16 on CPU.
    """

    forward: Callable
    bfloat16: bool = False

    def __call__(self, *args: Any, **inputs: Any) -> Any:
        """Same outputs and gradients as a single pass over all windows, with zeros for
        padding."""
        if args or not {"input_ids", "attention_mask"} <= set(inputs) <= WINDOWS:
            return self.forward(*args, **inputs)
        mask = inputs["attention_mask"]
        is_cpu = mask.device.type == "cpu"
        lengths = mask.sum(dim=1).cpu().numpy().astype("int64")
        is_left = bool((mask[:, 0] == 0).any())  # columns are positions
        groups = [numpy.arange(len(lengths))]
        if not is_left:
            groups = group_by_length(lengths, CPU_OVERHEAD if is_cpu else GPU_OVERHEAD)
        with torch.autocast("cpu", torch.bfloat16, enabled=self.bfloat16 and is_cpu):
            outputs = self._run(inputs, lengths, groups)
        if self.bfloat16:
            for key, value in outputs.items():
                outputs[key] = _map(torch.Tensor.float, value)
        return outputs

    def _run(
        self, inputs: Dict, lengths: numpy.ndarray, groups: List[numpy.ndarray]
    ) -> Any:
        if len(groups) == 1:
            return self.forward(**inputs)
        merged: Any = None
        for group in groups:
            rows = torch.as_tensor(group, device=inputs["input_ids"].device)
            longest = int(lengths[group].max())
            part = {key: value[rows, :longest] for key, value in inputs.items()}
            output = self.forward(**part)
            if not set(output) <= BY_PIECE | BY_WINDOW:
                return self.forward(**inputs)  # an output of unknown shape
            if merged is None:
                shape = inputs["input_ids"].shape
                merged = _allocate(output, *shape)
            for key, value in output.items():
                _write(merged[key], value, rows, key in BY_PIECE)
        return merged


def _allocate(output: Any, n_windows: int, n_pieces: int) -> Any:
    def by_piece(x: torch.Tensor) -> torch.Tensor:
        return x.new_zeros(n_windows, n_pieces, *x.shape[2:])

    def by_window(x: torch.Tensor) -> torch.Tensor:
        return x.new_zeros(n_windows, *x.shape[1:])

    return type(output)(
        **{
            key: _map(by_piece if key in BY_PIECE else by_window, value)
            for key, value in output.items()
        }
    )


def _write(target: Any, value: Any, rows: torch.Tensor, is_by_piece: bool) -> None:
    if isinstance(value, tuple):
        for target_part, part in zip(target, value):
            _write(target_part, part, rows, is_by_piece)
    elif is_by_piece:
        target[rows, : value.shape[1]] = value
    else:
        target[rows] = value


def _map(function: Callable, value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(function(x) for x in value)
    return function(value)


def group_by_length(lengths: numpy.ndarray, overhead: int) -> List[numpy.ndarray]:
    """Group windows into passes at minimum cost.

    lengths (Ints1d): number of pieces per window.
    overhead (int): overhead of a pass, in slots.
    RETURNS (List[Ints1d]): indices of the windows of each pass, by length, which
        minimize the sum of `n_windows * longest + overhead`.
    """
    order = numpy.argsort(lengths, kind="stable")
    longest, counts = numpy.unique(lengths, return_counts=True)
    ends = counts.cumsum()
    starts = ends - counts
    # minimum cost of the windows up to a length, and the start of its last pass
    costs = numpy.zeros(len(ends) + 1, dtype="int64")
    begins = numpy.zeros(len(ends), dtype="int64")
    for i, (end, length) in enumerate(zip(ends, longest)):
        totals = costs[: i + 1] + (end - starts[: i + 1]) * length + overhead
        begins[i] = totals.argmin()
        costs[i + 1] = totals.min()
    groups: List[numpy.ndarray] = []
    i = len(ends)
    while i > 0:
        begin = begins[i - 1]
        groups.append(order[starts[begin] : ends[i - 1]])
        i = begin
    return groups

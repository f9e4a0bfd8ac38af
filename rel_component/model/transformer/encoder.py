"""How a Hugging Face encoder is run and trained: windows of like length side by side,
frozen layers, less memory or less precision."""

from dataclasses import dataclass
from typing import Any, Callable, Dict, List, Optional

import numpy
import torch
from thinc.api import PyTorchGradScaler

from .checkpoint import CheckpointError

# what another pass costs besides its pieces, in pieces
CPU_OVERHEAD = 32
GPU_OVERHEAD = 4096

WINDOWS = {"input_ids", "attention_mask", "token_type_ids"}
# outputs that have one row for each window; those by piece are padded
BY_PIECE = {"last_hidden_state", "hidden_states"}
BY_WINDOW = {"pooler_output"}


def is_prepared(transformer: torch.nn.Module) -> bool:
    """RETURNS (bool): whether `prepare` was called on it."""
    return isinstance(transformer.forward, GroupedForward)


def prepare(
    transformer: torch.nn.Module,
    *,
    bfloat16: Optional[bool] = False,
    frozen_layers: int = 0,
    gradient_checkpointing: bool = False,
) -> None:
    """Make the settings of `rel_component.TransformerModel.v1` in a Hugging Face
    encoder; what they mean is said there.

    RAISES (CheckpointError): if it has fewer layers than are to be frozen.
    """
    # what Hugging Face's encoders have, and mypy does not find in torch's modules
    module: Any = transformer
    for parameter in list_frozen(transformer, frozen_layers):
        parameter.requires_grad_(False)
    if gradient_checkpointing:
        module.gradient_checkpointing_enable({"use_reentrant": False})
    if bfloat16 is None:
        bfloat16 = computes_in_bfloat16()
    module.forward = GroupedForward(module.forward, bfloat16)


def computes_in_bfloat16() -> bool:
    """RETURNS (bool): whether this machine's processor has instructions for it."""
    names = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return any(getattr(torch.cpu, name, bool)() for name in names)


def list_frozen(
    transformer: torch.nn.Module, n_layers: int
) -> List[torch.nn.Parameter]:
    """RETURNS (List[torch.nn.Parameter]): of the embeddings and the first layers."""
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
        frozen.append(parameter)  # what comes before the layers: the embeddings
    return frozen


def add_gradients(
    transformer: torch.nn.Module, scaler: PyTorchGradScaler, backprop: Callable
) -> Callable:
    """Let gradients of several batches add up in mixed precision.

    Thinc takes the scale out of all that stands in the parameters, so that with
    `accumulate_gradient` the earlier batches would be scaled down once more.

    backprop (Callable): of one batch; where it overflows, Thinc leaves the whole step
        out.
    RETURNS (Callable): the same, beside which earlier gradients stay as they are.
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
    """Stands in place of a transformer's `forward`; no window is padded by much.

    forward (Callable): the transformer's own.
    bfloat16 (bool): compute products on the CPU in bfloat16.
    """

    forward: Callable
    bfloat16: bool = False

    def __call__(self, *args: Any, **inputs: Any) -> Any:
        """Outputs and gradients are those of one pass over all windows; only padding
        has zeros."""
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
    """Share windows out to passes so that the fewest slots are computed.

    lengths (Ints1d): pieces of each window.
    overhead (int): what a pass costs besides its slots, in slots.
    RETURNS (List[Ints1d]): numbers of the windows of each pass, by length; of all
        partitions that with the least sum of `n_windows * longest + overhead`.
    """
    order = numpy.argsort(lengths, kind="stable")
    longest, counts = numpy.unique(lengths, return_counts=True)
    ends = counts.cumsum()
    starts = ends - counts
    # least cost of the windows up to a length, and where its last pass begins
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

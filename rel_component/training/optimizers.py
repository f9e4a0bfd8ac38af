"""An optimizer with two learning rates: for the transformer, and for the layers on
top."""

import math
import re
import warnings
from typing import Any, Dict, Iterable, Optional, Tuple, Union

import numpy
from spacy.util import registry
from thinc.api import Optimizer, warmup_linear
from thinc.backends import get_array_ops
from thinc.types import FloatsXd

from ..wording import take_renamed

KeyT = Tuple[int, str]

# steps after which a rate is still nearly the same
NEVER = 10**12

# names of Hugging Face's embeddings: of BERT and most others, of BART, T5 and GPT-2
EMBEDDINGS = re.compile(r"embed|^shared\.|\bw[tp]e\.")


class TwoRateAdam(Optimizer):
    """Adam (Kingma and Ba, 2015) with a higher learning rate outside PyTorch models.

    On CPU, PyTorch models are updated by PyTorch's fused AdamW, which is some 20 times
    as fast as Thinc's, and takes the same steps.
    """

    def __init__(
        self,
        learn_rate,
        *,
        task_lr_scale: float = 1.0,
        layer_decay: float = 1.0,
        **settings,
    ) -> None:
        """Initialize an optimizer.

        learn_rate (float or schedule): learning rate of PyTorch models.
        task_lr_scale (float): factor for all other parameters.
        layer_decay (float): factor of each transformer layer relative to the one above.
        RAISES (ValueError): if `layer_decay` isn't above 0 and at most 1.
        """
        if not 0.0 < layer_decay <= 1.0:
            raise ValueError(
                f"layer_decay is {layer_decay}; expected a number above 0 and at most "
                "1, where 1 is the same learning rate for all layers."
            )
        super().__init__(learn_rate, **settings)
        self.task_lr_scale = task_lr_scale
        self.layer_decay = layer_decay
        self._n_layers: Dict[int, int] = {}  # by PyTorch model

    def __call__(
        self,
        key: KeyT,
        weights: FloatsXd,
        gradient: FloatsXd,
        *,
        lr_scale: float = 1.0,
    ) -> Tuple[FloatsXd, FloatsXd]:
        """Update a parameter.

        key (Tuple[int, str]): layer's id and parameter's name. PyTorch's names
            contain dots, Thinc's don't.
        weights (FloatsXd): the parameter.
        gradient (FloatsXd): its gradient, of the same shape.
        lr_scale (float): factor of the learning rate.
        RETURNS (Tuple[FloatsXd, FloatsXd]): the parameter, and zeros.
        """
        is_torch = "." in key[1]
        if not is_torch:
            lr_scale *= self.task_lr_scale
        elif self.layer_decay != 1.0:
            lr_scale *= self._scale_layer(key)
        if is_torch and isinstance(weights, numpy.ndarray) and self._can_be_fused():
            self._step_fused(key, weights, gradient, lr_scale * self.learn_rate)
            return weights, gradient
        return super().__call__(key, weights, gradient, lr_scale=lr_scale)

    def _scale_layer(self, key: KeyT) -> float:
        """RETURNS (float): factor of the parameter's layer; 0 in the first step, which
        counts the layers, as at the start of a warm-up."""
        number = get_layer(key[1])
        if number is None:
            return 1.0
        n_layers = self._n_layers.get(key[0], 0)
        if self.nr_update[key] == 0:
            self._n_layers[key[0]] = max(n_layers, number + 1)
            return 0.0
        return float(self.layer_decay ** (n_layers - 1 - number))

    def _can_be_fused(self) -> bool:
        """RETURNS (bool): whether PyTorch's AdamW has all settings."""
        is_plain = self.averages is None and not self.use_radam
        return is_plain and (self.L2_is_weight_decay or not self.L2)

    def _step_fused(
        self,
        key: KeyT,
        weights: numpy.ndarray,
        gradient: numpy.ndarray,
        learn_rate: float,
    ) -> None:
        """Update a parameter in place, in one pass over memory, and clear its
        gradient."""
        from torch import from_numpy, tensor
        from torch.optim.adamw import adamw

        self.nr_update[key] += 1
        n = self.nr_update[key]
        ops: Any = get_array_ops(weights)
        for moments in (self.mom1, self.mom2):
            if key not in moments:
                moments[key] = ops.alloc(weights.shape)
        if self.grad_clip:
            ops.clip_gradient(gradient, self.grad_clip)
        adamw(
            params=[from_numpy(weights)],
            grads=[from_numpy(gradient)],
            exp_avgs=[from_numpy(self.mom1[key])],
            exp_avg_sqs=[from_numpy(self.mom2[key])],
            max_exp_avg_sqs=[],
            state_steps=[tensor(float(n - 1))],  # increased by the step
            fused=True,
            amsgrad=False,
            maximize=False,
            beta1=self.b1,
            beta2=self.b2,
            lr=learn_rate,
            weight_decay=self.L2,
            # Thinc adds it before the bias of the second moment is corrected
            eps=self.eps / math.sqrt(1 - self.b2**n),
        )
        gradient.fill(0)


def get_layer(name: str) -> Optional[int]:
    """Get the number of the transformer layer of a parameter.

    name (str): the parameter's name, e.g. `encoder.layer.3.output.dense.weight`.
    RETURNS (Optional[int]): the number; -1 for embeddings, None outside of layers.
    """
    number = re.search(r"\.(\d+)\.", name)
    if number is not None:
        return int(number.group(1))
    return -1 if EMBEDDINGS.search(name) else None


@registry.optimizers("rel_component.TwoRateAdam.v1")
def create_two_rate_adam(
    learn_rate,
    task_lr_scale: float = 1.0,
    L2: float = 0.01,
    beta1: float = 0.9,
    beta2: float = 0.999,
    eps: float = 1e-8,
    grad_clip: float = 1.0,
    L2_is_weight_decay: bool = True,
    use_averages: bool = False,
    layer_decay: float = 1.0,
    n_layers: Optional[int] = None,
    head_scale: Optional[float] = None,
) -> TwoRateAdam:
    """Create an Adam optimizer for a pretrained transformer and new layers.

    New layers need a learning rate that is too high for the transformer.

    learn_rate (float or schedule): learning rate of the transformer.
    task_lr_scale (float): factor for all other layers.
    L2 (float): weight decay, or L2 penalty without `L2_is_weight_decay`.
    beta1, beta2, eps, grad_clip, use_averages: as for Thinc's `Adam.v1`.
    layer_decay (float): factor of each transformer layer relative to the one above,
        with the embeddings as the lowest. Layers are counted in the first step, in
        which they don't change.
    n_layers (Optional[int]): deprecated and ignored.
    head_scale (Optional[float]): deprecated name of `task_lr_scale`.
    RETURNS (TwoRateAdam): the optimizer.

    Source of layer_decay: Howard and Ruder (2018), Universal Language Model Fine-tuning
    for Text Classification.
    """
    if n_layers is not None:
        warnings.warn(
            "n_layers is deprecated and ignored: the transformer's layers are counted.",
            DeprecationWarning,
            stacklevel=2,
        )
    if head_scale is not None:
        task_lr_scale = take_renamed("head_scale", "task_lr_scale", head_scale)
    return TwoRateAdam(
        learn_rate,
        task_lr_scale=task_lr_scale,
        layer_decay=layer_decay,
        L2=L2,
        beta1=beta1,
        beta2=beta2,
        eps=eps,
        grad_clip=grad_clip,
        L2_is_weight_decay=L2_is_weight_decay,
        use_averages=use_averages,
    )


@registry.schedules("rel_component.WarmupLinear.v1")
def create_warmup_linear(
    initial_rate: float, warmup_steps: int, total_steps: Union[int, str]
) -> Iterable[float]:
    """Create a schedule that rises to a rate, and falls to 0 until the end of training.

    initial_rate (float): the highest rate.
    warmup_steps (int): steps in which it rises.
    total_steps (Union[int, str]): steps of the training, as
        `${training.max_steps}`. spaCy doesn't replace this variable when it creates
        the optimizer in Python (`nlp.initialize`, `nlp.resume_training`), where the
        length of training is unknown: the rate does not fall, as with 0 (no limit).
    RETURNS (Iterable[float]): the schedule.
    """
    if isinstance(total_steps, str) or total_steps == 0:
        total_steps = NEVER
    return warmup_linear(initial_rate, warmup_steps, total_steps)

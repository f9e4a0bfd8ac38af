"""An optimizer with two rates: one for the transformer, one for what stands on it."""

from typing import Tuple

from spacy.util import registry
from thinc.api import Optimizer
from thinc.types import FloatsXd

KeyT = Tuple[int, str]


class TwoRateAdam(Optimizer):
    """Adam (Kingma and Ba, 2015) whose steps are larger outside PyTorch models."""

    def __init__(self, learn_rate, *, head_scale: float = 1.0, **settings) -> None:
        """Initialize an optimizer.

        learn_rate (float or schedule): for the parameters of PyTorch models.
        head_scale (float): how many times as fast all others learn.
        """
        super().__init__(learn_rate, **settings)
        self.head_scale = head_scale

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
            are paths with dots, Thinc's have none.
        weights (FloatsXd): the parameter.
        gradient (FloatsXd): its gradient, of the same shape.
        lr_scale (float): factor of the learning rate.
        RETURNS (Tuple[FloatsXd, FloatsXd]): the parameter, and zeros.
        """
        if "." not in key[1]:
            lr_scale *= self.head_scale
        return super().__call__(key, weights, gradient, lr_scale=lr_scale)


@registry.optimizers("rel_component.TwoRateAdam.v1")
def create_two_rate_adam(
    learn_rate,
    head_scale: float = 1.0,
    L2: float = 0.01,
    beta1: float = 0.9,
    beta2: float = 0.999,
    eps: float = 1e-8,
    grad_clip: float = 1.0,
    L2_is_weight_decay: bool = True,
    use_averages: bool = False,
) -> TwoRateAdam:
    """Adam for a pretrained transformer and layers that start from nothing.

    A transformer is spoilt by the rate that a fresh layer needs.

    learn_rate (float or schedule): for the transformer.
    head_scale (float): how many times as fast all other layers learn.
    L2 (float): weight decay, or L2 penalty without `L2_is_weight_decay`.
    beta1, beta2, eps, grad_clip, use_averages: as for Thinc's `Adam.v1`.
    RETURNS (TwoRateAdam): the optimizer.
    """
    return TwoRateAdam(
        learn_rate,
        head_scale=head_scale,
        L2=L2,
        beta1=beta1,
        beta2=beta2,
        eps=eps,
        grad_clip=grad_clip,
        L2_is_weight_decay=L2_is_weight_decay,
        use_averages=use_averages,
    )

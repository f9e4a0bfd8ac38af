"""Pool the tokens of an entity."""

from typing import Callable, Dict, Literal, Tuple

from spacy.util import registry
from thinc.api import (
    Model,
    ParametricAttention,
    chain,
    reduce_first,
    reduce_last,
    reduce_max,
    reduce_mean,
    reduce_sum,
)
from thinc.types import Floats2d, Ragged

Kind = Literal["mean", "max", "first", "last", "mean_max", "attention"]


@registry.architectures("rel_component.EntityPooling.v1")
def create_entity_pooling(kind: Kind = "mean") -> Model[Ragged, Floats2d]:
    """Create a layer that reduces the tokens of each entity to one row.

    kind (Literal["mean", "max", "first", "last", "mean_max", "attention"]): mean or
        maximum of the tokens, the first or the last one, mean and maximum
        concatenated, or a mean with learned weights.
    RETURNS (Model[Ragged, Floats2d]): (n_entities, width), twice as wide for
        `mean_max`.
    """
    layers: Dict[str, Callable[[], Model[Ragged, Floats2d]]] = {
        "mean": reduce_mean,
        "max": reduce_max,
        "first": reduce_first,
        "last": reduce_last,
        "mean_max": reduce_mean_max,
        "attention": lambda: chain(ParametricAttention(), reduce_sum()),
    }
    return layers[kind]()


def reduce_mean_max() -> Model[Ragged, Floats2d]:
    """RETURNS (Model[Ragged, Floats2d]): (n, 2 × width), mean and maximum."""
    return Model("reduce_mean_max", forward, layers=[reduce_mean(), reduce_max()])


def forward(
    model: Model[Ragged, Floats2d], X: Ragged, is_train: bool
) -> Tuple[Floats2d, Callable[[Floats2d], Ragged]]:
    mean, maximum = model.layers
    Y_mean, bp_mean = mean(X, is_train)
    Y_max, bp_max = maximum(X, is_train)
    width = Y_mean.shape[1]

    def backprop(dY: Floats2d) -> Ragged:
        d_mean = bp_mean(model.ops.as_contig(dY[:, :width]))
        d_max = bp_max(model.ops.as_contig(dY[:, width:]))
        return Ragged(d_mean.dataXd + d_max.dataXd, X.lengths)

    return model.ops.xp.hstack([Y_mean, Y_max]), backprop

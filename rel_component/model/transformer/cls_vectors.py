"""A vector of the whole text: the transformer's output for its first word piece."""

from typing import TYPE_CHECKING, Callable, List, Tuple

from spacy.tokens import Doc
from spacy.util import registry
from thinc.api import Model, chain
from thinc.types import Floats2d

if TYPE_CHECKING:
    from spacy_transformers.data_classes import TransformerData

OUTPUT = "last_hidden_state"


@registry.architectures("rel_component.ClsListener.v1")
def create_cls_listener(
    grad_factor: float = 1.0, upstream: str = "*"
) -> Model[List[Doc], Floats2d]:
    """Get the vector of `[CLS]` or `<s>` from the pipeline's transformer.

    grad_factor (float): weight of its gradient in the transformer's training, or 0.
    upstream (str): name of the transformer component, or `*` for any.
    RETURNS (Model[List[Doc], Floats2d]): (n_docs, width); the mean over a text's
        windows, 0 for empty texts.

    Source: the sentence vector of Wu and He (2019), Enriching Pre-trained Language
    Model with Entity Information for Relation Classification (R-BERT).
    """
    from spacy_transformers.layers import TransformerListener

    return chain(TransformerListener(upstream_name=upstream), cls_vectors(grad_factor))


def cls_vectors(grad_factor: float) -> "Model[List[TransformerData], Floats2d]":
    """RETURNS (Model[List[TransformerData], Floats2d]): see `create_cls_listener`."""
    return Model("cls_vectors", forward, attrs={"grad_factor": grad_factor})


def forward(
    model: "Model[List[TransformerData], Floats2d]",
    X: "List[TransformerData]",
    is_train: bool,
) -> "Tuple[Floats2d, Callable[[Floats2d], List[TransformerData]]]":
    ops, grad_factor = model.ops, model.attrs["grad_factor"]
    width = max((x.width for x in X if OUTPUT in x.model_output), default=0)
    Y = ops.alloc2f(len(X), width)
    for i, x in enumerate(X):
        if _is_filled(x):
            Y[i] = x.model_output[OUTPUT][:, 0].mean(axis=0)

    def backprop(dY: Floats2d) -> "List[TransformerData]":
        gradients = []
        for x, d_row in zip(X, dY):
            if OUTPUT not in x.model_output:  # the transformer didn't process the Doc
                continue
            d_hidden = ops.xp.zeros_like(x.model_output[OUTPUT])
            if _is_filled(x):
                d_hidden[:, 0] = grad_factor * d_row / len(d_hidden)
            gradients.append(_replace_output(x, d_hidden))
        return gradients

    return Y, backprop


def _is_filled(x: "TransformerData") -> bool:
    return OUTPUT in x.model_output and x.model_output[OUTPUT].size > 0


def _replace_output(x: "TransformerData", d_hidden) -> "TransformerData":
    from spacy_transformers.data_classes import TransformerData
    from transformers.file_utils import ModelOutput

    output = ModelOutput(**{OUTPUT: d_hidden})
    return TransformerData(wordpieces=x.wordpieces, model_output=output, align=x.align)

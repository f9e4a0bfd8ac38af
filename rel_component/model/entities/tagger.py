"""Score the BIOES tags of each token, based on an encoder's vectors."""

from typing import Any, Callable, Dict, List, Optional, Tuple

import numpy
from spacy.tokens import Doc
from spacy.util import registry
from thinc.api import Linear, Model
from thinc.types import Floats2d

from ..arrays import drop_cells
from ..entity_vectors import flatten
from .paths import Lattice, Transitions, count_transitions, find_best
from .tags import OUTSIDE, UNKNOWN, TagSet


@registry.architectures("rel_component.EntityTagger.v1")
def create_entity_tagger(
    tok2vec: Model[List[Doc], List[Floats2d]],
    encode: Optional[Model[List[Floats2d], List[Floats2d]]] = None,
    dropout: Optional[float] = None,
    crf: bool = False,
    nO: Optional[int] = None,
) -> Model[List[Doc], Floats2d]:
    """Score the tags of each token.

    tok2vec (Model[List[Doc], List[Floats2d]]): encodes the tokens.
    encode (Optional[Model[List[Floats2d], List[Floats2d]]]): additional layers on
        top of the encoder, such as spacy.MaxoutWindowEncoder.v2 or
        spacy.TorchBiLSTMEncoder.v1; null for none.
    dropout (Optional[float]): dropout rate of the vectors; null for the training's
        rate.
    crf (bool): use a conditional random field, which learns transitions and is trained
        on whole tag sequences, instead of a loss per token. Predictions are always
        legal paths.
    nO (Optional[int]): number of tags, four per label and one; inferred if null.
    RETURNS (Model[List[Doc], Floats2d]): (n_tokens, n_tags), of concatenated documents,
        log probabilities up to a constant per token.
    """
    output: Model[Floats2d, Floats2d] = Linear(nO=nO)
    layers: List[Model] = [tok2vec, output]
    refs: Dict[str, Optional[Model]] = {"tok2vec": tok2vec, "output": output}
    if encode is not None:
        layers.append(encode)
        refs["encode"] = encode
    return Model(
        "entity_tagger",
        forward,
        init=init,
        layers=layers,
        refs=refs,
        dims={"nO": nO},
        params={"between": None, "within": None} if crf else {},
        attrs={"dropout": dropout, "dropout_rate": 0.0},
    )


def forward(
    model: Model[List[Doc], Floats2d], docs: List[Doc], is_train: bool
) -> Tuple[Floats2d, Callable[[Floats2d], List[Doc]]]:
    tokvecs, bp_tokvecs = model.get_ref("tok2vec")(docs, is_train)
    bp_encode = None
    if model.has_ref("encode"):
        tokvecs, bp_encode = model.get_ref("encode")(tokvecs, is_train)
    tokens, unflatten = flatten(model, tokvecs)
    tokens, bp_drop = drop_cells(model, tokens, is_train)
    scores, bp_output = model.get_ref("output")(tokens, is_train)

    def backprop(d_scores: Floats2d) -> List[Doc]:
        d_tokvecs = unflatten(bp_drop(bp_output(d_scores)))
        if bp_encode is not None:
            d_tokvecs = bp_encode(d_tokvecs)
        return bp_tokvecs(d_tokvecs)

    return scores, backprop


def init(
    model: Model[List[Doc], Floats2d],
    X: Optional[List[Doc]] = None,
    Y: Optional[Floats2d] = None,
) -> Model[List[Doc], Floats2d]:
    """Infer widths; all scores are initialized to 0."""
    if X is None:
        return model
    if Y is not None and model.has_dim("nO") is None:
        model.set_dim("nO", Y.shape[1])
    tokvecs = model.get_ref("tok2vec").initialize(X=X).predict(X)
    if model.has_ref("encode"):
        tokvecs = model.get_ref("encode").initialize(X=tokvecs).predict(tokvecs)
    tokens, _ = flatten(model, tokvecs)
    output, n_tags = model.get_ref("output"), model.get_dim("nO")
    output.set_dim("nO", n_tags)
    output.set_dim("nI", tokens.shape[1])
    output.set_param("W", model.ops.alloc2f(n_tags, tokens.shape[1]))
    output.set_param("b", model.ops.alloc1f(n_tags))
    if "between" in model.param_names:
        n_types = (n_tags - 1) // 4
        model.set_param("between", model.ops.alloc2f(n_types + 1, n_types + 1))
        model.set_param("within", model.ops.alloc3f(2, 2, n_types))
    return model


def get_transitions(model: Model) -> Optional[Transitions]:
    """RETURNS (Optional[Transitions]): the tagger's transitions, on the CPU; None
    without CRF."""
    if "between" not in model.param_names:
        return None
    to_numpy = model.ops.to_numpy
    return Transitions(
        to_numpy(model.get_param("between")), to_numpy(model.get_param("within"))
    )


def get_tag_set(model: Model) -> TagSet:
    """RETURNS (TagSet): the tags of an initialized tagger."""
    return TagSet((model.get_dim("nO") - 1) // 4)


def decode(
    model: Model, scores: numpy.ndarray, lengths: numpy.ndarray
) -> numpy.ndarray:
    """RETURNS (Ints1d): (n_tokens,), the best legal tags; `scores` on the CPU."""
    return find_best(scores, lengths, get_tag_set(model), get_transitions(model))


def get_loss(
    model: Model, scores: Floats2d, lengths: numpy.ndarray, tags: numpy.ndarray
) -> Tuple[float, Floats2d, Optional[Transitions]]:
    """Compute the negative log likelihood of the gold tags, summed over tokens.

    model (Model): the tagger.
    scores (Floats2d): (n_tokens, n_tags), the tagger's output.
    lengths (Ints1d): (n_docs,), number of tokens per document.
    tags (Ints1d): (n_tokens,), `UNKNOWN` for unknown gold tags.
    RETURNS (Tuple[float, Floats2d, Optional[Transitions]]): the loss, the gradient of
        `scores`, and the gradient of a CRF's transitions.
    """
    host = model.ops.to_numpy(scores).astype("float64")
    transitions = get_transitions(model)
    d_transitions = None
    if transitions is None:
        loss, gradient = _get_token_loss(host, tags)
    else:
        loss, gradient, d_transitions = _get_path_loss(
            host, lengths, tags, get_tag_set(model), transitions
        )
    d_scores: Any = gradient.astype(scores.dtype)
    return loss, model.ops.asarray2f(d_scores), d_transitions


def _get_path_loss(
    scores: numpy.ndarray,
    lengths: numpy.ndarray,
    tags: numpy.ndarray,
    tag_set: TagSet,
    transitions: Transitions,
) -> Tuple[float, numpy.ndarray, Transitions]:
    every = Lattice(scores, lengths, tag_set, transitions)
    gradient, counts = every.get_marginals(), every.count_transitions()
    if (tags == UNKNOWN).any():
        right = Lattice(scores, lengths, tag_set, transitions, tags)
        log_right, true_counts = right.log_total, right.count_transitions()
        gradient -= right.get_marginals()
    else:  # there is a single gold path
        true_counts = count_transitions(tags, lengths, tag_set)
        at = (numpy.arange(len(tags)), tags)
        gradient[at] -= 1.0
        log_right = scores[at].sum()
        for name, values in vars(transitions).items():
            log_right += (values * getattr(true_counts, name)).sum()
    d_transitions = Transitions(
        counts.between - true_counts.between, counts.within - true_counts.within
    )
    return float(every.log_total - log_right), gradient, d_transitions


def add_gradient(model: Model, gradient: Optional[Transitions]) -> None:
    """Add the gradient of the transitions to a tagger with a CRF."""
    if gradient is not None:
        for name, values in vars(gradient).items():
            d_param: Any = values.astype(model.get_param(name).dtype)
            model.inc_grad(name, model.ops.asarray_f(d_param, dtype=None))


def _get_token_loss(
    scores: numpy.ndarray, tags: numpy.ndarray
) -> Tuple[float, numpy.ndarray]:
    shifted = scores - scores.max(axis=1, keepdims=True)
    gradient = numpy.exp(shifted)
    totals = gradient.sum(axis=1, keepdims=True)
    gradient /= totals
    known = numpy.flatnonzero(tags != UNKNOWN)
    at = (known, tags[known])
    loss = float((numpy.log(totals[known, 0]) - shifted[at]).sum())
    gradient[at] -= 1.0
    gradient[tags == UNKNOWN] = 0.0
    return loss, gradient


def forbid_entities(scores: numpy.ndarray, rows: numpy.ndarray) -> numpy.ndarray:
    """RETURNS (Floats2d): scores that force some tokens to be outside of entities."""
    scores = scores.copy()
    scores[rows] = -numpy.inf
    scores[rows, OUTSIDE] = 0.0
    return scores

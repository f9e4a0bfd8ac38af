"""The tutorial's architectures: same names, parameters, weights and semantics.

Faster, since each entity is pooled once and a first linear layer over `[head; tail]`
is computed as `W_h·head + W_t·tail`, and with exact gradients.
"""

from typing import Callable, List, Optional, Tuple

from spacy.tokens import Doc
from spacy.util import registry
from thinc.api import Linear, Model, chain
from thinc.types import Floats2d, Ints2d, Ragged

from .activations import Logistic
from .arrays import get_matrix, get_vector, to_ints2d
from .candidates import BatchGenerator, InstanceGenerator
from .entity_vectors import EntityVectors, Inputs

# pairs to gather at once, to limit memory
BLOCK_SIZE = 1 << 15


@registry.architectures("rel_model.v1")
def create_relation_model(
    create_instance_tensor: Model[Inputs, Floats2d],
    classification_layer: Model[Floats2d, Floats2d],
) -> Model[Inputs, Floats2d]:
    """Score pairs based on the entities' vectors only.

    create_instance_tensor (Model): vectors of the entities, `rel_instance_tensor.v1`.
    classification_layer (Model[Floats2d, Floats2d]): from `[head; tail]`,
        (n_pairs, 2 × width), to probabilities, (n_pairs, n_labels).
    RETURNS (Model[Tuple[List[Doc], Candidates], Floats2d]): (n_pairs, n_labels).
    """
    return Model(
        f"{create_instance_tensor.name}>>{classification_layer.name}",
        forward,
        init=init,
        layers=[create_instance_tensor, classification_layer],
        # names of the tutorial's `chain`, for its saved models
        dims={"nO": None, "nI": None},
        attrs={"get_instances": create_instance_tensor.attrs["get_instances"]},
    )


@registry.architectures("rel_classification_layer.v1")
def create_classification_layer(
    nO: Optional[int] = None, nI: Optional[int] = None
) -> Model[Floats2d, Floats2d]:
    """A linear layer with a sigmoid.

    nO (Optional[int]): number of labels; inferred if null.
    nI (Optional[int]): twice the width of an entity's vector; inferred if null.
    RETURNS (Model[Floats2d, Floats2d]): probabilities.
    """
    return chain(Linear(nO=nO, nI=nI), Logistic())


@registry.architectures("rel_instance_tensor.v1")
def create_tensors(
    tok2vec: Model[List[Doc], List[Floats2d]],
    pooling: Model[Ragged, Floats2d],
    get_instances: InstanceGenerator | BatchGenerator,
) -> Model[Inputs, Floats2d]:
    """Encode the entities of pairs.

    tok2vec (Model[List[Doc], List[Floats2d]]): encodes the tokens.
    pooling (Model[Ragged, Floats2d]): reduces an entity's tokens to one row.
    get_instances (Callable): generates the pairs: `rel_instance_generator.v1`, or a
        custom function from a Doc to a list of (head, tail) spans.
    RETURNS (Model[Tuple[List[Doc], Candidates], Floats2d]): (n_entities, width).
    """
    model = EntityVectors(tok2vec, pooling)
    model.attrs["get_instances"] = get_instances
    return model


def forward(
    model: Model[Inputs, Floats2d], inputs: Inputs, is_train: bool
) -> Tuple[Floats2d, Callable[[Floats2d], Inputs]]:
    entity_vectors, classify = model.layers
    vectors, bp_vectors = entity_vectors(inputs, is_train)
    pairs = to_ints2d(model.ops, inputs[1].pairs)
    first, rest = _split_linear(classify)
    if first is None:
        hidden, bp_hidden = concatenate_pairs(model, vectors, pairs)
    else:
        hidden, bp_hidden = linear_over_pairs(first, vectors, pairs)
    callbacks = []
    for layer in rest:
        hidden, callback = layer(hidden, is_train)
        callbacks.append(callback)

    def backprop(d_scores: Floats2d) -> Inputs:
        for callback in reversed(callbacks):
            d_scores = callback(d_scores)
        return bp_vectors(bp_hidden(d_scores))

    return hidden, backprop


def init(
    model: Model[Inputs, Floats2d],
    X: Optional[Inputs] = None,
    Y: Optional[Floats2d] = None,
) -> Model[Inputs, Floats2d]:
    entity_vectors, classify = model.layers
    sample = None
    if X is not None:
        vectors = entity_vectors.initialize(X=X).predict(X)
        pairs = to_ints2d(model.ops, X[1].pairs)
        sample, _ = concatenate_pairs(model, vectors, pairs)
    classify.initialize(X=sample, Y=Y)
    if Y is not None:
        model.set_dim("nO", Y.shape[1])
    return model


def linear_over_pairs(
    linear: Model[Floats2d, Floats2d], vectors: Floats2d, pairs: Ints2d
) -> Tuple[Floats2d, Callable[[Floats2d], Floats2d]]:
    """Apply a linear layer over `[head; tail]`, computed once per entity.

    linear (Model[Floats2d, Floats2d]): Thinc's `Linear`, W of shape (nO, 2 × width).
    vectors (Floats2d): (n_entities, width).
    pairs (Ints2d): (n_pairs, 2), head and tail as rows of `vectors`.
    RETURNS (Tuple[Floats2d, Callable]): (n_pairs, nO) and the gradient of `vectors`.
    """
    ops, xp, width = linear.ops, linear.ops.xp, vectors.shape[1]
    W, b = get_matrix(linear, "W"), get_vector(linear, "b")
    W_head, W_tail = ops.as_contig(W[:, :width]), ops.as_contig(W[:, width:])
    by_head = ops.gemm(vectors, W_head, trans2=True) + b
    by_tail = ops.gemm(vectors, W_tail, trans2=True)
    Y = ops.alloc2f(len(pairs), W.shape[0], zeros=False)
    for start in range(0, len(pairs), BLOCK_SIZE):
        block = slice(start, start + BLOCK_SIZE)
        xp.take(by_head, pairs[block, 0], axis=0, out=Y[block])
        Y[block] += xp.take(by_tail, pairs[block, 1], axis=0)

    def backprop(dY: Floats2d) -> Floats2d:
        d_head = ops.alloc2f(*by_head.shape)
        d_tail = ops.alloc2f(*by_tail.shape)
        ops.scatter_add(d_head, ops.as_contig(pairs[:, 0]), dY)
        ops.scatter_add(d_tail, ops.as_contig(pairs[:, 1]), dY)
        dW = xp.hstack([ops.gemm(d, vectors, trans1=True) for d in (d_head, d_tail)])
        linear.inc_grad("W", dW)
        linear.inc_grad("b", dY.sum(axis=0))
        return ops.gemm(d_head, W_head) + ops.gemm(d_tail, W_tail)

    return Y, backprop


def concatenate_pairs(
    model: Model, vectors: Floats2d, pairs: Ints2d
) -> Tuple[Floats2d, Callable[[Floats2d], Floats2d]]:
    """Concatenate `[head; tail]` of all pairs.

    vectors (Floats2d): (n_entities, width).
    pairs (Ints2d): (n_pairs, 2), head and tail as rows of `vectors`.
    RETURNS (Tuple[Floats2d, Callable]): (n_pairs, 2 × width), gradient of `vectors`.
    """
    ops = model.ops
    Y = ops.reshape2f(vectors[pairs.ravel()], len(pairs), 2 * vectors.shape[1])

    def backprop(dY: Floats2d) -> Floats2d:
        d_vectors = ops.alloc2f(*vectors.shape)
        d_rows = ops.reshape2f(ops.as_contig(dY), -1, vectors.shape[1])
        ops.scatter_add(d_vectors, ops.as_contig(pairs.ravel()), d_rows)
        return d_vectors

    return Y, backprop


def _split_linear(layer: Model) -> Tuple[Optional[Model], List[Model]]:
    """Split off the first layer of a classification layer if it's `Linear`."""
    if layer.name == "linear":
        return layer, []
    if layer.layers and layer.layers[0].name == "linear" and ">>" in layer.name:
        return layer.layers[0], list(layer.layers[1:])
    return None, [layer]

"""Score pairs based on entity vectors, types, distance and context.

The hidden layer of a pair is a sum of terms for the head, the tail, the tokens between
them and the pair's buckets. Wide vectors are therefore projected once per entity or
token, and each pair only takes a few look-ups of `hidden_width` values.

The buckets are also added to the logits directly, as in a logistic regression: with few
training documents, this is the part that generalizes, and the hidden layer refines it.
"""

from typing import Callable, Dict, List, Optional, Tuple

import numpy
from spacy.tokens import Doc
from spacy.util import registry
from thinc.api import Linear, Model
from thinc.types import Floats1d, Floats2d, Ragged

from ...wording import take_renamed
from ..activations import Output, activate
from ..arrays import get_matrix, to_floats2d, to_ints1d
from ..candidates import BatchGenerator, InstanceGenerator
from ..entity_vectors import Inputs, flatten, get_token_offsets, locate_tokens
from .buckets import get_table_sizes, get_types
from .dropout import Dropout, Gradient
from .features import get_groups
from .hidden import PairHidden, Terms
from .layers import apply_linear, sum_prefixes
from .represent import represent_entities
from .score import score_pairs

# standard deviation of the initial rows of buckets and types
TABLE_SCALE = 0.3
# scale of the hidden layer's logits, so that it learns after the buckets
HIDDEN_SCALE = 0.1
# minimum of the initial logits
LEAST_LOGIT = -6.0
# scale of the buckets' logits, so that they learn faster
DIRECT_SCALE = 10.0


@registry.architectures("rel_component.PairModel.v1")
def create_pair_model(
    tok2vec: Model[List[Doc], List[Floats2d]],
    pooling: Model[Ragged, Floats2d],
    get_instances: InstanceGenerator | BatchGenerator,
    doc_vector: Optional[Model[List[Doc], Floats2d]] = None,
    hidden_width: int = 64,
    dropout: Optional[float] = None,
    vector_dropout: float = 0.5,
    type_dropout: float = 0.0,
    vectors: bool = True,
    types: bool = True,
    distance: bool = True,
    nesting: bool = True,
    boundaries: bool = True,
    entities_between: bool = True,
    shared_words: bool = False,
    context_between: bool = True,
    context_around: int = 0,
    context_doc: bool = False,
    biaffine_width: int = 0,
    logit_scale: float = 1.0,
    output: Output = "sigmoid",
    nO: Optional[int] = None,
    learn_scale: Optional[float] = None,
) -> Model[Inputs, Floats2d]:
    """Score pairs based on vectors, types, distance and context; each can be disabled.

    tok2vec (Model[List[Doc], List[Floats2d]]): encodes the tokens.
    pooling (Model[Ragged, Floats2d]): reduces an entity's tokens to one row.
    get_instances (Callable): generates the pairs.
    doc_vector (Optional[Model[List[Doc], Floats2d]]): a vector per document, such as
        `[CLS]`, to use in all its pairs; null for none.
    hidden_width (int): width of the hidden layer.
    dropout (Optional[float]): dropout rate of the vectors and the hidden layer; null
        for the training's rate.
    vector_dropout (float): share of documents to train on without any vectors, so that
        the other features also learn to predict on their own.
    type_dropout (float): share of entities to train on without their type, so that the
        model doesn't depend on it and handles unknown types.
    vectors (bool): use the vectors of both entities.
    types (bool): use embeddings of both entity types.
    distance (bool): use the number of tokens between the entities, and their order.
    nesting (bool): use whether and how the entities overlap.
    boundaries (bool): use the sentence boundaries and line breaks between the entities.
    entities_between (bool): use the number of entities between head and tail: in total,
        of the head's type and of the tail's.
    shared_words (bool): use whether the entities have the same text, share a word, or
        one abbreviates the other.
    context_between (bool): use the mean vector of the tokens between the entities.
    context_around (int): number of tokens before and after each entity to use the mean
        vectors of; 0 for none.
    context_doc (bool): use the document's mean vector.
    biaffine_width (int): width of a biaffine layer over head and tail; 0 for none.
    logit_scale (float): scale of the logits, which makes the layers above the encoder
        learn faster than the encoder; above 1 for a pretrained encoder with a low
        learning rate.
    output (Literal["sigmoid", "softmax"]): independent labels, or at most one label.
    nO (Optional[int]): number of labels; inferred if null.
    learn_scale (Optional[float]): deprecated name of `logit_scale`.
    RETURNS (Model[Tuple[List[Doc], Candidates], Floats2d]): (n_pairs, n_labels),
        probabilities. Its backprop takes the gradient of the cross-entropy with
        respect to the logits, probability minus truth, like Thinc's `Softmax`.
    """
    if learn_scale is not None:
        logit_scale = take_renamed("learn_scale", "logit_scale", learn_scale)
    groups = get_groups(
        distance=distance,
        nesting=nesting,
        boundaries=boundaries,
        entities_between=entities_between,
        shared_words=shared_words,
    )
    project = Linear(nO=2 * hidden_width + 2 * biaffine_width)
    classify = Linear(nI=hidden_width)
    layers: List[Model] = [tok2vec, pooling, project, classify]
    refs: Dict[str, Optional[Model]] = {
        "tok2vec": tok2vec,
        "pooling": pooling,
        "project": project,
        "classify": classify,
    }
    if doc_vector is not None:
        # before tok2vec: see the order of the gradients in `forward`
        layers.insert(0, doc_vector)
        refs["doc_vector"] = doc_vector
    if context_between:
        layers.append(Linear(nO=hidden_width))
        refs["between"] = layers[-1]
    return Model(
        "pair_model",
        forward,
        init=init,
        layers=layers,
        refs=refs,
        dims={"nO": nO, "nH": hidden_width, "nK": biaffine_width},
        params={
            "types": None,
            "type_pairs": None,
            "biaffine": None,
            **{feature.name: None for group in groups for feature in group},
        },
        attrs={
            "get_instances": get_instances,
            "entity_types": [],
            "groups": groups,
            "dropout": dropout,
            "dropout_rate": 0.0,
            "vector_dropout": vector_dropout,
            "type_dropout": type_dropout,
            "use_vectors": vectors,
            "use_types": types,
            "context_around": context_around,
            "context_doc": context_doc,
            "hidden_scale": logit_scale * HIDDEN_SCALE,
            "direct_scale": logit_scale * DIRECT_SCALE,
            "output": output,
        },
    )


def forward(
    model: Model[Inputs, Floats2d], inputs: Inputs, is_train: bool
) -> Tuple[Floats2d, Callable[[Floats2d], Inputs]]:
    docs, candidates = inputs
    tokvecs, bp_tokvecs = model.get_ref("tok2vec")(docs, is_train)
    tokens, unflatten = flatten(model, tokvecs)
    offsets = get_token_offsets(tokvecs)
    wholes, bp_wholes = _encode_docs(model, docs, is_train)
    drop = Dropout(model, offsets, is_train)
    entities, bp_entities = represent_entities(
        model, tokens, wholes, offsets, candidates, drop, is_train
    )
    types = get_types(model, candidates, is_train)
    terms, bp_terms = _project(model, entities, types)
    between, bp_between = _project_tokens(model, tokens, offsets, drop)
    hidden = PairHidden(model, docs, candidates, types, terms, between, drop)
    logits, bp_logits = score_pairs(model, hidden, terms, candidates)
    scores, bp_scores = activate(model.ops, logits, model.attrs["output"])

    def backprop(d_scores: Floats2d) -> Inputs:
        d_terms, d_between = bp_logits(bp_scores(d_scores))
        d_tokens, d_wholes = bp_entities(bp_terms(d_terms))
        # a shared encoder waits for the gradient of its last listener, the tokens'
        bp_wholes(d_wholes)
        if d_between is not None:
            d_tokens += bp_between(d_between)
        return bp_tokvecs(unflatten(d_tokens)), candidates

    return scores, backprop


def init(
    model: Model[Inputs, Floats2d],
    X: Optional[Inputs] = None,
    Y: Optional[Floats2d] = None,
) -> Model[Inputs, Floats2d]:
    """Infer missing widths. `model.attrs["entity_types"]` must be set before."""
    if X is None:
        return model
    docs, candidates = X
    if model.has_dim("nO") is None and Y is not None:
        model.set_dim("nO", Y.shape[1])
    tokvecs = model.get_ref("tok2vec").initialize(X=docs).predict(docs)
    tokens, _ = flatten(model, tokvecs)
    offsets = get_token_offsets(tokvecs)
    rows, lengths = locate_tokens(model.ops, candidates.entities, offsets)
    if len(lengths):
        model.get_ref("pooling").initialize(X=Ragged(tokens[rows], lengths))
    if model.has_ref("doc_vector"):
        model.get_ref("doc_vector").initialize(X=docs)
    wholes, _ = _encode_docs(model, docs, is_train=False)
    drop = Dropout(model, offsets, is_train=False)
    entities, _ = represent_entities(
        model, tokens, wholes, offsets, candidates, drop, is_train=False
    )
    model.get_ref("project").initialize(X=entities)
    if model.has_ref("between"):
        model.get_ref("between").initialize(X=tokens)
    n_classes = model.get_dim("nO") + (model.attrs["output"] == "softmax")
    model.get_ref("classify").set_dim("nO", n_classes)
    # zero, so that buckets determine the first predictions
    zeros = model.ops.alloc2f(n_classes, model.get_dim("nH"))
    model.get_ref("classify").set_param("W", zeros)
    bias = model.ops.alloc1f(n_classes) if Y is None else _get_log_odds(model, Y)
    model.get_ref("classify").set_param("b", bias)
    _init_tables(model, n_classes)
    return model


def _get_log_odds(model: Model, Y: Floats2d) -> Floats1d:
    """Get the logits that predict the share of each label.

    Most pairs have no relation. Logits that have to fall first would fall by the hidden
    layer, too, whose units then are large for all pairs and hardly learn anything else.
    """
    xp = model.ops.xp
    shares = (Y.sum(axis=0) + 1.0) / (len(Y) + 2.0)
    logits = xp.log(shares / (1.0 - shares))
    if model.attrs["output"] == "softmax":
        none = xp.maximum(1.0 - shares.sum(), shares.min())
        logits = xp.log(xp.concatenate([none.reshape(1), shares]))
    return model.ops.asarray1f(xp.clip(logits, LEAST_LOGIT, 0.0))


def _init_tables(model: Model, n_classes: int) -> None:
    nH, nK = model.get_dim("nH"), model.get_dim("nK")

    def table(*shape: int) -> Floats2d:
        rows = numpy.random.normal(scale=TABLE_SCALE, size=shape)
        return to_floats2d(model.ops, rows)

    def wide_table(n_rows: int) -> Floats2d:
        # random for the hidden layer, zero for the logits
        rows = model.ops.alloc2f(n_rows, nH + n_classes)
        rows[:, :nH] = table(n_rows, nH)
        return rows

    if model.attrs["use_types"]:
        n_types = len(model.attrs["entity_types"]) + 1
        model.set_param("types", table(n_types, 2 * nH + 2 * nK))
    for name, size in get_table_sizes(model).items():
        model.set_param(name, wide_table(size))
    if nK:
        model.set_param("biaffine", table(nK, n_classes * nK))


def _encode_docs(
    model: Model, docs: List[Doc], is_train: bool
) -> Tuple[Optional[Floats2d], Callable[[Optional[Floats2d]], object]]:
    """Get the document vectors, (n_docs, width), if used."""
    if not model.has_ref("doc_vector"):
        return None, lambda d_wholes: None
    return model.get_ref("doc_vector")(docs, is_train)


def _project(
    model: Model, entities: Floats2d, types: numpy.ndarray
) -> Tuple[Terms, Callable[[Terms], Floats2d]]:
    """Project entity representations and types to the terms of pairs."""
    ops = model.ops
    projected, bp_projected = apply_linear(model.get_ref("project"), entities)
    at_type = to_ints1d(ops, types)
    if model.attrs["use_types"]:
        projected = projected + get_matrix(model, "types")[at_type]

    def backprop(d_terms: Terms) -> Floats2d:
        d_projected = d_terms.join(ops)
        if model.attrs["use_types"]:
            d_types = ops.alloc2f(*get_matrix(model, "types").shape)
            ops.scatter_add(d_types, at_type, d_projected)
            model.inc_grad("types", d_types)
        return bp_projected(d_projected)

    nH, nK = model.get_dim("nH"), model.get_dim("nK")
    return Terms.split(ops, projected, nH, nK), backprop


def _project_tokens(
    model: Model,
    tokens: Floats2d,
    offsets: numpy.ndarray,
    drop: Dropout,
) -> Tuple[Optional[Floats2d], Gradient]:
    """Project tokens to the hidden layer, as running sums."""
    if not model.has_ref("between"):
        return None, lambda d_sums: d_sums
    dropped, bp_drop = drop.drop_rows(tokens)
    projected, bp_projected = apply_linear(model.get_ref("between"), dropped)
    sums, bp_sums = sum_prefixes(model.ops, projected, offsets)
    return sums, lambda d_sums: bp_drop(bp_projected(bp_sums(d_sums)))

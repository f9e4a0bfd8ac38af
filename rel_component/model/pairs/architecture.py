"""Scores of pairs from what an annotator sees: entities, types, distance, context.

The hidden layer over a pair is a sum of terms of the head, of the tail, of the tokens
between and of the pair's buckets. So whatever is wide is computed once for each
entity or token, and a pair costs a few look-ups of `hidden_width` numbers.

The buckets also reach the logits directly, as in a logistic regression: from few
documents that is what generalises, and the hidden layer corrects it.
"""

from typing import Callable, Dict, List, Optional, Tuple

import numpy
from spacy.tokens import Doc
from spacy.util import registry
from thinc.api import Linear, Model
from thinc.types import Floats2d, Ragged

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

# spread of the random rows that buckets and types begin with
TABLE_SCALE = 0.3
# of what the hidden layer adds to the logits: it learns after the buckets have
HIDDEN_SCALE = 0.1
# of what buckets add to the logits: they learn that many times faster
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
    """Scores of pairs from vectors, types, distance and context, each a switch.

    tok2vec (Model[List[Doc], List[Floats2d]]): encodes the tokens.
    pooling (Model[Ragged, Floats2d]): reduces an entity's tokens to one row.
    get_instances (Callable): generates the pairs.
    doc_vector (Optional[Model[List[Doc], Floats2d]]): one vector for each document,
        such as `[CLS]`, that its pairs see; null for none.
    hidden_width (int): width of the hidden layer over a pair.
    dropout (Optional[float]): rate of dropout on vectors and hidden layer; null
        follows the training's rate.
    vector_dropout (float): share of documents whose vectors are hidden altogether in
        training, so that types, distance and what lies between learn to decide alone.
    type_dropout (float): share of entities whose type is hidden in training, so that
        the model can do without and copes with types that it has never seen.
    vectors (bool): the vectors of the two entities.
    types (bool): embeddings of the head's and the tail's entity type.
    distance (bool): number of tokens between, and which entity stands first.
    nesting (bool): whether the entities overlap, and how.
    boundaries (bool): sentence ends and line breaks between.
    entities_between (bool): number of entities between, of any type and of the
        head's and the tail's.
    shared_words (bool): whether one entity's text is the other's, shares its first or
        last word, or abbreviates it.
    context_between (bool): mean vector of the tokens between.
    context_around (int): mean vectors of so many tokens before and after each
        entity; 0 for none.
    context_doc (bool): mean vector of the document.
    biaffine_width (int): width of a biaffine term of head and tail; 0 for none.
    logit_scale (float): how many times faster than the encoder the layers that decide
        on pairs learn; above 1 where it is pretrained and its rate small.
    output (Literal["sigmoid", "softmax"]): independent labels, or one label or none.
    nO (Optional[int]): number of labels; null is inferred.
    learn_scale (Optional[float]): deprecated name of `logit_scale`.
    RETURNS (Model[Tuple[List[Doc], Candidates], Floats2d]): (n_pairs, n_labels),
        probabilities. Its backprop takes the gradient of the cross-entropy with
        respect to the logits, probability minus truth, as Thinc's `Softmax` does.
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
    """Infer widths. `model.attrs["entity_types"]` must have been set before."""
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
    # to 0, so that the buckets decide first and the hidden layer corrects them
    zeros = model.ops.alloc2f(n_classes, model.get_dim("nH"))
    model.get_ref("classify").set_param("W", zeros)
    model.get_ref("classify").set_param("b", model.ops.alloc1f(n_classes))
    _init_tables(model, n_classes)
    return model


def _init_tables(model: Model, n_classes: int) -> None:
    nH, nK = model.get_dim("nH"), model.get_dim("nK")

    def table(*shape: int) -> Floats2d:
        rows = numpy.random.normal(scale=TABLE_SCALE, size=shape)
        return to_floats2d(model.ops, rows)

    def wide_table(n_rows: int) -> Floats2d:
        # to the hidden layer random, to the logits nothing yet
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
    """Vectors of whole documents, (n_docs, width), if they are used."""
    if not model.has_ref("doc_vector"):
        return None, lambda d_wholes: None
    return model.get_ref("doc_vector")(docs, is_train)


def _project(
    model: Model, entities: Floats2d, types: numpy.ndarray
) -> Tuple[Terms, Callable[[Terms], Floats2d]]:
    """Entities: from their representation and type to their terms of pairs."""
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
    """Tokens: running sums of what they contribute to the pairs around them."""
    if not model.has_ref("between"):
        return None, lambda d_sums: d_sums
    dropped, bp_drop = drop.drop_rows(tokens)
    projected, bp_projected = apply_linear(model.get_ref("between"), dropped)
    sums, bp_sums = sum_prefixes(model.ops, projected, offsets)
    return sums, lambda d_sums: bp_drop(bp_projected(bp_sums(d_sums)))

"""Scores of pairs from typed markers that a transformer reads beside the text."""

import re
from dataclasses import dataclass
from typing import Any, Callable, Dict, List, Optional, Tuple

import numpy
from spacy.tokens import Doc
from spacy.util import registry
from thinc.api import ArgsKwargs, Linear, Model, Ops, torch2xp, xp2torch
from thinc.types import Floats2d

from ..activations import Output, activate
from ..arrays import get_matrix, to_floats2d, to_ints1d
from ..candidates import BatchGenerator, Candidates, InstanceGenerator
from ..entity_vectors import Inputs
from ..pairs.buckets import PairBuckets, get_table_sizes, get_types, sum_rows
from ..pairs.dropout import Dropout
from ..pairs.features import get_groups
from ..transformer.mixed_precision import for_device, keep_gradients
from .passes import N_MARKERS, Packing, pack

# pairs that are scored at one time where nothing is learnt
BLOCK_SIZE = 4096
# of what buckets add to the logits: they learn that many times faster
DIRECT_SCALE = 10.0
# spread of new markers, beside that of the transformer's own word vectors
MARKER_NOISE = 0.5


@dataclass
class MarkerEncoding:
    """How texts are read; not saved with the weights, so that the config decides."""

    window: int
    stride: int
    max_batch_pieces: int
    bfloat16_on_cpu: bool
    gradient_checkpointing: bool


@registry.architectures("rel_component.MarkerModel.v1")
def create_marker_model(
    name: str,
    get_instances: InstanceGenerator | BatchGenerator,
    window: int = 254,
    stride: int = 192,
    max_batch_pieces: int = 4096,
    tokenizer_config: Dict[str, Any] = {},  # noqa: B006
    transformer_config: Dict[str, Any] = {},  # noqa: B006
    mixed_precision: bool = False,
    grad_scaler_config: Dict[str, Any] = {},  # noqa: B006
    bfloat16_on_cpu: bool = False,
    gradient_checkpointing: bool = False,
    typed: bool = True,
    directed: bool = True,
    vectors: bool = False,
    dropout: Optional[float] = None,
    vector_dropout: float = 0.0,
    type_dropout: float = 0.0,
    types: bool = True,
    distance: bool = True,
    nesting: bool = True,
    boundaries: bool = True,
    entities_between: bool = True,
    shared_words: bool = False,
    output: Output = "sigmoid",
    nO: Optional[int] = None,
) -> Model[Inputs, Floats2d]:
    """Scores of pairs from levitated markers, see `passes`, from the vectors of
    their entities, and from buckets.

    name (str): Hugging Face name or local folder of a BERT, RoBERTa, XLM-R, CamemBERT
        or DistilBERT with a fast tokenizer.
    get_instances (Callable): generates the pairs.
    window, stride (int): length of the windows in which long texts are read, and from
        one to the next, in word pieces. A pair that none holds is read in one made of
        both surroundings.
    max_batch_pieces (int): most word pieces and markers to compute at one time.
    tokenizer_config, transformer_config, mixed_precision, grad_scaler_config: as for
        spacy-transformers.TransformerModel.v3; mixed_precision is for GPUs.
    bfloat16_on_cpu (bool): see `rel_component.TransformerModel.v1`.
    gradient_checkpointing (bool): train in less memory and more time.
    typed (bool): markers of each entity type; else the same for all.
    directed (bool): read each pair twice, with either entity marked as the head; else
        once, marked as the first and the second, for both directions, in less time.
    vectors (bool): the vectors of the two entities beside their markers: the largest
        values over their word pieces.
    dropout (Optional[float]): rate of dropout on what markers have read; null follows
        the training's rate.
    vector_dropout, type_dropout, types, distance, nesting, boundaries,
        entities_between, shared_words: as for `rel_component.PairModel.v1`; all from
        `types` on are buckets that reach the logits directly.
    output (Literal["sigmoid", "softmax"]): independent labels, or one label or none.
    nO (Optional[int]): number of labels; null is inferred.
    RETURNS (Model[Tuple[List[Doc], Candidates], Floats2d]): (n_pairs, n_labels),
        probabilities. Its backprop takes the gradient with respect to the logits, as
        that of `rel_component.PairModel.v1`.
    """
    groups = get_groups(
        distance=distance,
        nesting=nesting,
        boundaries=boundaries,
        entities_between=entities_between,
        shared_words=shared_words,
    )
    transformer = create_transformer(
        name,
        {**tokenizer_config},
        {**transformer_config},
        *for_device(mixed_precision, grad_scaler_config),
    )
    classify: Model[Floats2d, Floats2d] = Linear()
    return Model(
        "marker_model",
        forward,
        init=init,
        layers=[transformer, classify],
        refs={"transformer": transformer, "classify": classify},
        dims={"nO": nO},
        params={
            "markers": None,
            "type_pairs": None,
            **{feature.name: None for group in groups for feature in group},
        },
        attrs={
            "name": name,
            "get_instances": get_instances,
            "reading": MarkerEncoding(
                window,
                stride,
                max_batch_pieces,
                bfloat16_on_cpu,
                gradient_checkpointing,
            ),
            "entity_types": [],
            "groups": groups,
            "typed": typed,
            "directed": directed,
            "use_vectors": vectors,
            "dropout": dropout,
            "dropout_rate": 0.0,
            "vector_dropout": vector_dropout,
            "type_dropout": type_dropout,
            "use_types": types,
            "output": output,
        },
    )


def forward(
    model: Model[Inputs, Floats2d], inputs: Inputs, is_train: bool
) -> Tuple[Floats2d, Callable[[Floats2d], Inputs]]:
    docs, candidates = inputs
    types = get_types(model, candidates, is_train)
    buckets = PairBuckets(model, docs, candidates, types)
    drop = Dropout(model, candidates.offsets, is_train)
    whole = slice(0, len(candidates))
    # what learns keeps all that it has computed, however divided
    blocks = [whole] if is_train else list(candidates.blocks(BLOCK_SIZE))
    parts = [
        _score(model, docs, candidates, block, types, buckets, drop, is_train)
        for block in blocks
        if len(candidates)
    ]
    n_classes = model.get_ref("classify").get_dim("nO")
    found = [logits for logits, _ in parts] or [model.ops.alloc2f(0, n_classes)]
    logits = found[0] if len(found) == 1 else model.ops.xp.vstack(found)
    scores, bp_scores = activate(model.ops, logits, model.attrs["output"])

    def backprop(d_scores: Floats2d) -> Inputs:
        d_logits = bp_scores(d_scores)
        for block, (_, bp_part) in zip(blocks, parts):
            bp_part(model.ops.as_contig(d_logits[block]))
        buckets.finish()
        return inputs

    return scores, backprop


def _score(
    model: Model,
    docs: List[Doc],
    candidates: Candidates,
    block: slice,
    types: numpy.ndarray,
    buckets: PairBuckets,
    drop: Dropout,
    is_train: bool,
) -> Tuple[Floats2d, Callable[[Floats2d], None]]:
    """Logits of a block of pairs."""
    pairs = candidates.pairs[block]
    X, bp_X = _encode(model, docs, candidates, pairs, types, is_train)
    X, bp_drop = drop.drop_rows(X, candidates.entities.docs[pairs[:, 0]])
    Y, bp_Y = model.get_ref("classify")(X, is_train)
    codes, _ = buckets.get_codes(block)
    direct = sum_rows(model.ops, buckets.tables, codes)
    if direct is not None:
        Y += DIRECT_SCALE * direct

    def backprop(dY: Floats2d) -> None:
        buckets.add_gradient(codes, DIRECT_SCALE * dY)
        bp_X(bp_drop(bp_Y(dY)))

    return Y, backprop


def _encode(
    model: Model,
    docs: List[Doc],
    candidates: Candidates,
    pairs: numpy.ndarray,
    types: numpy.ndarray,
    is_train: bool,
) -> Tuple[Floats2d, Callable[[Floats2d], None]]:
    """What the markers of pairs have read: (n_pairs, 4 × width), start and end of the
    head, start and end of the tail; 6 × width with the vectors of both beside them."""
    transformer = model.get_ref("transformer")
    shim: Any = transformer.shims[0]
    hf = shim._hfmodel
    marked, rows = (pairs, None) if model.attrs["directed"] else _join_directions(pairs)
    passes = pack(
        docs,
        candidates,
        marked,
        _get_markers(types[marked] if model.attrs["typed"] else 0 * marked),
        hf.tokenizer,
        get_packing(model.attrs["reading"], hf.transformer),
    )
    table = get_matrix(model, "markers")
    inputs = (passes, table, model.attrs["reading"], model.attrs["use_vectors"])
    X, bp_found = transformer(inputs, is_train)
    bp_found = keep_gradients(transformer.shims[0], bp_found)
    bp_divide: Callable[[Floats2d], Floats2d] = lambda dY: dY  # noqa: E731
    if rows is not None:
        X, bp_divide = _divide_directions(model.ops, X, rows, table.shape[1])

    def backprop(dX: Floats2d) -> None:
        model.inc_grad("markers", bp_found(bp_divide(dX)))

    return X, backprop


def _get_markers(types: numpy.ndarray) -> numpy.ndarray:
    """Kinds of the markers of pairs.

    types (Ints2d): (n_pairs, 2), number of the type of each entity.
    RETURNS (Ints2d): (n_pairs, 4), rows of the table: for each type four of them, as
        the first or the second of a pair, start and end.
    """
    return numpy.repeat(N_MARKERS * types, 2, axis=1) + numpy.arange(N_MARKERS)


def _join_directions(pairs: numpy.ndarray) -> Tuple[numpy.ndarray, numpy.ndarray]:
    """Both directions of a pair as one, the entity that stands first first.

    RETURNS (Tuple[Ints2d, Ints2d]): (n_joined, 2), the pairs, in order; and for each
        direction, (n_pairs, 2), where head and tail are found among their entities.
    """
    ordered = numpy.sort(pairs, axis=1)
    joined, number = numpy.unique(ordered, axis=0, return_inverse=True)
    is_second = pairs != ordered[:, :1]
    return joined, 2 * number.reshape(-1, 1) + is_second


def _divide_directions(
    ops: Ops, X: Floats2d, rows: numpy.ndarray, width: int
) -> Tuple[Floats2d, Callable[[Floats2d], Floats2d]]:
    """For each direction what was read of its head and tail.

    X (Floats2d): (n_joined, 4 × width or 6 × width), of both directions as one.
    rows (Ints2d): (n_pairs, 2), see `_join_directions`.
    RETURNS (Tuple[Floats2d, Callable]): (n_pairs, as many), and the way back.
    """
    at = to_ints1d(ops, rows.ravel())
    # markers, then vectors; of each the first half is of the entity that stands first
    borders = [0, N_MARKERS * width, X.shape[1]]
    parts = [slice(a, b) for a, b in zip(borders, borders[1:]) if a < b]
    halves = [
        ops.reshape2f(ops.as_contig(X[:, part]), 2 * len(X), -1) for part in parts
    ]
    Y = ops.xp.hstack([ops.reshape2f(half[at], len(rows), -1) for half in halves])

    def backprop(dY: Floats2d) -> Floats2d:
        d_parts = []
        for part, half in zip(parts, halves):
            d_half = ops.alloc2f(*half.shape)
            d_rows = ops.reshape2f(ops.as_contig(dY[:, part]), -1, half.shape[1])
            ops.scatter_add(d_half, at, d_rows)
            d_parts.append(ops.reshape2f(d_half, len(X), -1))
        return ops.xp.hstack(d_parts)

    return Y, backprop


def init(
    model: Model[Inputs, Floats2d],
    X: Optional[Inputs] = None,
    Y: Optional[Floats2d] = None,
) -> Model[Inputs, Floats2d]:
    """Load the transformer, and make what is learnt from nothing.
    `model.attrs["entity_types"]` must have been set before."""
    transformer, classify = model.get_ref("transformer"), model.get_ref("classify")
    load_transformer(transformer, model.attrs["name"])
    shim: Any = transformer.shims[0]
    hf = shim._hfmodel
    get_packing(model.attrs["reading"], hf.transformer)
    if model.has_dim("nO") is None and Y is not None:
        model.set_dim("nO", Y.shape[1])
    weight = hf.transformer.transformer.embeddings.word_embeddings.weight
    words: Any = torch2xp(weight.detach().float().cpu())
    markers = make_markers(hf.tokenizer, words, model.attrs["entity_types"])
    model.set_param("markers", to_floats2d(model.ops, markers))
    if model.has_dim("nO"):
        n_classes = model.get_dim("nO") + (model.attrs["output"] == "softmax")
        classify.set_dim("nO", n_classes)
        n_vectors = N_MARKERS + 2 * model.attrs["use_vectors"]
        classify.set_dim("nI", n_vectors * markers.shape[1])
        # nothing yet, so that the buckets decide first
        classify.set_param("W", model.ops.alloc2f(n_classes, classify.get_dim("nI")))
        classify.set_param("b", model.ops.alloc1f(n_classes))
        for name, size in get_table_sizes(model).items():
            model.set_param(name, model.ops.alloc2f(size, n_classes))
    return model


def make_markers(
    tokenizer: Any, words: numpy.ndarray, entity_types: List[str]
) -> numpy.ndarray:
    """Vectors that markers begin with: [MASK] and what the type is called, and noise
    that tells them apart.

    words (Floats2d): (n_words, width), the transformer's vectors.
    RETURNS (Floats2d): (4 × n_types + 4, width), the first four for unknown types.
    """
    mask = words[tokenizer.mask_token_id]
    rows = [mask]
    for type_ in entity_types:
        spaced = re.sub(r"(?<=[a-z])(?=[A-Z])|[\W_]+", " ", type_)
        ids = tokenizer(spaced, add_special_tokens=False)["input_ids"]
        rows.append((mask + words[ids].mean(axis=0)) / 2 if ids else mask)
    vectors = numpy.repeat(numpy.stack(rows), N_MARKERS, axis=0)
    scale = MARKER_NOISE * words.std()
    return vectors + numpy.random.normal(scale=scale, size=vectors.shape)


def get_packing(reading: MarkerEncoding, transformer: Any) -> Packing:
    """RETURNS (Packing): how texts are divided.

    RAISES (CheckpointError): if they can't be.
    """
    from .transformer import count_positions

    return Packing(
        reading.window,
        reading.stride,
        reading.max_batch_pieces,
        count_positions(transformer.config),
    )


def create_transformer(
    name: str,
    tokenizer_config: Dict[str, Any],
    transformer_config: Dict[str, Any],
    mixed_precision: bool,
    grad_scaler_config: Dict[str, Any],
) -> Model:
    """A `MarkerTransformer` in spacy-transformers' wrapper, by which it is saved with
    its configuration and its tokenizer; its weights are loaded later."""
    from ..transformer.checkpoint import explain_memory_of, require_libraries

    require_libraries()
    from spacy_transformers.data_classes import HFObjects
    from spacy_transformers.layers.hf_wrapper import HFWrapper

    from .transformer import MarkerTransformer

    transformer = HFWrapper(
        HFObjects(None, None, None, tokenizer_config, transformer_config),
        convert_inputs=_convert_inputs,
        convert_outputs=_convert_outputs,
        mixed_precision=mixed_precision,
        grad_scaler_config=grad_scaler_config,
        model_cls=MarkerTransformer,
    )
    transformer.attrs["name"] = name
    return explain_memory_of(transformer)


def load_transformer(transformer: Model, name: str) -> None:
    """Give a transformer of `create_transformer` pretrained weights, unless it has
    weights already.

    RAISES (CheckpointError): if it can't be loaded, or markers can't be added to it.
    RAISES (OutOfMemoryError): if it does not fit.
    """
    from ..transformer.checkpoint import CheckpointError, load_checkpoint
    from .transformer import MarkerTransformer

    shim: Any = transformer.shims[0]
    if shim._model is not None:
        return
    hf = shim._hfmodel
    found = load_checkpoint(
        name, hf._init_tokenizer_config, hf._init_transformer_config
    )
    if not found.tokenizer.is_fast:
        raise CheckpointError(
            f"{name} has no fast tokenizer, from which the marker model learns where "
            f"word pieces stand in the text. Choose a checkpoint that has one, and "
            f"leave use_fast true in tokenizer_config."
        )
    hf.tokenizer = found.tokenizer
    hf.vocab_file_contents = found.vocab_file_contents
    hf.transformer = shim._model = MarkerTransformer(found.transformer)


def _convert_inputs(
    model: Model, inputs: Tuple, is_train: bool
) -> Tuple[ArgsKwargs, Callable[[ArgsKwargs], Any]]:
    passes, markers, reading, vectors = inputs
    shim: Any = model.shims[0]
    device = shim.device
    table = xp2torch(markers, requires_grad=is_train, device=device)
    settings = {
        "vectors": vectors,
        "bfloat16_on_cpu": reading.bfloat16_on_cpu,
        "gradient_checkpointing": reading.gradient_checkpointing,
    }
    return ArgsKwargs((passes, table), settings), lambda d: torch2xp(d.args[1])


def _convert_outputs(
    model: Model, inputs_outputs: Tuple, is_train: bool
) -> Tuple[Floats2d, Callable[[Floats2d], ArgsKwargs]]:
    _, Y = inputs_outputs
    found: Any = torch2xp(Y)

    def backprop(dY: Floats2d) -> ArgsKwargs:
        d_Y = xp2torch(dY, device=Y.device)
        return ArgsKwargs(((Y,),), {"grad_tensors": d_Y})

    return found, backprop

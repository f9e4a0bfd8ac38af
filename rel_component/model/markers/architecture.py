"""Score pairs based on typed markers, which a transformer encodes with the text."""

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

# pairs per block in prediction
BLOCK_SIZE = 4096
# scale of the buckets' logits, so that they learn faster
DIRECT_SCALE = 10.0
# standard deviation of new markers, relative to the transformer's word vectors
MARKER_NOISE = 0.5


@dataclass
class MarkerEncoding:
    """Encoding settings; not saved with the weights, so that the config's are used."""

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
    """Score pairs based on levitated markers, see `passes`, entity vectors and buckets.

    name (str): Hugging Face name or local folder of a BERT, RoBERTa, XLM-R, CamemBERT
        or DistilBERT with a fast tokenizer.
    get_instances (Callable): generates the pairs.
    window, stride (int): length and stride of the windows of long texts, in word
        pieces. A pair that spans windows is read in a window of both contexts.
    max_batch_pieces (int): maximum word pieces and markers per batch.
    tokenizer_config, transformer_config, mixed_precision, grad_scaler_config: as for
        spacy-transformers.TransformerModel.v3; mixed_precision is for GPUs.
    bfloat16_on_cpu (bool): see `rel_component.TransformerModel.v1`.
    gradient_checkpointing (bool): train with less memory, but slower.
    typed (bool): use separate markers per entity type.
    directed (bool): encode each pair twice, once per direction; else once for both
        directions, which is faster.
    vectors (bool): use the entities' vectors in addition to their markers, max-pooled
        over word pieces.
    dropout (Optional[float]): dropout rate of the markers' vectors; null for the
        training's rate.
    vector_dropout, type_dropout, types, distance, nesting, boundaries,
        entities_between, shared_words: as for `rel_component.PairModel.v1`; from
        `types` on, they are buckets added to the logits.
    output (Literal["sigmoid", "softmax"]): independent labels, or at most one label.
    nO (Optional[int]): number of labels; inferred if null.
    RETURNS (Model[Tuple[List[Doc], Candidates], Floats2d]): (n_pairs, n_labels),
        probabilities. Its backprop takes the gradient with respect to the logits, like
        `rel_component.PairModel.v1`.
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
    # training keeps all activations, so blocks would not save memory
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
    """Compute the logits of a block of pairs."""
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
    """Encode the markers of pairs: (n_pairs, 4 × width), start and end of the head,
    start and end of the tail; 6 × width with the entities' vectors."""
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
    """Get the markers of pairs.

    types (Ints2d): (n_pairs, 2), index of each entity's type.
    RETURNS (Ints2d): (n_pairs, 4), rows of the marker table, which has four per type:
        start and end, as the first or second entity of a pair.
    """
    return numpy.repeat(N_MARKERS * types, 2, axis=1) + numpy.arange(N_MARKERS)


def _join_directions(pairs: numpy.ndarray) -> Tuple[numpy.ndarray, numpy.ndarray]:
    """Join both directions of a pair, in text order.

    RETURNS (Tuple[Ints2d, Ints2d]): (n_joined, 2), the sorted pairs; and (n_pairs, 2),
        positions of each direction's head and tail among their entities.
    """
    ordered = numpy.sort(pairs, axis=1)
    joined, number = numpy.unique(ordered, axis=0, return_inverse=True)
    is_second = pairs != ordered[:, :1]
    return joined, 2 * number.reshape(-1, 1) + is_second


def _divide_directions(
    ops: Ops, X: Floats2d, rows: numpy.ndarray, width: int
) -> Tuple[Floats2d, Callable[[Floats2d], Floats2d]]:
    """Get the vectors of head and tail for each direction.

    X (Floats2d): (n_joined, 4 × width or 6 × width), vectors of joined pairs.
    rows (Ints2d): (n_pairs, 2), see `_join_directions`.
    RETURNS (Tuple[Floats2d, Callable]): (n_pairs, same width), and backprop.
    """
    at = to_ints1d(ops, rows.ravel())
    # markers, then vectors; the first half of each belongs to the first entity
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
    """Load the transformer, and initialize the other layers.
    `model.attrs["entity_types"]` must be set before."""
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
        # zero, so that buckets determine the first predictions
        classify.set_param("W", model.ops.alloc2f(n_classes, classify.get_dim("nI")))
        classify.set_param("b", model.ops.alloc1f(n_classes))
        for name, size in get_table_sizes(model).items():
            model.set_param(name, model.ops.alloc2f(size, n_classes))
    return model


def make_markers(
    tokenizer: Any, words: numpy.ndarray, entity_types: List[str]
) -> numpy.ndarray:
    """Create initial marker vectors from [MASK], the type's name and noise to
    distinguish them.

    words (Floats2d): (n_words, width), the transformer's word vectors.
    RETURNS (Floats2d): (4 × n_types + 4, width), with the first four for unknown types.
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
    """RETURNS (Packing): the settings for splitting texts.

    RAISES (CheckpointError): if they are invalid for the transformer.
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
    """Create a `MarkerTransformer` in spacy-transformers' wrapper, which saves it with
    its configuration and tokenizer; its weights are loaded later."""
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
    """Load pretrained weights into the output of `create_transformer`, unless already
    loaded.

    RAISES (CheckpointError): if it can't be loaded, or doesn't support markers.
    RAISES (OutOfMemoryError): if memory is insufficient.
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
            f"{name} has no fast tokenizer, which the marker model needs for the "
            "offsets of word pieces. Use a checkpoint with a fast tokenizer, and "
            "keep use_fast = true in tokenizer_config."
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

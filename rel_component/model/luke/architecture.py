"""Score pairs with a LUKE or mLUKE checkpoint, which encodes words and entities.

Source: Yamada et al. (2020), LUKE: Deep Contextualized Entity Representations with
Entity-aware Self-attention; Ri et al. (2022), mLUKE.
"""

from functools import partial
from typing import Any, Callable, Dict, List, Literal, Optional, Tuple

import numpy
from spacy.tokens import Doc
from spacy.util import registry
from thinc.api import Linear, Model
from thinc.types import Floats2d, Ints2d

from ...relations.follow import get_chars
from ..activations import Output, activate
from ..arrays import drop_cells, to_floats2d, to_ints2d
from ..candidates import BatchGenerator, Candidates, InstanceGenerator
from ..entity_vectors import Inputs as PairInputs
from ..pairs.buckets import get_types
from ..pairs.layers import hidden_over_pairs
from ..transformer.mixed_precision import for_device
from ..v1 import linear_over_pairs
from .encoder import (
    Inputs,
    LukeEncoder,
    LukeEncoding,
    get_piece_limit,
    get_tokenizer,
)
from .passes import plan_windows, read_pair
from .pieces import Input, PieceReader, Pieces, make_input, select_pieces

Mode = Literal["one_pass", "pair_wise"]
# <s> and </s>; markers on both sides of head and tail
N_SPECIAL, N_MARKERS = 2, 4


@registry.architectures("rel_component.LukeModel.v1")
def create_luke_model(
    name: str,
    get_instances: InstanceGenerator | BatchGenerator,
    mode: Mode = "one_pass",
    window: Optional[int] = None,
    stride: Optional[int] = None,
    hidden_width: int = 0,
    type_width: int = 0,
    dropout: Optional[float] = None,
    output: Output = "softmax",
    all_entities: bool = False,
    batch_pieces: int = 4096,
    tokenizer_config: Dict[str, Any] = {},  # noqa: B006
    transformer_config: Dict[str, Any] = {},  # noqa: B006
    mixed_precision: bool = False,
    grad_scaler_config: Dict[str, Any] = {},  # noqa: B006
    bfloat16_on_cpu: bool = False,
    nO: Optional[int] = None,
) -> Model[PairInputs, Floats2d]:
    """Score pairs based on LUKE's entity vectors.

    name (str): Hugging Face name or local folder of a LUKE or mLUKE checkpoint.
    get_instances (Callable): generates the pairs.
    mode (Literal["one_pass", "pair_wise"]): encode a text once with all its entities,
        or once per pair with markers around its entities, like
        `LukeForEntityPairClassification`, whose classifier and labels are used if the
        checkpoint has them.
    window (Optional[int]): maximum word pieces to encode at once; null for the
        checkpoint's maximum. Longer texts are split, and each pair is scored in the
        window with most context.
    stride (Optional[int]): stride of the windows with "one_pass", in word pieces; null
        for half a window.
    hidden_width (int): width of a hidden layer over the vectors of head and tail; 0 for
        none, as in `LukeForEntityPairClassification`. Without it, "one_pass" scores are
        sums of independent contributions of head and tail.
    type_width (int): width of the entity type embeddings; 0 for none.
    dropout (Optional[float]): dropout rate of the entity vectors; null for the
        training's rate.
    output (Literal["softmax", "sigmoid"]): at most one label, or independent labels.
    all_entities (bool): keep the vectors of Wikipedia entities, which are unused, but
        most of a checkpoint's size.
    batch_pieces (int): maximum word pieces per batch, including padding.
    tokenizer_config, transformer_config, mixed_precision, grad_scaler_config: as for
        spacy-transformers.TransformerModel.v3; mixed_precision is for GPUs.
    bfloat16_on_cpu (bool): use bfloat16 on CPU: about twice as fast on processors that
        support it (AVX-512 BF16, AMX), slower on others.
    nO (Optional[int]): number of labels; inferred if null.
    RETURNS (Model[Tuple[List[Doc], Candidates], Floats2d]): (n_pairs, n_labels),
        probabilities. Its backprop takes the gradient of the cross-entropy with
        respect to the logits, probability minus truth, like Thinc's `Softmax`.
    RAISES (CheckpointError): on initialization, if the checkpoint can't be used.
    """
    from ..transformer.checkpoint import explain_memory_of, require_libraries
    from .checkpoint import find_labels

    require_libraries()
    mixed_precision, grad_scaler_config = for_device(
        mixed_precision, grad_scaler_config
    )
    encoder = LukeEncoder(
        name,
        tokenizer_config=tokenizer_config,
        transformer_config=transformer_config,
        reading=LukeEncoding(window, stride, batch_pieces, bfloat16_on_cpu),
        mixed_precision=mixed_precision,
        grad_scaler_config=grad_scaler_config,
    )
    explain_memory_of(encoder)
    classify = Linear(nI=hidden_width or None)
    layers: List[Model] = [encoder, classify]
    refs: Dict[str, Optional[Model]] = {"encoder": encoder, "classify": classify}
    attrs: Dict[str, Any] = {}
    if mode == "pair_wise":
        attrs["find_labels"] = partial(find_labels, name, transformer_config)
    if hidden_width:
        layers.append(Linear(nO=hidden_width))
        refs["hidden"] = layers[-1]
    return Model(
        "luke_model",
        forward,
        init=init,
        layers=layers,
        refs=refs,
        dims={"nO": nO},
        params={"types": None},
        attrs={
            "get_instances": get_instances,
            "entity_types": [],
            "labels": [],
            "mode": mode,
            "dropout": dropout,
            "dropout_rate": 0.0,
            "type_dropout": 0.0,
            "type_width": type_width,
            "all_entities": all_entities,
            "output": output,
            **attrs,
        },
    )


def forward(
    model: Model[PairInputs, Floats2d], inputs: PairInputs, is_train: bool
) -> Tuple[Floats2d, Callable[[Floats2d], PairInputs]]:
    docs, candidates = inputs
    read, slots, entities = plan(model, docs, candidates)
    vectors, bp_vectors = model.get_ref("encoder")(read, is_train)
    features, bp_features = _add_types(model, vectors, candidates, entities)
    features, bp_drop = drop_cells(model, features, is_train)
    logits, bp_logits = score_logits(model, features, to_ints2d(model.ops, slots))
    scores, bp_scores = activate(model.ops, logits, model.attrs["output"])

    def backprop(d_scores: Floats2d) -> PairInputs:
        bp_vectors(bp_features(bp_drop(bp_logits(bp_scores(d_scores)))))
        return inputs

    return scores, backprop


def init(
    model: Model[PairInputs, Floats2d],
    X: Optional[PairInputs] = None,
    Y: Optional[Floats2d] = None,
) -> Model[PairInputs, Floats2d]:
    """Load the checkpoint. `model.attrs["entity_types"]` and, to use the checkpoint's
    classifier, `model.attrs["labels"]` must be set before."""
    encoder = model.get_ref("encoder")
    from .checkpoint import load_luke

    found = load_luke(encoder, model.attrs["all_entities"])
    if model.has_dim("nO") is None and Y is not None:
        model.set_dim("nO", Y.shape[1])
    type_width = model.attrs["type_width"]
    if type_width:
        shape = (len(model.attrs["entity_types"]) + 1, type_width)
        rows = numpy.random.normal(scale=0.1, size=shape).astype("float32")
        model.set_param("types", to_floats2d(model.ops, rows))
    if model.has_dim("nO") is None:
        return model
    first = model.get_ref("hidden" if model.has_ref("hidden") else "classify")
    first.set_dim("nI", 2 * (encoder.get_dim("nO") + type_width))
    n_classes = model.get_dim("nO") + (model.attrs["output"] == "softmax")
    model.get_ref("classify").set_dim("nO", n_classes)
    for name in ("hidden", "classify"):
        if model.has_ref(name):
            model.get_ref(name).initialize()
    if found is not None and model.attrs["mode"] == "pair_wise":
        found.copy_to(model)
    return model


def plan(
    model: Model, docs: List[Doc], candidates: Candidates
) -> Tuple[Inputs, numpy.ndarray, numpy.ndarray]:
    """Plan the encoder's inputs for the pairs of a batch.

    model (Model): the LUKE model.
    docs (List[Doc]): the batch.
    candidates (Candidates): its pairs.
    RETURNS (Tuple[Inputs, Ints2d, Ints1d]): the inputs; rows of the vectors of head and
        tail of each pair, (n_pairs, 2), int32; the entity of each vector.
    """
    planner = _Planner(model)
    for i, doc in enumerate(docs):
        ents, pairs = candidates.of_doc(i)
        if pairs.stop > pairs.start:
            spans = candidates.entities.spans[ents]
            rows = candidates.pairs[pairs] - ents.start
            planner.add_doc(doc, spans, rows, ents.start)
    return planner.finish()


class _Planner:
    """Collects the inputs of documents."""

    def __init__(self, model: Model) -> None:
        encoder = model.get_ref("encoder")
        self.tokenizer = get_tokenizer(encoder)
        self.read = PieceReader(self.tokenizer)
        self.is_pair_wise = model.attrs["mode"] == "pair_wise"
        n_special = N_SPECIAL + (N_MARKERS if self.is_pair_wise else 0)
        limit = get_piece_limit(encoder)
        # space for at least one piece per entity
        reading = encoder.attrs["reading"]
        self.window = max(min(reading.window or limit, limit) - n_special, 4)
        self.stride = reading.stride or max(self.window // 2, 1)
        self.markers = self.tokenizer.additional_special_tokens_ids[-2:]
        self.make: List[Callable[[], Input]] = []
        self.lengths: List[int] = []
        self.counts: List[int] = []
        self.slots: List[numpy.ndarray] = []
        self.entities: List[int] = []

    def add_doc(
        self, doc: Doc, spans: numpy.ndarray, pairs: numpy.ndarray, first: int
    ) -> None:
        """Add a document.

        spans (Ints2d): (n_entities, 2), tokens of its entities.
        pairs (Ints2d): (n_pairs, 2), rows of `spans`.
        first (int): index of its first entity in the batch.
        """
        places = get_chars(doc, spans).tolist()
        pieces = self.read(doc.text, places)
        if not self.is_pair_wise:
            self._add_windows(pieces, pairs, first)
        elif len(pieces.ids) <= self.window:
            self._add_whole(doc.text, places, len(pieces.ids), pairs, first)
        else:
            self._add_parts(pieces, pairs, first)

    def finish(self) -> Tuple[Inputs, numpy.ndarray, numpy.ndarray]:
        counts = numpy.asarray(self.counts, dtype="int64")
        slots = numpy.concatenate(self.slots or [numpy.zeros((0, 2))]).astype("int32")
        entities = numpy.asarray(self.entities, dtype="int32")
        return Inputs(self.make, self.lengths, counts), slots, entities

    def _add_windows(self, pieces: Pieces, pairs: numpy.ndarray, first: int) -> None:
        n_pieces = len(pieces.ids)
        passes, number = plan_windows(
            pieces.spans, pairs, n_pieces, self.window, self.stride
        )
        # row of the vector of each entity in each pass
        slot = numpy.full((len(passes), len(pieces.spans)), -1)
        for i, one in enumerate(passes):
            n = len(self.entities)
            slot[i, one.entities] = numpy.arange(n, n + len(one.entities))
            self._add_slices(pieces, one.slices, one.entities, first)
        self.slots.append(slot[number[:, None], pairs])

    def _add_whole(
        self,
        text: str,
        places: List[Tuple[int, int]],
        n_pieces: int,
        pairs: numpy.ndarray,
        first: int,
    ) -> None:
        """Add pairs of a short text, split only at their two entities, as in
        transformers."""
        self._add_slots(len(pairs))
        for head, tail in pairs.tolist():
            make = partial(self._make_whole, text, [places[head], places[tail]])
            self._add(make, n_pieces, [first + head, first + tail])

    def _add_parts(self, pieces: Pieces, pairs: numpy.ndarray, first: int) -> None:
        """Add pairs of a long text, with their context."""
        self._add_slots(len(pairs))
        for pair in pairs.tolist():
            slices = read_pair(pieces.spans[pair], len(pieces.ids), self.window)
            self._add_slices(pieces, slices, pair, first)

    def _add_slots(self, n_pairs: int) -> None:
        """Add the rows of pairs with two separate vectors each."""
        n = len(self.entities)
        self.slots.append(numpy.arange(n, n + 2 * n_pairs).reshape(-1, 2))

    def _add_slices(
        self,
        pieces: Pieces,
        slices: List[Tuple[int, int]],
        rows: List[int],
        first: int,
    ) -> None:
        seen = Pieces(pieces.ids, pieces.spans[rows])
        length = sum(end - start for start, end in slices)
        make = partial(self._make, seen, slices)
        self._add(make, length, [first + row for row in rows])

    def _add(self, make: Callable[[], Input], length: int, entities: List[int]) -> None:
        self.make.append(make)
        self.lengths.append(length)
        self.counts.append(len(entities))
        self.entities.extend(entities)

    def _make(self, pieces: Pieces, slices: List[Tuple[int, int]]) -> Input:
        markers = self.markers if self.is_pair_wise else None
        return make_input(self.tokenizer, select_pieces(pieces, slices), markers)

    def _make_whole(self, text: str, places: List[Tuple[int, int]]) -> Input:
        return make_input(self.tokenizer, self.read(text, places), self.markers)


def score_logits(
    model: Model, features: Floats2d, pairs: Ints2d
) -> Tuple[Floats2d, Callable[[Floats2d], Floats2d]]:
    """RETURNS (Tuple[Floats2d, Callable]): (n_pairs, n_classes), with no relation as
    first class for softmax, and the gradient of the features."""
    classify = model.get_ref("classify")
    if model.has_ref("hidden"):
        return hidden_over_pairs(model.get_ref("hidden"), classify, features, pairs)
    return linear_over_pairs(classify, features, pairs)


def _add_types(
    model: Model, vectors: Floats2d, candidates: Candidates, entities: numpy.ndarray
) -> Tuple[Floats2d, Callable[[Floats2d], Floats2d]]:
    """Concatenate entity vectors and type embeddings."""
    if not model.attrs["type_width"]:
        return vectors, lambda d_features: d_features
    ops, table = model.ops, model.get_param("types")
    at_type = ops.asarray1i(get_types(model, candidates)[entities])
    width = vectors.shape[1]

    def backprop(d_features: Floats2d) -> Floats2d:
        d_table = ops.alloc2f(*table.shape)
        ops.scatter_add(d_table, at_type, ops.as_contig(d_features[:, width:]))
        model.inc_grad("types", d_table)
        return ops.as_contig(d_features[:, :width])

    return ops.xp.hstack([vectors, table[at_type]]), backprop

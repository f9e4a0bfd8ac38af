"""A transformer without truncation, with optional bfloat16, LoRA and frozen layers."""

import warnings
from functools import partial
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Optional, Sequence, Tuple

from spacy.tokens import Doc, Span
from spacy.util import registry
from thinc.api import Model

from .checkpoint import CheckpointError, load_at_init, require_libraries
from .mixed_precision import for_device, keep_gradients
from .wordpieces import read_wordpieces

if TYPE_CHECKING:
    from spacy_transformers.data_classes import FullTransformerBatch, WordpieceBatch
    from transformers.file_utils import ModelOutput

GetSpans = Callable[[Sequence[Doc]], List[List[Span]]]


@registry.architectures("rel_component.TransformerModel.v1")
def create_transformer_model(
    name: str,
    get_spans: GetSpans,
    tokenizer_config: Dict[str, Any] = {},  # noqa: B006
    transformer_config: Dict[str, Any] = {},  # noqa: B006
    mixed_precision: bool = False,
    grad_scaler_config: Dict[str, Any] = {},  # noqa: B006
    bfloat16_on_cpu: Optional[bool] = False,
    frozen_layers: int = 0,
    gradient_checkpointing: bool = False,
    lora_rank: int = 0,
) -> Model:
    """The transformer of spacy-transformers, without silent truncation and with less
    padding.

    Windows of a fixed number of tokens may exceed the transformer's maximum length.
    They are split here, instead of truncated. Windows of similar length are batched,
    with the same vectors and gradients.

    The last four settings and mixed_precision can be changed when loading a trained
    pipeline: `spacy.load(path, config={"components": {"transformer": {"model":
    {"bfloat16_on_cpu": True}}}})`.

    name (str): Hugging Face name or local folder.
    get_spans (Callable): the windows of each Doc.
    tokenizer_config, transformer_config, mixed_precision, grad_scaler_config: as for
        spacy-transformers.TransformerModel.v3; mixed_precision is
        ignored on CPU.
    bfloat16_on_cpu (Optional[bool]): use bfloat16 on CPU: about twice as fast on
        processors that support it (AVX-512 BF16, AMX), slower on others; null to choose
        automatically.
    frozen_layers (int): freeze the embeddings and this number of bottom layers, which
        saves their backward pass; 0 trains all.
    gradient_checkpointing (bool): recompute activations in the backward pass: less
        memory, but slower.
    lora_rank (int): rank of LoRA adapters to train instead of the transformer's
        weights, see `lora.add_lora`; 0 for none.
    RETURNS (Model[List[Doc], FullTransformerBatch]): the transformer.
    RAISES (CheckpointError): if lora_rank is negative, or combined with frozen_layers.
    """
    require_libraries()
    if lora_rank < 0:
        raise CheckpointError(
            f"lora_rank is {lora_rank}; expected 0 for no adapters, or a rank, such "
            f"as 8."
        )
    if frozen_layers and lora_rank:
        raise CheckpointError(
            f"frozen_layers is {frozen_layers} and lora_rank {lora_rank}; expected "
            "one of them to be 0: with adapters, all layers are frozen."
        )
    from spacy_transformers.architectures import create_TransformerModel_v3

    mixed_precision, grad_scaler_config = for_device(
        mixed_precision, grad_scaler_config
    )
    model = create_TransformerModel_v3(
        name,
        get_spans,
        tokenizer_config,
        {**transformer_config},  # copies, since both are modified
        mixed_precision,
        {**grad_scaler_config},
    )
    model.attrs["get_spans"] = PieceLimit(get_spans, model)
    model._func = forward
    model.layers[0]._func = partial(
        run_encoder,
        bfloat16=bfloat16_on_cpu,
        frozen_layers=frozen_layers,
        gradient_checkpointing=gradient_checkpointing,
        lora_rank=lora_rank,
    )
    return load_at_init(model)


class PieceLimit:
    """Split windows that exceed the transformer's maximum length.

    get_spans (Callable): the original window function.
    model (Model): the transformer, for its tokenizer and maximum length.
    n_divided (int): number of windows split so far.
    """

    def __init__(self, get_spans: GetSpans, model: Model) -> None:
        self.get_spans = get_spans
        self.model = model
        self.n_divided = 0

    def __call__(self, docs: Sequence[Doc]) -> List[List[Span]]:
        """RETURNS (List[List[Span]]): the windows of each Doc in order; parts of a
        split window overlap by a quarter."""
        limit = get_piece_limit(self.model)
        windows = self.get_spans(docs)
        # at most one piece per byte and one per word: counting is rarely needed
        doubtful = [
            (i, span)
            for i, spans in enumerate(windows)
            for span in spans
            if len(span.text.encode("utf8", "replace")) + len(span) > limit
        ]
        counts = self.count_pieces([span for _, span in doubtful])
        divided: Dict[Tuple[int, int, int], List[Span]] = {}
        for (i, span), n_pieces in zip(doubtful, counts):
            if n_pieces > limit:
                self.n_divided += 1
                divided[i, span.start, span.end] = self.divide(span, limit)
        if not divided:
            return windows
        return [
            [
                part
                for span in spans
                for part in divided.get((i, span.start, span.end), [span])
            ]
            for i, spans in enumerate(windows)
        ]

    def divide(self, span: Span, limit: int) -> List[Span]:
        """RETURNS (List[Span]): parts that fit, overlapping by a quarter."""
        n_parts = 1
        while n_parts < len(span):
            n_parts = min(2 * n_parts, len(span))
            borders = [span.start + len(span) * i // n_parts for i in range(n_parts)]
            borders.append(span.end)
            overlap = len(span) // n_parts // 4
            parts = [
                span.doc[
                    max(start - overlap, span.start) : min(end + overlap, span.end)
                ]
                for start, end in zip(borders, borders[1:])
            ]
            if max(self.count_pieces(parts)) <= limit:
                return parts
        parts = [span.doc[i : i + 1] for i in range(span.start, span.end)]
        for part, n_pieces in zip(parts, self.count_pieces(parts)):
            if n_pieces > limit:
                warnings.warn(
                    f"The token {part.text[:40]!r}… has more than {limit} word "
                    f"pieces: only the first {limit} are used.",
                    stacklevel=2,
                )
        return parts

    def count_pieces(self, spans: Sequence[Span]) -> List[int]:
        """RETURNS (List[int]): number of word pieces per span, including special
        ones."""
        if not spans:
            return []
        model: Any = self.model
        encoded = model.tokenizer(
            [span.text for span in spans],
            add_special_tokens=True,
            return_attention_mask=False,
            verbose=False,
        )
        return [len(ids) for ids in encoded["input_ids"]]


def get_piece_limit(model: Any) -> int:
    """RETURNS (int): the transformer's maximum number of word pieces, including special
    ones."""
    limit = model.tokenizer.model_max_length
    positions = getattr(model.transformer.config, "max_position_embeddings", None)
    if positions is not None and positions > 0:
        limit = min(limit, positions - 2)  # RoBERTa's positions start at 2
    return limit - 1  # spacy-transformers also truncates at the limit itself


def forward(
    model: Any, docs: List[Doc], is_train: bool
) -> "Tuple[FullTransformerBatch, Callable]":
    """Like spacy-transformers' forward, with faster alignment of word pieces."""
    from spacy_transformers.data_classes import FullTransformerBatch
    from spacy_transformers.layers.transformer_model import forward as forward_slow
    from spacy_transformers.truncate import truncate_oversize_splits

    if not model.tokenizer.is_fast:
        return forward_slow(model, docs, is_train)
    windows = model.attrs["get_spans"](docs)
    flat = [span for spans in windows for span in spans]
    if not flat:
        return FullTransformerBatch.empty(len(docs)), lambda d_batch: docs
    wordpieces, align = read_wordpieces(model.tokenizer, flat)
    # only single tokens with too many pieces are truncated, with a warning by
    # PieceLimit
    limit = get_piece_limit(model) + 1
    wordpieces, align = truncate_oversize_splits(wordpieces, align, limit)
    output, backprop_encoder = model.layers[0](wordpieces, is_train)
    batch = FullTransformerBatch(windows, wordpieces, output, align)

    def backprop(d_batch: "FullTransformerBatch") -> List[Doc]:
        backprop_encoder(d_batch.model_output)
        return docs

    return batch, backprop


def run_encoder(
    model: Model,
    wordpieces: "WordpieceBatch",
    is_train: bool,
    *,
    lora_rank: int = 0,
    **settings: Any,
) -> "Tuple[ModelOutput, Callable]":
    """Forward of the encoder's layer, after applying its settings."""
    from thinc.layers.pytorchwrapper import forward as forward_pytorch

    from .encoder import is_prepared, prepare

    shim = model.shims[0]
    if not is_prepared(shim._model):  # also after loading weights
        prepare(shim._model, **settings)
    if lora_rank and is_train:
        from .lora import add_lora, has_lora

        if not has_lora(shim._model):
            add_lora(shim._model, lora_rank)
    output, backprop = forward_pytorch(model, wordpieces, is_train)
    if is_train and not output.last_hidden_state.requires_grad:
        if lora_rank:
            raise CheckpointError(
                f"lora_rank is {lora_rank}, but {type(shim._model).__name__} has no "
                f"linear layers for adapters; set lora_rank to 0."
            )
        return output, lambda d_output: []  # all is frozen
    return output, keep_gradients(shim, backprop)

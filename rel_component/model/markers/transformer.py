"""A BERT- or RoBERTa-like transformer with levitated markers."""

from dataclasses import dataclass
from typing import Any, Callable, Iterator, List

import numpy
import torch
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from ..transformer.checkpoint import CheckpointError
from .passes import N_MARKERS, Pass

BERT_LIKE = ("bert", "roberta", "xlm-roberta", "camembert")
SUPPORTED = (*BERT_LIKE, "distilbert")
# number of passes whose activations are kept in training; those of further ones, of
# batches with many pairs, are recomputed, so that they don't need more memory
N_KEPT = 8


@dataclass
class Layer:
    """One layer: `finish` computes its output from its attention's output and its
    input."""

    query: torch.nn.Module
    key: torch.nn.Module
    value: torch.nn.Module
    dropout: float
    finish: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


class MarkerTransformer(torch.nn.Module):
    """Encodes texts and markers with the weights of a Hugging Face transformer.

    transformer (PreTrainedModel): BERT, RoBERTa, XLM-R, CamemBERT or DistilBERT.
    RAISES (CheckpointError): if its type is not supported.
    """

    def __init__(self, transformer: Any) -> None:
        super().__init__()
        check_supported(transformer.config)
        self.transformer = transformer

    @classmethod
    def from_config(cls, config: Any) -> "MarkerTransformer":
        """RETURNS (MarkerTransformer): a transformer with random weights, before
        loading."""
        from transformers import AutoModel

        return cls(AutoModel.from_config(config))

    @property
    def config(self) -> Any:
        return self.transformer.config

    @property
    def device(self) -> torch.device:
        return self.transformer.device

    def forward(
        self,
        passes: List[Pass],
        markers: torch.Tensor,
        *,
        vectors: bool = True,
        bfloat16_on_cpu: bool = False,
        gradient_checkpointing: bool = False,
    ) -> torch.Tensor:
        """Encode the markers of all pairs.

        passes (List[Pass]): the passes.
        markers (Tensor): (n_kinds, width), the vector of each kind of marker.
        vectors (bool): also return the entities' vectors.
        bfloat16_on_cpu (bool): use bfloat16.
        gradient_checkpointing (bool): only keep the output of passes in training, and
            recompute activations: slower, with less memory.
        RETURNS (Tensor): (n_pairs, 4 × width), or 6 with vectors, in the order of the
            pairs' indices: markers, then the vectors of head and tail.
        """
        is_trained = torch.is_grad_enabled()
        n_kept = 0 if gradient_checkpointing else N_KEPT
        found = []
        use_bfloat16 = bfloat16_on_cpu and self.device.type == "cpu"
        with torch.autocast("cpu", torch.bfloat16, enabled=use_bfloat16):
            for number, item in enumerate(passes):
                arguments = (item, markers, vectors)
                found.append(
                    checkpoint(self.encode, *arguments, use_reentrant=False)
                    if is_trained and number >= n_kept
                    else self.encode(*arguments)
                )
        numbers = numpy.concatenate([w.pairs for item in passes for w in item.windows])
        order = self._to_torch(numpy.argsort(numbers))
        return torch.cat(found).to(markers.dtype).index_select(0, order)

    def encode(self, item: Pass, markers: torch.Tensor, vectors: bool) -> torch.Tensor:
        """RETURNS (Tensor): (n_pairs, 4 × width), or 6 with vectors, of one pass."""
        attention = Attention(item, self.config.num_attention_heads, self._to_torch)
        words = self.transformer.embeddings.word_embeddings(self._to_torch(item.ids))
        own = markers.index_select(0, self._to_torch(item.markers))
        at = numpy.concatenate([item.positions, item.marker_positions])
        X = self.embed(torch.cat([words, own]), self._to_torch(at))
        layers = list(get_layers(self.transformer))
        n_pieces = len(item.ids)
        for layer in layers if vectors else layers[:-1]:
            query, key, value = layer.query(X), layer.key(X), layer.value(X)
            dropout = layer.dropout if self.training else 0.0
            X = layer.finish(attention(query, key, value, dropout), X)
        if vectors:
            own = X[n_pieces:].view(-1, N_MARKERS * X.shape[1])
            entities = self._reduce_max(X[:n_pieces], item)
            return torch.cat([own.to(entities.dtype), entities], dim=1)
        # the output of the text is not needed
        layer, own = layers[-1], X[n_pieces:]
        dropout = layer.dropout if self.training else 0.0
        context = attention.read_text(
            layer.query(own), layer.key(X), layer.value(X), dropout
        )
        return layer.finish(context, own).view(-1, N_MARKERS * X.shape[1])

    def _reduce_max(self, X: torch.Tensor, item: Pass) -> torch.Tensor:
        """RETURNS (Tensor): (n_pairs, 2 × width), max-pooled over the pieces of head
        and tail."""
        # not available in half precision on all devices
        pieces = X.index_select(0, self._to_torch(item.span_pieces))
        if pieces.dtype != torch.float64:
            pieces = pieces.float()
        lengths = self._to_torch(item.span_lengths)
        entities = torch.segment_reduce(pieces, "max", lengths=lengths)
        pairs = entities.index_select(0, self._to_torch(item.pair_spans))
        return pairs.view(-1, 2 * X.shape[1])

    def embed(self, vectors: torch.Tensor, positions: torch.Tensor) -> torch.Tensor:
        """RETURNS (Tensor): (n, width), vectors with positions, counted from 0."""
        embeddings = self.transformer.embeddings
        first = get_first_position(self.config)
        X = vectors + embeddings.position_embeddings(positions + first)
        if hasattr(embeddings, "token_type_embeddings"):
            X = X + embeddings.token_type_embeddings.weight[0]
        return embeddings.dropout(embeddings.LayerNorm(X))

    def _to_torch(self, array: numpy.ndarray) -> torch.Tensor:
        return torch.as_tensor(array, device=self.device)


class Attention:
    """Attention within each window of a pass, for its text and markers.

    item (Pass): the pass.
    n_heads (int): heads of the transformer.
    to_torch (Callable): moves an array to the transformer's device.
    """

    def __init__(self, item: Pass, n_heads: int, to_torch: Callable) -> None:
        self.n_heads = n_heads
        self.shape = (len(item.windows), item.length)
        self.marker_shape = (len(item.windows), item.n_markers)
        self.slots, self.marker_slots = map(to_torch, (item.slots, item.marker_slots))
        mask = torch.zeros(self.shape, dtype=torch.bool, device=self.slots.device)
        self.mask = mask.view(-1).index_fill(0, self.slots, True).view(mask.shape)
        self.mask = self.mask[:, None, None]

    def __call__(
        self,
        query: torch.Tensor,
        key: torch.Tensor,
        value: torch.Tensor,
        dropout: float,
    ) -> torch.Tensor:
        """query, key, value (Tensor): (n_pieces + n_markers, width).
        RETURNS (Tensor): (n_pieces + n_markers, width), the attention's output."""
        n_pieces = len(self.slots)
        q, k, v = (self._pad(x[:n_pieces]) for x in (query, key, value))
        text = functional.scaled_dot_product_attention(
            q, k, v, attn_mask=self.mask, dropout_p=dropout
        )
        text = self._unpad(text, self.slots)
        return torch.cat([text, self.read_text(query[n_pieces:], key, value, dropout)])

    def read_text(
        self,
        query: torch.Tensor,
        key: torch.Tensor,
        value: torch.Tensor,
        dropout: float,
    ) -> torch.Tensor:
        """Attention of the markers to the text and the four markers of their pair.

        query (Tensor): (n_markers, width).
        key, value (Tensor): (n_pieces + n_markers, width).
        RETURNS (Tensor): (n_markers, width).
        """
        n_pieces = len(self.slots)
        query = query * (query.shape[1] // self.n_heads) ** -0.5
        keys, values = (self._pad(x[:n_pieces]) for x in (key, value))
        own_query, own_keys, own_values = (
            self._by_pair(x) for x in (query, key[n_pieces:], value[n_pieces:])
        )
        weights = self._pad(query, of_markers=True) @ keys.transpose(2, 3)
        weights = weights.masked_fill(~self.mask, -torch.inf)
        own = (own_query @ own_keys.transpose(2, 3)).transpose(1, 2).flatten(2)
        own = self._pad(own.flatten(0, 1), of_markers=True)
        weights = torch.cat([weights, own], dim=-1).softmax(dim=-1).to(values.dtype)
        weights = functional.dropout(weights, dropout)
        text, own = weights.split([keys.shape[2], N_MARKERS], dim=-1)
        own = self._by_pair(self._unpad(own, self.marker_slots)) @ own_values
        read = self._unpad(text @ values, self.marker_slots)
        return read + own.transpose(1, 2).reshape(read.shape)

    def _pad(self, rows: torch.Tensor, *, of_markers: bool = False) -> torch.Tensor:
        """(n_rows, n_heads × width) → (n_windows, n_heads, longest, width)"""
        shape = self.marker_shape if of_markers else self.shape
        slots = self.marker_slots if of_markers else self.slots
        padded = rows.new_zeros(shape[0] * shape[1], rows.shape[1])
        padded = padded.index_copy(0, slots, rows)
        return padded.view(*shape, self.n_heads, -1).transpose(1, 2)

    def _unpad(self, padded: torch.Tensor, slots: torch.Tensor) -> torch.Tensor:
        rows = padded.transpose(1, 2).flatten(2).flatten(0, 1)
        return rows.index_select(0, slots)

    def _by_pair(self, rows: torch.Tensor) -> torch.Tensor:
        """(4 × n_pairs, n_heads × width) → (n_pairs, n_heads, 4, width)"""
        width = rows.shape[1] // self.n_heads
        return rows.reshape(-1, N_MARKERS, self.n_heads, width).transpose(1, 2)


def get_layers(transformer: Any) -> Iterator[Layer]:
    """YIELDS (Layer): the layers of a supported transformer."""
    if transformer.config.model_type == "distilbert":
        yield from map(_read_distilbert, transformer.transformer.layer)
    else:
        yield from map(_read_bert, transformer.encoder.layer)


def _read_bert(layer: Any) -> Layer:
    attention = layer.attention.self

    def finish(context: torch.Tensor, X: torch.Tensor) -> torch.Tensor:
        Y = layer.attention.output(context, X)
        return layer.output(layer.intermediate(Y), Y)

    return Layer(
        attention.query, attention.key, attention.value, attention.dropout.p, finish
    )


def _read_distilbert(layer: Any) -> Layer:
    attention = layer.attention

    def finish(context: torch.Tensor, X: torch.Tensor) -> torch.Tensor:
        Y = layer.sa_layer_norm(attention.out_lin(context) + X)
        return layer.output_layer_norm(layer.ffn(Y) + Y)

    return Layer(
        attention.q_lin, attention.k_lin, attention.v_lin, attention.dropout.p, finish
    )


def check_supported(config: Any) -> None:
    """RAISES (CheckpointError): if the transformer doesn't support markers."""
    if config.model_type not in SUPPORTED:
        raise CheckpointError(
            f"The marker model can't use a transformer of type {config.model_type!r}; "
            f"expected one of {', '.join(SUPPORTED)}. Use one of these, or "
            "rel_component.PairModel.v1, which supports any."
        )
    kind = getattr(config, "position_embedding_type", "absolute")
    is_decoder = getattr(config, "is_decoder", False)
    if kind != "absolute" or is_decoder:
        raise CheckpointError(
            f"The marker model needs an encoder with absolute positions; this one has "
            f"position_embedding_type {kind!r} and is_decoder {is_decoder}."
        )


def get_first_position(config: Any) -> int:
    """RETURNS (int): position of the first piece; RoBERTa's positions start after
    padding."""
    is_bert = config.model_type in ("bert", "distilbert")
    return 0 if is_bert else config.pad_token_id + 1


def count_positions(config: Any) -> int:
    """RETURNS (int): maximum word pieces, including special ones."""
    return config.max_position_embeddings - get_first_position(config)

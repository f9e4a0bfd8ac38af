"""BERT checkpoints of a few thousand random parameters."""

from pathlib import Path
from typing import Sequence

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


def make_bert(
    path: Path, words: Sequence[str], *, positions: int = 64, width: int = 12
) -> Path:
    """Save a checkpoint, with these word pieces."""
    import torch
    from transformers import BertConfig, BertModel, BertTokenizerFast

    torch.manual_seed(0)

    path.mkdir(exist_ok=True)
    vocabulary = path / "vocab.txt"
    vocabulary.write_text("\n".join([*SPECIAL, *words]), "utf8")
    config = BertConfig(
        vocab_size=len(SPECIAL) + len(words),
        hidden_size=width,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=width + 4,
        max_position_embeddings=positions,
    )
    BertModel(config).save_pretrained(path)
    tokenizer = BertTokenizerFast(str(vocabulary), model_max_length=positions)
    tokenizer.save_pretrained(path)
    return path

"""GLiNER2 checkpoints of a few thousand random parameters."""

import string
from pathlib import Path

LETTERS = string.ascii_lowercase + string.digits + ".,;:!?()-'"


def make_gliner2(path: Path, architecture: str) -> Path:
    """Save a checkpoint.

    path (Path): a new folder.
    architecture (str): `span` (GLiNER2) or `boundary` (GLiNER2.5).
    RETURNS (Path): the folder.
    """
    import torch
    from gliner2 import AutoExtractor
    from gliner2.configuration import ExtractorConfig
    from transformers import BertConfig, BertModel, BertTokenizerFast

    encoder = path / "encoder"
    encoder.mkdir(parents=True)
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    words += [*LETTERS, *(f"##{letter}" for letter in LETTERS)]
    (encoder / "vocab.txt").write_text("\n".join(words), encoding="utf8")
    BertTokenizerFast(str(encoder / "vocab.txt")).save_pretrained(encoder)
    config = BertConfig(
        vocab_size=len(words),
        hidden_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
    )
    torch.manual_seed(0)
    BertModel(config).save_pretrained(encoder)
    settings = ExtractorConfig(model_name=str(encoder), architecture=architecture)
    AutoExtractor.from_config(settings).save_pretrained(path / "model")
    return path / "model"

"""LUKE and mLUKE checkpoints of a few thousand random parameters."""

import json
from pathlib import Path

TEXTS = [
    "Ann works for Acme but Bolt left town.",
    "Le projet de construire les observatoires naît dans le milieu des années.",
]
MERGES = ["Ġ w", "o r", "Ġw or", "k s", "f o", "fo r", "Ġ for", "A n", "An n"]
ENTITIES = ["[PAD]", "[UNK]", "[MASK]", "Acme", "Bolt", "[MASK2]"]
NO_RELATION = "no_relation"


def make_luke(path: Path, *, multilingual: bool = False, positions: int = 66) -> Path:
    """Save a checkpoint, of the encoder alone."""
    import torch
    from transformers import LukeModel

    torch.manual_seed(0)
    tokenizer = make_tokenizer(path, multilingual)
    tokenizer.save_pretrained(path)
    LukeModel(make_config(tokenizer, positions)).save_pretrained(path)
    return path


def make_classifier(path: Path, labels: "list[str]", *, positions: int = 66) -> Path:
    """Save a checkpoint that classifies pairs."""
    import torch
    from transformers import LukeForEntityPairClassification

    torch.manual_seed(0)
    tokenizer = make_tokenizer(path, False)
    tokenizer.save_pretrained(path)
    config = make_config(tokenizer, positions)
    config.id2label = dict(enumerate(labels))
    config.label2id = {label: i for i, label in enumerate(labels)}
    LukeForEntityPairClassification(config).save_pretrained(path)
    return path


def make_config(tokenizer, positions: int):
    from transformers import LukeConfig

    return LukeConfig(
        vocab_size=len(tokenizer),
        entity_vocab_size=len(ENTITIES),
        hidden_size=16,
        entity_emb_size=8,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=positions,
        initializer_range=0.3,
    )


def make_tokenizer(path: Path, multilingual: bool):
    """A tokenizer of single characters and some words."""
    path.mkdir(exist_ok=True)
    entities = path / "entity_vocab.json"
    entities.write_text(json.dumps({x: i for i, x in enumerate(ENTITIES)}), "utf8")
    if multilingual:
        import sentencepiece
        from transformers import MLukeTokenizer

        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(TEXTS),
            model_prefix=str(path / "pieces"),
            vocab_size=40,
            minloglevel=2,
        )
        return MLukeTokenizer(str(path / "pieces.model"), str(entities))
    from transformers import LukeTokenizer
    from transformers.models.luke.tokenization_luke import bytes_to_unicode

    words = ["<s>", "<pad>", "</s>", "<unk>", "<mask>", *bytes_to_unicode().values()]
    words += [merge.replace(" ", "") for merge in MERGES]
    vocabulary, merges = path / "vocab.json", path / "merges.txt"
    vocabulary.write_text(json.dumps({x: i for i, x in enumerate(words)}), "utf8")
    merges.write_text("\n".join(["#version: 0.2", *MERGES, ""]), "utf8")
    return LukeTokenizer(str(vocabulary), str(merges), str(entities))

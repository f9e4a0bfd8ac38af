import pytest

WORDS = ["ann", "works", "for", "acme", "##me", "a", "##a", "b", "##b", "."]


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory):
    from transformers import BertConfig, BertModel, BertTokenizerFast

    path = tmp_path_factory.mktemp("bert")
    vocabulary = path / "vocab.txt"
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    vocabulary.write_text("\n".join(special + WORDS), "utf8")
    config = BertConfig(
        vocab_size=15,
        hidden_size=12,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=20,
    )
    BertModel(config).save_pretrained(path)
    BertTokenizerFast(str(vocabulary), model_max_length=20).save_pretrained(path)
    return path

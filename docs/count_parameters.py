"""Parameters of the checkpoints in checkpoints.md, counted on their architecture.

python docs/count_parameters.py
"""

from typing import Any, Dict, Iterator, Tuple

import torch
from transformers import AutoModel, BertConfig, LukeConfig, RobertaConfig

ROBERTA = {"max_position_embeddings": 514, "type_vocab_size": 1}
# what their config.json differ in from the defaults of transformers
CONFIGS: Dict[str, Any] = {
    "bert-base-cased": BertConfig(vocab_size=28996),
    "roberta-base": RobertaConfig(vocab_size=50265, **ROBERTA),
    "allenai/scibert_scivocab_uncased": BertConfig(vocab_size=31090),
    "bert-base-multilingual-cased": BertConfig(vocab_size=119547),
    "xlm-roberta-base": RobertaConfig(vocab_size=250002, **ROBERTA),
    "DeepPavlov/rubert-base-cased": BertConfig(vocab_size=119547),
    "studio-ousia/luke-base": LukeConfig(
        vocab_size=50267, entity_vocab_size=500000, **ROBERTA
    ),
    "studio-ousia/mluke-base": LukeConfig(
        vocab_size=250004,
        entity_vocab_size=1200000,
        use_entity_aware_attention=False,
        **ROBERTA,
    ),
}


def count(config: Any) -> int:
    """RETURNS (int): parameters of a model; no memory is used."""
    with torch.device("meta"):
        return sum(x.numel() for x in AutoModel.from_config(config).parameters())


def describe() -> Iterator[Tuple[str, int, int]]:
    """YIELDS (Tuple[str, int, int]): name, parameters in the file and in use."""
    for name, config in CONFIGS.items():
        in_file = in_use = count(config)
        if hasattr(config, "entity_vocab_size"):
            n_entities = config.entity_vocab_size - 4
            in_use -= n_entities * config.entity_emb_size
        yield name, in_file, in_use


def format_row(name: str, in_file: int, in_use: int) -> str:
    """RETURNS (str): the figures of a row of the table."""
    gigabytes = [4 * in_file, 4 * in_use, 16 * in_use]
    sizes = " | ".join(f"{x / 1e9:.1f} GB" for x in gigabytes)
    used = f"{in_use / 1e6:.0f}"
    numbers = used if in_file == in_use else f"{in_file / 1e6:.0f}, used {used}"
    return f"| `{name}` | {numbers} M | {sizes} |"


if __name__ == "__main__":
    for row in describe():
        print(format_row(*row))

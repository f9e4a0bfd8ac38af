"""Words per second of a joint transformer pipeline on one core: the tutorial's settings
and ours, with the same weights, in turn in one run.

    taskset -c 0 python benchmarks/encoder_speed.py training/model-best \
        data/conll04/test.spacy data/jobs/test.spacy
"""

import time
import warnings
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple

import spacy
import srsly
import torch
import typer
from _figures import record
from spacy.language import Language
from spacy.tokens import Doc, DocBin
from spacy.training import Example
from spacy.util import load_config, load_model_from_config
from wasabi import msg

from rel_component.corpus.readers import copy_tokens
from rel_component.evaluation import score_entities
from rel_component.scorer import read_example, score_relations

TUTORIAL = {
    "window": 64,
    "stride": 48,
    "batch_size": 1000,
    "architecture": "spacy-transformers.TransformerModel.v3",
}
OURS = {
    "window": 128,
    "stride": 96,
    "batch_size": 256,
    "architecture": "rel_component.TransformerModel.v1",
}
PIPELINES: Dict[str, Dict[str, Any]] = {
    "tutorial's settings": TUTORIAL,
    "ours": OURS,
    "ours, bfloat16": {**OURS, "bfloat16": True},
    "ours, int8": {**OURS, "int8": True},
}


def load(
    path: Path,
    *,
    architecture: str,
    window: int,
    stride: int,
    batch_size: int,
    bfloat16: bool = False,
    int8: bool = False,
) -> Language:
    """RETURNS (Language): a trained pipeline, its encoder run with other settings."""
    config = load_config(path / "config.cfg")
    given = config["components"]["transformer"]["model"]
    spans = {"@span_getters": "spacy-transformers.strided_spans.v1"}
    config["components"]["transformer"]["model"] = {
        "@architectures": architecture,
        "name": given["name"],
        "tokenizer_config": given["tokenizer_config"],
        "get_spans": {**spans, "window": window, "stride": stride},
        **({"bfloat16_on_cpu": True} if bfloat16 else {}),
    }
    config["nlp"]["batch_size"] = batch_size
    nlp = load_model_from_config(config, auto_fill=True).from_disk(path)
    if int8:
        encoder = nlp.get_pipe("transformer").model.transformer
        kinds = {torch.nn.Linear}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            torch.ao.quantization.quantize_dynamic(encoder, kinds, inplace=True)
    return nlp


def read(nlp: Language, path: Path) -> List[Doc]:
    return list(DocBin().from_disk(path).get_docs(nlp.vocab))


def measure(nlp: Language, golds: List[Doc]) -> float:
    """RETURNS (float): seconds of this process, whatever others run."""
    docs = [copy_tokens(gold, nlp.vocab) for gold in golds]
    start = time.process_time()
    for _ in nlp.pipe(docs):
        pass
    return time.process_time() - start


def measure_padding(nlp: Language, golds: List[Doc]) -> float:
    """RETURNS (float): share of the slots computed that hold no word piece."""
    model = nlp.get_pipe("transformer").model
    sizes = []

    def count(layer: torch.nn.Module, inputs: Tuple[torch.Tensor]) -> None:
        is_piece = inputs[0] != model.tokenizer.pad_token_id
        sizes.append((is_piece.numel(), int(is_piece.sum())))

    hook = model.transformer.get_input_embeddings().register_forward_pre_hook(count)
    measure(nlp, golds)
    hook.remove()
    slots, pieces = map(sum, zip(*sizes))
    return 1 - pieces / slots


def score(nlp: Language, golds: List[Doc]) -> Dict[str, float]:
    docs = list(nlp.pipe([copy_tokens(gold) for gold in golds]))
    examples = [Example(doc, gold) for doc, gold in zip(docs, golds)]
    relations = score_relations([read_example(example) for example in examples])
    return {
        "ents_f": score_entities(examples)["ents_micro_f"],
        "rel_strict_f": relations["rel_strict_f"],
    }


def main(
    model: Path = typer.Argument(..., help="Trained pipeline with a transformer"),
    data: List[Path] = typer.Argument(
        ..., help="DocBins; the first is the model's own test set, which is scored"
    ),
    repeat: int = typer.Option(5, help="Measurements of each, in turn"),
    output: Optional[Path] = typer.Option(None, help="Write the figures as JSON"),
) -> None:
    """Measure and score a pipeline with the tutorial's settings and with ours."""
    torch.set_num_threads(1)
    golds = [doc for path in data for doc in read(spacy.blank("en"), path)]
    n_words = sum(len(gold) for gold in golds)
    pipelines = {name: load(model, **PIPELINES[name]) for name in PIPELINES}
    rows = {}
    for name, nlp in pipelines.items():  # warms up too
        padding = measure_padding(nlp, golds)
        scores = score(nlp, read(nlp, data[0]))
        rows[name] = {**scores, "padding": padding, "seconds": []}
    for _ in range(repeat):
        for name, nlp in pipelines.items():
            rows[name]["seconds"].append(measure(nlp, golds))
    first = rows["tutorial's settings"]
    cells = []
    for name, row in rows.items():
        ratios = [a / b for a, b in zip(first["seconds"], row["seconds"])]
        row["words_per_second"] = n_words / min(row["seconds"])
        row["ratio"] = sorted(ratios)[len(ratios) // 2]
        record(f"encoder: {name}", row["ratio"], "× words/s of the tutorial's settings")
        speed = f"{row['words_per_second']:.0f}", f"{row['ratio']:.2f}"
        keys = ("padding", "ents_f", "rel_strict_f")
        cells.append((name, *speed, *(f"{100 * row[key]:.1f}" for key in keys)))
    header = ("", "words/s", "ratio", "padding %", "entities F", "strict F")
    msg.info(f"{len(golds)} texts of {n_words} words, median ratio of {repeat}")
    msg.table(cells, header=header, divider=True, aligns=tuple("lrrrrr"))
    if output is not None:
        srsly.write_json(output, rows)


if __name__ == "__main__":
    typer.run(main)

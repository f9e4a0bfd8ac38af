"""Texts per second of training a config, and its peak of memory, on CPU or GPU.

`processor_seconds_per_epoch` is of the CPU alone, however many cores it has.

python benchmarks/training_speed.py configs/rel_trf.cfg data/jobs --gpu-id 0
python benchmarks/training_speed.py configs/rel_trf.cfg data/jobs
"""

import random
import resource
import time
from pathlib import Path
from typing import List, Optional

import srsly
import torch
import typer
from _figures import record
from accuracy import merge
from spacy.schemas import ConfigSchemaTraining
from spacy.training.initialize import init_nlp
from spacy.util import load_config_from_str, registry, resolve_dot_names
from thinc.api import require_gpu
from wasabi import msg

from rel_component.evaluation.training import parse_override


def main(
    config: Path = typer.Argument(..., help="Config to train"),
    data: Path = typer.Argument(..., help="Folder with the .spacy files"),
    gpu_id: int = typer.Option(-1, help="Of the GPU; -1: CPU"),
    steps: int = typer.Option(50, help="Steps to measure, after some to warm up"),
    warm_up: int = typer.Option(5, help="Steps before"),
    set_: List[str] = typer.Option([], "--set", help="Override: dotted.name=value"),
    relations_of: Optional[Path] = typer.Option(
        None, help="Config whose relation extractor takes the place of the first one's"
    ),
    output: Optional[Path] = typer.Option(None, help="Write the figures as JSON"),
) -> None:
    """Measure some steps of a training."""
    if gpu_id >= 0:
        require_gpu(gpu_id)
    paths = {f"paths.{name}": str(data / f"{name}.spacy") for name in ("train", "dev")}
    if gpu_id < 0:
        paths["system.gpu_allocator"] = None
    overrides = {**paths, **dict(parse_override(item) for item in set_)}
    text = merge(config, relations_of).to_str()
    nlp = init_nlp(load_config_from_str(text, overrides=overrides), use_gpu=gpu_id)
    filled = nlp.config.interpolate()
    settings = registry.resolve(filled["training"], schema=ConfigSchemaTraining)
    (read,) = resolve_dot_names(filled, [settings["train_corpus"]])
    examples = list(read(nlp))
    n_texts = n_words = n_steps = 0
    start = busy = 0.0
    while n_steps < warm_up + steps:
        random.Random(n_steps).shuffle(examples)
        for batch in settings["batcher"](examples):
            if n_steps == warm_up:
                _wait(gpu_id)
                n_texts, n_words, start = 0, 0, time.perf_counter()
                busy = time.process_time()
            nlp.update(batch, drop=settings["dropout"], sgd=False)
            for _, pipe in nlp.pipeline:
                if hasattr(pipe, "finish_update"):
                    pipe.finish_update(settings["optimizer"])
            n_steps += 1
            n_texts += len(batch)
            n_words += sum(len(example) for example in batch)
            if n_steps == warm_up + steps:
                break
    _wait(gpu_id)
    seconds = time.perf_counter() - start
    busy = time.process_time() - busy
    row = {
        "device": torch.cuda.get_device_name(gpu_id) if gpu_id >= 0 else "CPU",
        "texts_per_second": n_texts / seconds,
        "words_per_second": n_words / seconds,
        "steps_per_second": steps / seconds,
        "processor_seconds_per_epoch": busy * len(examples) / n_texts,
        "peak_mb": _get_peak(gpu_id) / 1e6,
    }
    name = f"training: {config.stem}, {data.name}"
    record(name, n_words / busy, "words/s of CPU")
    record(name, row["peak_mb"], "MB at most")
    msg.table({key: x if isinstance(x, str) else f"{x:.1f}" for key, x in row.items()})
    if output is not None:
        srsly.write_json(output, row)


def _wait(gpu_id: int) -> None:
    if gpu_id >= 0:
        torch.cuda.synchronize(gpu_id)


def _get_peak(gpu_id: int) -> int:
    """RETURNS (int): most bytes that this process had, of the GPU or of memory."""
    if gpu_id >= 0:
        return torch.cuda.max_memory_reserved(gpu_id)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


if __name__ == "__main__":
    typer.run(main)

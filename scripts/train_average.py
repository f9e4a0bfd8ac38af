"""Train a config several times, and average the weights, which is more accurate.

    python scripts/train_average.py configs/joint_minilm.cfg data \
        --output training/average

For configs with a pretrained transformer. All trainings start from the same weights,
with different orders of the documents. The result is a single pipeline, as fast as each
of them.
"""

from pathlib import Path
from typing import List

import typer
from command import command, run_command, show_path, show_table
from wasabi import msg


@command
def main(
    config: Path = typer.Argument(..., help="Config to train"),
    data: Path = typer.Argument(..., help="Folder with train.spacy and dev.spacy"),
    output: Path = typer.Option(
        ..., "--output", "-o", help="Output folder; the average is in model-best"
    ),
    seeds: str = typer.Option("0,1,2", help="Seed of each training"),
    set_: List[str] = typer.Option([], "--set", help="Override: dotted.name=value"),
    gpu_id: int = typer.Option(-1, help="GPU ID, or -1 for CPU"),
) -> None:
    """Train a config several times from the same initial weights, and average the
    weights."""
    import spacy

    from rel_component.evaluation.training import parse_numbers, parse_override
    from rel_component.training.averaging import (
        average_pipelines,
        evaluate_on_dev,
        train_seeds,
    )
    from rel_component.wording import Table, points

    paths = {f"paths.{x}": str(data / f"{x}.spacy") for x in ("train", "dev")}
    overrides = {**paths, **dict(parse_override(item) for item in set_)}
    numbers = list(dict.fromkeys(parse_numbers("--seeds", seeds, int)))
    if len(numbers) < 2:
        raise ValueError(f"--seeds {seeds}: expected at least two different numbers.")
    found = train_seeds(config, overrides, output, numbers, use_gpu=gpu_id)
    scores = {name: evaluate_on_dev(spacy.load(path)) for name, path in found.items()}
    best = max(found, key=lambda name: scores[name]["score"])
    average = average_pipelines(list(found.values()))
    scores["average"] = evaluate_on_dev(average)
    path = output / "model-best"
    average.to_disk(path)
    names = [x for x in scores["average"] if isinstance(scores["average"][x], float)]
    rows = [[name, *(points(row[x]) for x in names)] for name, row in scores.items()]
    header = ["weights", *names]
    show_table(Table("Development documents", header, rows, "l" + "r" * len(names)))
    if scores["average"]["score"] < scores[best]["score"]:
        msg.warn(
            f"The average is worse than {best} alone: use {show_path(found[best])}. "
            "Averaging is for pretrained transformers, and for trainings that are long "
            "enough."
        )
    msg.good(f"Average of {len(found)} trainings written to {show_path(path)}")


if __name__ == "__main__":
    run_command(main)

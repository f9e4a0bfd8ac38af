"""Train on growing parts of the data, to see whether annotating more would help.

    python scripts/learning_curve.py configs/rel_tok2vec.cfg data \
        --seeds 0,1,2 --set training.max_steps=800

Nothing is chosen on the held-out documents: each model is the last one of its training,
whose length `--set training.max_steps=…` says.
"""

from pathlib import Path
from typing import List, Optional

import srsly
import typer
from command import run_command
from cross_validate import percent, read_seeds
from wasabi import msg

from rel_component.evaluation.folds import pool_docs
from rel_component.evaluation.training import get_learning_curve, parse_override


def main(
    config: Path = typer.Argument(..., help="Config to train"),
    data: Path = typer.Argument(..., help="Folder with the .spacy files"),
    shares: str = typer.Option(
        "0.125,0.25,0.5,1", help="Shares of the training documents, rising"
    ),
    seeds: str = typer.Option(
        "0,1,2", help="Each draws other documents and trains anew"
    ),
    names: str = typer.Option("dev,test", help="Held-out files, without .spacy"),
    set_: List[str] = typer.Option([], "--set", help="Override: dotted.name=value"),
    gpu_id: int = typer.Option(-1, help="GPU to train on; -1 for none"),
    output: Optional[Path] = typer.Option(
        None, help="Write the curve as JSON, for evaluate.py --learning-curve"
    ),
) -> None:
    """Train on growing parts of the data, to see whether annotating more would help."""
    try:
        found = get_learning_curve(
            config,
            pool_docs(data, ["train"]),
            pool_docs(data, names.split(",")),
            dict(parse_override(item) for item in set_),
            shares=read_shares(shares),
            seeds=read_seeds(seeds),
            use_gpu=gpu_id,
            on_point=lambda seed, n, f: msg.info(
                f"seed {seed}, {n} documents: F {100 * f:.1f}"
            ),
        )
    except ValueError as error:
        msg.fail(str(error), exits=1)
    rows = [
        [
            str(point["documents"]),
            percent(point["mean"]),
            *(percent(score) for score in point["scores"]),
        ]
        for point in found["points"]
    ]
    header = ["documents", "mean F", *(f"seed {seed}" for seed in found["seeds"])]
    msg.table(rows, header=header, divider=True, aligns=tuple("r" * len(header)))
    msg.info(found["advice"])
    if output is not None:
        output.parent.mkdir(parents=True, exist_ok=True)
        srsly.write_json(output, {"config": str(config), "set": set_, **found})
        msg.good(f"Curve written to {output}")


def read_shares(text: str) -> List[float]:
    """Numbers separated by commas."""
    try:
        return [float(share) for share in text.split(",")]
    except ValueError:
        raise ValueError(
            f"--shares {text}: expected numbers separated by commas, such as 0.5,1."
        ) from None


if __name__ == "__main__":
    run_command(main)

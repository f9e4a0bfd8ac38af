"""Train on growing parts of the data, to see whether annotating more would help.

    python scripts/learning_curve.py configs/rel_tok2vec.cfg data \
        --seeds 0,1,2 --set training.max_steps=800

Nothing is chosen on the held-out documents: each model is the last one of its
training, the length of which is set by `--set training.max_steps=…`.
"""

from pathlib import Path
from typing import List, Optional

import typer
from command import command, run_command, show_table, write_figures
from wasabi import msg

from rel_component.evaluation.folds import pool_docs
from rel_component.evaluation.tables import tabulate_curve
from rel_component.evaluation.training import (
    get_learning_curve,
    parse_numbers,
    parse_override,
)
from rel_component.wording import plural, points


@command
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
    found = get_learning_curve(
        config,
        pool_docs(data, ["train"]),
        pool_docs(data, names.split(",")),
        dict(parse_override(item) for item in set_),
        shares=parse_numbers("--shares", shares, float),
        seeds=parse_numbers("--seeds", seeds, int),
        use_gpu=gpu_id,
        on_point=lambda seed, n, f: msg.info(
            f"seed {seed}, {plural(n, 'document')}: F {points(f)}"
        ),
    )
    show_table(tabulate_curve(found))
    msg.info(found["advice"])
    write_figures(output, {"config": str(config), "set": set_, **found})


if __name__ == "__main__":
    run_command(main)

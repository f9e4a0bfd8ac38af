"""Train on increasing portions of the data, to see whether more annotations would help.

    python scripts/learning_curve.py configs/rel_tok2vec.cfg data \
        --seeds 0,1,2 --set training.max_steps=800

The held-out documents are used for evaluation only: the model evaluated is always the
last one, after `--set training.max_steps=…` steps.
"""

from pathlib import Path
from typing import List, Optional

import typer
from command import command, run_command, show_table, write_figures
from wasabi import msg


@command
def main(
    config: Path = typer.Argument(..., help="Config to train"),
    data: Path = typer.Argument(..., help="Folder of .spacy files"),
    shares: str = typer.Option(
        "0.125,0.25,0.5,1", help="Increasing proportions of the training documents"
    ),
    seeds: str = typer.Option(
        "0,1,2", help="Seeds; each selects different documents and trains again"
    ),
    names: str = typer.Option("dev,test", help="Held-out files, without .spacy"),
    set_: List[str] = typer.Option([], "--set", help="Override: dotted.name=value"),
    gpu_id: int = typer.Option(-1, help="GPU ID, or -1 for CPU"),
    output: Optional[Path] = typer.Option(
        None, help="Write the curve as JSON, for evaluate.py --learning-curve"
    ),
) -> None:
    """Train on increasing portions of the data, to see whether more annotations would
    help."""
    from rel_component.evaluation.folds import pool_docs
    from rel_component.evaluation.tables import tabulate_curve
    from rel_component.evaluation.training import (
        get_learning_curve,
        parse_numbers,
        parse_override,
    )
    from rel_component.wording import plural, points

    found = get_learning_curve(
        config,
        pool_docs(data, ["train"]),
        pool_docs(data, names.split(",")),
        dict(parse_override(item) for item in set_),
        shares=parse_numbers("--shares", shares, float),
        seeds=parse_numbers("--seeds", seeds, int),
        use_gpu=gpu_id,
        on_point=lambda seed, n, name, f: msg.info(
            f"seed {seed}, {plural(n, 'document')}: {name} {points(f)}"
        ),
    )
    show_table(tabulate_curve(found))
    msg.info(found["advice"])
    write_figures(output, {"config": str(config), "set": set_, **found})


if __name__ == "__main__":
    run_command(main)

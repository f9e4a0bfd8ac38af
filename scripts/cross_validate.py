"""Cross-validate a config on a small corpus.

    python scripts/cross_validate.py configs/rel_tok2vec.cfg data \
        --folds 5 --seeds 0,1,2 --set training.max_steps=800

The documents of train, dev and test are pooled; identical texts, and documents of one
group (--group-by of convert.py), share a fold. The
held-out documents are used for evaluation only: the model evaluated is always the last
one, after `--set training.max_steps=…` steps. If the pipeline predicts entities, it is
evaluated from the text alone, too.
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
    folds: int = typer.Option(5, help="Number of folds"),
    fold_seed: int = typer.Option(0, help="Random seed of the folds"),
    seeds: str = typer.Option("0", help="Training seeds, separated by commas"),
    names: str = typer.Option("train,dev,test", help="Files to pool, without .spacy"),
    set_: List[str] = typer.Option([], "--set", help="Override: dotted.name=value"),
    gpu_id: int = typer.Option(-1, help="GPU ID, or -1 for CPU"),
    output: Optional[Path] = typer.Option(
        None, help="Write the figures as JSON, for evaluate.py --cross-validation"
    ),
) -> None:
    """Cross-validate a config on a small corpus."""
    from rel_component.evaluation.tables import tabulate_runs
    from rel_component.evaluation.training import (
        cross_validate_files,
        parse_numbers,
        parse_override,
    )
    from rel_component.wording import points

    results = cross_validate_files(
        config,
        data,
        dict(parse_override(item) for item in set_),
        names=names.split(","),
        n_folds=folds,
        fold_seed=fold_seed,
        seeds=parse_numbers("--seeds", seeds, int),
        use_gpu=gpu_id,
        on_fold=lambda n, name, f: msg.info(
            f"{n} of {folds} folds: {name} {points(f)} so far"
        ),
    )
    for result in results:
        for table in tabulate_runs(result["runs"], result["summary"]):
            show_table(table)
        write_figures(output, {**result, "set": set_})


if __name__ == "__main__":
    run_command(main)

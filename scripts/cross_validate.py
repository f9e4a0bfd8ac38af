"""Cross-validate a config over a small corpus: gold entities, all gold relations.

    python scripts/cross_validate.py configs/rel_tok2vec.cfg data \
        --folds 5 --seeds 0,1,2 --set training.max_steps=800

The documents of train, dev and test are pooled; folds are grouped by identical text.
Nothing is chosen on the held-out documents: each model is the last one of its training,
whose length `--set training.max_steps=…` says.
"""

from pathlib import Path
from typing import Any, Dict, List, Optional

import srsly
import typer
from command import run_command
from wasabi import msg

from rel_component.corpus.docbin import NAMES
from rel_component.evaluation.folds import make_folds, pool_docs
from rel_component.evaluation.report.wording import percent
from rel_component.evaluation.training import (
    METRICS,
    cross_validate,
    parse_override,
    summarize_runs,
)

HEADER = ("seed", "P", "R", "F", "macro F", "95 % of F")


def main(
    config: Path = typer.Argument(..., help="Config to train"),
    data: Path = typer.Argument(..., help="Folder with the .spacy files"),
    folds: int = typer.Option(5, help="Number of folds"),
    fold_seed: int = typer.Option(0, help="Assigns the texts to folds"),
    seeds: str = typer.Option("0", help="Seeds of training, separated by commas"),
    names: str = typer.Option(",".join(NAMES), help="Files to pool, without .spacy"),
    set_: List[str] = typer.Option([], "--set", help="Override: dotted.name=value"),
    gpu_id: int = typer.Option(-1, help="GPU to train on; -1 for none"),
    output: Optional[Path] = typer.Option(
        None, help="Write the figures as JSON, for evaluate.py --cross-validation"
    ),
) -> None:
    """Cross-validate a config over a small corpus."""
    runs: List[Dict[str, Any]] = []
    try:
        overrides = dict(parse_override(item) for item in set_)
        docs = pool_docs(data, names.split(","))
        made = make_folds(docs, folds, seed=fold_seed)
        for seed in read_seeds(seeds):
            found = cross_validate(
                config,
                made,
                {**overrides, "system.seed": seed},
                use_gpu=gpu_id,
                on_fold=lambda n, f: msg.info(
                    f"{n} of {folds} folds: F {100 * f:.1f} so far"
                ),
            )
            runs.append({"seed": seed, **found})
            show(runs)
            if output is not None:
                output.parent.mkdir(parents=True, exist_ok=True)
                result = {
                    "config": str(config),
                    "set": set_,
                    "folds": folds,
                    "documents": len(docs),
                    "runs": runs,
                    "summary": summarize_runs(runs),
                }
                srsly.write_json(output, result)
    except ValueError as error:
        msg.fail(str(error), exits=1)
    if output is not None:
        msg.good(f"Figures written to {output}")


def read_seeds(text: str) -> List[int]:
    """Numbers separated by commas."""
    try:
        return [int(seed) for seed in text.split(",")]
    except ValueError:
        raise ValueError(
            f"--seeds {text}: expected numbers separated by commas, such as 0,1,2."
        ) from None


def show(runs: List[Dict[str, Any]]) -> None:
    """Print the seeds so far, their mean and the spread."""
    table = []
    for run in runs:
        low_high = run["intervals"]["micro_f"]
        cells = [percent(run[name]) for name in METRICS]
        interval = "" if low_high is None else " to ".join(map(percent, low_high))
        table.append([str(run["seed"]), *cells, interval])
    summary = summarize_runs(runs)
    if len(runs) > 1:
        for name, key in (("mean", "mean"), ("± seeds", "sd")):
            table.append([name, *(percent(summary[x][key]) for x in METRICS), ""])
    table.append(["± folds", *(percent(summary[x]["sd_folds"]) for x in METRICS), ""])
    msg.table(table, header=HEADER, divider=True, aligns=tuple("lrrrrr"))


if __name__ == "__main__":
    run_command(main)

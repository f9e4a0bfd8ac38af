"""Time of the pair model and its encoder over that of the encoder alone.

    python benchmarks/pair_speed.py --data data --only "1,000 entities"
    python benchmarks/pair_speed.py --model training/model-best --docs data/dev.spacy

The tasks are those of speed.py, and so is what is measured: processor time of one core,
batch by batch in the same pass. A trained pipeline says more than an initialized one:
only its weights tell which pairs need the hidden layer.
"""

import statistics
import sys
import tempfile
from pathlib import Path
from typing import Annotated, Optional

import typer
from _figures import record
from speed import Bench, make_tasks
from wasabi import msg


def measure(bench: Bench, name: str, model: Path, docs: Path, repeat: int) -> None:
    job = {"model": model, "docs": docs, "repeat": repeat, "scores": None}
    answer = bench.run("pair", "predict", **job)
    ratios = [total / alone for alone, total in answer["times"]]
    encoder = statistics.median(alone for alone, _ in answer["times"])
    spread = f"{min(ratios):.3f} to {max(ratios):.3f}"
    ratio = statistics.median(ratios)
    record(f"pair model: {name}", ratio, "× time of the encoder alone")
    record(f"pair model: {name}", answer["extra_mb"], "MB more")
    msg.text(
        f"{name}: {ratio:.3f} ({spread}), "
        f"encoder {1e3 * encoder:.0f} ms, {answer['extra_mb']:.0f} MB"
    )


def main(
    data: Annotated[
        Optional[Path], typer.Option(help="with jobs, conll04, nerel")
    ] = None,
    only: Annotated[str, typer.Option(help="tasks whose name has this")] = "",
    model: Annotated[Optional[Path], typer.Option(help="trained pipeline")] = None,
    docs: Annotated[Optional[Path], typer.Option(help="its .spacy file")] = None,
    repeat: Annotated[int, typer.Option(help="passes")] = 5,
    core: Annotated[Optional[int], typer.Option(help="pin processes to it")] = None,
) -> None:
    with tempfile.TemporaryDirectory() as work:
        bench = Bench(Path(work), sys.executable, core)
        if model is not None and docs is not None:
            measure(bench, model.name, model.resolve(), docs.resolve(), repeat)
        for task in make_tasks(data, 19) if data is not None else ():
            if only in task.name:
                bench.prepare(task, kinds=["pair"])
                paths = bench.path(task, "model-pair"), bench.path(task, "docs")
                measure(bench, task.name, *paths, repeat)


if __name__ == "__main__":
    typer.run(main)

"""Cross-validation folds of a small corpus, in which no text or group stands in two.

    python benchmarks/folds.py --data data/jobs --folds 10 --seed 0 --output data/folds

Writes fold_00/train.spacy, fold_00/dev.spacy, fold_01/… from train.spacy, dev.spacy
and test.spacy pooled. A text that occurs several times is wholly in the dev set of
one fold, and wholly in the training set of the others.
"""

from pathlib import Path
from typing import Annotated, List, Optional, Sequence

import typer
from wasabi import msg

from rel_component.corpus.docbin import NAMES
from rel_component.evaluation.folds import Fold, make_folds, pool_docs, write_docs


def write_folds(folds: Sequence[Fold], output: Path) -> List[Path]:
    """Write `fold_00/train.spacy`, `fold_00/dev.spacy` and so on.

    folds (Sequence[Fold]): training and held-out documents of each.
    output (Path): made if missing.
    RETURNS (List[Path]): the directories.
    RAISES (ValueError): if `output` has more folds, of an earlier run.
    """
    paths = [output / f"fold_{i:02}" for i in range(len(folds))]
    stale = sorted(set(output.glob("fold_*")) - set(paths))
    if stale:
        raise ValueError(
            f"{output} has {stale[0].name} of an earlier run; expected at most "
            f"{len(folds)} folds. Delete it or choose another --output."
        )
    for path, (train, dev) in zip(paths, folds):
        write_docs(train, path / "train.spacy")
        write_docs(dev, path / "dev.spacy")
    return paths


def main(
    data: Annotated[Path, typer.Option(help="Directory with the .spacy files")],
    output: Annotated[Path, typer.Option(help="Directory to write the folds to")],
    folds: Annotated[int, typer.Option(help="Number of folds")] = 10,
    seed: Annotated[int, typer.Option(help="Assigns the texts to folds")] = 0,
    name: Annotated[
        Optional[List[str]],
        typer.Option(help="File to pool; by default train, dev and test"),
    ] = None,
) -> None:
    """Write cross-validation folds, which keep identical texts and groups together."""
    try:
        made = make_folds(pool_docs(data, name or NAMES), folds, seed=seed)
        paths = write_folds(made, output)
    except ValueError as error:
        msg.fail("No folds written", error, exits=1)
    rows = [(p.name, len(train), len(dev)) for p, (train, dev) in zip(paths, made)]
    msg.table(rows, header=("fold", "train", "dev"), divider=True)
    msg.good(f"{sum(len(dev) for _, dev in made)} documents in {output}")


if __name__ == "__main__":
    typer.run(main)

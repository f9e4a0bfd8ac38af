"""Cross-validation folds of a small corpus, in which no text stands in two folds.

    python benchmarks/folds.py --data data/jobs --folds 10 --seed 0 --output data/folds

Writes fold_00/train.spacy, fold_00/dev.spacy, fold_01/… from train.spacy, dev.spacy
and test.spacy pooled. A text that occurs several times is wholly in the dev set of
one fold, and wholly in the training set of the others.
"""

import random
from pathlib import Path
from typing import Annotated, Iterable, List, Optional, Sequence, Tuple

import spacy
import typer
from spacy.tokens import Doc, DocBin
from wasabi import msg

from rel_component.readers import read_docs

NAMES = ("train", "dev", "test")

Fold = Tuple[List[Doc], List[Doc]]


def pool_docs(directory: Path, names: Iterable[str] = NAMES) -> List[Doc]:
    """Read the documents of several `.spacy` files of one directory.

    directory (Path): where the files are.
    names (Iterable[str]): their names, without `.spacy`.
    RETURNS (List[Doc]): in the order of the files, repeated texts included.
    RAISES (ValueError): if a file is missing or can't be read.
    """
    nlp = spacy.blank("xx")
    return [d for name in names for d in read_docs(directory / f"{name}.spacy", nlp)]


def assign_folds(texts: Sequence[str], n_folds: int, *, seed: int = 0) -> List[int]:
    """Assign texts to folds, equal texts to the same one.

    texts (Sequence[str]): may repeat.
    n_folds (int): how many folds; their numbers of different texts differ by at most 1.
    seed (int): the assignment depends on this and the set of texts, not their order.
    RETURNS (List[int]): the fold in which each text is held out.
    RAISES (ValueError): if there are fewer different texts than folds.
    """
    groups = sorted(set(texts))
    if not 2 <= n_folds <= len(groups):
        raise ValueError(
            f"Can't make {n_folds} folds of {len(groups)} different texts; expected "
            f"a number from 2 to {len(groups)}. Change --folds or pool more files."
        )
    random.Random(seed).shuffle(groups)
    fold_of = {text: i % n_folds for i, text in enumerate(groups)}
    return [fold_of[text] for text in texts]


def make_folds(docs: Sequence[Doc], n_folds: int, *, seed: int = 0) -> List[Fold]:
    """Split documents for cross-validation, grouped by identical text.

    docs (Sequence[Doc]): the whole corpus.
    n_folds (int): how many folds.
    seed (int): see `assign_folds`.
    RETURNS (List[Fold]): for each fold what to train on and what is held out, in the
        order of `docs`. Each document is held out once.
    """
    numbers = assign_folds([doc.text for doc in docs], n_folds, seed=seed)
    pairs = list(zip(docs, numbers))
    return [
        ([d for d, n in pairs if n != fold], [d for d, n in pairs if n == fold])
        for fold in range(n_folds)
    ]


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
        path.mkdir(parents=True, exist_ok=True)
        DocBin(docs=train, store_user_data=True).to_disk(path / "train.spacy")
        DocBin(docs=dev, store_user_data=True).to_disk(path / "dev.spacy")
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
    """Write cross-validation folds, grouped by identical text."""
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

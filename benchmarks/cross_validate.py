"""Cross-validate a config over a small corpus: gold entities, all gold relations.

    python benchmarks/cross_validate.py configs/rel_tok2vec.cfg data/jobs \
        --folds 10 --seeds 0,1,2 --set training.max_steps=800

The documents of train, dev and test are pooled; folds are grouped by identical text.
Nothing is chosen on the held-out documents: each model is the last one of its training,
whose length `--set training.max_steps=…` says.
"""

import statistics
import tempfile
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence

import spacy
import srsly
import typer
from accuracy import parse_override
from folds import NAMES, Fold, make_folds, pool_docs, write_folds
from spacy.cli.train import train
from spacy.tokens import Doc
from wasabi import msg

from rel_component.evaluation import find_extractor, predict_on_gold_entities
from rel_component.readers import read_docs
from rel_component.scorer import ScoredDoc, read_example, score_relations

METRICS = ("micro_p", "micro_r", "micro_f", "macro_f")
HEADER = ("seed", "P", "R", "F", "macro F")


def main(
    config: Path = typer.Argument(..., help="Config to train"),
    data: Path = typer.Argument(..., help="Folder with the .spacy files"),
    folds: int = typer.Option(10, help="Number of folds"),
    fold_seed: int = typer.Option(0, help="Assigns the texts to folds"),
    seeds: str = typer.Option("0,1,2", help="Seeds of training, separated by commas"),
    names: str = typer.Option(",".join(NAMES), help="Files to pool, without .spacy"),
    set_: List[str] = typer.Option([], "--set", help="Override: dotted.name=value"),
    output: Optional[Path] = typer.Option(None, help="Write the figures as JSON"),
) -> None:
    """Cross-validate a config over a small corpus."""
    overrides = dict(parse_override(item) for item in set_)
    made = make_folds(pool_docs(data, names.split(",")), folds, seed=fold_seed)
    rows: List[Dict[str, Any]] = []
    for seed in map(int, seeds.split(",")):
        with tempfile.TemporaryDirectory() as folder:
            scores = cross_validate(
                config, made, {**overrides, "system.seed": seed}, Path(folder)
            )
        rows.append({"seed": seed, **scores})
        show(rows)
        if output is not None:
            srsly.write_json(output, {"config": str(config), "set": set_, "runs": rows})


def cross_validate(
    config: Path, folds: Sequence[Fold], overrides: Dict[str, Any], folder: Path
) -> Dict[str, float]:
    """Predict each document by a model that has not seen its text.

    config (Path): the config to train.
    folds (Sequence[Fold]): see `folds.make_folds`.
    overrides (Dict[str, Any]): by dotted name.
    folder (Path): for files in between.
    RETURNS (Dict[str, float]): scores over the relations of all documents.
    """
    # nothing is chosen on the way, and nothing stops early
    overrides = {**overrides, "training.eval_frequency": 10**6, "training.patience": 0}
    docs: List[ScoredDoc] = []
    for i, fold in enumerate(folds):
        write_folds([fold], folder)
        docs += run_fold(config, folder, overrides)
        done = score_relations(docs)["rel_micro_f"]
        msg.info(f"{i + 1} of {len(folds)} folds: F {100 * done:.1f}")
    scores = score_relations(docs)
    return {name: scores[f"rel_{name}"] for name in METRICS}


def run_fold(config: Path, folder: Path, overrides: Dict[str, Any]) -> List[ScoredDoc]:
    """Train on one fold and score what was held out.

    folder (Path): with `fold_00/train.spacy` and `fold_00/dev.spacy`.
    RETURNS (List[ScoredDoc]): the held-out documents.
    """
    paths = {f"paths.{x}": str(folder / "fold_00" / f"{x}.spacy") for x in NAMES[:2]}
    train(config, folder / "model", overrides={**overrides, **paths})
    nlp = spacy.load(folder / "model" / "model-last")
    extractor = find_extractor(nlp)
    golds: List[Doc] = list(read_docs(Path(paths["paths.dev"]), nlp))
    examples = predict_on_gold_entities(nlp, golds)
    return [read_example(eg, symmetric=extractor.symmetric) for eg in examples]


def show(rows: List[Dict[str, Any]]) -> None:
    """Print the seeds so far and their mean."""
    table = [
        [str(row["seed"]), *(f"{100 * row[name]:.1f}" for name in METRICS)]
        for row in rows
    ]
    if len(rows) > 1:
        means = [statistics.mean(row[name] for row in rows) for name in METRICS]
        table.append(["mean", *(f"{100 * mean:.1f}" for mean in means)])
    msg.table(table, header=HEADER, divider=True, aligns=tuple("lrrrr"))


if __name__ == "__main__":
    typer.run(main)

"""Train a config with several seeds and score it: dev and test, gold entities.

    python benchmarks/accuracy.py configs/rel_tok2vec.cfg data/jobs --seeds 0,1,2
    python benchmarks/accuracy.py tests/data/tutorial/model/config.cfg data/genia \
        --set training.max_steps=3000 --set training.eval_frequency=250

The model is chosen on dev, as by `spacy train`. Scores are shown under both protocols:
recall over all gold relations, and over the generated pairs only, as in the tutorial.
"""

import statistics
import tempfile
import time
from pathlib import Path
from typing import Any, Dict, List, Optional

import spacy
import srsly
import typer
from spacy.cli.train import train
from wasabi import msg

from rel_component.evaluation import find_extractor, predict_on_gold_entities
from rel_component.readers import read_docs
from rel_component.scorer import read_example, score_relations, score_tutorial_protocol


def main(
    config: Path = typer.Argument(..., help="Config to train"),
    data: Path = typer.Argument(..., help="Folder with train, dev and perhaps test"),
    seeds: str = typer.Option("0,1,2", help="Seeds, separated by commas"),
    set_: List[str] = typer.Option([], "--set", help="Override: dotted.name=value"),
    output: Optional[Path] = typer.Option(None, help="Write the figures as JSON"),
) -> None:
    """Train a config with several seeds and score it."""
    overrides = dict(parse_override(item) for item in set_)
    rows: List[Dict[str, Any]] = []
    for seed in map(int, seeds.split(",")):
        with tempfile.TemporaryDirectory() as folder:
            start = time.perf_counter()
            train(
                config,
                folder,
                overrides={
                    **overrides,
                    "paths.train": str(data / "train.spacy"),
                    "paths.dev": str(data / "dev.spacy"),
                    "system.seed": seed,
                },
            )
            seconds = time.perf_counter() - start
            nlp = spacy.load(Path(folder) / "model-best")
        row: Dict[str, Any] = {"seed": seed, "seconds": seconds}
        for part in ("dev", "test"):
            if (data / f"{part}.spacy").is_file():
                row[part] = score(nlp, data / f"{part}.spacy")
        rows.append(row)
        show(rows)
    if output is not None:
        srsly.write_json(output, {"config": str(config), "set": set_, "runs": rows})


def parse_override(item: str) -> tuple[str, Any]:
    """An override as a name and a value."""
    name, _, value = item.partition("=")
    try:
        return name, srsly.json_loads(value)
    except ValueError:
        return name, value


def score(nlp: spacy.Language, path: Path) -> Dict[str, Any]:
    """Scores on one file."""
    extractor = find_extractor(nlp)
    examples = predict_on_gold_entities(nlp, read_docs(path, nlp))
    docs = [read_example(eg, symmetric=extractor.symmetric) for eg in examples]
    honest = score_relations(docs)
    protocol = score_tutorial_protocol(docs)
    return {
        **{x: honest[f"rel_micro_{x}"] for x in "prf"},
        "macro_f": honest["rel_macro_f"],
        "macro_p": honest["rel_macro_p"],
        "macro_r": honest["rel_macro_r"],
        "protocol_f": protocol["rel_micro_f"],
    }


def show(rows: List[Dict[str, Any]]) -> None:
    """Print all runs so far and their mean."""
    table = []
    for part in ("dev", "test"):
        names = ("p", "r", "f", "macro_f", "protocol_f")
        runs = [row for row in rows if part in row]
        for row in runs:
            cells = [f"{100 * row[part][name]:.1f}" for name in names]
            table.append([part, str(row["seed"]), *cells, f"{row['seconds']:.0f}"])
        if len(runs) > 1:
            means = [statistics.mean(row[part][name] for row in runs) for name in names]
            spread = statistics.stdev(row[part]["f"] for row in runs)
            cells = [f"{100 * mean:.1f}" for mean in means]
            table.append([part, "mean", *cells, f"± {100 * spread:.1f}"])
    header = ["data", "seed", "P", "R", "F", "macro F", "F, generated pairs", "s"]
    msg.table(table, header=header, divider=True, aligns=tuple("llrrrrrr"))


if __name__ == "__main__":
    typer.run(main)

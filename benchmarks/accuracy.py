"""Train a config with several seeds and score it, on dev and test.

    python benchmarks/accuracy.py configs/rel_tok2vec.cfg data/jobs --seeds 0,1,2
    python benchmarks/accuracy.py tests/data/tutorial/model/config.cfg data/genia \
        --set training.max_steps=3000 --set training.eval_frequency=250
    python benchmarks/accuracy.py configs/joint_trf.cfg data/conll04 \
        --relations-of configs/rel_rbert.cfg

The model is chosen on dev, as by `spacy train`. Scores are shown under both protocols:
recall over all gold relations, and over the generated pairs only, as in the tutorial.
Where the pipeline finds entities, they and the relations are scored end to end too.
"""

import statistics
import tempfile
import time
from pathlib import Path
from typing import Any, Dict, List, Optional

import spacy
import srsly
import typer
from _figures import record
from spacy.training.initialize import init_nlp
from spacy.training.loop import train
from spacy.util import load_config
from thinc.api import Config
from wasabi import msg

from rel_component.corpus.readers import read_docs
from rel_component.evaluation import (
    predict_end_to_end,
    predict_on_gold_entities,
    score_entities,
    score_tokens,
)
from rel_component.evaluation.training import parse_override
from rel_component.pipe.extractor import RelationExtractor
from rel_component.pipe.loading import find_extractor, list_entity_finders
from rel_component.scorer import read_example, score_relations, score_tutorial_protocol


def main(
    config: Path = typer.Argument(..., help="Config to train"),
    data: Path = typer.Argument(..., help="Folder with train, dev and perhaps test"),
    seeds: str = typer.Option("0,1,2", help="Seeds, separated by commas"),
    set_: List[str] = typer.Option([], "--set", help="Override: dotted.name=value"),
    init_seed: Optional[int] = typer.Option(
        None, help="Seed of the initial weights; by default that of each training"
    ),
    relations_of: Optional[Path] = typer.Option(
        None, help="Config whose relation extractor takes the place of the first one's"
    ),
    output: Optional[Path] = typer.Option(None, help="Write the figures as JSON"),
    keep: Optional[Path] = typer.Option(
        None, help="Folder in which the best model of each seed is kept"
    ),
) -> None:
    """Train a config with several seeds and score it."""
    overrides = dict(parse_override(item) for item in set_)
    rows: List[Dict[str, Any]] = []
    for seed in map(int, seeds.split(",")):
        with tempfile.TemporaryDirectory() as folder:
            merged = Path(folder) / "config.cfg"
            merge(config, relations_of).to_disk(merged)
            start = time.perf_counter()
            settings = {
                **overrides,
                "paths.train": str(data / "train.spacy"),
                "paths.dev": str(data / "dev.spacy"),
                "system.seed": seed if init_seed is None else init_seed,
            }
            nlp = init_nlp(load_config(merged, settings, interpolate=False))
            nlp.config["training"]["seed"] = seed
            train(nlp, Path(folder))
            seconds = time.perf_counter() - start
            nlp = spacy.load(Path(folder) / "model-best")
            if keep is not None:
                keep.mkdir(parents=True, exist_ok=True)
                nlp.to_disk(keep / f"seed-{seed}")
        row: Dict[str, Any] = {"seed": seed, "seconds": seconds}
        for part in ("dev", "test"):
            if (data / f"{part}.spacy").exists():
                row[part] = score(nlp, data / f"{part}.spacy")
        rows.append(row)
        show(rows)
    last = "test" if "test" in rows[0] else "dev"
    for key in ("strict F", "F"):
        if key in rows[0][last]:
            mean = statistics.mean(100 * row[last][key] for row in rows)
            record(f"accuracy: {config.stem}, {data.name}, {last}", mean, key)
    if output is not None:
        settings = {
            "config": str(config),
            "relations_of": relations_of and str(relations_of),
            "set": set_,
        }
        srsly.write_json(output, {**settings, "runs": rows})


def merge(config: Path, relations_of: Optional[Path]) -> Config:
    """RETURNS (Config): the first, with the relation extractor of the second."""
    merged, name = load_config(config), "relation_extractor"
    if relations_of is None:
        return merged
    other = load_config(relations_of)
    for path, found in ((config, merged), (relations_of, other)):
        if name not in found["components"]:
            raise SystemExit(f"{path} has no {name} under [components].")
    merged["components"][name] = other["components"][name]
    return merged


def score(nlp: spacy.Language, path: Path) -> Dict[str, float]:
    """Scores on one file, {column: score}."""
    golds = list(read_docs(path, nlp))
    scores: Dict[str, float] = {}
    if list_entity_finders(nlp):
        examples = predict_end_to_end(nlp, golds)
        key = "entities" if "spancat" in nlp.pipe_names else None
        scores["entities F"] = score_entities(examples, key)["ents_micro_f"]
        scores["tokens F"] = score_tokens(examples, key)["tokens_micro_f"]
    if any(isinstance(pipe, RelationExtractor) for _, pipe in nlp.pipeline):
        symmetric = find_extractor(nlp).symmetric
        if scores:
            docs = [read_example(eg, symmetric=symmetric) for eg in examples]
            found = score_relations(docs)
            scores["end-to-end F"] = found["rel_micro_f"]
            scores["strict F"] = found["rel_strict_f"]
        examples = predict_on_gold_entities(nlp, golds)
        docs = [read_example(eg, symmetric=symmetric) for eg in examples]
        found = score_relations(docs)
        scores.update({x.upper(): found[f"rel_micro_{x}"] for x in "prf"})
        scores["macro F"] = found["rel_macro_f"]
        protocol = score_tutorial_protocol(docs)
        scores["F, generated pairs"] = protocol["rel_micro_f"]
    return scores


def show(rows: List[Dict[str, Any]]) -> None:
    """Print all runs so far and their mean."""
    table, names = [], []
    for part in ("dev", "test"):
        runs = [row for row in rows if part in row]
        for row in runs:
            names = list(row[part])
            cells = [f"{100 * row[part][name]:.1f}" for name in names]
            table.append([part, str(row["seed"]), *cells, f"{row['seconds']:.0f}"])
        if len(runs) > 1:
            columns = [[100 * row[part][name] for row in runs] for name in names]
            cells = [
                f"{statistics.mean(column):.1f} ± {statistics.stdev(column):.1f}"
                for column in columns
            ]
            table.append([part, "mean", *cells, ""])
    header = ["data", "seed", *names, "s"]
    msg.table(table, header=header, divider=True, aligns=("l", *"r" * (len(names) + 2)))


if __name__ == "__main__":
    typer.run(main)

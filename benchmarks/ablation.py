"""Cross-validate a config with each feature of the pair model off, one at a time.

    python benchmarks/ablation.py configs/rel_tok2vec.cfg data/jobs --folds 5 \
        --set training.max_steps=700
"""

from pathlib import Path
from typing import Any, Dict, List, Optional

import srsly
import typer
from _figures import record
from wasabi import msg

from rel_component.corpus.docbin import NAMES
from rel_component.evaluation.folds import make_folds, pool_docs
from rel_component.evaluation.training import METRICS, cross_validate, parse_override

MODEL = "components.relation_extractor.model"
WITHOUT = {
    "all features": {},
    "vectors": {"vectors": False},
    "types": {"types": False},
    "distance": {"distance": False},
    "nesting": {"nesting": False},
    "boundaries": {"boundaries": False},
    "entities between": {"entities_between": False},
    "context between": {"context_between": False},
    "vectors and context": {"vectors": False, "context_between": False},
}


def main(
    config: Path = typer.Argument(..., help="Config to train, with a PairModel"),
    data: Path = typer.Argument(..., help="Folder with the .spacy files"),
    folds: int = typer.Option(5, help="Number of folds"),
    seed: int = typer.Option(0, help="Of the training"),
    names: str = typer.Option(",".join(NAMES), help="Files to pool, without .spacy"),
    set_: List[str] = typer.Option([], "--set", help="Override: dotted.name=value"),
    output: Optional[Path] = typer.Option(None, help="Write the figures as JSON"),
) -> None:
    """Cross-validate a config with each feature off, one at a time."""
    overrides = dict(parse_override(item) for item in set_)
    made = make_folds(pool_docs(data, names.split(",")), folds, seed=0)
    rows: List[Dict[str, Any]] = []
    for name, switches in WITHOUT.items():
        off = {f"{MODEL}.{key}": value for key, value in switches.items()}
        settings = {**overrides, **off, "system.seed": seed}
        scores = cross_validate(config, made, settings)
        what = f"without {name}" if switches else name
        record(f"ablation: {what}", 100 * scores["micro_f"], "F")
        rows.append({"without": name, **{x: scores[x] for x in METRICS}})
        cells = [
            [row["without"], *(f"{100 * row[x]:.1f}" for x in METRICS)] for row in rows
        ]
        header = ("without", "P", "R", "F", "macro F")
        msg.table(cells, header=header, divider=True, aligns=tuple("lrrrr"))
        if output is not None:
            srsly.write_json(output, {"config": str(config), "set": set_, "runs": rows})


if __name__ == "__main__":
    typer.run(main)

"""Choose thresholds and calibration on development documents, and store them.

    python scripts/tune.py training/model-best data/dev.spacy training/model-tuned

`evaluate.py --dev` shows what they would give on other documents.
"""

from pathlib import Path
from typing import Optional

import typer
from command import run_command
from wasabi import msg

from rel_component.corpus.readers import read_docs
from rel_component.evaluation.report.build import tune
from rel_component.pipe.loading import find_extractor, load_pipeline


def main(
    model: Path = typer.Argument(..., help="Trained pipeline"),
    dev: Path = typer.Argument(..., help="Annotated documents it was not trained on"),
    output: Path = typer.Argument(..., help="Where to write the tuned pipeline"),
    objective: str = typer.Option(
        "micro_f", help="Thresholds for the best micro_f or macro_f, or for a precision"
    ),
    min_precision: float = typer.Option(
        0.9, min=0, max=1, help="With --objective precision: the least of each label"
    ),
    min_support: int = typer.Option(
        5, min=1, help="Labels with fewer relations keep the model's threshold"
    ),
    calibration: str = typer.Option(
        "auto", help="platt, temperature, none, or auto: what dev prefers"
    ),
) -> None:
    """Choose thresholds and calibration on development documents, and store them."""
    try:
        nlp = load_pipeline(model)
        extractor = find_extractor(nlp)
        docs = list(read_docs(dev, nlp))
        if not docs:
            raise ValueError(f"{dev} holds no documents: nothing to choose on.")
        method: Optional[str] = None if calibration == "none" else calibration
        chosen = tune(
            nlp,
            docs,
            objective=objective,
            method=method,
            min_precision=min_precision,
            min_support=min_support,
        )
    except ValueError as error:
        msg.fail(str(error), exits=1)
    extractor.calibration = chosen["calibration"]
    extractor.thresholds = chosen["thresholds"]
    rows = []
    for label in extractor.labels:
        line = chosen["calibration"].get(label)
        own = chosen["thresholds"].get(label)
        rows.append(
            [
                label,
                f"{extractor.threshold:g} (kept)" if own is None else f"{own:g}",
                "–" if line is None else f"{line[0]:.3f}",
                "–" if line is None else f"{line[1]:+.3f}",
            ]
        )
    header = ["label", "threshold", "slope", "intercept"]
    msg.table(rows, header=header, divider=True, aligns=tuple("lrrr"))
    nlp.to_disk(output)
    msg.good(f"Tuned pipeline: {output}")


if __name__ == "__main__":
    run_command(main)

"""Whether one of two trained pipelines is better, or only luckier on these documents.

python scripts/compare.py training/model-best training/other data/test.spacy
"""

from pathlib import Path
from typing import Optional

import srsly
import typer
from command import run_command
from wasabi import msg

from rel_component.corpus.readers import read_docs
from rel_component.evaluation import predict_end_to_end
from rel_component.evaluation.intervals import compare
from rel_component.evaluation.training import predict_held_out
from rel_component.pipe.loading import (
    find_extractor,
    list_entity_finders,
    load_pipeline,
)
from rel_component.scorer import ScoredDoc, read_example


def main(
    first: Path = typer.Argument(..., help="A trained pipeline"),
    second: Path = typer.Argument(..., help="Another one"),
    data: Path = typer.Argument(..., help="Annotated documents, .spacy"),
    end_to_end: bool = typer.Option(
        False, help="Let the pipelines find the entities themselves"
    ),
    samples: int = typer.Option(10_000, min=100, help="Of the test"),
    seed: int = typer.Option(0, help="Of the test"),
    output: Optional[Path] = typer.Option(None, help="Write the figures as JSON"),
) -> None:
    """Whether one of two trained pipelines is better: a paired test over documents."""
    try:
        found = [score(path, data, end_to_end) for path in (first, second)]
        result = compare(found[0], found[1], n_samples=samples, seed=seed)
    except ValueError as error:
        msg.fail(str(error), exits=1)
    mode = "end to end" if end_to_end else "gold entities"
    msg.divider(f"{result['documents']} documents, {mode}")
    rows = []
    for name, words in (("micro_f", "micro F"), ("macro_f", "macro F")):
        row = result[name]
        interval = row["interval"]
        low_high = (
            "–"
            if interval is None
            else (f"{100 * interval[0]:+.1f} to {100 * interval[1]:+.1f}")
        )
        rows.append(
            [
                words,
                f"{100 * row['first']:.1f}",
                f"{100 * row['second']:.1f}",
                f"{100 * row['difference']:+.1f}",
                low_high,
                f"{row['p']:.4f}",
            ]
        )
    header = ["", "first", "second", "difference", "95 %", "p"]
    msg.table(rows, header=header, divider=True, aligns=tuple("lrrrrr"))
    p = result["micro_f"]["p"]
    msg.info(
        f"If both were equally good, micro F would differ as much in {100 * p:.1f} % "
        f"of cases."
    )
    if output is not None:
        output.parent.mkdir(parents=True, exist_ok=True)
        result = {**result, "mode": mode, "models": [str(first), str(second)]}
        srsly.write_json(output, result)
        msg.good(f"Figures written to {output}")


def score(path: Path, data: Path, end_to_end: bool) -> "list[ScoredDoc]":
    """Predictions of a pipeline beside the truth."""
    nlp = load_pipeline(path)
    extractor = find_extractor(nlp)
    golds = list(read_docs(data, nlp))
    if not golds:
        raise ValueError(f"{data} holds no documents: nothing to score.")
    if not end_to_end:
        return predict_held_out(nlp, golds)
    if not list_entity_finders(nlp):
        raise ValueError(f"{path} does not find entities: leave out --end-to-end.")
    examples = predict_end_to_end(nlp, golds)
    return [
        read_example(example, symmetric=extractor.symmetric) for example in examples
    ]


if __name__ == "__main__":
    run_command(main)

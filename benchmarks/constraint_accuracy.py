"""Score a trained pipeline on gold entities, with and without constraints of schemas.

    python benchmarks/constraint_accuracy.py training/model-best data/dev.spacy \
        --schema data/strict.json --schema data/most.json --thresholds 0.5,0.2

Only the constraints of a schema are used, not its types, so that they alone count.
"""

from pathlib import Path
from typing import Dict, List, Optional

import spacy
import typer
from _figures import record
from wasabi import msg

from rel_component.corpus.readers import read_docs
from rel_component.evaluation import predict_on_gold_entities
from rel_component.pipe.loading import find_extractor
from rel_component.schema import Schema
from rel_component.scorer import read_example, score_relations


def main(
    model: Path = typer.Argument(..., help="Trained pipeline"),
    data: Path = typer.Argument(..., help="Annotated documents, .spacy"),
    schema: List[Path] = typer.Option(..., help="Schema; can be repeated"),
    thresholds: str = typer.Option("0.5,0.3,0.2,0.1,0.05", help="For all labels"),
) -> None:
    """Score a trained pipeline with and without the constraints of schemas."""
    nlp = spacy.load(model)
    pipe, golds = find_extractor(nlp), list(read_docs(data, nlp))
    schemas: Dict[str, Optional[Schema]] = {"none": None}
    for path in schema:
        found = Schema.from_path(path).constraints
        labels = dict.fromkeys([*pipe.labels, *found])
        schemas[path.stem] = Schema(labels, constraints=found)
    rows = []
    for threshold in map(float, thresholds.split(",")):
        pipe.use_threshold(threshold)
        cells = []
        for name, pipe.schema in schemas.items():
            examples = predict_on_gold_entities(nlp, golds)
            docs = [read_example(eg, symmetric=pipe.symmetric) for eg in examples]
            found = score_relations(docs)
            row = f"constraints: {name}, threshold {threshold:g}"
            record(row, 100 * found["rel_micro_f"], "F")
            cells.append(
                " ".join(f"{100 * found[f'rel_micro_{x}']:.1f}" for x in "prf")
            )
        rows.append([f"{threshold:g}", *cells])
    header = ["threshold", *(f"{name}: P R F" for name in schemas)]
    msg.table(rows, header=header, divider=True)


if __name__ == "__main__":
    typer.run(main)

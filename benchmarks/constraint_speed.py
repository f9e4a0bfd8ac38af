"""Time to apply constraints to a document with many relations of one label.

python benchmarks/constraint_speed.py --relations 10000
"""

import time

import numpy
import typer
from _figures import record
from wasabi import msg

from rel_component.relations import LabelConstraints, RelationData, apply_constraints

CONSTRAINTS = {
    "max_tails = 1": LabelConstraints(max_tails=1),
    "max_tails = max_heads = 1": LabelConstraints(max_tails=1, max_heads=1),
    "max_tails = max_heads = 2": LabelConstraints(max_tails=2, max_heads=2),
    "symmetric, max_tails = 1": LabelConstraints(max_tails=1),
    "acyclic": LabelConstraints(acyclic=True),
    "acyclic, max_tails = 1": LabelConstraints(max_tails=1, acyclic=True),
    "transitive": LabelConstraints(transitive=True),
}


def main(
    relations: int = typer.Option(10_000, help="Relations above the threshold"),
    entities: str = typer.Option("101,1000,5000", help="Numbers of entities"),
) -> None:
    """Measure the time to apply constraints to random relations."""
    rng = numpy.random.default_rng(0)
    numbers = [int(n) for n in entities.split(",")]
    docs = [make_doc(n, relations, rng) for n in numbers]
    rows, most = [], 0.0
    for name, constraints in CONSTRAINTS.items():
        symmetric = frozenset("R" if name.startswith("symmetric") else "")
        cells = [name]
        for doc in docs:
            start = time.process_time()
            apply_constraints(doc, {"R": constraints}, {"R": 0.5}, symmetric=symmetric)
            seconds = time.process_time() - start
            cells.append(f"{seconds:.2f}")
            most = max(most, seconds)
        rows.append(cells)
    header = ["seconds of CPU, entities:", *map(str, numbers)]
    msg.table(rows, header=header, divider=True, aligns=["l", *"r" * len(numbers)])
    record(f"constraints: slowest, {relations:,} relations", most, "s of CPU")


def make_doc(n: int, n_relations: int, rng: numpy.random.Generator) -> RelationData:
    """RETURNS (RelationData): n entities with relations between random ones."""
    cells = rng.choice(n * (n - 1), min(n_relations, n * (n - 1)), replace=False)
    heads, tails = numpy.divmod(cells, n - 1)
    tails += tails >= heads
    starts = numpy.arange(n, dtype="int32") * 3
    rows = numpy.arange(len(cells))
    return RelationData(
        spans=numpy.stack([starts, starts + 1], axis=1),
        types=["X"] * n,
        pairs=numpy.stack([heads, tails], axis=1).astype("int32"),
        labels=["R"],
        scores=rng.uniform(0.5, 1, (len(cells), 1)).astype("float32"),
        decided=numpy.stack([rows, 0 * rows], axis=1).astype("int32"),
    )


if __name__ == "__main__":
    typer.run(main)

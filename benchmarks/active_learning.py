"""F against the number of annotated documents, for several orders of annotating.

    python benchmarks/active_learning.py configs/rel_tok2vec.cfg data/sample \
        --sizes 10,20,40,80 --output active_sample.json

Annotation is simulated: the documents are annotated already, and are shown to the
training in the order that a model asks for. Each run begins with the same documents,
drawn by chance; a model is trained on what is annotated, predicts the rest, the next
documents are taken in the order, and so on. Scored on the held-out documents: between
gold entities, or end to end where the config finds entities.
"""

import random
import statistics
from collections import defaultdict
from pathlib import Path
from time import perf_counter
from typing import Any, Dict, List, Optional, Sequence

import srsly
import typer
from _figures import record
from _orders import ORDERS, measure, order
from spacy.language import Language
from spacy.tokens import Doc
from wasabi import msg

from rel_component.evaluation.folds import pool_docs
from rel_component.evaluation.predictions import (
    predict_end_to_end,
    predict_on_gold_entities,
    read_examples,
)
from rel_component.evaluation.training import (
    parse_numbers,
    parse_override,
    train_pipeline,
)
from rel_component.pipe.loading import find_relation_pipes, list_entity_finders
from rel_component.scorer import score_relations

RANDOM = "random"


def main(
    config: Path = typer.Argument(..., help="Config to train"),
    data: Path = typer.Argument(..., help="Folder with the .spacy files"),
    sizes: str = typer.Option("10,20,40,80", help="Numbers of annotated documents"),
    orders: str = typer.Option(",".join([RANDOM, *ORDERS]), help="Which to compare"),
    seeds: str = typer.Option("0,1,2", help="Each draws other first documents"),
    names: str = typer.Option("dev,test", help="Held-out files, without .spacy"),
    set_: List[str] = typer.Option([], "--set", help="Override: dotted.name=value"),
    output: Path = typer.Option(Path("active.json"), help="Figures; it is continued"),
    picture: Optional[Path] = typer.Option(None, help="Draw the mean curves (.svg)"),
) -> None:
    """F against the number of annotated documents, for several orders."""
    train, held_out = pool_docs(data, ["train"]), pool_docs(data, names.split(","))
    steps = parse_numbers("--sizes", sizes, int)
    found: Dict[str, Any] = {"config": str(config), "sizes": steps, "runs": []}
    if output.exists():
        found = srsly.read_json(output)
    done = {(run["order"], run["seed"]) for run in found["runs"]}
    for seed in parse_numbers("--seeds", seeds, int):
        overrides = {**dict(map(parse_override, set_)), "system.seed": seed}
        simulation = Simulation(config, train, held_out, overrides)
        for name in orders.split(","):
            if (name, seed) not in done:
                begun = perf_counter()
                scores = simulation.run(name, steps, seed)
                shown = ", ".join(f"{100 * score:.1f}" for score in scores)
                msg.info(
                    f"seed {seed}, {name}: {shown} ({perf_counter() - begun:.0f} s)"
                )
                found["runs"].append({"order": name, "seed": seed, "scores": scores})
                srsly.write_json(output, found)
    show(found)
    if picture is not None:
        draw(found, picture)


class Simulation:
    """Trains on documents that are annotated one after another.

    The model of the first documents is the same for all orders, and trained once.
    """

    def __init__(
        self,
        config: Path,
        train: Sequence[Doc],
        held_out: Sequence[Doc],
        overrides: Dict[str, Any],
    ) -> None:
        self.config, self.train, self.held_out = config, train, held_out
        self.overrides = overrides
        self._first: Optional[Language] = None

    def run(self, name: str, sizes: Sequence[int], seed: int) -> List[float]:
        """RETURNS (List[float]): micro F with each number of documents."""
        rng = random.Random(seed)
        left = rng.sample(range(len(self.train)), len(self.train))
        annotated: List[int] = []
        scores: List[float] = []
        nlp: Optional[Language] = None
        for size in sizes:
            n_new = size - len(annotated)
            if nlp is not None and name != RANDOM:
                left = self._rank(nlp, left, name)
            annotated, left = annotated + left[:n_new], left[n_new:]
            is_first = nlp is None
            if is_first and self._first is not None:
                nlp = self._first
            else:
                docs = [self.train[i] for i in annotated]
                nlp = train_pipeline(
                    self.config, docs, self.held_out[:1], self.overrides
                )
                self._first = nlp if is_first else self._first
            scores.append(self._score(nlp))
        return scores

    def _predict(self, nlp: Language, docs: Sequence[Doc]) -> Any:
        is_joint = bool(list_entity_finders(nlp))
        return (predict_end_to_end if is_joint else predict_on_gold_entities)(nlp, docs)

    def _rank(self, nlp: Language, left: Sequence[int], name: str) -> List[int]:
        pipes = find_relation_pipes(nlp)
        thresholds = dict(zip(pipes.labels, pipes.get_thresholds().tolist()))
        examples = self._predict(nlp, [self.train[i] for i in left])
        measures = [measure(example.predicted, thresholds) for example in examples]
        return [left[i] for i in order(measures, name)]

    def _score(self, nlp: Language) -> float:
        examples = self._predict(nlp, self.held_out)
        found = score_relations(read_examples(nlp, examples))
        return found["rel_micro_f"] or 0.0


def show(found: Dict[str, Any]) -> None:
    """Print the mean of each order, and the area below its curve."""
    scores: Dict[str, List[List[float]]] = defaultdict(list)
    for run in found["runs"]:
        scores[run["order"]].append(run["scores"])
    rows = []
    for name, runs in scores.items():
        means = [statistics.mean(column) for column in zip(*runs)]
        # of the points after the first, which is the same for all
        gains = [statistics.mean(run[1:]) for run in runs]
        size = found["sizes"][-1]
        record(f"annotation order: {name}, {size} documents", 100 * means[-1], "F")
        spread = statistics.stdev(gains) if len(gains) > 1 else 0.0
        rows.append(
            [
                name,
                *(f"{100 * mean:.1f}" for mean in means),
                f"{100 * statistics.mean(gains):.1f} ± {100 * spread:.1f}",
            ]
        )
    header = ["order", *map(str, found["sizes"]), "mean of the later points"]
    msg.table(rows, header=header, divider=True, aligns=tuple("l" + "r" * len(header)))


def draw(found: Dict[str, Any], path: Path) -> None:
    """Draw the mean F of each order by number of documents."""
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(6, 3.6), layout="constrained")
    for name in dict.fromkeys(run["order"] for run in found["runs"]):
        runs = [run["scores"] for run in found["runs"] if run["order"] == name]
        means = [100 * statistics.mean(column) for column in zip(*runs)]
        style = "k--" if name == RANDOM else "o-"
        axes.plot(found["sizes"], means, style, label=name, markersize=3)
    axes.set_xlabel("annotated documents")
    axes.set_ylabel("F")
    axes.set_xticks(found["sizes"])
    axes.legend()
    figure.savefig(path)


if __name__ == "__main__":
    typer.run(main)

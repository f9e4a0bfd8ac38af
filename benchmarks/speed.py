"""Speed and memory beside the spaCy tutorial's component, on one core, in one run.

    python benchmarks/speed.py --tutorial PATH/TO/tutorials/rel_component \
        --tutorial-python PY --data data

All relation scores are computed for given entities. "v1" is our implementation of the
tutorial's architecture, which loads the very model that the tutorial's code saved, and
must give the same scores; "pair" is the default model of configs/rel_tok2vec.cfg. What
counts is the ratio of the whole pipeline's time to that of its encoder alone, measured
batch by batch in the same pass, in processor time; processes alternate, and medians
are reported. The training step's encoder alone has a listener with a given gradient.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Dict, Iterable, List, Optional, Sequence, Tuple

import numpy
import spacy
import typer
from _figures import record
from folds import pool_docs
from spacy.tokens import Doc, DocBin, Span
from tutorial_fixture import tutorial_copy
from wasabi import msg

from rel_component.relations import LEGACY_KEY, get_relations

HERE = Path(__file__).resolve().parent
WORKER = HERE / "_speed_worker.py"
OUR_CONFIG = HERE.parent / "configs" / "rel_tok2vec.cfg"
TUTORIAL_CONFIG = Path("configs") / "rel_tok2vec.cfg"
# the tutorial has no way to say "no limit"
NO_LIMIT = 1_000_000
KINDS = ("tutorial", "v1", "pair")
SAMPLE = 10
V1_INSTANCES = (
    "components.relation_extractor.model.create_instance_tensor.get_instances"
)
PAIR_INSTANCES = "components.relation_extractor.model.get_instances"


@dataclass
class Task:
    """Documents to measure on.

    name (str): what the tables call it.
    docs (List[Doc]): with gold entities and relations.
    sample (List[Doc]): those that models are initialized with.
    max_length (int): most tokens between the entities of a pair.
    is_slow (bool): the tutorial takes minutes, and makes one pass in all.
    is_trained (bool): whether training steps are measured, too.
    """

    name: str
    docs: List[Doc]
    sample: List[Doc]
    max_length: int = NO_LIMIT
    is_slow: bool = False
    is_trained: bool = False
    # (kind, command) → the worker's answers, one for each round
    results: Dict[Tuple[str, str], List[Dict[str, Any]]] = field(default_factory=dict)

    @property
    def labels(self) -> List[str]:
        docs = [*self.docs, *self.sample]
        return sorted({r.label for doc in docs for r in get_relations(doc)})

    def count_pairs(self) -> int:
        starts = [numpy.asarray([ent.start for ent in doc.ents]) for doc in self.docs]
        near = [abs(x[:, None] - x) <= self.max_length for x in starts]
        return int(sum(x.sum() - len(x) for x in near))


class Bench:
    """Runs workers, the tutorial's and ours, on the models and data of `work`."""

    def __init__(self, work: Path, tutorial_python: str, core: Optional[int]) -> None:
        self.work = work
        self.scripts = work / "tutorial"
        self.tutorial_python = tutorial_python
        self.pin = [] if core is None else ["taskset", "-c", str(core)]
        self.env = {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
        self.env.pop("PYTHONPATH", None)

    def run(self, kind: str, command: str, **job: Any) -> Dict[str, Any]:
        is_ours = kind != "tutorial"
        job.update(command=command, scripts=None if is_ours else str(self.scripts))
        python = sys.executable if is_ours else self.tutorial_python
        line = [*self.pin, python, str(WORKER), json.dumps(job, default=str)]
        done = subprocess.run(line, env=self.env, cwd=self.work, stdout=subprocess.PIPE)
        if done.returncode:
            raise SystemExit(f"{kind}: {command} failed, see above")
        return json.loads(done.stdout.splitlines()[-1])

    def prepare(self, task: Task, kinds: Sequence[str] = ("tutorial", "pair")) -> None:
        """Save data and initial models; ours loads the model of the tutorial."""
        for part, docs in (("docs", task.docs), ("sample", task.sample)):
            plain = [to_plain(doc) for doc in docs]
            DocBin(store_user_data=True, docs=plain).to_disk(self.path(task, part))
        limited = task.max_length if task.max_length < NO_LIMIT else None
        limit = {"tutorial": task.max_length, "pair": limited}
        where = {"tutorial": V1_INSTANCES, "pair": PAIR_INSTANCES}
        config = {"tutorial": self.scripts / TUTORIAL_CONFIG, "pair": OUR_CONFIG}
        # the paths are not read, but the tutorial's configuration wants some
        paths = {f"paths.{x}": str(self.path(task, "docs")) for x in ("train", "dev")}
        for kind in kinds:
            self.run(
                kind,
                "init",
                config=config[kind],
                overrides={f"{where[kind]}.max_length": limit[kind], **paths},
                labels=task.labels,
                sample=self.path(task, "sample"),
                model=self.path(task, f"model-{kind}"),
            )

    def measure(self, task: Task, kind: str, command: str, repeat: int) -> None:
        answers = task.results.setdefault((kind, command), [])
        if kind == "tutorial" and task.is_slow:
            if answers:
                return
            repeat = 0
        is_first = command == "predict" and not answers and kind != "pair"
        model = "pair" if kind == "pair" else "tutorial"
        answer = self.run(
            kind,
            command,
            model=self.path(task, f"model-{model}"),
            docs=self.path(task, "docs"),
            repeat=repeat,
            scores=self.path(task, f"scores-{kind}.npz") if is_first else None,
        )
        answers.append(answer)
        ratio = statistics.median(total / alone for alone, total in answer["times"])
        msg.text(f"{task.name}: {kind}: {command}: {ratio:.3f}")

    def compare_scores(self, task: Task) -> Dict[str, Any]:
        """How far the scores of v1 are from the tutorial's, pair by pair."""
        theirs, ours = (
            numpy.load(self.path(task, f"scores-{kind}.npz")) for kind in KINDS[:2]
        )
        if not numpy.array_equal(theirs["starts"], ours["starts"]):
            raise SystemExit(f"{task.name}: the tutorial's and our pairs differ")
        difference = numpy.abs(theirs["scores"] - ours["scores"])
        return {
            "score_difference": float(difference.max(initial=0.0)),
            "positives": float((theirs["scores"] >= 0.5).mean()),
        }

    def path(self, task: Task, part: str) -> Path:
        return self.work / f"{task.name.replace(' ', '_')}-{part}"


def to_plain(doc: Doc) -> Doc:
    """A copy as the tutorial has it: tokens, `doc.ents` and a dict of relations."""
    words = [token.text for token in doc]
    plain = Doc(doc.vocab, words, [bool(token.whitespace_) for token in doc])
    plain.ents = [Span(plain, e.start, e.end, label=e.label) for e in doc.ents]
    starts = {ent.start for ent in doc.ents}
    rel: Dict[Tuple[int, int], Dict[str, float]] = {}
    for head, label, tail, _ in get_relations(doc):
        if {head.start, tail.start} <= starts:
            rel.setdefault((head.start, tail.start), {})[label] = 1.0
    plain.user_data[LEGACY_KEY] = rel
    return plain


def make_tasks(data: Path, max_docs: int) -> List[Task]:
    """The documents to measure on, from .spacy files of scripts/convert.py."""
    jobs = pool_docs(data / "jobs")
    conll04 = pool_docs(data / "conll04", ["dev", "test"])
    nerel = pool_docs(data / "nerel", ["dev"])
    nerel = [doc for doc in nerel if 60 <= len(doc.ents) <= 110][:max_docs]
    pair = make_doc(["Ada", "met", "Bob"], [(0, 1, "X"), (2, 3, "Y")], relations="AB")
    words = [token.text for doc in conll04 for token in doc][:5000]
    spans = [(i, i + 2, "XY"[i % 2]) for i in range(0, 5000, 5)]
    return [
        Task("job ads", jobs, jobs[:SAMPLE], is_trained=True),
        Task("CoNLL04", conll04, conll04[:SAMPLE], is_trained=True),
        Task("NEREL", nerel, nerel[:SAMPLE], is_slow=True),
        Task("NEREL 100", nerel, nerel[:SAMPLE], max_length=100, is_slow=True),
        Task("1,000 entities", [make_doc(words, spans)], [pair], is_slow=True),
    ]


def make_doc(
    words: Sequence[str],
    spans: Iterable[Tuple[int, int, str]],
    relations: Iterable[str] = (),
) -> Doc:
    """A synthetic document; relations are labels between the first two entities."""
    doc = Doc(spacy.blank("en").vocab, list(words))
    doc.ents = [Span(doc, *span) for span in spans]
    if relations:
        head, tail = (ent.start for ent in doc.ents[:2])
        doc._.rel = {(head, tail): {label: 1.0 for label in relations}}
    return doc


def summarize(bench: Bench, task: Task) -> Dict[str, Any]:
    """Medians over all repetitions of all processes."""
    row: Dict[str, Any] = {
        "name": task.name,
        "docs": len(task.docs),
        "tokens": sum(map(len, task.docs)),
        "labels": len(task.labels),
        "pairs": task.count_pairs(),
        **bench.compare_scores(task),
        "ratios": {},
        "spread": {},
        "update_ratios": {},
        "update_spread": {},
        "extra_mb": {},
        "faster": {},
    }
    for (kind, command), answers in task.results.items():
        ratios = [total / alone for x in answers for alone, total in x["times"]]
        is_update = command == "update"
        row["update_ratios" if is_update else "ratios"][kind] = statistics.median(
            ratios
        )
        spread = row["update_spread" if is_update else "spread"]
        spread[kind] = (min(ratios), max(ratios))
    predictions = {kind: task.results[kind, "predict"] for kind in KINDS}
    for kind, answers in predictions.items():
        row["extra_mb"][kind] = max(x["extra_mb"] for x in answers)
        # the encoders are alike, so what else a machine does cancels out
        row["faster"][kind] = row["ratios"]["tutorial"] / row["ratios"][kind]
    encoder = [x[0] for y in predictions.values() for z in y for x in z["times"]]
    row["encoder_ms"] = statistics.median(encoder) * 1e3
    row["encoder_ms_spread"] = (min(encoder) * 1e3, max(encoder) * 1e3)
    return row


def print_tables(rows: List[Dict[str, Any]]) -> None:
    msg.divider("Whole pipeline over its encoder alone (min to max), and throughput")
    table = []
    for row in rows:
        times = (format_ratio(row["ratios"][k], row["spread"][k]) for k in KINDS)
        faster = (f"{row['faster'][k]:.3g}x" for k in KINDS[1:])
        counts = (f"{row['pairs']:,}", row["labels"], f"{row['encoder_ms']:.0f} ms")
        difference = f"{row['score_difference']:.0e}"
        table.append((row["name"], *counts, *times, *faster, difference))
    header = ("", "pairs", "labels", "encoder", "tutorial", "v1", "pair")
    header = (*header, "v1 faster", "pair faster", "v1 differs")
    msg.table(table, header=header, divider=True)
    trained = [row for row in rows if row["update_ratios"]]
    if trained:
        msg.divider("Training step over the encoder's alone (min to max)")
        table = []
        for row in trained:
            values, spreads = row["update_ratios"], row["update_spread"]
            cells = (format_ratio(values[k], spreads[k]) for k in KINDS)
            table.append((row["name"], *cells))
        msg.table(table, header=("", *KINDS), divider=True)
    msg.divider("Peak of extra memory, MB")
    table = [(r["name"], *(f"{r['extra_mb'][k]:,.0f}" for k in KINDS)) for r in rows]
    msg.table(table, header=("", *KINDS), divider=True)
    noise = max(row["encoder_ms_spread"][1] / row["encoder_ms"] for row in rows)
    msg.info(f"The slowest pass of an encoder took {noise:.2f} times its median")


def format_ratio(value: float, spread: Tuple[float, float]) -> str:
    return f"{value:.4g} ({spread[0]:.4g}-{spread[1]:.4g})"


def main(
    tutorial: Annotated[
        Path, typer.Option(exists=True, help="tutorials/rel_component")
    ],
    tutorial_python: Annotated[str, typer.Option(help="interpreter without ours")],
    data: Annotated[Path, typer.Option(help="with jobs, conll04 and nerel")],
    rounds: Annotated[int, typer.Option(help="processes of each kind and task")] = 3,
    repeat: Annotated[int, typer.Option(help="passes of a process")] = 5,
    core: Annotated[Optional[int], typer.Option(help="pin processes to it")] = None,
    nerel_docs: Annotated[int, typer.Option(help="most NEREL documents")] = 19,
    only: Annotated[
        Optional[str], typer.Option(help="tasks whose name has this")
    ] = None,
    output: Annotated[Optional[Path], typer.Option(help="JSON")] = None,
) -> None:
    """Measure all tasks and print tables."""
    tasks = [t for t in make_tasks(data, nerel_docs) if not only or only in t.name]
    with tempfile.TemporaryDirectory() as work:
        bench = Bench(Path(work), tutorial_python, core)
        tutorial_copy(tutorial, bench.scripts)
        check = [
            tutorial_python,
            str(HERE / "tutorial_fixture.py"),
            "--check-interpreter",
        ]
        subprocess.run(check, env=bench.env, check=True)
        for task in tasks:
            msg.text(f"initialize: {task.name}")
            bench.prepare(task)
        for _ in range(rounds):
            for task in tasks:
                for kind in KINDS:
                    bench.measure(task, kind, "predict", repeat)
                for kind in KINDS if task.is_trained else ():
                    bench.measure(task, kind, "update", max(1, repeat // 2))
        rows = [summarize(bench, task) for task in tasks]
    print_tables(rows)
    for row in rows:
        for kind, ratio in row["ratios"].items():
            name = f"the tutorial and ours: {row['name']}, {kind}"
            record(name, ratio, "× time of the encoder alone")
    if output is not None:
        output.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf8")


if __name__ == "__main__":
    typer.run(main)

"""Rate, memory and where the time goes of scripts/extract.py, in one run.

    python benchmarks/make_corpus.py data/corpus.jsonl --n 20000
    python benchmarks/extract_speed.py training/joint/model-best data/corpus.jsonl

Three measurements, each of them can be left out:

- shares: one process, processor time of reading, tokenizing, encoder, other components,
  rows and writing;
- engines: the same documents with one and two processes and with Ray, one after the
  other in several rounds, by wall clock and by processor time. The machine's other work
  hits all alike; the ratios are what counts. Loading the model is left out: the clock
  runs from the first chunk that is done to the last;
- memory: resident memory of the processes as the run goes on.
"""

import json
import multiprocessing
import os
import shutil
import statistics
import tempfile
import time
from collections import defaultdict
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import (
    Annotated,
    Any,
    Callable,
    DefaultDict,
    Dict,
    Iterator,
    List,
    Optional,
    Tuple,
)

import spacy
import typer
from wasabi import msg

from rel_component.inference.batch import Settings, extract_corpus
from rel_component.inference.batch import extractor as extractor_module
from rel_component.inference.batch.extractor import Extractor
from rel_component.inference.batch.folder import OutputFolder
from rel_component.inference.batch.plan import make_chunks

ENCODERS = ("tok2vec", "transformer")
ENGINES = (("1 process", "local", 1), ("2 processes", "local", 2), ("Ray, 2", "ray", 2))
EVERY = 10


def main(
    model: Annotated[Path, typer.Argument(help="trained pipeline")],
    corpus: Annotated[Path, typer.Argument(help="JSON lines")],
    what: Annotated[str, typer.Option(help="with commas")] = "shares,engines,memory",
    n_shares: Annotated[int, typer.Option(help="chunks for the shares")] = 10,
    rounds: Annotated[int, typer.Option(help="of the engines")] = 3,
    chunk_size: Annotated[int, typer.Option()] = 1000,
    n_process: Annotated[int, typer.Option(help="for the memory")] = 2,
    gpu_id: Annotated[int, typer.Option(help="-1 is the CPU")] = -1,
    output: Annotated[Optional[Path], typer.Option(help="JSON")] = None,
) -> None:
    """Measure and print tables."""
    settings = Settings(model=str(model), chunk_size=chunk_size, gpu_id=gpu_id)
    result: Dict[str, Any] = {"load": os.getloadavg(), "cores": os.cpu_count()}
    for name in what.split(","):
        with tempfile.TemporaryDirectory() as work:
            folder = Path(work)
            if name == "shares":
                result[name] = measure_shares(settings, corpus, folder, n_shares)
            elif name == "engines":
                result[name] = measure_engines(settings, corpus, folder, rounds)
            else:
                result[name] = measure_memory(settings, corpus, folder, n_process)
    msg.info(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    if output is not None:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(json.dumps(result, indent=1) + "\n", encoding="utf8")


class Clock:
    """Processor time by the name of what is done; what is within counts for itself."""

    def __init__(self) -> None:
        self.seconds: DefaultDict[str, float] = defaultdict(float)
        self.names = ["other"]
        self.last = time.process_time()

    def switch(self) -> None:
        now = time.process_time()
        self.seconds[self.names[-1]] += now - self.last
        self.last = now

    @contextmanager
    def on(self, name: str) -> Iterator[None]:
        self.switch()
        self.names.append(name)
        try:
            yield
        finally:
            self.switch()
            self.names.pop()

    def wrap(self, holder: Any, attribute: str, name: str) -> None:
        call: Callable[..., Any] = getattr(holder, attribute)

        def timed(*args: Any, **kwargs: Any) -> Any:
            with self.on(name):
                return call(*args, **kwargs)

        setattr(holder, attribute, timed)


def measure_shares(
    settings: Settings, corpus: Path, folder: Path, n_chunks: int
) -> Dict[str, float]:
    for name in ("parts", "done", "attempts"):
        (folder / name).mkdir()
    extractor, clock = Extractor(settings, folder), Clock()
    chunks = islice(make_chunks([corpus], settings), n_chunks + 1)
    extractor.extract(next(chunks))  # warms up
    clock.wrap(extractor, "_read", "reading")
    clock.wrap(extractor, "make_doc", "tokenizing")
    clock.wrap(extractor_module, "make_row", "rows")
    clock.wrap(OutputFolder, "commit", "writing")
    for i, (name, pipe) in enumerate(extractor.nlp.pipeline):
        stage = "encoder" if name in ENCODERS else name
        if hasattr(pipe, "predict"):
            extractor.nlp._components[i] = (name, _Component(pipe, stage, clock))
    clock.switch()
    clock.seconds.clear()
    n_docs = sum(extractor.extract(chunk)["read"] for chunk in chunks)
    clock.switch()
    total = sum(clock.seconds.values())
    outside = ("reading", "tokenizing", "rows", "writing", "other")
    msg.divider(f"Processor time of {n_docs:,} documents, one process")
    rows = [
        (name, f"{1e6 * seconds / n_docs:.0f}", f"{seconds / total:.1%}")
        for name, seconds in sorted(clock.seconds.items(), key=lambda x: -x[1])
    ]
    header = ("", "µs per document", "share")
    msg.table(rows, header=header, divider=True, aligns=("l", "r", "r"))
    share = sum(clock.seconds[name] for name in outside) / total
    msg.good(
        f"{n_docs / total:.0f} documents per second of processor time; "
        f"{share:.1%} outside the components, "
        f"{1 - clock.seconds['encoder'] / total:.1%} outside the encoder alone"
    )
    return {name: seconds / n_docs for name, seconds in clock.seconds.items()}


class _Component:
    """Stands in the pipeline in place of a component, and times its batches."""

    def __init__(self, pipe: Any, stage: str, clock: Clock) -> None:
        self.inner, self.stage, self.clock = pipe, stage, clock

    def __call__(self, doc: Any) -> Any:
        return self.inner(doc)

    def pipe(self, docs: Any, *, batch_size: int, **kwargs: Any) -> Iterator[Any]:
        for batch in spacy.util.minibatch(docs, batch_size):
            with self.clock.on(self.stage):
                self.inner.set_annotations(batch, self.inner.predict(batch))
            yield from batch


def measure_engines(
    settings: Settings, corpus: Path, folder: Path, rounds: int
) -> List[Dict[str, Any]]:
    answers: DefaultDict[str, List[Dict[str, float]]] = defaultdict(list)
    for number in range(rounds):
        for name, engine, n in ENGINES:
            place = folder / f"{number}-{engine}-{n}"
            answer = run_once(settings, corpus, place, engine, n)
            shutil.rmtree(place)
            answers[name].append(answer)
            msg.text(f"round {number + 1}, {name}: {answer['rate']:.0f} documents/s")
    msg.divider(f"Documents per second, {rounds} rounds, median (min to max)")
    rates = {name: [x["rate"] for x in got] for name, got in answers.items()}
    busy = {
        name: statistics.median(x["busy"] for x in got) for name, got in answers.items()
    }
    table = [
        (
            name,
            f"{statistics.median(x):.0f} ({min(x):.0f}-{max(x):.0f})",
            f"{busy[name]:.1%}",
        )
        for name, x in rates.items()
    ]
    header = ("", "documents/s", "busy with chunks")
    msg.table(table, header=header, divider=True)
    one, two, ray = (rates[name] for name, _, _ in ENGINES)
    efficiency = [b / (2 * a) for a, b in zip(one, two)]
    overhead = [b / r - 1 for b, r in zip(two, ray)]
    for label, values in (
        ("efficiency from one to two processes", efficiency),
        ("overhead of Ray", overhead),
    ):
        all_ = ", ".join(f"{x:.2f}" for x in values)
        msg.good(f"{label}: median {statistics.median(values):.2f} ({all_})")
    return [{"name": name, "answers": got} for name, got in answers.items()]


def run_once(
    settings: Settings, corpus: Path, place: Path, engine: str, n_process: int
) -> Dict[str, float]:
    """Rate between the first and the last chunk, of chunks that are done in between."""
    times: List[float] = []
    counts: List[int] = []
    numbers: List[int] = []

    def note(chunk: Dict[str, Any]) -> None:
        times.append(time.perf_counter())
        counts.append(chunk["read"])
        numbers.append(chunk["chunk"])

    extract_corpus(
        [str(corpus)],
        place,
        settings,
        engine=engine,
        n_process=n_process,
        on_chunk=note,
    )
    # the first of each process is work that began before the clock
    skip, until = n_process, len(times) - n_process + 1
    seconds = times[until - 1] - times[skip - 1]
    done = {chunk["chunk"]: chunk for chunk in OutputFolder(place).read_counts()}
    busy = sum(done[number]["seconds"] for number in numbers[skip:until])
    return {
        "rate": sum(counts[skip:until]) / seconds,
        # of the time of all processes, however much of it others took
        "busy": busy / (n_process * seconds),
    }


def measure_memory(
    settings: Settings, corpus: Path, folder: Path, n_process: int
) -> List[Dict[str, float]]:
    trace: List[Dict[str, float]] = []
    begin = time.perf_counter()
    state = {"n": 0, "total": 0}
    msg.divider(f"Resident memory, MB, {n_process} processes")
    header = ("documents", "seconds", "driver", "largest worker", "its own part")
    print("".join(f"{x:>16}" for x in header))

    def start(progress: Any) -> None:
        state["total"] = progress.n_docs

    def note(counts: Dict[str, Any]) -> None:
        state["n"] += counts["read"]
        # said as it goes on, since a run may take hours
        if state["n"] * EVERY >= state["total"] * (len(trace) + 1):
            memory = read_memory()
            trace.append({"n": state["n"], "seconds": time.perf_counter() - begin})
            trace[-1].update(memory)
            print("".join(f"{x:>16,.0f}" for x in trace[-1].values()), flush=True)

    options: Dict[str, Any] = {"on_start": start, "on_chunk": note}
    extract_corpus(
        [str(corpus)], folder / "o", settings, n_process=n_process, **options
    )
    return trace


def read_memory() -> Dict[str, float]:
    """RETURNS (Dict[str, float]): MB of this process, of its largest child, and what
    the largest child shares with no other (Linux)."""
    pids = [child.pid or 0 for child in multiprocessing.active_children()]
    return {
        "driver": read_size(os.getpid(), "status", ("VmRSS",)),
        "worker": max(
            (read_size(pid, "status", ("VmRSS",)) for pid in pids), default=0
        ),
        "own": max(
            (
                read_size(pid, "smaps_rollup", ("Private_Clean", "Private_Dirty"))
                for pid in pids
            ),
            default=0,
        ),
    }


def read_size(pid: int, file: str, names: Tuple[str, ...]) -> float:
    """RETURNS (float): MB; 0 if the process has ended."""
    try:
        lines = Path(f"/proc/{pid}/{file}").read_text().splitlines()
    except OSError:
        return 0.0
    return sum(int(x.split()[1]) / 1e3 for x in lines if x.split(":")[0] in names)


if __name__ == "__main__":
    typer.run(main)

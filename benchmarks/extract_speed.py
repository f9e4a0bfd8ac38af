"""Rate, memory and where the time goes of scripts/extract.py, in one run.

    python benchmarks/make_corpus.py data/corpus.jsonl --n 20000
    python benchmarks/extract_speed.py training/joint/model-best data/corpus.jsonl

Measurements, to be chosen with `--what`:

- shares: one process, processor time (on a GPU: time) of reading, tokenizing, encoder,
  other components, rows and writing;
- engines: the same documents with one and two processes and with Ray, one after the
  other in several rounds, every other round backwards, by wall clock and by the time
  that workers are busy. The machine's other work hits all alike; the ratios are what
  counts. Loading the model is left out: the clock runs from the first chunk that is
  done to the last. `processes` is the same without Ray, `ray` without one process;
- memory: resident memory of driver and workers, sampled all the time; the peak of each
  tenth of the documents. The whole corpus is read, so this one may take long.

Each process has one thread unless OMP_NUM_THREADS says otherwise.
"""

import json
import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before numpy is imported

import shutil
import statistics
import tempfile
import threading
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
    Sequence,
    Tuple,
)

import spacy
import typer
from _figures import record
from wasabi import msg

from rel_component.inference.batch import ExtractSettings, extract_corpus
from rel_component.inference.batch import extractor as extractor_module
from rel_component.inference.batch.extractor import Extractor
from rel_component.inference.batch.folder import OutputFolder
from rel_component.inference.batch.plan import make_chunks

ENCODERS = ("tok2vec", "transformer")
ONE, TWO, RAY = "1 process", "2 processes", "Ray, 2"
ENGINES = {ONE: ("local", 1), TWO: ("local", 2), RAY: ("ray", 2)}
CHOICES = {"engines": (ONE, TWO, RAY), "processes": (ONE, TWO), "ray": (TWO, RAY)}
EVERY = 10
PAUSE = 0.2


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
    settings = ExtractSettings(model=str(model), chunk_size=chunk_size, gpu_id=gpu_id)
    result: Dict[str, Any] = {"load": os.getloadavg(), "cores": os.cpu_count()}
    for name in what.split(","):
        with tempfile.TemporaryDirectory() as work:
            folder = Path(work)
            if name == "shares":
                result[name] = measure_shares(settings, corpus, folder, n_shares)
            elif name in CHOICES:
                chosen = CHOICES[name]
                result[name] = measure_engines(settings, corpus, folder, rounds, chosen)
            else:
                result[name] = measure_memory(settings, corpus, folder, n_process)
    msg.info(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    if output is not None:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(json.dumps(result, indent=1) + "\n", encoding="utf8")


class Clock:
    """Processor time by the name of what is done; what is within counts for itself."""

    def __init__(self, *, is_gpu: bool = False) -> None:
        self.seconds: DefaultDict[str, float] = defaultdict(float)
        self.names = ["other"]
        self.is_gpu = is_gpu
        self.last = self.tell()

    def tell(self) -> float:
        if not self.is_gpu:
            return time.process_time()
        import torch

        torch.cuda.synchronize()  # of cupy's kernels, too
        return time.perf_counter()

    def switch(self) -> None:
        now = self.tell()
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
    settings: ExtractSettings, corpus: Path, folder: Path, n_chunks: int
) -> Dict[str, float]:
    for name in ("parts", "done", "attempts"):
        (folder / name).mkdir()
    extractor = Extractor(settings, folder)
    clock = Clock(is_gpu=settings.gpu_id >= 0)
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
    kind = "Time" if clock.is_gpu else "Processor time"
    msg.divider(f"{kind} of {n_docs:,} documents, one process")
    rows = [
        (name, f"{1e6 * seconds / n_docs:.0f}", f"{seconds / total:.1%}")
        for name, seconds in sorted(clock.seconds.items(), key=lambda x: -x[1])
    ]
    header = ("", "µs per document", "share")
    msg.table(rows, header=header, divider=True, aligns=("l", "r", "r"))
    share = sum(clock.seconds[name] for name in outside) / total
    msg.good(
        f"{n_docs / total:.0f} documents per second of this time; "
        f"{share:.1%} outside the components, "
        f"{1 - clock.seconds['encoder'] / total:.1%} outside the encoder alone"
    )
    record("extract: one process", n_docs / total, "documents/s of CPU")
    record("extract: outside the components", 100 * share, "% of CPU time")
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
    settings: ExtractSettings,
    corpus: Path,
    folder: Path,
    rounds: int,
    chosen: Sequence[str],
) -> List[Dict[str, Any]]:
    answers: Dict[str, List[Dict[str, float]]] = {name: [] for name in chosen}
    for number in range(rounds):
        for name in chosen if number % 2 == 0 else reversed(chosen):
            engine, n = ENGINES[name]
            place = folder / f"{number}-{engine}-{n}"
            answer = run_once(settings, corpus, place, engine, n)
            shutil.rmtree(place)
            answers[name].append(answer)
            msg.text(
                f"round {number + 1}, {name}: {answer['rate']:.0f} documents/s after "
                f"{answer['start']:.1f} s"
            )
    msg.divider(f"Documents per second, {rounds} rounds, median (min to max)")
    rates = {name: [x["rate"] for x in got] for name, got in answers.items()}
    busy = {
        name: statistics.median(x["busy"] for x in got) for name, got in answers.items()
    }
    cpu = {
        name: statistics.median(x["cpu"] for x in got) for name, got in answers.items()
    }
    if ONE in cpu and TWO in cpu:
        ratio = cpu[ONE] / cpu[TWO]
        record("extract: two processes", ratio, "× documents/s of CPU of one")
    table = [
        (
            name,
            f"{statistics.median(x):.0f} ({min(x):.0f}-{max(x):.0f})",
            f"{busy[name]:.1%}",
            f"{1e6 * cpu[name]:.0f}",
        )
        for name, x in rates.items()
    ]
    header = ("", "documents/s", "busy with chunks", "µs of CPU per document")
    msg.table(table, header=header, divider=True)
    pairs = [
        (f"efficiency of {TWO}: rate / 2 rates of one", ONE, lambda a, b: b / (2 * a)),
        (
            "overhead of Ray: time / time of 2 processes - 1",
            TWO,
            lambda a, b: a / b - 1,
        ),
    ]
    for (label, name, compute), other in zip(pairs, (TWO, RAY)):
        if name in rates and other in rates:
            values = [compute(a, b) for a, b in zip(rates[name], rates[other])]
            all_ = ", ".join(f"{x:.2f}" for x in values)
            msg.good(f"{label}: median {statistics.median(values):.2f} ({all_})")
    return [{"name": name, "answers": got} for name, got in answers.items()]


def run_once(
    settings: ExtractSettings, corpus: Path, place: Path, engine: str, n_process: int
) -> Dict[str, float]:
    """Rate between the first and the last chunk, of chunks that are done in between."""
    times: List[float] = []
    counts: List[int] = []
    numbers: List[int] = []
    # CPU seconds and documents so far, by worker
    cpu: DefaultDict[int, List[Tuple[float, int]]] = defaultdict(list)

    def note(chunk: Dict[str, Any]) -> None:
        times.append(time.perf_counter())
        counts.append(chunk["read"])
        numbers.append(chunk["chunk"])
        pid = chunk["pid"]
        cpu[pid].append((read_cpu(pid), chunk["read"]))

    begin = time.perf_counter()
    extract_corpus(
        [str(corpus)],
        place,
        settings,
        engine=engine,
        n_process=n_process,
        on_chunk=note,
    )
    if len(times) < 3 * n_process:
        raise SystemExit(
            f"{corpus}: {len(times)} chunks; expected {3 * n_process} or more for "
            f"{n_process} processes. Take more documents or a smaller --chunk-size."
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
        # without the first chunk of each worker, which includes loading
        "cpu": sum(x[-1][0] - x[0][0] for x in cpu.values())
        / sum(n for x in cpu.values() for _, n in x[1:]),
        # planning, loading, the first chunk
        "start": times[0] - begin,
    }


def measure_memory(
    settings: ExtractSettings, corpus: Path, folder: Path, n_process: int
) -> List[Dict[str, float]]:
    trace: List[Dict[str, float]] = []
    begin = time.perf_counter()
    state = {"n": 0, "total": 0}
    msg.divider(f"Peaks of resident memory, MB, {n_process} processes")
    names = ("documents", "seconds", "all", "driver", "largest worker", "its own")
    print("".join(f"{x:>15}" for x in names))
    sampler = Sampler()

    def start(progress: Any) -> None:
        state["total"] = progress.n_docs

    def note(counts: Dict[str, Any]) -> None:
        state["n"] += counts["read"]
        # said as it goes on, since a run may take hours
        if state["n"] * EVERY >= state["total"] * (len(trace) + 1):
            trace.append({"n": state["n"], "seconds": time.perf_counter() - begin})
            trace[-1].update(sampler.take())
            print("".join(f"{x:>15,.0f}" for x in trace[-1].values()), flush=True)

    options: Dict[str, Any] = {"on_start": start, "on_chunk": note}
    with sampler.run():
        extract_corpus(
            [str(corpus)], folder / "o", settings, n_process=n_process, **options
        )
    if len(trace) > 2:
        growth = trace[-1]["all"] / trace[1]["all"] - 1
        msg.good(f"peak of the last tenth against the second: {growth:+.1%}")
    return trace


class Sampler:
    """Resident memory of this process and all below it, and the peaks of it (Linux).

    all (float): MB, the sum; what processes share is in it more than once.
    driver, worker (float): MB, of this process and of the largest other one.
    own (float): MB that the largest worker shares with no other, now.
    """

    def __init__(self) -> None:
        self.peaks: Dict[str, float] = {}
        self.lock, self.end = threading.Lock(), threading.Event()

    @contextmanager
    def run(self) -> Iterator[None]:
        thread = threading.Thread(target=self.work, daemon=True)
        thread.start()
        try:
            yield
        finally:
            self.end.set()
            thread.join()

    def work(self) -> None:
        while not self.end.wait(PAUSE):
            self.look()

    def look(self) -> int:
        """RETURNS (int): the largest worker's pid."""
        driver = os.getpid()
        sizes = {
            pid: read_size(pid, "status", ("VmRSS",)) for pid in list_below(driver)
        }
        # others have none below them but the process that workers are forked from
        workers = [pid for pid in sizes if not list_below(pid)]
        largest = max(workers, key=lambda pid: sizes[pid], default=driver)
        mine = read_size(driver, "status", ("VmRSS",))
        found = {
            "all": mine + sum(sizes.values()),
            "driver": mine,
            "worker": sizes.get(largest, 0.0),
        }
        with self.lock:
            for name, size in found.items():
                self.peaks[name] = max(self.peaks.get(name, 0.0), size)
        return largest

    def take(self) -> Dict[str, float]:
        """RETURNS (Dict[str, float]): the peaks since it was last asked."""
        pid = self.look()
        with self.lock:
            peaks, self.peaks = self.peaks, {}
        private = ("Private_Clean", "Private_Dirty")
        return {**peaks, "own": read_size(pid, "smaps_rollup", private)}


def list_below(pid: int) -> List[int]:
    """RETURNS (List[int]): processes that this one has started, and theirs."""
    found: List[int] = []
    for file in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            pids = [int(x) for x in file.read_text().split()]
        except OSError:
            continue  # it has ended
        found += [x for child in pids for x in (child, *list_below(child))]
    return found


def read_cpu(pid: int) -> float:
    """RETURNS (float): seconds of CPU time of a process so far (Linux)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def read_size(pid: int, file: str, names: Tuple[str, ...]) -> float:
    """RETURNS (float): MB; 0 if the process has ended."""
    try:
        lines = Path(f"/proc/{pid}/{file}").read_text().splitlines()
    except OSError:
        return 0.0
    return sum(int(x.split()[1]) / 1e3 for x in lines if x.split(":")[0] in names)


if __name__ == "__main__":
    typer.run(main)

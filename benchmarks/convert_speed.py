"""Speed and memory of `scripts/convert.py` on many documents of JSON lines.

    python benchmarks/convert_speed.py --docs 100000 --tutorial parse_data.py

Writes documents like those of Prodigy's db-out (assets/genia_prodigy repeated, each
with a text, a hash and an article of its own) and converts them in a process of its
own. With `--tutorial`, the path of `tutorials/rel_component/scripts/parse_data.py` of
github.com/explosion/projects (branch v3), that runs beside it on the same file.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Annotated, Any, Dict, Iterator, List, NamedTuple, Optional

import typer
from _figures import record
from wasabi import msg

from rel_component.corpus.docbin import list_corpus

ROOT = Path(__file__).parents[1]
CONVERT = ROOT / "scripts/convert.py"
# what the tutorial's script has written into it
OPTIONS = [
    *("--map-label=Pos-Reg=Regulates", "--map-label=Neg-Reg=Regulates"),
    *("--map-label=Reg=Regulates", "--map-label=No-rel=Regulates"),
    *("--symmetric=Binds", "--only-with-relations", "--group-by=meta.source"),
    *(r"--group-regex=PM(?:C|ID)-(\d+)", "--dev-groups=4$", "--test-groups=3$"),
]
DOCS_PER_ARTICLE = 8


class Run(NamedTuple):
    """One conversion.

    seconds (float): CPU time, the start of the interpreter included: other programs
        that run do not count.
    megabytes (float): the peak of resident memory.
    """

    seconds: float
    megabytes: float


def make_tasks(samples: List[Dict[str, Any]], n_docs: int) -> Iterator[Dict[str, Any]]:
    """Tasks in turn, each made different from the others.

    samples (List[Dict[str, Any]]): accepted tasks.
    n_docs (int): how many to make.
    YIELDS (Dict[str, Any]): a task with a number as its last token.
    """
    for i in range(n_docs):
        task = samples[i % len(samples)]
        text = f"{task['text']} {i}"
        start, number = len(text) - len(str(i)), len(task["tokens"])
        last = {"text": str(i), "start": start, "end": len(text), "id": number}
        before = {**task["tokens"][-1], "ws": True}
        article = f"PMC-{1000000 + i // DOCS_PER_ARTICLE}-00-TIAB.txt"
        yield {
            **task,
            "text": text,
            "tokens": [*task["tokens"][:-1], before, {**last, "ws": False}],
            "meta": {"source": f"BioNLP 2011 Genia Shared Task, {article}"},
            "_input_hash": i,
            "_task_hash": i,
        }


def run(command: List[str], folder: Path) -> Run:
    """Run a command to its end.

    RAISES (RuntimeError): if it fails, with what it printed.
    """
    with (folder / "printed.txt").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
        _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError((folder / "printed.txt").read_text())
    unit = 1e6 if sys.platform == "darwin" else 1e3
    return Run(usage.ru_utime + usage.ru_stime, usage.ru_maxrss / unit)


def main(
    docs: Annotated[
        Optional[List[int]], typer.Option(help="How many documents, several in turn")
    ] = None,
    sample: Annotated[
        Path, typer.Option(help="Tasks to repeat, from Prodigy's db-out")
    ] = ROOT / "assets/genia_prodigy/annotations.jsonl",
    tutorial: Annotated[
        Optional[Path], typer.Option(help="The tutorial's parse_data.py")
    ] = None,
    split_anew: Annotated[
        bool, typer.Option(help="Stratify, in place of dividing by article number")
    ] = False,
) -> None:
    """Print documents per second and the peak of memory."""
    lines = sample.read_text(encoding="utf8").splitlines()
    tasks = [task for task in map(json.loads, lines) if task["answer"] == "accept"]
    options = OPTIONS[:-2] if split_anew else OPTIONS
    rows = []
    for n_docs in docs or [10_000, 100_000]:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            path = folder / "tasks.jsonl"
            with path.open("w", encoding="utf8") as file:
                for task in make_tasks(tasks, n_docs):
                    file.write(json.dumps(task) + "\n")
            size = path.stat().st_size / 1e6
            output = ["--output", str(folder / "data")]
            commands = {
                "scripts/convert.py": [str(CONVERT), str(path), *output, *options]
            }
            if tutorial is not None:
                parts = [f"{folder}/{part}.spacy" for part in ("train", "dev", "test")]
                commands["parse_data.py"] = [str(tutorial), str(path), *parts]
            rates: List[float] = []
            for script, command in commands.items():
                done = run([sys.executable, *command], folder)
                rates.append(n_docs / done.seconds)
                speed = f"{rates[-1]:.0f}"
                if tutorial is None:
                    record(f"convert: {n_docs:,}", rates[-1], "documents/s of CPU")
                    record(f"convert: {n_docs:,}", done.megabytes, "MB at most")
                memory = f"{done.megabytes:.0f} MB"
                cells = (f"{n_docs:,}", f"{size:.0f} MB", script, speed, memory)
                rows.append(cells)
                msg.text(" ".join(cells))
            if tutorial is not None:
                ratio = rates[0] / rates[1]
                record(f"convert: {n_docs:,}", ratio, "× documents/s of the tutorial")
            files = {
                path.name: len(list_corpus(path))
                for path in sorted((folder / "data").iterdir())
            }
            msg.text(f"files written: {files}")
    header = ("documents", "JSON lines", "script", "documents/s of CPU", "peak memory")
    msg.table(rows, header=header, divider=True, aligns=("r", "r", "l", "r", "r"))


if __name__ == "__main__":
    typer.run(main)

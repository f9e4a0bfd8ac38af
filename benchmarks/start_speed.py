"""Start of commands and pipelines, compared with spaCy alone.

    python benchmarks/start_speed.py training/joint/model-best

Each case is a new process; all cases run in turn for several rounds, of which the
median counts, in seconds of CPU and wall-clock time. The plain pipeline (tok2vec and
ner) is loaded without the entry points of this package, which spaCy would import.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Dict, List, NamedTuple

import spacy
import typer
from _figures import record
from wasabi import msg

ROOT = Path(__file__).parents[1]
TEXT = "We ask for 5+ years of experience in Python and a BSc in Physics."
# hides the entry points of this package from spaCy
HIDE = """
import catalogue
found = catalogue.AVAILABLE_ENTRY_POINTS
class Others:
    def select(self, group):
        entries = found.select(group=group)
        return [x for x in entries if not x.value.startswith("rel_component")]
catalogue.AVAILABLE_ENTRY_POINTS = Others()
"""
LOAD = "import spacy, sys\nnlp = spacy.load(sys.argv[1])"
PREDICT = f"{LOAD}\nfor ent in nlp(sys.argv[2]).ents:\n    print(ent.text, ent.label_)"


class Run(NamedTuple):
    """CPU and wall-clock seconds of a process."""

    cpu: float
    wall: float


def run(command: List[str]) -> Run:
    """RAISES (RuntimeError): if the command fails."""
    start = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, *command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"python {' '.join(command)}: exit {process.returncode}")
    return Run(usage.ru_utime + usage.ru_stime, time.perf_counter() - start)


def make_plain(folder: Path) -> str:
    """RETURNS (str): the path of an untrained pipeline of tok2vec and ner."""
    nlp = spacy.blank("en")
    nlp.add_pipe("tok2vec")
    nlp.add_pipe("ner").add_label("SKILLS")
    nlp.initialize()
    nlp.to_disk(folder)
    return str(folder)


def list_scripts() -> List[Path]:
    """RETURNS (List[Path]): the commands in `scripts/`."""
    files = sorted((ROOT / "scripts").glob("*.py"))
    return [x for x in files if "run_command(main)" in x.read_text(encoding="utf8")]


def main(
    model: Path = typer.Argument(..., help="Trained pipeline on CPU"),
    rounds: int = typer.Option(5, help="Processes of each case"),
) -> None:
    """Print the median times of each case."""
    with tempfile.TemporaryDirectory() as folder:
        plain = make_plain(Path(folder))
        predict = str(ROOT / "scripts/predict.py")
        cases: Dict[str, List[str]] = {
            "import typer": ["-c", "import typer"],
            "import spacy": ["-c", "import spacy"],
            "import rel_component": ["-c", "import rel_component"],
            "spacy.load, plain": ["-c", HIDE + LOAD, plain],
            "spacy.load": ["-c", LOAD, str(model)],
            "a sentence, plain": ["-c", HIDE + PREDICT, plain, TEXT],
            "predict.py, a sentence": [predict, str(model), TEXT],
            **{f"{x.name} --help": [str(x), "--help"] for x in list_scripts()},
        }
        runs: Dict[str, List[Run]] = {name: [] for name in cases}
        for command in cases.values():
            run(command)  # compiles and reads files for the first time
        for _ in range(rounds):
            for name, command in cases.items():
                runs[name].append(run(command))
    times = {
        name: Run(*(statistics.median(x) for x in zip(*measured)))
        for name, measured in runs.items()
    }
    rows = [(name, f"{x.cpu:.2f}", f"{x.wall:.2f}") for name, x in times.items()]
    header = ("", "CPU, s", "wall-clock, s")
    msg.table(rows, header=header, divider=True, aligns=("l", "r", "r"))
    for name, other in (
        ("spacy.load", "spacy.load, plain"),
        ("predict.py, a sentence", "a sentence, plain"),
    ):
        seconds = times[name].cpu - times[other].cpu
        msg.text(f"{name}: {seconds:+.2f} s of CPU time compared with {other}")
        record(f"start: {name}, compared with spaCy alone", seconds, "s of CPU more")
    slowest = max(x.cpu for name, x in times.items() if is_light_help(name))
    record("start: slowest --help but convert.py's", slowest, "s of CPU")
    record("start: convert.py --help", times["convert.py --help"].cpu, "s of CPU")
    record("start: import spacy", times["import spacy"].cpu, "s of CPU")


def is_light_help(name: str) -> bool:
    return name.endswith("--help") and name != "convert.py --help"


if __name__ == "__main__":
    typer.run(main)

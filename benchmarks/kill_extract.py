"""Kills at random moments, and whether what comes out in the end is what it should be.

    python benchmarks/kill_extract.py training/joint/model-best data/corpus.jsonl

For each kind the job is killed and resumed until it was killed `--moments` times; each
time that a folder is complete its parts are compared with those of a run that nobody
disturbed, JSON lines byte by byte and Parquet by rows. Kinds:

- driver: the command (its workers have to end by themselves);
- job: the command and all its workers at once, as when a machine is taken away;
- worker: a process that holds the model;
- actor: the same of Ray;
- ray: the command that runs Ray;
- disk: a tmpfs that is too small until it is given more room (needs root).
"""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Dict, Iterator, List

import typer
from _figures import record
from pyarrow import parquet
from wasabi import msg

from rel_component.inference.batch import ExtractSettings, extract_corpus

SCRIPT = Path(__file__).resolve().parent.parent / "scripts" / "extract.py"
KINDS = "driver,job,worker,actor,ray,disk"


def main(
    model: Annotated[Path, typer.Argument(help="trained pipeline")],
    corpus: Annotated[Path, typer.Argument(help="JSON lines")],
    moments: Annotated[int, typer.Option(help="kills of each kind")] = 20,
    chunk_size: Annotated[int, typer.Option()] = 100,
    kinds: Annotated[str, typer.Option(help="with commas")] = KINDS,
    seed: Annotated[int, typer.Option()] = 0,
) -> None:
    """Kill, resume, compare."""
    settings = ExtractSettings(model=str(model), chunk_size=chunk_size)
    tests = {
        "driver": kill_command,
        "job": lambda case: kill_command(case, is_all=True),
        "worker": kill_worker,
        "actor": lambda case: kill_worker(case, engine="ray"),
        "ray": lambda case: kill_command(case, engine="ray"),
        "disk": fill_disk,
    }
    with tempfile.TemporaryDirectory() as work:
        for kind in kinds.split(","):
            whole, folder = Path(work, "whole"), Path(work, kind)
            case = Case(settings, corpus, folder, whole, moments, random.Random(seed))
            if not whole.exists():
                start = time.monotonic()
                finish(start_command(case, whole, "local"))
                check_whole(whole, corpus)
                seconds = time.monotonic() - start
                msg.info(f"undisturbed: {seconds:.0f} s, {count_done(whole)} chunks")
            start = time.monotonic()
            done = tests[kind](case)
            seconds = time.monotonic() - start
            record(f"extract, {kind} killed", moments, "kills, same output")
            msg.good(f"{kind}: {done}; the same parts each time ({seconds:.0f} s)")


@dataclass
class Case:
    """What is done to a run, and what it should give."""

    settings: ExtractSettings
    corpus: Path
    folder: Path
    whole: Path
    moments: int
    rng: random.Random


def start_command(case: Case, folder: Path, engine: str) -> "subprocess.Popen[bytes]":
    command = [sys.executable, SCRIPT, case.settings.model, case.corpus, "-o", folder]
    options = ["--chunk-size", case.settings.chunk_size, "--n-process", 2]
    line = list(map(str, [*command, *options, "--engine", engine]))
    return subprocess.Popen(
        line,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        # a group, to be killed as one; in a session of its own it would be scheduled
        # apart from this process
        preexec_fn=os.setpgrp,
    )


def finish(process: "subprocess.Popen[bytes]") -> None:
    out, _ = process.communicate()
    if process.returncode:
        raise SystemExit(out.decode())


def kill_command(case: Case, engine: str = "local", *, is_all: bool = False) -> str:
    """SIGKILL the command, at any moment between its first instruction and its end.

    How long it takes is learned from an undisturbed run, and that long has a resumed
    run at most: so some kills come too late, and are not counted.
    """
    start = time.monotonic()
    finish(start_command(case, case.folder, engine))
    seconds = time.monotonic() - start
    shutil.rmtree(case.folder)
    stages: List[int] = []
    n_whole = 0
    while len(stages) < case.moments or case.folder.exists():
        process = start_command(case, case.folder, engine)
        is_enough = len(stages) == case.moments
        limit = None if is_enough else case.rng.random() * seconds
        try:
            out, _ = process.communicate(timeout=limit)
        except subprocess.TimeoutExpired:
            stages.append(count_done(case.folder))
            if is_all:
                os.killpg(process.pid, signal.SIGKILL)
            else:
                process.kill()
            process.communicate()
            continue
        if process.returncode:
            raise SystemExit(out.decode())
        compare(case.folder, case.whole)
        n_whole += 1
        shutil.rmtree(case.folder)
    return f"{len(stages)} kills, after {stages} chunks, over {n_whole} runs"


def kill_worker(case: Case, engine: str = "local") -> str:
    """SIGKILL processes that hold the model, some time after they have done a chunk."""
    n_kills = n_whole = 0
    n_chunks = count_done(case.whole)
    while n_kills < case.moments:
        # processes that are to be killed, and those that were
        chosen: List[int] = []
        dead: List[int] = []
        room = case.moments - n_kills

        def on_chunk(
            counts: Dict[str, Any],
            chosen: List[int] = chosen,
            dead: List[int] = dead,
            room: int = room,
        ) -> None:
            # a few in each run, at moments within the chunk that comes next
            wants = case.rng.random() < 6 / n_chunks and len(chosen) < room
            if wants and counts["pid"] not in chosen:
                chosen.append(counts["pid"])
                delay = case.rng.random() * counts["seconds"]
                threading.Timer(delay, kill, [counts["pid"], dead]).start()

        options: Dict[str, Any] = {"engine": engine, "n_process": 2}
        inputs = [str(case.corpus)]
        extract_corpus(inputs, case.folder, case.settings, on_chunk=on_chunk, **options)
        compare(case.folder, case.whole)
        n_kills, n_whole = n_kills + len(dead), n_whole + 1
        shutil.rmtree(case.folder)
    return f"{n_kills} kills over {n_whole} runs"


def kill(pid: int, dead: List[int]) -> None:
    """Kill a process and note it, unless it had ended with the run."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    dead.append(pid)


def fill_disk(case: Case) -> str:
    """A tmpfs that is full at a random moment, and then has room again."""
    files = [path for path in case.whole.rglob("*") if path.is_file()]
    size = sum(path.stat().st_size for path in files)
    folder, output = case.folder, case.folder / "o"
    inputs = [str(case.corpus)]
    stages: List[int] = []
    for _ in range(case.moments):
        folder.mkdir()
        with small_disk(folder, int(size * case.rng.uniform(0.02, 0.95)) + (16 << 10)):
            try:
                extract_corpus(inputs, output, case.settings, n_process=2)
            except (OSError, ValueError) as error:
                assert "No space left" in str(error), error
            else:
                raise SystemExit("the disk was not full")
            stages.append(count_done(output))
            options = f"remount,size={4 * size + (8 << 20)}"
            subprocess.run(["mount", "-o", options, str(folder)], check=True)
            extract_corpus(inputs, output, case.settings, n_process=2)
            compare(output, case.whole)
        folder.rmdir()
    return f"{case.moments} full disks, after {stages} chunks"


@contextmanager
def small_disk(folder: Path, size: int) -> Iterator[None]:
    options = ["-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    subprocess.run(["mount", *options], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def compare(folder: Path, whole: Path) -> None:
    """Stop if anything is missing, there twice, or other than it should be."""
    mine, theirs = list_parts(folder), list_parts(whole)
    if mine != theirs:
        raise SystemExit(f"parts differ: {sorted(set(mine) ^ set(theirs))[:5]}")
    for name in mine:
        pair = folder / "parts" / name, whole / "parts" / name
        if name.endswith(".parquet"):
            same = parquet.read_table(pair[0]) == parquet.read_table(pair[1])
        else:
            same = pair[0].read_bytes() == pair[1].read_bytes()
        if not same:
            raise SystemExit(f"{name} differs")
    if (folder / "dead_letters.jsonl").exists():
        raise SystemExit("there are dead letters")
    left = [str(path) for path in folder.rglob("*.tmp")]
    left += os.listdir(folder / "attempts")
    if left:
        raise SystemExit(f"left over: {left}")


def check_whole(whole: Path, corpus: Path) -> None:
    """See that each document of the corpus has one row."""
    with corpus.open(encoding="utf8") as file:
        expected = [json.loads(line)["id"] for line in file]
    found = []
    for name in list_parts(whole):
        if name.endswith(".jsonl"):
            lines = (whole / "parts" / name).read_text("utf8").splitlines()
            found += [json.loads(line)["id"] for line in lines]
    if found != expected or len(set(found)) != len(found):
        raise SystemExit("the undisturbed run has not one row for each document")


def list_parts(folder: Path) -> List[str]:
    return sorted(os.listdir(folder / "parts"))


def count_done(folder: Path) -> int:
    done = folder / "done"
    return len(list(done.glob("[0-9]*.json"))) if done.is_dir() else 0


if __name__ == "__main__":
    typer.run(main)

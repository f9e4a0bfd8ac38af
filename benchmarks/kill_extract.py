"""Kills at random moments, and whether what comes out in the end is what it should be.

    python benchmarks/kill_extract.py training/joint/model-best data/corpus.jsonl

For each kind the job is killed and resumed until it was killed `--moments` times; each
time that a folder is complete its parts are compared byte by byte with those of a run
that nobody disturbed (JSON lines), and by rows (Parquet). Kinds: `driver` and `worker`
(local processes), `actor` (Ray), `disk` (a tmpfs that is too small until it is given
more room; needs root).
"""

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
from pathlib import Path
from typing import Annotated, Any, Dict, Iterator, List

import typer
from wasabi import msg

from rel_component.inference.batch import Settings, extract_corpus
from rel_component.inference.batch.tables import read_parquet

SCRIPT = Path(__file__).resolve().parent.parent / "scripts" / "extract.py"
KINDS = ("driver", "worker", "actor", "disk")


def main(
    model: Annotated[Path, typer.Argument(help="trained pipeline")],
    corpus: Annotated[Path, typer.Argument(help="JSON lines")],
    moments: Annotated[int, typer.Option(help="kills of each kind")] = 20,
    chunk_size: Annotated[int, typer.Option()] = 100,
    kinds: Annotated[str, typer.Option(help="with commas")] = ",".join(KINDS),
    seed: Annotated[int, typer.Option()] = 0,
) -> None:
    """Kill, resume, compare."""
    rng = random.Random(seed)
    settings = Settings(model=str(model), chunk_size=chunk_size)
    with tempfile.TemporaryDirectory() as work:
        whole = Path(work, "whole")
        start = time.monotonic()
        extract_corpus([str(corpus)], whole, settings, n_process=2)
        seconds = time.monotonic() - start
        msg.info(f"undisturbed: {seconds:.0f} s, {count_done(whole)} chunks")
        tests = {
            "driver": kill_driver,
            "worker": kill_worker,
            "actor": kill_actor,
            "disk": fill_disk,
        }
        for kind in kinds.split(","):
            folder = Path(work, kind)
            done = tests[kind](settings, corpus, folder, whole, moments, seconds, rng)
            msg.good(f"{kind}: {done}; the same parts each time")


def kill_driver(
    settings: Settings,
    corpus: Path,
    folder: Path,
    whole: Path,
    moments: int,
    seconds: float,
    rng: random.Random,
) -> str:
    """SIGKILL the command, at any moment from its first instruction on."""
    command = [sys.executable, SCRIPT, settings.model, corpus, "-o", folder]
    options = ["--chunk-size", settings.chunk_size, "--n-process", 2]
    line = list(map(str, [*command, *options]))
    n_kills = n_whole = 0
    while n_kills < moments or folder.exists():
        process = subprocess.Popen(
            line, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        limit = rng.random() * seconds if n_kills < moments else None
        try:
            out, _ = process.communicate(timeout=limit)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            n_kills += 1
            continue
        if process.returncode:
            raise SystemExit(out.decode())
        compare(folder, whole)
        n_whole += 1
        shutil.rmtree(folder)
    return f"{n_kills} kills over {n_whole} runs"


def kill_worker(
    settings: Settings,
    corpus: Path,
    folder: Path,
    whole: Path,
    moments: int,
    seconds: float,
    rng: random.Random,
    engine: str = "local",
) -> str:
    """SIGKILL processes that hold the model, some time after they have done a chunk."""
    n_kills = n_whole = 0
    n_chunks = count_done(whole)
    while n_kills < moments:
        dead: List[int] = []
        room = moments - n_kills

        def on_chunk(
            counts: Dict[str, Any], dead: List[int] = dead, room: int = room
        ) -> None:
            # a few in each run, at moments within the chunk that comes next
            wants = rng.random() < 6 / n_chunks and len(dead) < room
            if wants and counts["pid"] not in dead:
                dead.append(counts["pid"])
                delay = rng.random() * counts["seconds"]
                threading.Timer(delay, kill, [counts["pid"]]).start()

        options: Dict[str, Any] = {"engine": engine, "n_process": 2}
        extract_corpus([str(corpus)], folder, settings, on_chunk=on_chunk, **options)
        compare(folder, whole)
        n_kills, n_whole = n_kills + len(dead), n_whole + 1
        shutil.rmtree(folder)
    return f"{n_kills} kills over {n_whole} runs"


def kill_actor(*args: Any) -> str:
    return kill_worker(*args, engine="ray")


def kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass  # it had ended with the run


def fill_disk(
    settings: Settings,
    corpus: Path,
    folder: Path,
    whole: Path,
    moments: int,
    seconds: float,
    rng: random.Random,
) -> str:
    """A tmpfs that is full at a random moment, and then has room again."""
    size = sum(path.stat().st_size for path in whole.rglob("*") if path.is_file())
    for _ in range(moments):
        folder.mkdir()
        with small_disk(folder, int(size * rng.uniform(0.05, 0.9)) + (64 << 10)):
            try:
                extract_corpus([str(corpus)], folder / "o", settings, n_process=2)
            except (OSError, ValueError) as error:
                assert "No space left" in str(error), error
            else:
                raise SystemExit("the disk was not full")
            left = [path for path in folder.rglob("*") if path.suffix == ".tmp"]
            assert not left, left
            options = f"remount,size={4 * size + (8 << 20)}"
            subprocess.run(["mount", "-o", options, str(folder)], check=True)
            extract_corpus([str(corpus)], folder / "o", settings, n_process=2)
            compare(folder / "o", whole)
        folder.rmdir()
    return f"{moments} full disks"


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
            same = read_parquet(pair[0]) == read_parquet(pair[1])
        else:
            same = pair[0].read_bytes() == pair[1].read_bytes()
        if not same:
            raise SystemExit(f"{name} differs")
    if (folder / "dead_letters.jsonl").exists():
        raise SystemExit("there are dead letters")


def list_parts(folder: Path) -> List[str]:
    return sorted(os.listdir(folder / "parts"))


def count_done(folder: Path) -> int:
    return len(os.listdir(folder / "done"))


if __name__ == "__main__":
    typer.run(main)

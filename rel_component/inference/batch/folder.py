"""The output folder: parts that are there whole or not at all.

    run.json                    settings, models, number of chunks and documents
    plan.jsonl                  the input, one chunk on each line
    parts/part-000012.parquet   rows of chunk 12
    parts/part-000012.jsonl     the same as JSON lines
    parts/part-000012.dead      its dead letters, JSON lines
    done/000012.json            chunk 12 is done: how many were read, extracted, dead
    attempts/000012.json        chunk 12 was begun: how often, and what crashed
    dead_letters.jsonl          all dead letters, at the end
    summary.json                all counts, at the end

A file gets its name only when all of it is on the disk, and `done` is the last of a
chunk. Whatever is killed, a chunk is done, or made again with the same names.
"""

import fcntl
import json
import os
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, Dict, Iterator, List, Optional, Sequence, Set

import srsly

from ...files import TEMPORARY, replace_file
from .settings import JSONL, PARQUET
from .tables import write_parquet

Rows = List[Dict[str, Any]]
DEAD = "dead"
RUN, LOCK = "run.json", ".lock"


class OutputFolder:
    """Where a run writes, and how far it has come."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.parts, self.done = path / "parts", path / "done"
        self.attempts = path / "attempts"

    @contextmanager
    def lock(self) -> Iterator[None]:
        """One run at a time; the system gives it back, whatever happens.

        RAISES (ValueError): if another run has the folder.
        """
        for folder in (self.path, self.parts, self.done, self.attempts):
            folder.mkdir(parents=True, exist_ok=True)
        with open(self.path / LOCK, "w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise ValueError(
                    f"{self.path}: another run is writing into this folder. Wait for "
                    f"it, or give another folder."
                ) from error
            yield

    def clean(self) -> None:
        """Remove what killed processes have left; while nobody writes."""
        for folder in (self.path, self.parts, self.done, self.attempts):
            for file in folder.glob(f"*{TEMPORARY}"):
                file.unlink(missing_ok=True)
        done = self.list_done()
        for file in self.parts.glob("part-*"):  # of chunks that were not finished
            if _get_number(file) not in done:
                file.unlink(missing_ok=True)
        # what is known of others stays: a document that takes all processes with it,
        # as for want of memory, would do so in each run
        for file in self.attempts.glob("*.json"):
            if int(file.stem) in done:
                file.unlink(missing_ok=True)

    def remove_attempts(self) -> None:
        """Another run begins."""
        for file in self.attempts.glob("*.json"):
            file.unlink(missing_ok=True)

    def read_run(self) -> Optional[Dict[str, Any]]:
        """RETURNS (Optional[Dict[str, Any]]): what the folder's run is of."""
        return _read_json(self.path / RUN)

    def list_done(self) -> Set[int]:
        """RETURNS (Set[int]): numbers of the chunks that are done."""
        return {int(name[:-5]) for name in os.listdir(self.done) if name[0] != "."}

    def part(self, number: int, suffix: str) -> Path:
        """RETURNS (Path): of one chunk and kind of file."""
        return self.parts / f"part-{number:06}.{suffix}"

    def commit(
        self,
        number: int,
        rows: Rows,
        letters: Rows,
        counts: Dict[str, Any],
        formats: Sequence[str],
    ) -> None:
        """Write all that belongs to a chunk; after this it is done.

        number (int): of the chunk.
        rows (List[Dict[str, Any]]): what was extracted.
        letters (List[Dict[str, Any]]): its dead letters.
        counts (Dict[str, Any]): for the summary.
        formats (Sequence[str]): that rows are written in.
        RAISES (OSError): if the disk is full, for instance; then nothing is done.
        """
        writers = {PARQUET: write_parquet, JSONL: write_json_lines}
        for name in formats:
            with replace_file(self.part(number, name)) as file:
                writers[name](rows, file)
        dead = self.part(number, DEAD)
        if letters:
            with replace_file(dead) as file:
                write_json_lines(letters, file)
        else:
            dead.unlink(missing_ok=True)
        write_json(self.done / f"{number:06}.json", counts)
        self.remove_attempt(number)

    def read_done(self, number: int) -> Optional[Dict[str, Any]]:
        """RETURNS (Optional[Dict[str, Any]]): counts of a chunk, None: not done yet."""
        return _read_json(self.done / f"{number:06}.json")

    def recall(self, number: int) -> Dict[str, Any]:
        """RETURNS (Dict[str, Any]): what is known of earlier attempts at a chunk."""
        known = _read_json(self.attempts / f"{number:06}.json")
        return known or {"n": 0, "at": None, "crashes": {}, "other": 0, "n_batched": 0}

    def list_suspects(self, n: int) -> Set[int]:
        """RETURNS (Set[int]): chunks that were begun so often, or more often, and are
        not done."""
        numbers = {int(file.stem) for file in self.attempts.glob("*.json")}
        return {i for i in numbers - self.list_done() if self.recall(i)["n"] >= n}

    def remember(self, number: int, state: Dict[str, Any]) -> None:
        """Write it down, for whoever takes the chunk after a crash."""
        # within a chunk a document is noted as often as it takes milliseconds
        path, is_durable = self.attempts / f"{number:06}.json", state["at"] is None
        write_json(path, state, is_durable=is_durable)

    def clear_attempt(self, number: int) -> None:
        """An attempt was stopped from outside, and none of its documents is to blame.

        number (int): of a chunk that nobody works at any more.
        """
        state = self.recall(number)
        if state["n"] > 1:
            state.update(n=state["n"] - 1, at=None)
            with suppress(OSError):  # of a full disk, which may be why it was stopped
                self.remember(number, state)
        else:
            self.remove_attempt(number)

    def clear_all_attempts(self) -> None:
        """All attempts that were going on were stopped from outside."""
        for file in self.attempts.glob("*.json"):
            self.clear_attempt(int(file.stem))

    def remove_attempt(self, number: int) -> None:
        """The chunk is done, or given up: it begins anew."""
        (self.attempts / f"{number:06}.json").unlink(missing_ok=True)

    def read_counts(self) -> Iterator[Dict[str, Any]]:
        """YIELDS (Dict[str, Any]): of each chunk that is done."""
        for name in sorted(os.listdir(self.done)):
            if not name.endswith(TEMPORARY):
                yield srsly.read_json(self.done / name)

    def join_letters(self) -> Optional[Path]:
        """RETURNS (Optional[Path]): all dead letters; None: there are none."""
        target = self.path / "dead_letters.jsonl"
        parts = sorted(self.parts.glob(f"*.{DEAD}"))
        if not parts:
            target.unlink(missing_ok=True)
            return None
        with replace_file(target) as file:
            for part in parts:
                file.write(part.read_bytes())
        return target


def write_json_lines(rows: Rows, file: IO[bytes]) -> None:
    """Write rows as JSON lines."""
    for row in rows:
        file.write(srsly.json_dumps(row).encode("utf8") + b"\n")


def write_json(path: Path, data: Any, *, is_durable: bool = True) -> None:
    """Write a small file whole or not at all."""
    with replace_file(path, is_durable=is_durable) as file:
        file.write(json.dumps(data, indent=1).encode("utf8"))


def _read_json(path: Path) -> Optional[Dict[str, Any]]:
    try:
        return srsly.read_json(path)
    except (OSError, ValueError):
        return None


def _get_number(part: Path) -> int:
    return int(part.name.partition("-")[2].partition(".")[0])

"""The output folder, in which each file is either complete or missing.

    run.json                    settings, models, number of chunks and documents
    plan.jsonl                  the input, one chunk per line
    parts/part-000012.parquet   rows of chunk 12
    parts/part-000012.jsonl     the same as JSON lines
    parts/part-000012.dead      its dead letters, as JSON lines
    done/000012.json            chunk 12 is done: how many were read, extracted, dead
    attempts/000012.json        chunk 12 was begun: how often, and what crashed
    dead_letters.jsonl          all dead letters, at the end
    summary.json                all counts, at the end

A file is only renamed to its final name when it's complete, and the file in `done` is
written last. So after an interruption, a chunk is either done, or extracted again into
files of the same name.
"""

import os
import re
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional, Sequence, Set

import srsly
from filelock import FileLock, Timeout

from ...files import TEMPORARY, replace_file, write_json, write_lines
from ...parquet import make_schema, write_parquet
from .rows import METADATA, Row
from .settings import JSONL, PARQUET

DEAD = "dead"
RUN, LOCK = "run.json", ".lock"
NUMBERED = re.compile(r"([0-9]{6,})\.json")
PART = re.compile(rf"part-([0-9]{{6,}})\.(?:{PARQUET}|{JSONL}|{DEAD})")


class OutputFolder:
    """The output folder of a run, with its progress."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.parts, self.done = path / "parts", path / "done"
        self.attempts = path / "attempts"

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Lock the folder for one run; the system releases the lock of a killed
        process.

        RAISES (ValueError): if another run holds it.
        """
        for folder in (self.path, self.parts, self.done, self.attempts):
            folder.mkdir(parents=True, exist_ok=True)
        try:
            lock = FileLock(self.path / LOCK).acquire(timeout=0)
        except Timeout as error:
            raise ValueError(
                f"{self.path}: another run is writing to this folder. Wait for it, or "
                "use another folder."
            ) from error
        with lock:
            yield

    def clean(self) -> None:
        """Remove files left by killed processes; only call it while no process
        writes."""
        if self.read_run() is None:  # somebody's own folder
            return
        for folder in (self.path, self.parts, self.done, self.attempts):
            for file in folder.glob(f".*{TEMPORARY}"):
                file.unlink(missing_ok=True)
        done = self.list_done()
        for file in self.parts.iterdir():  # parts of unfinished chunks
            match = PART.fullmatch(file.name)
            if match and int(match.group(1)) not in done:
                file.unlink(missing_ok=True)
        # keep the notes on other chunks: a document that crashes all processes, e.g. by
        # running out of memory, would do so in each run
        for number in _list_numbers(self.attempts) & done:
            self.remove_attempt(number)

    def forget_lost(self, formats: Sequence[str]) -> int:
        """Forget that chunks are done whose parts are missing, e.g. since the folder
        was copied incompletely.

        formats (Sequence[str]): output formats of the rows.
        RETURNS (int): number of these chunks.
        """
        found = set(os.listdir(self.parts))
        lost = [
            number
            for number in self.list_done()
            if not found.issuperset(self._list_parts(number, formats))
        ]
        for number in lost:
            (self.done / f"{number:06}.json").unlink()
        return len(lost)

    def _list_parts(self, number: int, formats: Sequence[str]) -> List[str]:
        """RETURNS (List[str]): names of the parts of a chunk that is done."""
        has_letters = bool((self.read_done(number) or {}).get("dead"))
        suffixes = [*formats, *([DEAD] if has_letters else [])]
        return [self.part(number, suffix).name for suffix in suffixes]

    def remove_attempts(self) -> None:
        """Remove the notes of an earlier run."""
        for number in _list_numbers(self.attempts):
            self.remove_attempt(number)

    def read_run(self) -> Optional[Dict[str, Any]]:
        """RETURNS (Optional[Dict[str, Any]]): settings and size of the folder's run."""
        return _read_json(self.path / RUN)

    def list_done(self) -> Set[int]:
        """RETURNS (Set[int]): numbers of the chunks that are done."""
        return _list_numbers(self.done)

    def part(self, number: int, suffix: str) -> Path:
        """RETURNS (Path): the part of a chunk with this suffix."""
        return self.parts / f"part-{number:06}.{suffix}"

    def commit(
        self,
        number: int,
        rows: Sequence[Row],
        letters: Sequence[Dict[str, Any]],
        counts: Dict[str, Any],
        formats: Sequence[str],
    ) -> None:
        """Write all files of a chunk and mark it as done.

        number (int): the chunk's number.
        rows (Sequence[Row]): the extracted rows.
        letters (Sequence[Dict[str, Any]]): its dead letters.
        counts (Dict[str, Any]): counts for the summary.
        formats (Sequence[str]): output formats of the rows.
        RAISES (OSError): if a file can't be written; the chunk is not done then.
        """
        if PARQUET in formats:
            schema = make_schema(Row, METADATA)
            write_parquet(self.part(number, PARQUET), rows, schema)
        if JSONL in formats:
            write_lines(self.part(number, JSONL), rows)
        dead = self.part(number, DEAD)
        if letters:
            write_lines(dead, letters)
        else:
            dead.unlink(missing_ok=True)
        write_json(self.done / f"{number:06}.json", counts)
        self.remove_attempt(number)

    def read_done(self, number: int) -> Optional[Dict[str, Any]]:
        """RETURNS (Optional[Dict[str, Any]]): counts of a chunk; None: not done yet."""
        return _read_json(self.done / f"{number:06}.json")

    def recall(self, number: int) -> Dict[str, Any]:
        """RETURNS (Dict[str, Any]): the notes on earlier attempts at a chunk."""
        known = _read_json(self.attempts / f"{number:06}.json")
        return known or {"n": 0, "at": None, "crashes": {}, "other": 0, "n_batched": 0}

    def list_suspects(self, n: int) -> Set[int]:
        """RETURNS (Set[int]): chunks that were begun at least `n` times and are not
        done."""
        numbers = _list_numbers(self.attempts) - self.list_done()
        return {i for i in numbers if self.recall(i)["n"] >= n}

    def remember(self, number: int, state: Dict[str, Any]) -> None:
        """Record the state of an attempt, for recovery after a crash."""
        # called every few milliseconds, too often to sync to disk
        path, is_durable = self.attempts / f"{number:06}.json", state["at"] is None
        write_json(path, state, is_durable=is_durable)

    def clear_attempt(self, number: int) -> None:
        """Clear an attempt that was stopped externally, not by a document.

        number (int): a chunk that no process is working on.
        """
        state = self.recall(number)
        if state["n"] > 1:
            state.update(n=state["n"] - 1, at=None)
            with suppress(OSError):  # the disk may be full
                self.remember(number, state)
        else:
            self.remove_attempt(number)

    def clear_all_attempts(self) -> None:
        """Clear all ongoing attempts, which were stopped externally."""
        for number in _list_numbers(self.attempts):
            self.clear_attempt(number)

    def remove_attempt(self, number: int) -> None:
        """Remove the notes on a chunk that is done, or that is started again."""
        (self.attempts / f"{number:06}.json").unlink(missing_ok=True)

    def read_counts(self) -> Iterator[Dict[str, Any]]:
        """YIELDS (Dict[str, Any]): the counts of each chunk that is done."""
        for number in sorted(self.list_done()):
            yield srsly.read_json(self.done / f"{number:06}.json")

    def join_letters(self) -> Optional[Path]:
        """RETURNS (Optional[Path]): the file of all dead letters, if there are any."""
        target = self.path / "dead_letters.jsonl"
        parts = sorted(self.parts.glob(f"*.{DEAD}"))
        if not parts:
            target.unlink(missing_ok=True)
            return None
        with replace_file(target) as file:
            for part in parts:
                file.write(part.read_bytes())
        return target


def _read_json(path: Path) -> Optional[Dict[str, Any]]:
    try:
        return srsly.read_json(path)
    except (OSError, ValueError):
        return None


def _list_numbers(folder: Path) -> Set[int]:
    """RETURNS (Set[int]): numbers of the chunks that have a file in a folder, to which
    a system may have added files of its own."""
    found = map(NUMBERED.fullmatch, os.listdir(folder))
    return {int(match.group(1)) for match in found if match}

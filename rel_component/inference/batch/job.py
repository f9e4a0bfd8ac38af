"""A whole run: plan, resume, engine, summary."""

import json
import os
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable, Dict, Optional, Sequence, Set

from ...files import write_json
from ...parquet import import_pyarrow
from ...wording import agree
from .extractor import MAX_ATTEMPTS, Counts, RunError
from .folder import RUN, OutputFolder
from .plan import (
    ADVICE,
    find_change,
    find_inputs,
    make_chunks,
    read_plan,
    write_plan,
)
from .run_local import run_local
from .settings import PARQUET, ExtractSettings

LOCAL, RAY = "local", "ray"
ENGINES = (LOCAL, RAY)
VERSION = 2


@dataclass(frozen=True)
class Progress:
    """How far a run is when it starts.

    n_docs (int): documents in the input.
    n_chunks (int): chunks that it is cut into.
    n_done (int): documents that were done before.
    """

    n_docs: int
    n_chunks: int
    n_done: int


@dataclass
class Summary:
    """What became of all documents: read = extracted + dead.

    read, extracted, dead (int): numbers of documents.
    kinds (Dict[str, int]): numbers of dead letters, by reason.
    entities, relations (int): numbers of what was found.
    warnings (int): how many there were.
    first_warning (Optional[str]): the first of them.
    letters (Optional[Path]): file of the dead letters, if there are any.
    """

    read: int = 0
    extracted: int = 0
    dead: int = 0
    kinds: Dict[str, int] = field(default_factory=dict)
    entities: int = 0
    relations: int = 0
    warnings: int = 0
    first_warning: Optional[str] = None
    letters: Optional[Path] = None


def extract_corpus(
    inputs: Sequence[str],
    output: Path,
    settings: ExtractSettings,
    *,
    engine: str = LOCAL,
    n_process: int = 1,
    address: Optional[str] = None,
    on_stage: Callable[[str], Any] = lambda stage: None,
    on_start: Callable[[Progress], Any] = lambda progress: None,
    on_chunk: Callable[[Counts], Any] = lambda counts: None,
) -> Summary:
    """Extract entities and relations from a corpus into a folder.

    Killed at any moment and called again with the same arguments, it goes on from
    there: in the end the folder has each row exactly once, whatever was killed.

    inputs (Sequence[str]): files, folders and globs.
    output (Path): the folder: a new one, or that of an unfinished run with the same
        input, model and settings. Engine and number of processes may differ.
    settings (ExtractSettings): model, input and output formats, limits.
    engine (str): `local`, or `ray`.
    n_process (int): processes, each of which loads the model.
    address (Optional[str]): of a Ray cluster; None starts Ray on this machine.
    on_stage (Callable[[str], Any]): called with what is going on until the first chunk
        is done, which may take a while.
    on_start (Callable[[Progress], Any]): called when the input is known.
    on_chunk (Callable[[Dict[str, Any]], Any]): called with the counts of each chunk
        that is done.
    RETURNS (Summary): of all that the folder holds.
    RAISES (ValueError): if something is not as expected; the message says what to do.
    RAISES (OSError): if the folder can't be written.
    """
    _check(settings, engine, n_process)
    folder = OutputFolder(output)
    with folder.lock():
        folder.clean()
        on_stage("Reading the input")
        run = _prepare(inputs, folder, settings)
        done = folder.list_done()
        n_done = sum(counts["read"] for counts in folder.read_counts())
        on_start(Progress(run["documents"], run["chunks"], n_done))
        # with one process: then it is known which document crashes
        suspects = folder.list_suspects(MAX_ATTEMPTS)
        rest = set(range(run["chunks"])) - done - suspects
        for numbers, n in ((suspects, 1), (rest, n_process)):
            if not numbers:
                continue
            plan = read_plan(folder.path / "plan.jsonl")
            pending = (chunk for chunk in plan if chunk.number in numbers)
            where = output.resolve()
            if engine == LOCAL:
                on_stage(
                    f"Loading the model, {agree(n, '1 process', f'{n} processes')}"
                )
                chunks = run_local(pending, settings, where, n)
            else:
                from .run_ray import run_ray

                chunks = run_ray(pending, settings, where, n, address, on_stage)
            with closing(chunks):  # no process writes after the lock is released
                for counts in chunks:
                    on_chunk(counts)
        folder.clean()  # after processes that were killed in this run
        return _finish(folder, run)


def _check(settings: ExtractSettings, engine: str, n_process: int) -> None:
    if engine not in ENGINES:
        raise ValueError(
            f"--engine: found {engine!r}; expected one of {', '.join(ENGINES)}."
        )
    if n_process < 1:
        raise ValueError(f"--n-process: found {n_process}; expected 1 or more.")
    if PARQUET in settings.formats:
        import_pyarrow()


def _prepare(
    inputs: Sequence[str], folder: OutputFolder, settings: ExtractSettings
) -> Dict[str, Any]:
    """Plan the run; one that the folder has already must be the same."""
    planned, plan = folder.path / "plan.tmp", folder.path / "plan.jsonl"
    try:
        chunks = make_chunks(find_inputs(inputs, folder.path), settings)
        n_chunks, n_docs, digest = write_plan(chunks, planned)
        run = {
            "version": VERSION,
            "settings": settings.fingerprint(),
            "chunks": n_chunks,
            "documents": n_docs,
            "input": digest,
        }
        known = _read_known(folder)
        if folder.list_done():  # until then there is nothing to go on with
            _compare(known or {}, run, folder.path)
            if known != run:
                change = find_change(plan, planned)
                raise ValueError(
                    f"{folder.path}: this folder has a run on another input: {change}. "
                    f"{ADVICE}"
                )
        elif known != run:
            folder.remove_attempts()
        os.replace(planned, plan)
        write_json(folder.path / RUN, run)
    finally:
        planned.unlink(missing_ok=True)
    return run


def _read_known(folder: OutputFolder) -> Optional[Dict[str, Any]]:
    """RETURNS (Optional[Dict[str, Any]]): the run that the folder has. Settings that
    were added since it began have their defaults."""
    known = folder.read_run()
    if known is not None:
        known["settings"] = {**ExtractSettings.list_defaults(), **known["settings"]}
    return known


def _compare(known: Dict[str, Any], run: Dict[str, Any], path: Path) -> None:
    """RAISES (ValueError): if the settings of the two runs differ."""
    old, new = (
        {"version": x.get("version"), **x.get("settings", {})} for x in (known, run)
    )
    for name in dict.fromkeys((*new, *old)):
        was, now = (json.dumps(x.get(name)) for x in (old, new))
        if was != now:
            raise ValueError(
                f"{path}: this folder has a run with {name} = {was}, found {now} now. "
                f"With the settings that it began with, the run goes on; or name "
                f"another folder."
            )


def _finish(folder: OutputFolder, run: Dict[str, Any]) -> Summary:
    summary, kinds = Summary(), Counter[str]()
    done: Set[int] = set()
    for counts in folder.read_counts():
        done.add(counts["chunk"])
        for name in ("read", "extracted", "dead", "entities", "relations", "warnings"):
            setattr(summary, name, getattr(summary, name) + counts[name])
        summary.first_warning = summary.first_warning or counts["first_warning"]
        kinds.update(counts["kinds"])
    if len(done) != run["chunks"] or summary.read != run["documents"]:
        raise RunError(
            f"{folder.path}: {len(done)} of {run['chunks']} chunks are done. Run the "
            f"same command again."
        )
    summary.kinds = dict(kinds)
    summary.letters = folder.join_letters()
    data = {k: v for k, v in vars(summary).items() if k != "letters"}
    write_json(folder.path / "summary.json", data)
    return summary

"""Run an extraction: plan or resume it, call the engine, write the summary."""

import json
import os
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable, Dict, Optional, Sequence, Set

from ...files import write_json
from ...parquet import import_pyarrow
from ...wording import agree, plural
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
from .rows import VERSION as ROWS_VERSION
from .run_local import run_local
from .settings import PARQUET, ExtractSettings

LOCAL, RAY = "local", "ray"
ENGINES = (LOCAL, RAY)
VERSION = 2


@dataclass(frozen=True)
class Progress:
    """Progress of a run at its start.

    n_docs (int): documents in the input.
    n_done (int): documents that are already done.
    """

    n_docs: int
    n_done: int


@dataclass
class Summary:
    """The outcome for all documents: read = extracted + dead.

    read, extracted, dead (int): numbers of documents.
    kinds (Dict[str, int]): numbers of dead letters, by reason.
    entities, relations (int): numbers of entities and relations.
    warnings (int): number of warnings.
    first_warning (Optional[str]): the first warning.
    letters (Optional[Path]): the file of dead letters, if any.
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

    An interrupted run resumes when called again with the same arguments; in the end,
    the folder contains each row exactly once.

    inputs (Sequence[str]): files, folders and globs.
    output (Path): a new folder, or the folder of an unfinished run with the same input,
        model and settings. Engine and number of processes may differ.
    settings (ExtractSettings): model, input and output formats, limits.
    engine (str): `local`, or `ray`.
    n_process (int): number of processes; each loads the model.
    address (Optional[str]): the Ray cluster's address; None starts Ray on this machine.
    on_stage (Callable[[str], Any]): called with the current stage until the first chunk
        is done.
    on_start (Callable[[Progress], Any]): called when the input is known.
    on_chunk (Callable[[Dict[str, Any]], Any]): called with the counts of each finished
        chunk.
    RETURNS (Summary): the summary of the folder.
    RAISES (ValueError): if an argument is invalid, or the folder has a different run.
    RAISES (OSError): if the folder can't be written.
    """
    _check(settings, engine, n_process)
    folder = OutputFolder(output)
    with folder.lock():
        folder.clean()
        on_stage("Reading the input")
        run = _prepare(inputs, folder, settings)
        n_lost = folder.forget_lost(settings.formats)
        if n_lost:
            lost = f"{plural(n_lost, 'chunk')}, whose files in parts/ are missing"
            on_stage(f"Extracting again {lost}")
        done = folder.list_done()
        n_done = sum(counts["read"] for counts in folder.read_counts())
        on_start(Progress(run["documents"], n_done))
        # with one process, to find the document that crashes
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
            with closing(chunks):  # no process may write after the lock is released
                for counts in chunks:
                    on_chunk(counts)
        folder.clean()  # left by processes killed in this run
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
    """Plan the run, and check that it matches the folder's existing run."""
    planned, plan = folder.path / "plan.tmp", folder.path / "plan.jsonl"
    try:
        chunks = make_chunks(find_inputs(inputs, folder.path), settings)
        n_chunks, n_docs, digest = write_plan(chunks, planned)
        run = {
            "version": VERSION,
            "rows": ROWS_VERSION,
            "settings": settings.fingerprint(),
            "chunks": n_chunks,
            "documents": n_docs,
            "input": digest,
        }
        known = _read_known(folder)
        if folder.list_done():  # before that, there is nothing to resume
            _compare(known or {}, run, folder.path)
            if known != run:
                change = find_change(plan, planned)
                raise ValueError(
                    f"{folder.path}: this folder contains a run on a different input: "
                    f"{change}. {ADVICE}"
                )
        elif known != run:
            folder.remove_attempts()
        os.replace(planned, plan)
        write_json(folder.path / RUN, run)
    finally:
        planned.unlink(missing_ok=True)
    return run


def _read_known(folder: OutputFolder) -> Optional[Dict[str, Any]]:
    """RETURNS (Optional[Dict[str, Any]]): the folder's existing run. Settings added
    in later versions have their defaults."""
    known = folder.read_run()
    if known is not None:
        known.setdefault("rows", 1)
        known["settings"] = {**ExtractSettings.list_defaults(), **known["settings"]}
    return known


def _compare(known: Dict[str, Any], run: Dict[str, Any], path: Path) -> None:
    """RAISES (ValueError): if the settings of the two runs differ."""
    old, new = (
        {"version": x.get("version"), "rows": x.get("rows"), **x.get("settings", {})}
        for x in (known, run)
    )
    for name in dict.fromkeys((*new, *old)):
        was, now = (json.dumps(x.get(name)) for x in (old, new))
        if was != now:
            raise ValueError(
                f"{path}: this folder contains a run with {name} = {was}, found "
                f"{now}. Use the same settings to resume it, or use another folder."
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

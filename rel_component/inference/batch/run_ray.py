"""Process chunks on a cluster: Ray Data distributes them to actors that load the model.

Actors write the parts themselves, like local processes, so all nodes need access to the
output folder and the input files. Only counts are sent through Ray. Ray restarts actors
that die, with the same chunk; the folder has notes on the chunk's crashes.
"""

import json
import logging
import os
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any, Callable, Dict, Generator, Iterator, Optional

from ...files import explain
from ...wording import get_command, plural
from .extractor import Counts, Extractor, RunError, make_extractor
from .folder import OutputFolder
from .plan import Chunk
from .settings import ExtractSettings

# chunks to submit at once, since the plan is not held in memory
ROUND = 10_000
# for counts and plans only: texts and rows are not sent through Ray
STORE_BYTES = 100 << 20
# for a local Ray: no messages, and normal process priority
LOCAL_RAY = {
    "RAY_BACKEND_LOG_LEVEL": "fatal",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_worker_niceness": "0",
}
# chunks per actor, so that none waits for its next one
IN_FLIGHT = 2


def run_ray(
    chunks: Iterator[Chunk],
    settings: ExtractSettings,
    folder: Path,
    n_process: int,
    address: Optional[str] = None,
    on_stage: Callable[[str], Any] = lambda stage: None,
) -> Generator[Counts, None, None]:
    """Extract chunks with Ray Data.

    chunks (Iterator[Chunk]): the chunks, submitted in groups of ROUND.
    settings (ExtractSettings): the run's settings.
    folder (Path): the output folder.
    n_process (int): number of actors; the maximum on a cluster.
    address (Optional[str]): the cluster's address; None starts Ray on this machine.
    on_stage (Callable[[str], Any]): called with the current stage until the first chunk
        is done.
    YIELDS (Dict[str, Any]): the counts of each finished chunk.
    RAISES (RunError): if the run can't continue.
    """
    on_stage("Starting Ray" if address is None else f"Joining {address}")
    ray = import_ray()
    is_ours = not ray.is_initialized()
    ray.data.DataContext.get_current().enable_progress_bars = False
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    if is_ours and address is None:
        start_local(ray, n_process)
    elif is_ours:
        ray.init(address, log_to_driver=False)
    on_stage(f"Starting {plural(n_process, 'actor')}, each loads the model")
    is_stopped = False
    try:
        while chosen := list(islice(chunks, ROUND)):
            plans = [{"chunk": chunk.to_json()} for chunk in chosen]
            # one block per chunk: losing a node costs one chunk per actor
            data = ray.data.from_items(plans, override_num_blocks=len(plans))
            done = data.map_batches(
                Actor,
                fn_constructor_args=(_make_absolute(settings), folder),
                batch_size=1,
                compute=ray.data.ActorPoolStrategy(
                    min_size=1 if address else n_process,
                    max_size=n_process,
                    max_tasks_in_flight_per_actor=IN_FLIGHT,
                ),
                num_cpus=1,
                num_gpus=int(settings.gpu_id >= 0),
            )
            for row in done.iter_rows():
                if row["error"]:
                    raise RunError(row["error"])
                yield json.loads(row["counts"])
    except (GeneratorExit, KeyboardInterrupt, RunError):
        is_stopped = True
        raise
    finally:
        if is_ours:
            ray.shutdown()
        if is_stopped:
            OutputFolder(folder).clear_all_attempts()


class Actor:
    """An actor with the model; Ray Data calls it with one chunk at a time."""

    def __init__(self, settings: ExtractSettings, folder: Path) -> None:
        self.extractor: Optional[Extractor] = None
        self.error = ""
        try:
            self.extractor = make_extractor(settings, folder)
        except (OSError, ValueError) as error:
            self.error = explain(error)

    def __call__(self, batch: Dict[str, Any]) -> Dict[str, Any]:
        """RETURNS (Dict[str, Any]): counts of the chunk, or why the run can't
        continue."""
        (line,) = batch["chunk"]
        counts: Counts = {}
        if self.extractor is not None:
            try:
                counts = self.extractor.extract(Chunk.from_json(str(line)))
            except (OSError, ValueError) as error:
                self.error = explain(error)
        return {"counts": [json.dumps(counts)], "error": [self.error]}


def import_ray() -> Any:
    """RETURNS (Any): the module. RAISES (ValueError): if it is not installed."""
    try:
        import ray
        import ray.data
    except ImportError as error:
        raise ValueError(
            f"--engine ray needs Ray, which is not installed: {get_command('ray')}. Or "
            f"use --engine local."
        ) from error
    return ray


def start_local(ray: Any, n_process: int) -> None:
    """Start Ray on this machine.

    ray (Any): the module.
    n_process (int): maximum number of actors.
    RAISES (RunError): if Ray can't be started.
    """
    for name, value in LOCAL_RAY.items():
        os.environ.setdefault(name, value)
    for is_last in (False, False, True):
        try:
            ray.init(
                num_cpus=n_process,
                object_store_memory=STORE_BYTES,
                include_dashboard=False,
                log_to_driver=False,
                logging_level="ERROR",
            )
            return
        # Ray gives up after 30 s, which may be too early on a busy machine
        except Exception as error:
            ray.shutdown()
            if is_last:
                raise RunError(f"Ray can't be started: {error}") from error


def _make_absolute(settings: ExtractSettings) -> ExtractSettings:
    """RETURNS (ExtractSettings): the settings with absolute paths, since actors have
    other working directories."""
    root = os.path.abspath(settings.root)
    names = ("model", "entities_from", "code")
    paths = {name: getattr(settings, name) for name in names}
    found = {k: os.path.join(root, v) for k, v in paths.items() if v is not None}
    # an actor only sees the GPU assigned by Ray, as GPU 0
    gpu_id = min(settings.gpu_id, 0)
    changes: Dict[str, Any] = {"root": root, "gpu_id": gpu_id, **found}
    return replace(settings, **changes)

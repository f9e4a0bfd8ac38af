"""Chunks on a cluster: Ray Data hands them to actors that each hold the model.

Actors write the parts themselves, as processes of one machine do, so the folder of the
output and the files of the input have to be on storage that all nodes share. What
comes back through Ray is counts. An actor that dies is started again by Ray and gets
its chunk again; what is known of the chunk's crashes stands in the folder.
"""

import json
import logging
import os
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any, Dict, Generator, Iterator, Optional

from ...wording import get_command
from .extractor import Counts, Extractor, RunError
from .folder import OutputFolder
from .plan import Chunk
from .settings import ExtractSettings

# chunks that are handed over in one round: the plan is not held in memory
ROUND = 10_000
# counts and plans only: texts and rows do not pass through it
STORE_BYTES = 100 << 20
# of a Ray that is started here: no messages, and actors are no less urgent than
# processes of ours are
LOCAL_RAY = {
    "RAY_BACKEND_LOG_LEVEL": "fatal",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_worker_niceness": "0",
}
# so that no actor waits for the next chunk
IN_FLIGHT = 2


def run_ray(
    chunks: Iterator[Chunk],
    settings: ExtractSettings,
    folder: Path,
    n_process: int,
    address: Optional[str] = None,
) -> Generator[Counts, None, None]:
    """Extract chunks with Ray Data.

    chunks (Iterator[Chunk]): taken round by round.
    settings (ExtractSettings): of the run.
    folder (Path): of the output.
    n_process (int): number of actors; on a cluster the most that there may be.
    address (Optional[str]): of a cluster; None starts one on this machine.
    YIELDS (Dict[str, Any]): counts of each chunk as it is done.
    RAISES (RunError): if the run can't go on.
    """
    ray = import_ray()
    is_ours = not ray.is_initialized()
    ray.data.DataContext.get_current().enable_progress_bars = False
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    if is_ours and address is None:
        start_local(ray, n_process)
    elif is_ours:
        ray.init(address, log_to_driver=False)
    is_stopped = False
    try:
        while chosen := list(islice(chunks, ROUND)):
            plans = [{"chunk": chunk.to_json()} for chunk in chosen]
            # a block for each: what is lost with a node is one chunk
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
    """Holds the model; called by Ray Data with one chunk at a time."""

    def __init__(self, settings: ExtractSettings, folder: Path) -> None:
        self.extractor: Optional[Extractor] = None
        self.error = ""
        try:
            self.extractor = Extractor(settings, folder)
        except (OSError, ValueError) as error:
            self.error = str(error)

    def __call__(self, batch: Dict[str, Any]) -> Dict[str, Any]:
        """RETURNS (Dict[str, Any]): counts of the chunk, or why the run can't go on."""
        (line,) = batch["chunk"]
        counts: Counts = {}
        if self.extractor is not None:
            try:
                counts = self.extractor.extract(Chunk.from_json(str(line)))
            except (OSError, ValueError) as error:
                self.error = str(error)
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

    ray (Any): of `import_ray`.
    n_process (int): most actors.
    RAISES (RunError): if it does not start.
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
        except Exception as error:  # Ray gives itself 30 s, too few on a busy machine
            ray.shutdown()
            if is_last:
                raise RunError(f"Ray can't be started here: {error}") from error


def _make_absolute(settings: ExtractSettings) -> ExtractSettings:
    """Actors run in folders of their own."""
    root = os.path.abspath(settings.root)
    names = ("model", "entities_from", "code")
    paths = {name: getattr(settings, name) for name in names}
    found = {k: os.path.join(root, v) for k, v in paths.items() if v is not None}
    # each actor sees the GPU that Ray gives it, as number 0
    gpu_id = min(settings.gpu_id, 0)
    changes: Dict[str, Any] = {"root": root, "gpu_id": gpu_id, **found}
    return replace(settings, **changes)

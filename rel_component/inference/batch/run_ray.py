"""Chunks on a cluster: Ray Data hands them to actors that each hold the model.

Actors write the parts themselves, as processes of one machine do, so the folder of the
output and the files of the input have to be on storage that all nodes share. What comes
back through Ray is counts. An actor that dies is started again by Ray and gets its chunk
again; what the chunk knows of its crashes stands in the folder.
"""

import os
from dataclasses import replace
from pathlib import Path
from typing import Any, Dict, Iterator, Optional

from .extractor import Counts, Extractor, RunError
from .plan import Chunk
from .settings import Settings

# chunks that are handed over in one round: the plan is not held in memory
ROUND = 100_000
QUIET = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0"}


def run_ray(
    chunks: Iterator[Chunk],
    settings: Settings,
    folder: Path,
    n_process: int,
    address: Optional[str] = None,
) -> Iterator[Counts]:
    """Extract chunks with Ray Data.

    chunks (Iterator[Chunk]): taken round by round.
    settings (Settings): of the run; names of inputs are made absolute.
    folder (Path): of the output.
    n_process (int): most actors; there are fewer if there is less to do.
    address (Optional[str]): of a cluster; None starts one on this machine.
    YIELDS (Dict[str, Any]): counts of each chunk as it is done.
    RAISES (RunError): if the run can't go on.
    """
    ray = _import_ray()
    root = os.path.abspath(settings.root)
    settings = replace(
        settings,
        root=root,
        model=os.path.join(root, settings.model),
        **{
            name: os.path.join(root, value)
            for name in ("entities_from", "code")
            if (value := getattr(settings, name)) is not None
        },
    )
    is_ours = not ray.is_initialized()
    if is_ours:
        _connect(ray, address, n_process)
    try:
        yield from _run(ray, chunks, settings, folder, n_process)
    finally:
        if is_ours:
            ray.shutdown()

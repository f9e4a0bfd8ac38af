"""What Prometheus is told."""

import os
from pathlib import Path
from typing import Any

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

# prometheus_client reads it when it is imported: a folder that all workers write into
SHARED = "PROMETHEUS_MULTIPROC_DIR"
SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256)


class Metrics:
    """Counts of one app; those of several workers are added up."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        options: Any = {"registry": self.registry, "namespace": "rel_component"}
        self._requests = Counter(
            "requests", "Requests answered.", ["path", "status"], **options
        )
        self._seconds = Histogram(
            "request_seconds", "Time to answer.", ["path"], buckets=SECONDS, **options
        )
        self._refused = Counter(
            "refused", "Requests refused, by reason.", ["reason"], **options
        )
        self._texts = Histogram(
            "batch_texts",
            "Texts that the model got at one time.",
            buckets=SIZES,
            **options,
        )
        self._batch_seconds = Histogram(
            "batch_seconds",
            "Time of the model for a batch.",
            buckets=SECONDS,
            **options,
        )
        self.waiting = Gauge(
            "waiting_texts",
            "Texts that wait for the model.",
            multiprocess_mode="livesum",
            **options,
        )
        if SHARED not in os.environ:
            ProcessCollector(registry=self.registry)

    def observe_request(self, path: str, status: int, seconds: float) -> None:
        """Count a request; path is that of the route, of which there are few."""
        self._requests.labels(path, str(status)).inc()
        self._seconds.labels(path).observe(seconds)

    def observe_refusal(self, reason: str) -> None:
        """Count a request that had no result."""
        self._refused.labels(reason).inc()

    def observe_batch(self, texts: int, seconds: float) -> None:
        """Count a run of the model."""
        self._texts.observe(texts)
        self._batch_seconds.observe(seconds)

    def render(self) -> bytes:
        """RETURNS (bytes): all counts, in Prometheus' text format."""
        if SHARED not in os.environ:
            return generate_latest(self.registry)
        _forget_dead_workers(Path(os.environ[SHARED]))
        together = CollectorRegistry()
        MultiProcessCollector(together)
        return generate_latest(together)


def _forget_dead_workers(folder: Path) -> None:
    """A killed worker has no more waiting texts."""
    for path in folder.glob("gauge_live*_*.db"):
        pid = int(path.stem.rpartition("_")[2])
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            mark_process_dead(pid, str(folder))
        except PermissionError:
            pass

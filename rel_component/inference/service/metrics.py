"""Prometheus metrics."""

from typing import Any

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256)


class Metrics:
    """Metrics of an app."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        options: Any = {"registry": self.registry, "namespace": "rel_component"}
        self._requests = Counter(
            "requests", "Answered requests.", ["path", "status"], **options
        )
        self._seconds = Histogram(
            "request_seconds", "Response time.", ["path"], buckets=SECONDS, **options
        )
        self._refused = Counter(
            "refused", "Rejected requests, by reason.", ["reason"], **options
        )
        self._texts = Histogram(
            "batch_texts",
            "Texts per batch.",
            buckets=SIZES,
            **options,
        )
        self._batch_seconds = Histogram(
            "batch_seconds",
            "Time per batch.",
            buckets=SECONDS,
            **options,
        )
        self._model_ends = Counter("model_ends", "Restarts of the model.", **options)
        self.waiting = Gauge("waiting_texts", "Texts waiting for the model.", **options)
        ProcessCollector(registry=self.registry)

    def observe_request(self, path: str, status: int, seconds: float) -> None:
        """Count a request; the path is the route's, so that there are only a few."""
        self._requests.labels(path, str(status)).inc()
        self._seconds.labels(path).observe(seconds)

    def observe_refusal(self, reason: str) -> None:
        """Count a rejected request or a closed connection."""
        self._refused.labels(reason).inc()

    def observe_batch(self, texts: int, seconds: float) -> None:
        """Count a batch."""
        self._texts.observe(texts)
        self._batch_seconds.observe(seconds)

    def observe_model_end(self) -> None:
        """Count a restart of the model."""
        self._model_ends.inc()

    def render(self) -> bytes:
        """RETURNS (bytes): all metrics, in Prometheus' text format."""
        return generate_latest(self.registry)

"""Limit idle and slow connections, in number and time.

uvicorn has no timeout for request headers or for clients that don't read the response,
and its limit on connections also rejects requests.
"""

import asyncio
import logging
from typing import Any, Dict, Sequence, Type

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from .logs import log
from .metrics import Metrics
from .settings import ServiceSettings

# maximum bytes of request headers, and maximum pipelined requests
MAX_HEAD = 64_000
MAX_PIPELINE = 16
FULL = (
    b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\nconnection: close\r\n"
    b"content-length: 0\r\n\r\n"
)


class Connections:
    """The connections of a server.

    settings (ServiceSettings): limits on connections and idle time.
    metrics (Metrics): the metrics to update.
    """

    def __init__(self, settings: ServiceSettings, metrics: Metrics) -> None:
        self.settings = settings
        self.metrics = metrics
        # without a request in progress, the longest idle first
        self.silent: Dict[GuardedProtocol, None] = {}
        self._closed: Dict[str, int] = {}

    def make_protocol(self) -> Type["GuardedProtocol"]:
        """RETURNS (Type[GuardedProtocol]): for uvicorn's option `http`."""
        return type("Protocol", (GuardedProtocol,), {"guard": self})

    def note(self, reason: str) -> None:
        """Count a closed connection; logged at most once per second."""
        self.metrics.observe_refusal(reason)
        if not self._closed:
            asyncio.get_running_loop().call_later(1.0, self._log)
        self._closed[reason] = self._closed.get(reason, 0) + 1

    def _log(self) -> None:
        log("connections closed", logging.WARNING, **self._closed)
        self._closed = {}


class GuardedProtocol(HttpToolsProtocol):
    """One connection."""

    guard: Connections
    _timer: Any = None
    _head_size = 0
    # requests to be answered, of which uvicorn only stores the last one
    _cycles: Sequence[Any] = ()

    def connection_made(self, transport: Any) -> None:
        """Close the longest idle connection if there are too many."""
        super().connection_made(transport)
        if len(self.connections) > self.guard.settings.max_connections:
            if not self.guard.silent:
                transport.write(FULL)
                self._close("connections")
                return
            next(iter(self.guard.silent))._close("connections")
        self._expect_head()

    def data_received(self, data: bytes) -> None:
        """Reject headers that are too long."""
        super().data_received(data)
        if self in self.guard.silent:
            self._head_size += len(data)
            if self._head_size > MAX_HEAD:
                self._close("head")

    def on_headers_complete(self) -> None:
        """Start a request."""
        self._cancel()
        super().on_headers_complete()
        open_ = [cycle for cycle in self._cycles if not cycle.response_complete]
        self._cycles = [*open_, self.cycle]
        if len(self.pipeline) > MAX_PIPELINE:
            raise ValueError("too many pipelined requests")  # answered with 400

    def on_response_complete(self) -> None:
        """Finish a request."""
        super().on_response_complete()
        if self.transport.is_closing():
            self._wait("unread")
        elif self.cycle.response_complete:
            self._expect_head()

    def timeout_keep_alive_handler(self) -> None:
        """Also close the connection if the client doesn't read the response."""
        super().timeout_keep_alive_handler()
        self._wait("unread")

    def shutdown(self) -> None:
        """Close the connection on shutdown."""
        super().shutdown()
        if self.transport.is_closing():
            self._wait("unread")

    def pause_writing(self) -> None:
        """Start the timeout when the client reads too slowly."""
        super().pause_writing()
        self._wait("unread")

    def resume_writing(self) -> None:
        """Stop the timeout when the client has read enough."""
        super().resume_writing()
        self._cancel()

    def connection_lost(self, exc: Any) -> None:
        """Clean up after the connection was closed."""
        self._cancel()
        self._drop_answers()
        super().connection_lost(exc)

    def _drop_answers(self) -> None:
        """Drop unfinished responses, since writing them would raise errors."""
        for cycle in self._cycles:
            cycle.disconnected = True
            cycle.message_event.set()
        self._cycles = ()

    def _expect_head(self) -> None:
        self._head_size = 0
        self._wait("silent")
        self.guard.silent[self] = None

    def _wait(self, reason: str) -> None:
        self._cancel()
        settings = self.guard.settings
        silent = reason == "silent"
        seconds = settings.header_timeout if silent else settings.timeout
        self._timer = self.loop.call_later(seconds, self._close, reason)

    def _cancel(self) -> None:
        self.guard.silent.pop(self, None)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _close(self, reason: str) -> None:
        self._cancel()
        self.guard.note(reason)
        if reason == "connections" and self.cycle is None:
            self.transport.close()
        else:
            self._drop_answers()
            self.transport.abort()

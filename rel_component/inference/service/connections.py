"""Connections that say nothing, or never end: bounded in number and in time.

uvicorn waits for the head of a request for ever, keeps a connection whose client does
not read, and has no limit of connections that does not refuse requests too.
"""

import asyncio
import logging
from typing import Any, Dict, Sequence, Type

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from .logs import log
from .metrics import Metrics
from .settings import ServiceSettings

# bytes of the head of a request, and requests that are sent without waiting for answers
MAX_HEAD = 64_000
MAX_PIPELINE = 16
FULL = (
    b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\nconnection: close\r\n"
    b"content-length: 0\r\n\r\n"
)


class Connections:
    """Those of one server.

    settings (ServiceSettings): how many there may be, and how long they may be silent.
    metrics (Metrics): what is counted.
    """

    def __init__(self, settings: ServiceSettings, metrics: Metrics) -> None:
        self.settings = settings
        self.metrics = metrics
        # without a request in progress; the longest silent first
        self.silent: Dict[GuardedProtocol, None] = {}
        self._closed: Dict[str, int] = {}

    def make_protocol(self) -> Type["GuardedProtocol"]:
        """RETURNS (Type[GuardedProtocol]): for the option `http` of uvicorn."""
        return type("Protocol", (GuardedProtocol,), {"guard": self})

    def note(self, reason: str) -> None:
        """Count a connection that was closed; the log says so once a second."""
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
    # requests that are read and not answered yet: uvicorn remembers the last of them
    _cycles: Sequence[Any] = ()

    def connection_made(self, transport: Any) -> None:
        """Take the place of the one that has been silent longest, if need be."""
        super().connection_made(transport)
        if len(self.connections) > self.guard.settings.max_connections:
            if not self.guard.silent:
                transport.write(FULL)
                self._close("connections")
                return
            next(iter(self.guard.silent))._close("connections")
        self._expect_head()

    def data_received(self, data: bytes) -> None:
        """Refuse a head that does not end."""
        super().data_received(data)
        if self in self.guard.silent:
            self._head_size += len(data)
            if self._head_size > MAX_HEAD:
                self._close("head")

    def on_headers_complete(self) -> None:
        """A request begins."""
        self._cancel()
        super().on_headers_complete()
        open_ = [cycle for cycle in self._cycles if not cycle.response_complete]
        self._cycles = [*open_, self.cycle]
        if len(self.pipeline) > MAX_PIPELINE:
            raise ValueError("too many requests at one time")  # answered with 400

    def on_response_complete(self) -> None:
        """A request is done."""
        super().on_response_complete()
        if self.transport.is_closing():
            self._wait("unread")
        elif self.cycle.response_complete:
            self._expect_head()

    def timeout_keep_alive_handler(self) -> None:
        """A client that does not read its answer would keep the connection."""
        super().timeout_keep_alive_handler()
        self._wait("unread")

    def shutdown(self) -> None:
        """The server ends."""
        super().shutdown()
        if self.transport.is_closing():
            self._wait("unread")

    def pause_writing(self) -> None:
        """The client does not read as fast as it is answered."""
        super().pause_writing()
        self._wait("unread")

    def resume_writing(self) -> None:
        """It does again."""
        super().resume_writing()
        self._cancel()

    def connection_lost(self, exc: Any) -> None:
        """It is closed."""
        self._cancel()
        self._drop_answers()
        super().connection_lost(exc)

    def _drop_answers(self) -> None:
        """Else what is left of them is written, which is an error each time."""
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

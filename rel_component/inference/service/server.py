"""The service on a port of this machine."""

import errno
import logging
import os
import socket
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Callable, List

import uvicorn
from fastapi import FastAPI

from .app import create_app
from .connections import Connections
from .logs import get_log_config, log
from .service import Service
from .settings import ServiceSettings

LOCAL = ("127.0.0.1", "::1", "localhost")
# files that are open beside connections
OTHER_FILES = 100
REASONS = {
    errno.EADDRINUSE: "something else listens on it already; choose another --port",
    errno.EACCES: "this user may not listen on it; choose a --port above 1023",
    errno.EADDRNOTAVAIL: "no --host of this machine has this address",
}


def listen(host: str, port: int) -> List[socket.socket]:
    """Reserve a port, before anything slow is done.

    host (str): name or address of this machine.
    port (int): 0 for any that is free.
    RETURNS (List[socket.socket]): one for each address of the host.
    RAISES (ValueError): if it can't be had.
    """
    listeners: List[socket.socket] = []
    try:
        found = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        for family, _, _, _, address in dict.fromkeys(found[: None if port else 1]):
            listener = socket.socket(family, socket.SOCK_STREAM)
            listeners.append(listener)
            if os.name == "posix":  # what it does elsewhere is to share the port
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            listener.bind(address)
    except socket.gaierror as error:
        raise ValueError(f"--host {host}: {error.strerror}.") from None
    except OSError as error:
        for listener in listeners:
            listener.close()
        reason = REASONS.get(error.errno or 0, error.strerror)
        raise ValueError(f"Can't listen on {host}:{port}: {reason}.") from None
    return listeners


def serve(
    model: Path,
    settings: ServiceSettings,
    host: str,
    port: int,
    extend: Callable[[FastAPI], Any] = lambda app: None,
) -> None:
    """Answer requests until the process is told to end.

    model (Path): folder of a pipeline with a relation extractor.
    settings (ServiceSettings): the limits.
    host (str): name or address of this machine to listen on.
    port (int): 0 for any that is free.
    extend (Callable[[FastAPI], Any]): adds routes to the app.
    RAISES (ValueError): if the port can't be had, or the pipeline can't be loaded.
    """
    with ExitStack() as stack:
        listeners = listen(host, port)
        for listener in listeners:
            stack.enter_context(listener)
        app = create_app(model, settings)
        extend(app)
        _run(app, listeners)


def _run(app: FastAPI, listeners: List[socket.socket]) -> None:
    service: Service = app.state.service
    settings = service.settings
    options: Any = {
        "http": Connections(settings, service.metrics).make_protocol(),
        "log_config": get_log_config(),
        "access_log": False,
        "server_header": False,
        "ws": "none",
        "timeout_graceful_shutdown": max(1, int(settings.shutdown_timeout)),
        # more than requests that are taken, to refuse those kindly
        "backlog": 2 * settings.max_requests,
    }
    server = _Server(uvicorn.Config(app, **options))  # from here on there is a log
    _allow_files(settings.max_connections + OTHER_FILES)
    server.run(sockets=listeners)


class _Server(uvicorn.Server):
    async def startup(self, sockets: Any = None) -> None:
        await super().startup(sockets)
        for listener in sockets or ():
            host, port = listener.getsockname()[:2]
            host = f"[{host}]" if ":" in host else host
            log(f"listening on http://{host}:{port}")


def _allow_files(wanted: int) -> None:
    """Each connection is an open file, of which there are 1,024 by default."""
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return
    most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    if most < wanted:
        log(
            "few files may be open: raise the limit (ulimit -n), or lower "
            "REL_COMPONENT_MAX_CONNECTIONS",
            logging.WARNING,
            found=most,
            expected=wanted,
        )

"""Run the service on a port."""

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
# open files in addition to connections
OTHER_FILES = 100
REASONS = {
    errno.EADDRINUSE: "the port is already in use; choose another --port",
    errno.EACCES: "permission denied; choose a --port above 1023",
    errno.EADDRNOTAVAIL: "this machine has no such address; choose another --host",
}


def listen(host: str, port: int) -> List[socket.socket]:
    """Open a port, before loading the model.

    host (str): name or address of this machine.
    port (int): the port; 0 for any free port.
    RETURNS (List[socket.socket]): a socket per address of the host.
    RAISES (ValueError): if the port can't be used.
    """
    listeners: List[socket.socket] = []
    try:
        found = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        for family, _, _, _, address in dict.fromkeys(found[: None if port else 1]):
            listener = socket.socket(family, socket.SOCK_STREAM)
            listeners.append(listener)
            if os.name == "posix":  # on Windows, this would share the port
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
    """Serve requests until the process is interrupted or terminated.

    model (Path): folder of a pipeline with a relation extractor.
    settings (ServiceSettings): the settings.
    host (str): name or address of this machine to listen on.
    port (int): the port; 0 for any free port.
    extend (Callable[[FastAPI], Any]): adds routes to the app.
    RAISES (ValueError): if the port can't be used, or the pipeline can't be loaded.
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
        # more than max_requests, so that further requests get a response
        "backlog": 2 * settings.max_requests,
    }
    server = _Server(uvicorn.Config(app, **options))  # configures logging
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
    """Raise the limit of open files, often 1,024, since each connection is one."""
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

"""The service on a free port of this machine, in a thread."""

import socket
import threading
import time
from contextlib import contextmanager

import httpx
import uvicorn


def wait_until(condition, seconds=120):
    """Wait for something that happens elsewhere, and not for ever."""
    latest = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < latest, f"not within {seconds} s"
        time.sleep(0.02)


@contextmanager
def run_until_stopped(app, **options):
    """YIELDS (Tuple[str, int]): host and port."""
    listener = socket.create_server(("127.0.0.1", 0))
    options = {"log_config": None, "access_log": False, "ws": "none", **options}
    server = uvicorn.Server(uvicorn.Config(app, **options))
    # a daemon: one that hangs must not keep the tests from ending
    thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
    thread.start()
    try:
        wait_until(lambda: server.started or not thread.is_alive())
        assert server.started
        yield listener.getsockname()
    finally:
        server.should_exit = True
        thread.join(120)
        listener.close()
        assert not thread.is_alive()


@contextmanager
def run_server(app):
    """YIELDS (str): the address."""
    with run_until_stopped(app) as (host, port):
        yield f"http://{host}:{port}"


@contextmanager
def run_client(app):
    """YIELDS (httpx.Client): of an app that runs."""
    with run_server(app) as url:
        with httpx.Client(base_url=url, trust_env=False, timeout=300) as client:
            yield client

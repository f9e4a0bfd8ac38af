"""Connections that say nothing, say it slowly, or don't listen are closed."""

import socket
import struct
import threading
import time

import httpx
import pytest
import spacy
import uvicorn

from rel_component.inference.service import ServiceSettings, create_app
from rel_component.inference.service.connections import MAX_PIPELINE
from rel_component.inference.service.server import Connections, listen

from .conftest import TEXT
from .server import run_until_stopped

SECONDS = 0.5
HEAD = b"GET /health HTTP/1.1\r\nHost: a\r\n"
BODY = b'{"documents":[{"text":"%b"}]}' % TEXT.encode()


@pytest.fixture(scope="module")
def address(model):
    settings = ServiceSettings(
        header_timeout=SECONDS, timeout=SECONDS * 4, max_connections=20
    )
    app = create_app(spacy.load(model), settings)
    guard = Connections(settings, app.state.service.metrics)
    with run_until_stopped(app, http=guard.make_protocol()) as address:
        yield address


def connect(address, data=b""):
    connection = socket.create_connection(address, 60)
    connection.sendall(data)
    return connection


def is_closed(connection, seconds=30):
    """Whether the server closes a connection that only waits."""
    connection.settimeout(seconds)
    try:
        while connection.recv(65536):
            pass
    except ConnectionResetError:
        pass
    except TimeoutError:
        return False
    return True


def is_well(address):
    url = "http://{}:{}/health".format(*address)
    return httpx.get(url, trust_env=False, timeout=30).status_code == 200


def count(address, reason):
    url = "http://{}:{}/metrics".format(*address)
    for line in httpx.get(url, trust_env=False, timeout=30).text.splitlines():
        if line.startswith(f'rel_component_refused_total{{reason="{reason}"}}'):
            return float(line.rpartition(" ")[2])
    return 0.0


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"GET /hea",
        HEAD,
        HEAD + b"\r\n",  # a whole request, and then nothing more
        HEAD + b"Content-Length: 9\r\n\r\n",  # a body that never comes, nor is needed
    ],
)
def test_idle_connections_are_closed(address, data):
    begun = time.monotonic()
    with connect(address, data) as connection:
        assert is_closed(connection)
    assert time.monotonic() - begun > SECONDS * 0.9
    assert is_well(address)


def test_slow_headers_time_out(address):
    with connect(address, HEAD) as connection:
        with pytest.raises(OSError):
            for _ in range(200):
                connection.sendall(b"a: b\r\n")
                time.sleep(SECONDS / 10)
    assert is_well(address)


def test_endless_headers_are_rejected(address):
    with connect(address, HEAD) as connection:
        with pytest.raises(OSError):
            for _ in range(200):
                connection.sendall(b"a: " + b"b" * 8000 + b"\r\n")
                time.sleep(0.001)
    assert count(address, "head") == 1


def test_too_many_pipelined_requests_are_rejected(address):
    with connect(address, (HEAD + b"\r\n") * (MAX_PIPELINE + 5)) as connection:
        assert is_closed(connection)
    with connect(address, (HEAD + b"\r\n") * 3) as connection:
        connection.settimeout(30)
        found = b""
        while found.count(b'{"status":"ok"}') < 3:
            found += connection.recv(65536)


def test_new_connections_replace_idle_ones(address, caplog):
    before = count(address, "connections")
    with caplog.at_level("WARNING", "rel_component.service"):
        connections = [connect(address) for _ in range(40)]
        assert is_well(address)
        # the first ones had to go at once, those after them later
        assert is_closed(connections[0], 5)
        for connection in connections:
            assert is_closed(connection)
            connection.close()
        assert count(address, "connections") - before >= 20
        time.sleep(1.2)
    lines = [x.fields for x in caplog.records if x.message == "connections closed"]
    assert any("connections" in line for line in lines) and len(lines) <= 10


def make_large_request():
    """Its answer has some hundreds of kilobytes."""
    head = b"POST /extract HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
    text = "Ann Acme " * 30
    body = b'{"documents":[{"text":"%b"}],"all_scores":true}' % text.encode()
    return head + b"Content-Length: %d\r\n\r\n" % len(body) + body


def test_clients_that_do_not_read_are_disconnected(address):
    request = make_large_request()
    connection = socket.socket()
    connection.settimeout(60)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.connect(address)
    stopped = threading.Event()

    def send():
        try:
            while not stopped.wait(0.01):
                connection.sendall(request)
        except OSError:
            stopped.set()

    thread = threading.Thread(target=send, daemon=True)
    thread.start()
    is_stopped = stopped.wait(60)
    stopped.set()
    connection.close()
    thread.join(60)
    assert is_stopped, "it is still answered"
    assert is_well(address)


def test_disconnects_are_not_errors(address, caplog):
    """Also with several requests in progress, whose answers are not read."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.connect(address)
    connection.sendall(make_large_request() * (MAX_PIPELINE - 1))
    time.sleep(1)  # an answer is being written
    with caplog.at_level("INFO"):
        connection.close()
        time.sleep(0.5)
        assert is_well(address)
    assert [x for x in caplog.records if x.levelname == "ERROR"] == []


def test_port_is_opened_before_loading_the_model():
    (listener,) = listen("127.0.0.1", 0)
    listener.listen()
    port = listener.getsockname()[1]
    with pytest.raises(ValueError, match=f":{port}: the port is already in use"):
        listen("127.0.0.1", port)
    with pytest.raises(ValueError, match=r"--host no\.such\.host\.invalid: "):
        listen("no.such.host.invalid", 0)
    with pytest.raises(ValueError, match="this machine has no such address"):
        listen("192.0.2.1", 0)
    listener.close()


def test_overridden_attributes_exist_in_uvicorn():
    """The names of its protocol on which connections.py depends."""
    from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol as Protocol
    from uvicorn.protocols.http.httptools_impl import RequestResponseCycle as Cycle

    config = uvicorn.Config(lambda *_: None, log_config=None)
    config.load()
    state = uvicorn.server.ServerState()
    protocol = Protocol(config, state, {}, object())
    for name in ("cycle", "pipeline", "connections", "transport", "loop"):
        assert hasattr(protocol, name)
    for name in ("disconnected", "message_event", "response_complete"):
        assert name in Cycle.__init__.__code__.co_names

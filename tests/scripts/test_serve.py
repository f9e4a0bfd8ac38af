"""The service as it is started: the command, its workers, its container."""

import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress

import httpx
import pytest
import spacy
import srsly

from tests.paths import ROOT

from ..inference.service.conftest import TEXT, model  # noqa: F401
from ..script_runner import load_script


def find_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


class Server:
    """A command that serves on a port, with what it logs."""

    def __init__(self, command, port, **options):
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self.process = subprocess.Popen(
            command, stderr=subprocess.PIPE, text=True, encoding="utf8", **options
        )
        self.lines = []
        self._news = threading.Condition()
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for line in self.process.stderr:
            with self._news:
                self.lines.append(line)
                self._news.notify_all()
        with self._news:
            self.lines.append("")
            self._news.notify_all()

    def wait_for(self, found, seconds=500):
        """The log lines that fit, when there are enough of them."""
        with self._news:
            is_there = self._news.wait_for(lambda: found(self.logs), seconds)
        assert is_there, "".join(self.lines)
        return found(self.logs)

    @property
    def logs(self):
        return [json.loads(line) for line in self.lines if line.startswith("{")]

    def wait_for_messages(self, text, count=1):
        def find(logs):
            fitting = [log for log in logs if log["message"] == text]
            return fitting if len(fitting) >= count else None

        return self.wait_for(find)

    def get(self, path, **options):
        return httpx.get(self.url + path, trust_env=False, timeout=60, **options)

    def predict(self, text=TEXT):
        body = {"chunks": [text]}
        url = f"{self.url}/predict"
        return httpx.post(url, json=body, trust_env=False, timeout=300)


@contextmanager
def run_server(command, port, **options):
    server = Server(command, port, **options)
    try:
        yield server
    finally:
        processes = [pid for log in server.logs for pid in log.get("processes", ())]
        server.process.terminate()
        try:
            server.process.wait(120)
        except subprocess.TimeoutExpired:
            server.process.kill()
            server.process.wait(60)
            for pid in processes:  # those that a test has stopped do not see the end
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            raise AssertionError("".join(server.lines)) from None
        finally:
            server.reader.join(60)
            # to close what another thread reads is to wait for it
            if not server.reader.is_alive():
                server.process.stderr.close()


def serve(model, *options):  # noqa: F811
    port = find_port()
    command = [sys.executable, str(ROOT / "scripts/serve.py"), str(model)]
    return run_server([*command, "--port", str(port), *options], port, cwd="/")


@pytest.fixture(scope="module")
def server(model):  # noqa: F811
    with serve(model, "--workers", "2") as server:
        yield server


def test_killed_process_is_restarted_without_failed_requests(server):
    (ready,) = server.wait_for_messages("ready")
    first, second = ready["processes"]
    os.kill(first, signal.SIGKILL)  # while it has nothing to do
    begun = time.monotonic()
    server.wait_for_messages("restarting the model: its process ended")
    assert time.monotonic() - begun < 3
    server.wait_for_messages("the model is loaded again")
    os.kill(second, signal.SIGSTOP)
    with ThreadPoolExecutor() as pool:
        # more than one process takes at a time: the other has some of them
        waiting = [pool.submit(server.predict) for _ in range(8)]
        time.sleep(0.5)
        os.kill(second, signal.SIGKILL)  # while it may have something to do
        for answer in waiting:
            assert len(answer.result().json()) == 1
    server.wait_for_messages("the model is loaded again", 2)
    counts = server.get("/metrics").text
    assert "rel_component_model_ends_total 2.0" in counts
    assert 'requests_total{path="/predict",status="200"} 8.0' in counts
    # neither the addresses of clients, nor their texts
    lines = [line for line in server.lines if "listening on" not in line]
    assert all("127.0.0.1" not in x and "Ann" not in x for x in lines)


def test_shutdown_does_not_wait_for_the_model(server):
    (ready,) = server.wait_for_messages("ready")
    again = [x["process"] for x in server.logs if "loaded again" in x["message"]]
    for pid in again:
        os.kill(pid, signal.SIGSTOP)
    silent = socket.create_connection(("127.0.0.1", server.port), 300)
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(server.predict)
        time.sleep(0.5)
        begun = time.monotonic()
        server.process.terminate()
        assert server.process.wait(30) in (0, -signal.SIGTERM)
        assert time.monotonic() - begun < 10
        error = waiting.exception()
        assert isinstance(error, httpx.HTTPError) or waiting.result().is_error
    silent.close()
    for pid in (*ready["processes"], *again):
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_used_port_is_reported_before_loading_the_model(model):  # noqa: F811
    run = load_script("serve")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        output = run("no/such/model", "--port", port, code=1)
    assert f"127.0.0.1:{port}: the port is already in use" in output
    assert "65535" in run(model, "--port", 70000, code=2)


# the container


def read_dockerfile(**arguments):
    """Its instructions, with the build arguments filled in."""
    text = (ROOT / "Dockerfile").read_text(encoding="utf8")
    text = re.sub(r"(?m)^#.*\n", "", text)
    steps = [line.split(" ", 1) for line in text.splitlines() if line]
    for name, value in steps:
        if name == "ARG":
            key, _, default = value.partition("=")
            arguments.setdefault(key, default)
    return [
        (name, re.sub(r"\$\{(\w+)\}", lambda x: arguments[x[1]], value))
        for name, value in steps
        if name != "ARG"
    ]


@pytest.fixture(scope="module")
def container(model, tmp_path_factory):  # noqa: F811
    """A folder in which the steps of the Dockerfile were done, without its network:
    the packages that are needed are those of this environment."""
    root = tmp_path_factory.mktemp("container")
    (root / "app").mkdir()
    for name, value in read_dockerfile(MODEL="MODEL"):
        if name == "COPY":
            *sources, target = value.split()
            for source in sources:
                copy(model if source == "MODEL" else ROOT / source, root, target)
        elif name == "RUN" and value.startswith("pip install"):
            command = shlex.split(value.replace("[service]", ""))
            options = ["--no-deps", "--no-build-isolation", "--target", root / "site"]
            done = subprocess.run(
                [sys.executable, "-m", *command, *options],
                cwd=root / "app",
                capture_output=True,
                text=True,
            )
            assert done.returncode == 0, done.stderr
    return root


def copy(source, root, target):
    path = root / target.strip("/") if target.startswith("/") else root / "app" / target
    if source.is_dir():
        ignore = shutil.ignore_patterns("__pycache__")
        shutil.copytree(source, path, dirs_exist_ok=True, ignore=ignore)
    else:
        is_folder = target.endswith("/")
        (path if is_folder else path.parent).mkdir(parents=True, exist_ok=True)
        shutil.copy(source, path)


def test_container_serves_with_its_command(container):
    steps = dict(read_dockerfile())
    port = find_port()
    command = json.loads(steps["CMD"])
    health = json.loads(steps["HEALTHCHECK"].partition("CMD ")[2])
    command = [sys.executable, *(x.replace("8000", str(port)) for x in command[1:])]
    command[command.index("/model")] = str(container / "model")
    # only the host is another than in the container, whose addresses are its own
    command[command.index("0.0.0.0")] = "127.0.0.1"
    health = [sys.executable, *(x.replace("8000", str(port)) for x in health[1:])]
    assert subprocess.run(health, capture_output=True).returncode != 0
    environment = {**os.environ, "PYTHONPATH": str(container / "site")}
    options = {"cwd": container / "app", "env": environment}
    with run_server(command, port, **options) as server:
        server.wait_for_messages("ready")
        assert subprocess.run(health, capture_output=True).returncode == 0
        assert len(server.predict().json()) == 1
        assert "<!doctype html>" in server.get("/").text  # the page was installed
        server.process.terminate()
        assert server.process.wait(120) in (0, -signal.SIGTERM)
        messages = [log["message"] for log in server.logs]
        assert "stopped" in messages
        assert all("Ann" not in line for line in server.lines)


def test_container_does_not_run_as_root():
    steps = read_dockerfile()
    names = [name for name, _ in steps]
    user = dict(steps)["USER"]
    assert any(value.startswith("useradd") and user in value for _, value in steps)
    assert names.index("USER") < names.index("CMD")
    assert names.count("RUN") == 2  # those that the tests know of


def test_copied_files_are_not_ignored():
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    allowed = {line[1:] for line in lines if line.startswith("!")}
    for name, value in read_dockerfile():
        if name == "COPY":
            for source in value.split()[:-1]:
                assert any(source == x or source.startswith(f"{x}/") for x in allowed)
                assert (ROOT / source).exists()


# the command's words


def test_error_messages(tmp_path, model, monkeypatch):  # noqa: F811
    run = load_script("serve")
    assert "doesn't exist" in run(tmp_path / "nothing", code=1)
    assert "max_texts is 0; expected more" in run(model, "--max-texts", 0, code=1)
    monkeypatch.setenv("REL_COMPONENT_TIMEOUT", "soon")
    assert "REL_COMPONENT_TIMEOUT is 'soon'" in run(model, code=1)
    monkeypatch.delenv("REL_COMPONENT_TIMEOUT")
    spacy.blank("en").to_disk(tmp_path / "blank")
    assert "has no relation extractor" in run(tmp_path / "blank", code=1)


def test_missing_package(model, monkeypatch):  # noqa: F811
    name = "rel_component.inference.service.server"
    monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    output = load_script("serve")(model, code=1)
    assert "needs the package uvicorn" in output
    assert "pip install -e '.[service]'" in output


def test_defaults_are_safe(model, monkeypatch):  # noqa: F811
    from rel_component.inference.service import server

    calls = []
    monkeypatch.setattr(server, "serve", lambda *arguments: calls.append(arguments))
    run = load_script("serve")
    output = run(model)
    assert calls[0][2:4] == ("127.0.0.1", 8000)
    assert "can use the service" not in output
    output = run(model, "--host", "0.0.0.0")
    assert "REL_COMPONENT_API_KEY is not set" in output


def test_project_serves_the_joint_model():
    project = srsly.read_yaml(ROOT / "project.yml")
    (command,) = [x for x in project["commands"] if x["name"] == "serve"]
    (script,) = command["script"]
    words = shlex.split(script)
    assert words[:2] == ["python", "scripts/serve.py"]
    assert command["deps"] == ["${vars.joint_model}"]
    assert project["vars"]["joint_model"] == "${vars.training}/joint/model-best"

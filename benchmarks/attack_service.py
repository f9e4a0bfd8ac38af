"""Attacks on a running service, on this machine and bounded: what is answered, how long
that takes, how long /health waits meanwhile, how much memory it needs.

    python benchmarks/attack_service.py training/joint/model-best

The exit code is 1 if /health waits for more than 200 ms, memory is not given back, or
anything but an honest 503 is a 5xx.
"""

import asyncio
import json
import multiprocessing
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Awaitable, Callable, Dict, Iterator, List, NamedTuple, Optional

import typer
from _figures import record
from wasabi import msg

ROOT = Path(__file__).parent.parent
MAX_BODY = 2_000_000
N = 200_000
# seconds between two looks at /health, and that it may take
PAUSE = 0.02
MAX_HEALTH = 0.2
# memory that may be held after an attack beyond what was held before all, as a share
MAX_GROWTH = 0.5

Attack = Callable[["Target"], Awaitable[None]]


class Target:
    """The service, and what it answered to one attack."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.statuses: Counter = Counter()
        self.slowest = 0.0

    async def post(self, path: str, body: bytes) -> None:
        """Send a request and note its answer."""
        head = (
            f"POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        begun = time.perf_counter()
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
            try:
                writer.write(head.encode() + body)
                line = (await reader.readline()).split()
                status = line[1].decode() if len(line) > 1 else "closed"
                while await reader.read(1 << 20):
                    pass
            finally:
                writer.close()
        except OSError:
            status = "closed"
        self.statuses[status] += 1
        self.slowest = max(self.slowest, time.perf_counter() - begun)

    async def hold(self, data: bytes, seconds: float, drip: bytes = b"") -> None:
        """Open a connection and keep it, reading nothing."""
        begun = time.perf_counter()
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
            writer.write(data)
            while time.perf_counter() - begun < seconds and not reader.at_eof():
                await asyncio.sleep(1)
                writer.write(drip)
                await writer.drain()
            writer.close()
            self.statuses["closed" if reader.at_eof() else "held"] += 1
        except OSError:
            self.statuses["closed"] += 1


def predict(text: str) -> bytes:
    return json.dumps({"chunks": [text]}, ensure_ascii=False).encode()


def fill(start: bytes, item: bytes, end: bytes) -> bytes:
    """RETURNS (bytes): a body that is as large as may be."""
    n = (MAX_BODY - len(start) - len(end)) // len(item) - 1
    return start + item * n + item.rstrip(b",") + end


def give(n_texts: int, n_entities: int, **options: Any) -> bytes:
    """RETURNS (bytes): texts with many entities given."""
    entities = [{"start": i, "end": i + 1, "label": "A"} for i in range(n_entities)]
    document = {"text": "a " * n_entities, "entities": entities}
    request = {"documents": [document] * n_texts, **options}
    return json.dumps(request, separators=(",", ":")).encode()


def send(*bodies: bytes, path: str = "/predict", at_once: int = 1) -> Attack:
    """Requests, each so many times at once."""

    async def attack(target: Target) -> None:
        for body in bodies:
            await asyncio.gather(*(target.post(path, body) for _ in range(at_once)))

    return attack


def hold(n: int, data: bytes, seconds: float = 15.0, drip: bytes = b"") -> Attack:
    """Connections that are kept."""

    async def attack(target: Target) -> None:
        await asyncio.gather(*(target.hold(data, seconds, drip) for _ in range(n)))

    return attack


HEAD = b"POST /extract HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
KEYS = b",".join(b'"%d":1' % i for i in range(100_000))
ROWS = b'{"chunks":["a"],"entities_list":['
ALL_SCORES = give(1, 200, all_scores=True)
TEXTS = {
    "brackets": "(" * N,
    "emoji": "😀" * N,
    "addresses": "http://a.b/" * (N // 11),
    "currency": "$" * N,
    "runs that differ": " ".join("$" * 300 + str(i) for i in range(N // 304)),
    "letters": "a" * N,
    "one-letter words": "a " * (N // 2),
    "blanks": " " * N,
    "lines": "\n" * N,
    "sentences": "We ask for 3 years of Java and a BSc in Physics. " * (N // 50),
    "entities": "3 years Java BSc Physics " * (N // 25),
}
ATTACKS: Dict[str, Attack] = {
    **{f"text: {name}": send(predict(text)) for name, text in TEXTS.items()},
    "texts: brackets, 8 at once": send(predict(TEXTS["brackets"]), at_once=8),
    "errors: numbers": send(fill(b'{"chunks":[', b"1,", b"]}"), at_once=8),
    "errors: empty lists": send(fill(ROWS, b"[],", b"]}"), at_once=8),
    "errors: objects": send(fill(b'{"chunks":[', b'{"":1},', b"]}"), at_once=8),
    "errors: keys": send(b'{"chunks":["a"],%b}' % KEYS, at_once=8),
    "errors: entities": send(fill(ROWS + b"[", b"[1,0,9],", b"]]}"), at_once=8),
    "errors: depth": send(b'{"chunks":' + b"[" * 1_000_000, at_once=8),
    "errors: digits": send(b'{"chunks":[' + b"9" * 1_000_000 + b"]}", at_once=8),
    "entities: 100 texts with 500": send(give(100, 500), path="/extract"),
    "scores: all of 200 entities": send(ALL_SCORES, path="/extract", at_once=8),
    "connections: 1,100 silent": hold(1100, b""),
    "connections: half a head": hold(300, b"GET /health HTTP/1.1\r\nHost:"),
    "connections: a head in drops": hold(100, HEAD, drip=b"a: b\r\n"),
    "connections: a body in drops": hold(
        100, HEAD + b"Content-Length: 99999\r\n\r\n", drip=b" "
    ),
    "connections: answers unread": hold(
        20, (HEAD + b"Content-Length: %d\r\n\r\n" % len(ALL_SCORES) + ALL_SCORES) * 4
    ),
    "connections: head without end": hold(20, HEAD, drip=b"a: " + b"b" * 500_000),
    "connections: 10,000 requests": hold(
        20, b"GET /health HTTP/1.1\r\nHost: a\r\n\r\n" * 10_000
    ),
}


class Look(NamedTuple):
    """What was seen during an attack: seconds, MB, and looks that failed."""

    slowest: float
    memory: float
    n_failed: int


def watch(port: int, pid: int, pipe: Any) -> None:
    """A process that looks at /health and the memory until it is told to say so."""
    looks: List[float] = []
    failed, memory = 0, 0.0
    while True:
        begun = time.perf_counter()
        try:
            with socket.create_connection(("127.0.0.1", port), 5) as connection:
                connection.sendall(b"GET /health HTTP/1.0\r\n\r\n")
                failed += not connection.recv(1000).startswith(b"HTTP/1.1 200")
        except OSError:
            failed += 1
        looks.append(time.perf_counter() - begun)
        memory = max(memory, read_memory(pid))
        if pipe.poll(PAUSE):
            if pipe.recv() is None:
                return
            pipe.send(Look(max(looks), memory, failed))
            looks, failed, memory = [], 0, 0.0


def list_family(pid: int) -> List[int]:
    """RETURNS (List[int]): a process and its children."""
    children = ""
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            children += path.read_text() + " "
        except OSError:  # it has ended
            continue
    return [pid, *(x for child in children.split() for x in list_family(int(child)))]


def read_memory(pid: int) -> float:
    """RETURNS (float): what a process and its children hold in memory, in MB."""
    total = 0
    for one in list_family(pid):
        try:
            text = Path(f"/proc/{one}/status").read_text()
        except OSError:  # it has ended
            continue
        total += int(found[1]) if (found := re.search(r"VmRSS:\s+(\d+)", text)) else 0
    return total / 1024


@contextmanager
def serve(model: Path, port: int, log: Path, *options: str) -> Iterator[Any]:
    """The service, with the 1,024 open files that are usual."""
    command = [sys.executable, str(ROOT / "scripts/serve.py"), str(model)]
    words = [*command, "--port", str(port), *options]
    shell = ["bash", "-c", 'ulimit -n 1024; exec "$@"', "serve", *words]
    with log.open("wb") as file:
        process = subprocess.Popen(shell, stderr=file, stdout=file)
    try:
        wait_for(log, "listening on", 300)
        yield process
    finally:
        process.terminate()
        process.wait(60)


def wait_for(log: Path, text: str, seconds: float, count: int = 1) -> float:
    """RETURNS (float): seconds until a line is in the log."""
    begun = time.perf_counter()
    while log.read_text(encoding="utf8").count(text) < count:
        if time.perf_counter() - begun > seconds:
            raise SystemExit(f"{text!r} is not in the log:\n{log.read_text()[-3000:]}")
        time.sleep(0.02)
    return time.perf_counter() - begun


def run_attacks(
    process: Any, port: int, chosen: Dict[str, Attack]
) -> Iterator[List[str]]:
    """YIELDS (List[str]): a row of the table for each."""
    context = multiprocessing.get_context("spawn")
    pipe, end = context.Pipe()
    watcher = context.Process(target=watch, args=(port, process.pid, end), daemon=True)
    watcher.start()
    time.sleep(3)
    pipe.send(True)
    before = pipe.recv().memory
    for name, attack in chosen.items():
        target = Target(port)
        asyncio.run(attack(target))
        time.sleep(0.5)
        pipe.send(True)
        look = pipe.recv()
        after = read_memory(process.pid)
        faults = []
        if look.slowest > MAX_HEALTH or look.n_failed:
            faults.append("health")
        if any(x.startswith("5") and x != "503" for x in target.statuses):
            faults.append("5xx")
        if after > before * (1 + MAX_GROWTH):
            faults.append("growth")
        answers = ", ".join(f"{n} × {x}" for x, n in sorted(target.statuses.items()))
        record(f"attack: {name}, slowest /health", 1000 * look.slowest, "ms")
        figures = [f"{target.slowest:.2f}", f"{look.slowest * 1000:.0f}"]
        memory = [f"{look.memory:.0f}", f"{after:.0f}"]
        yield [name, answers, *figures, *memory, ", ".join(faults)]
    pipe.send(None)


def read_processes(log: Path) -> List[int]:
    """RETURNS (List[int]): those of the model, from the log."""
    lines = [json.loads(x) for x in log.read_text().splitlines() if x.startswith("{")]
    (ready,) = [line for line in lines if line["message"] == "ready"]
    return ready["processes"]


def try_two_workers(model: Path, port: int, log: Path) -> Iterator[List[str]]:
    """YIELDS (List[str]): what becomes of a killed process, and of SIGTERM."""
    with serve(model, port, log, "--workers", "2") as process:
        first = read_processes(log)[0]
        os.kill(first, signal.SIGKILL)
        noticed = wait_for(log, "restarting the model", 60)
        yield ["a killed process is noticed", f"{noticed:.2f} s", "3 s"]
        back = wait_for(log, "the model is loaded again", 120)
        yield ["and replaced", f"{noticed + back:.2f} s", ""]
        for pid in list_family(process.pid)[1:]:
            os.kill(pid, signal.SIGSTOP)
        sender = asyncio.new_event_loop()
        task = sender.create_task(Target(port).post("/predict", predict("a")))
        sender.run_until_complete(asyncio.sleep(0.5))
        begun = time.perf_counter()
        process.terminate()
        process.wait(120)
        seconds = time.perf_counter() - begun
        sender.run_until_complete(asyncio.wait_for(task, 10))
        sender.close()
        yield ["SIGTERM, both processes hang", f"{seconds:.2f} s", "10 s"]
    addresses = re.findall(r"127\.0\.0\.1:\d+ - ", log.read_text())
    yield ["addresses of clients in the log", str(len(addresses)), "0"]
    with socket.create_server(("127.0.0.1", port)):
        begun = time.perf_counter()
        command = [sys.executable, str(ROOT / "scripts/serve.py"), "no/model"]
        command += ["--port", str(port)]
        done = subprocess.run(command, capture_output=True, text=True)
        seconds = time.perf_counter() - begun
        is_told = "something else listens" in " ".join(done.stdout.split())
        yield [f"a taken port is told: {is_told}", f"{seconds:.2f} s", ""]


def main(
    model: Path = typer.Argument(..., help="Trained pipeline"),
    port: int = typer.Option(8100, help="To serve on, of this machine only"),
    only: Optional[str] = typer.Option(None, help="Attacks whose name has this in it"),
) -> None:
    """Attack a service and print what it does."""
    chosen = {name: x for name, x in ATTACKS.items() if not only or only in name}
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        rows = []
        with serve(model, port, log) as process:
            for row in run_attacks(process, port, chosen):
                print(*row, sep=" | ", flush=True)
                rows.append(row)
            target = Target(port)
            asyncio.run(target.post("/predict", predict("3 years of Java")))
        header = ["attack", "answers", "slowest s", "/health ms", "peak MB", "after MB"]
        aligns = tuple("llrrrrl")
        msg.table(rows, header=[*header, "faults"], divider=True, aligns=aligns)
        print(f"and then a normal request: {dict(target.statuses)}")
        if not only:
            found = list(try_two_workers(model, port, Path(folder) / "log2"))
            msg.table(found, header=["two processes", "found", "at most"], divider=True)
    if any(row[-1] for row in rows):
        raise typer.Exit(1)


if __name__ == "__main__":
    typer.run(main)

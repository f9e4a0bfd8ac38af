"""Load on the service from a second process: throughput, latency, overload, memory.

Batching is measured beside one-by-one, in turn in one run.
"""

import asyncio
import json
import os
import random
import subprocess
import sys
import time
from collections import Counter
from contextlib import contextmanager
from pathlib import Path
from typing import Dict, Iterator, List, Optional, Tuple

import srsly
import typer
from _figures import record
from wasabi import msg

ROOT = Path(__file__).parent.parent
WORDS = (
    "Wanted: {a}+ years of experience in {b} and {c}, and a BSc in {d}.",
    "We expect {a} years of {b}, a degree in {d} and good {c}.",
    "You have a PhD in {d}, {a} years of {b}, and you like {c}.",
)
TOPICS = ("Python", "Go", "welding", "Physics", "Java", "sales", "nursing", "logistics")


class Connection:
    """One client's connection, kept open. HTTP by hand: a library's client would need
    more time than the service."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.streams: Optional[Tuple[asyncio.StreamReader, asyncio.StreamWriter]] = None

    async def post(self, text: str) -> Tuple[int, Dict[str, str]]:
        """RETURNS (Tuple[int, Dict[str, str]]): status and headers; 0: no answer."""
        body = json.dumps({"chunks": [text]}, ensure_ascii=False).encode()
        head = (
            "POST /predict HTTP/1.1\r\nHost: localhost\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        try:
            if self.streams is None:
                self.streams = await asyncio.open_connection("127.0.0.1", self.port)
            reader, writer = self.streams
            writer.write(head.encode() + body)
            lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            headers = dict(line.lower().split(": ", 1) for line in lines[1:-2])
            await reader.readexactly(int(headers["content-length"]))
            return int(lines[0].split()[1]), headers
        except (OSError, asyncio.IncompleteReadError):
            self.streams = None
            return 0, {}


def make_text(rng: random.Random, texts: List[str], new_words: bool) -> str:
    """One of the texts; or a sentence of which some words were never seen."""
    if texts:
        return rng.choice(texts)
    names = [rng.choice(TOPICS) for _ in range(3)]
    if new_words:
        names[0] = "".join(rng.choices("abcdefghijklmnopqrstuvwxyz", k=9))
    values = {"a": rng.randrange(1, 20), "b": names[0], "c": names[1], "d": names[2]}
    return rng.choice(WORDS).format(**values)


@contextmanager
def serve(
    model: Path, port: int, core: Optional[int], *options: str
) -> Iterator[subprocess.Popen]:
    """A server in a process of its own."""
    command = [sys.executable, str(ROOT / "scripts/serve.py"), str(model)]
    command += ["--port", str(port), *options]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        if core is not None:
            os.sched_setaffinity(process.pid, {core})
        for _ in range(600):
            if asyncio.run(Connection(port).post("a"))[0]:
                break
            time.sleep(0.1)
        yield process
    finally:
        process.terminate()
        process.wait()


async def run_clients(
    port: int, clients: int, seconds: float, texts: List[str], new_words: bool = False
) -> Tuple[List[float], Counter]:
    """Clients that each send a request when the one before is answered.

    RETURNS (Tuple[List[float], Counter]): seconds of each answer, and statuses.
    """
    times: List[float] = []
    statuses: Counter = Counter()
    end = time.perf_counter() + seconds

    async def work(seed: int) -> None:
        rng, connection = random.Random(seed), Connection(port)
        while (begun := time.perf_counter()) < end:
            status, _ = await connection.post(make_text(rng, texts, new_words))
            times.append(time.perf_counter() - begun)
            statuses[status] += 1

    await asyncio.gather(*(work(seed) for seed in range(clients)))
    return times, statuses


async def run_rate(
    port: int, rate: float, seconds: float, texts: List[str]
) -> Tuple[List[float], Counter, int]:
    """Requests at a fixed rate, whether or not the ones before are answered.

    RETURNS (Tuple[List[float], Counter, int]): seconds of each answer that is a
        result, statuses, and how many refusals came without Retry-After.
    """
    times: List[float] = []
    statuses: Counter = Counter()
    pool: List[Connection] = []
    rng = random.Random(0)
    silent = 0

    async def send() -> None:
        nonlocal silent
        connection = pool.pop() if pool else Connection(port)
        begun = time.perf_counter()
        status, headers = await connection.post(make_text(rng, texts, False))
        statuses[status] += 1
        if status == 200:
            times.append(time.perf_counter() - begun)
        elif "retry-after" not in headers:
            silent += 1
        pool.append(connection)

    tasks = []
    start = time.perf_counter()
    while (passed := time.perf_counter() - start) < seconds:
        due = int(passed * rate) - len(tasks)
        tasks += [asyncio.create_task(send()) for _ in range(due)]
        await asyncio.sleep(0.002)
    await asyncio.gather(*tasks)
    return times, statuses, silent


def describe(times: List[float], seconds: float) -> List[str]:
    """RETURNS (List[str]): requests per second; p50, p95 and p99 in milliseconds."""
    ordered = sorted(times)
    quantiles = [ordered[int(q * (len(ordered) - 1))] * 1000 for q in (0.5, 0.95, 0.99)]
    return [f"{len(times) / seconds:.0f}", *(f"{q:.1f}" for q in quantiles)]


def read_cpu(pid: int) -> float:
    """RETURNS (float): processor time that a process has used, in seconds: it says more
    than the clock where the machine has other things to do."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def read_memory(pid: int) -> float:
    """RETURNS (float): what a process holds in memory, in MB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    (line,) = [line for line in lines if line.startswith("VmRSS")]
    return int(line.split()[1]) / 1024


def measure(
    servers: Dict[str, Tuple[int, int]],
    clients: List[int],
    seconds: float,
    texts: List[str],
) -> float:
    """Print throughput, latency and processor time of servers, in turn.

    servers (Dict[str, Tuple[int, int]]): port and process of each, by name.

    RETURNS (float): requests per second of the first at the most clients.
    """
    rows, best = [], 0.0
    for count in clients:
        rates, costs = [], []
        for name, (port, pid) in servers.items():
            asyncio.run(run_clients(port, count, 1.0, texts))
            before = read_cpu(pid)
            times, statuses = asyncio.run(run_clients(port, count, seconds, texts))
            costs.append((read_cpu(pid) - before) / len(times))
            rates.append(len(times) / seconds)
            row = [str(count), name, *describe(times, seconds), show(statuses)]
            row += [f"{costs[-1] * 1000:.2f}", f"{rates[0] / rates[-1]:.2f}"]
            rows.append([*row, f"{costs[-1] / costs[0]:.2f}"])
        best = rates[0]
        name = f"service: {count} client{'s' * (count > 1)}, batching"
        record(name, costs[-1] / costs[0], "× requests/s of CPU without")
        record(name, 1e3 * costs[0], "ms of CPU/request")
    header = ["clients", "server", "req/s", "p50 ms", "p95", "p99", "status"]
    header += ["CPU ms", "speed-up", "by CPU"]
    msg.table(rows, header=header, divider=True, aligns=tuple("rlrrrrlrrr"))
    return best


def show(statuses: Counter) -> str:
    """RETURNS (str): statuses and how often."""
    return ", ".join(f"{status}: {n}" for status, n in sorted(statuses.items()))


def main(
    model: Path = typer.Argument(..., help="Trained pipeline"),
    texts: Optional[Path] = typer.Option(
        None, help="UBIAI's JSON with texts; without it sentences are made"
    ),
    clients: str = typer.Option("1,8,64", help="Numbers of clients"),
    seconds: float = typer.Option(10.0, help="For each measurement"),
    overload: bool = typer.Option(True, help="Twice the load that is sustained"),
    memory_minutes: float = typer.Option(0.0, help="Watch the memory so long"),
    core: Optional[int] = typer.Option(None, help="Keep the servers to this core"),
    port: int = typer.Option(8100, help="And the one after it"),
) -> None:
    """Load on the service from a second process."""
    found = [] if texts is None else [x["document"] for x in srsly.read_json(texts)]
    if core is not None:
        os.sched_setaffinity(0, set(range(os.cpu_count() or 1)) - {core})
    with (
        serve(model, port, core) as process,
        serve(model, port + 1, core, "--batch-texts", "1") as single,
    ):
        servers = {
            "batching": (port, process.pid),
            "one by one": (port + 1, single.pid),
        }
        numbers = [int(number) for number in clients.split(",")]
        best = measure(servers, numbers, seconds, found)
        if overload:
            rate = 2 * best
            times, statuses, silent = asyncio.run(run_rate(port, rate, seconds, found))
            rows = [[f"{rate:.0f}", *describe(times, seconds), show(statuses), silent]]
            header = ["sent/s", "answered/s", "p50 ms", "p95", "p99", "status"]
            msg.table(rows, header=[*header, "without Retry-After"], divider=True)
        if memory_minutes:
            print(f"memory at the start: {read_memory(process.pid):.1f} MB")
            for minute in range(1, int(memory_minutes) + 1):
                n = len(asyncio.run(run_clients(port, 8, 60.0, found, True))[0])
                memory = read_memory(process.pid)
                print(f"minute {minute}: {memory:.1f} MB, {n} requests", flush=True)


if __name__ == "__main__":
    typer.run(main)

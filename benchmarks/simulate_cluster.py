"""How long a run takes on a cluster whose nodes fail: a simulation of what
`scripts/extract.py` does with chunks.

    python benchmarks/simulate_cluster.py --documents 1e9 --rate 370 --output out.json

Workers take chunks from a queue. A chunk takes documents / rate seconds, times a
lognormal factor, since documents and machines differ. A worker is lost at random (spot
machines; exponential, with a mean time between failures), loses the chunk that it has,
and is back after a while, when it has to load the model. Time is simulated event by
event (a heap of when workers are next free); nothing here waits.

It answers how long a run is against the ideal, how much work is done twice, and what
the size of the chunks does to both: small ones cost for each chunk (writing, the
scheduler), large ones lose more with each failure, and make the tail longer.
"""

import heapq
import json
import random
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, List, Optional, Tuple

import typer
from _figures import record
from wasabi import msg


@dataclass
class Cluster:
    """What is simulated.

    workers (int): processes that hold the model.
    rate (float): documents per second of a worker.
    spread (float): sigma of the logarithm of a chunk's time.
    mtbf (float): hours between the failures of a worker.
    down (float): seconds until another is there, with the model loaded.
    overhead (float): seconds for each chunk besides its documents.
    dispatch (float): chunks per second that the scheduler can hand out.
    """

    workers: int = 1000
    rate: float = 370.0
    spread: float = 0.3
    mtbf: float = 24.0
    down: float = 120.0
    overhead: float = 0.2
    dispatch: float = 200.0


@dataclass
class Outcome:
    """What a run was like.

    hours (float): from beginning to end.
    efficiency (float): of the ideal, all workers busy with documents all the time.
    wasted (float): share of the work that was lost with failures.
    failures (int): of workers.
    tail (float): minutes from the first worker that found the queue empty to the end.
    """

    hours: float
    efficiency: float
    wasted: float
    failures: int
    tail: float


def simulate(cluster: Cluster, documents: float, chunk: int, seed: int = 0) -> Outcome:
    """Run all chunks through the cluster.

    cluster (Cluster): what is simulated.
    documents (float): how many.
    chunk (int): documents of a chunk.
    seed (int): of chance.
    RETURNS (Outcome): what the run was like.
    """
    rng = random.Random(seed)
    pending = max(round(documents / chunk), 1)
    free: List[Tuple[float, int]] = [(0.0, i) for i in range(cluster.workers)]
    fails = [_draw_failure(rng, cluster) for _ in range(cluster.workers)]
    heapq.heapify(free)
    returned: List[float] = []  # when chunks of lost workers are back in the queue
    handed = end = wasted = 0.0
    n_failures = 0
    empty: Optional[float] = None
    while pending or returned:
        now, worker = heapq.heappop(free)
        if pending:
            pending -= 1
        elif returned[0] <= now:
            heapq.heappop(returned)
        else:  # idle until a lost chunk comes back
            empty = now if empty is None else empty
            heapq.heappush(free, (returned[0], worker))
            continue
        handed = max(handed, now) + 1 / cluster.dispatch
        factor = rng.lognormvariate(-(cluster.spread**2) / 2, cluster.spread)
        done = handed + cluster.overhead + factor * chunk / cluster.rate
        if fails[worker] < done:
            lost = max(fails[worker], handed)
            wasted += lost - handed
            n_failures += 1
            heapq.heappush(returned, lost)
            back = lost + cluster.down
            fails[worker] = back + _draw_failure(rng, cluster)
            heapq.heappush(free, (back, worker))
            continue
        if not pending and not returned and empty is None:
            empty = done
        end = max(end, done)
        heapq.heappush(free, (done, worker))
    ideal = documents / cluster.rate / cluster.workers
    return Outcome(
        hours=end / 3600,
        efficiency=ideal / end,
        wasted=wasted / (wasted + ideal * cluster.workers),
        failures=n_failures,
        tail=(end - (empty if empty is not None else end)) / 60,
    )


def _draw_failure(rng: random.Random, cluster: Cluster) -> float:
    return rng.expovariate(1 / (cluster.mtbf * 3600))


def main(
    documents: Annotated[float, typer.Option()] = 1e9,
    rate: Annotated[float, typer.Option(help="documents/s of a worker")] = 370.0,
    workers: Annotated[str, typer.Option(help="numbers with commas")] = "1000",
    chunks: Annotated[str, typer.Option(help="sizes")] = "1000,10000,100000,1000000",
    mtbf: Annotated[str, typer.Option(help="hours")] = "2,24",
    seed: Annotated[int, typer.Option()] = 0,
    output: Annotated[Optional[Path], typer.Option(help="JSON")] = None,
) -> None:
    """Print a table over numbers of workers, failures and sizes of chunks."""
    results, table = [], []
    for n in map(int, workers.split(",")):
        for hours in map(float, mtbf.split(",")):
            for size in map(int, chunks.split(",")):
                cluster = Cluster(workers=n, rate=rate, mtbf=hours)
                outcome = simulate(cluster, documents, size, seed)
                results.append({**asdict(cluster), "chunk": size, **asdict(outcome)})
                name = f"cluster, simulated: {n:,} workers, chunks of {size:,}, "
                name += f"a failure in {hours:g} h"
                record(name, 100 * outcome.efficiency, "% of the ideal")
                table.append(
                    (
                        f"{n:,}",
                        f"{hours:g} h",
                        f"{size:,}",
                        f"{outcome.hours:.2f}",
                        f"{outcome.efficiency:.1%}",
                        f"{outcome.wasted:.2%}",
                        f"{outcome.failures:,}",
                        f"{outcome.tail:.1f}",
                    )
                )
    header = ("workers", "fails every", "chunk", "hours", "efficiency", "lost")
    header = (*header, "failures", "tail, minutes")
    msg.divider(f"{documents:,.0f} documents, {rate:g} per second and worker")
    msg.table(table, header=header, divider=True, aligns=("r",) * len(header))
    if output is not None:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(json.dumps(results, indent=1) + "\n", encoding="utf8")


if __name__ == "__main__":
    typer.run(main)

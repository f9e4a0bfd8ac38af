"""Memory of a knowledge graph whose relations are all distinct.

    python benchmarks/graph_memory.py --n 100000

Each relation has one example with a sentence of 100 characters, and the graph a tenth
as many entities as relations; resident memory, before and after.
"""

from pathlib import Path
from typing import Annotated, Any, Dict, Iterator

import typer
from _figures import record
from wasabi import msg

from rel_component.graph import KnowledgeGraph


def make_rows(n: int) -> Iterator[Dict[str, Any]]:
    for i in range(n):
        names = (
            f"entity number {i % (n // 10)}",
            f"entity number {(i * 7 + i // 10) % (n // 10)}",
        )
        ends = [
            {"start": 50 * j, "end": 50 * j + 20, "label": "THING", "text": name}
            for j, name in enumerate(names)
        ]
        relation = {"label": "LINKS", "score": 0.9, "head": ends[0], "tail": ends[1]}
        relation["sentence"] = {"start": 0, "end": 100}
        text = f"{i:08} " + "x" * 91
        yield {"id": f"d{i}", "text": text, "entities": ends, "relations": [relation]}


def main(n: Annotated[int, typer.Option(help="relations")] = 100_000) -> None:
    """Print bytes for each relation."""
    graph = KnowledgeGraph()
    before = get_resident()
    graph.add(make_rows(n))
    size = get_resident() - before
    record("graph: memory", size / len(graph.edges), "bytes/relation")
    msg.good(
        f"{len(graph.edges):,} distinct relations, {len(graph.nodes):,} entities: "
        f"{size / 1e6:.0f} MB, {size / len(graph.edges):.0f} bytes for each relation"
    )


def get_resident() -> int:
    """RETURNS (int): bytes in memory now (Linux)."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(x.split()[1]) * 1024 for x in lines if x.startswith("VmRSS:"))


if __name__ == "__main__":
    typer.run(main)

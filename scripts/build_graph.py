"""Extracted relations to a knowledge graph, for graph tools and for the eye."""

import difflib
import re
from pathlib import Path
from typing import List, Optional

import typer
from command import run_command
from tqdm import tqdm
from wasabi import msg

from rel_component.graph import KnowledgeGraph, NodeKey, Normalizer, read_rows
from rel_component.graph.export import EXPORTS, find_export
from rel_component.graph.names import read_aliases
from rel_component.graph.page import find_neighbourhood, render

# letters of a file's name: at four bytes each there is room for what comes after
LONGEST = 60


def main(
    rows: List[Path] = typer.Argument(
        ..., help="Output folders of scripts/extract.py, or .parquet or .jsonl of rows"
    ),
    output: Path = typer.Option(Path("data/graph"), "--output", "-o", help="Folder"),
    format_: str = typer.Option(
        ",".join(EXPORTS), "--format", "-f", help="Some of these, with commas; or none"
    ),
    entity: List[str] = typer.Option(
        [], "--entity", "-e", help="Make a page of the neighbourhood of this entity"
    ),
    type_: Optional[str] = typer.Option(None, "--type", help="Type of that entity"),
    depth: int = typer.Option(1, min=1, help="Of the neighbourhood, in relations"),
    max_edges: int = typer.Option(40, min=1, help="Relations on a page"),
    min_score: float = typer.Option(0.0, help="Only relations with this score or more"),
    min_count: int = typer.Option(1, help="Only relations found so often"),
    max_examples: int = typer.Option(3, help="Places that are kept of a relation"),
    case: bool = typer.Option(True, help="Merge upper and lower case"),
    punctuation: bool = typer.Option(
        True, help="Merge names with and without quotes, brackets, stops around them"
    ),
    accents: bool = typer.Option(False, help="Merge letters with and without accents"),
    by_type: bool = typer.Option(True, help="A name of two types is two entities"),
    aliases: Optional[Path] = typer.Option(
        None, help='JSON of other names, {"JS": "JavaScript"}'
    ),
    unrelated: bool = typer.Option(False, help="Keep entities without relations, too"),
) -> None:
    """Merge extracted entities and relations into a knowledge graph and export it."""
    try:
        names = [name.strip() for name in format_.split(",") if name.strip() != "none"]
        exports = [find_export(name) for name in names]
        normalizer = Normalizer(
            case=case,
            punctuation=punctuation,
            accents=accents,
            by_type=by_type,
            aliases=read_aliases(aliases) if aliases else {},
        )
        graph = KnowledgeGraph(
            normalizer,
            max_examples=max_examples,
            min_score=min_score,
            only_related=not unrelated,
        )
        for path in rows:
            graph.add(tqdm(read_rows(path), unit=" rows", disable=None))
        graph.prune(min_count)
        output.mkdir(parents=True, exist_ok=True)
        files = [file for export in exports for file in export(graph, output)]
        matches = {name: graph.find(name, type_) for name in entity}
        centers = dict.fromkeys(
            choose(graph, name, keys) for name, keys in matches.items() if keys
        )
        for center in centers:
            found = find_neighbourhood(graph, center, depth=depth, max_edges=max_edges)
            node = graph.nodes[center]
            name = f"{node.name}-{node.label}"
            slug = re.sub(r"[^\w+#.-]+", "-", name).strip("-.")[:LONGEST] or "entity"
            files.append(find_free(output / f"{slug}.html", files))
            files[-1].write_text(render(graph, found), encoding="utf8")
    except (ValueError, OSError) as error:
        msg.fail(str(error))
        raise typer.Exit(1) from None
    msg.good(
        f"{graph.n_relations:,} relations of {graph.n_rows:,} texts: "
        f"{len(graph.nodes):,} entities, {len(graph.edges):,} distinct relations"
    )
    for file in files:
        msg.text(str(file))
    missing = [name for name, keys in matches.items() if not keys]
    for name in missing:
        msg.fail(f"--entity {name}: {describe_missing(graph, name, type_)}")
    if missing:
        raise typer.Exit(1)


def find_free(path: Path, files: List[Path]) -> Path:
    """The path, or that with a number, where another entity's page has it already."""
    number, free = 1, path
    while free in files:
        number += 1
        free = path.with_name(f"{path.stem}-{number}.html")
    return free


def choose(graph: KnowledgeGraph, name: str, found: List[NodeKey]) -> NodeKey:
    """The most frequent of the entities with this name."""
    if len(found) > 1:
        types = ", ".join(graph.nodes[key].label for key in found)
        msg.info(f"{name} has several types ({types}); --type chooses another")
    return found[0]


def describe_missing(graph: KnowledgeGraph, name: str, type_: Optional[str]) -> str:
    """Why there is no page of an entity, and which names there are."""
    nodes = graph.nodes.values()
    known = sorted({node.name for node in nodes})
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    most = sorted(nodes, key=lambda node: -node.count)[:5]
    advice = f"Is it {' or '.join(near)}? " if near else ""
    if most:
        advice += f"The most frequent are {', '.join(node.name for node in most)}."
    of_type = f" of type {type_}" if type_ else ""
    said = f"the graph has no such name{of_type}, so there is no page. {advice}"
    return said.strip()


if __name__ == "__main__":
    run_command(main)

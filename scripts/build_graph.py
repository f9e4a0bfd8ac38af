"""Merge extracted relations into a knowledge graph and export it."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, List, Optional

import typer
from command import run_command
from tqdm import tqdm
from wasabi import msg

if TYPE_CHECKING:
    from rel_component.graph.build import Build


def main(
    rows: List[Path] = typer.Argument(
        ..., help="Output folders of scripts/extract.py, or .parquet or .jsonl files"
    ),
    output: Path = typer.Option(
        Path("data/graph"), "--output", "-o", help="Output folder"
    ),
    format_: str = typer.Option(
        "graphml,ntriples,turtle,neo4j,parquet",
        "--format",
        "-f",
        help="Export formats, separated by commas, or none",
    ),
    entity: List[str] = typer.Option(
        [], "--entity", "-e", help="Draw the neighbourhood of this entity as a page"
    ),
    type_: Optional[str] = typer.Option(None, "--type", help="Type of that entity"),
    depth: int = typer.Option(1, min=1, help="Size of the neighbourhood, in hops"),
    max_edges: int = typer.Option(
        40, min=1, help="Maximum number of relations on a page"
    ),
    min_score: float = typer.Option(
        0.0, min=0, max=1, help="Minimum score of a relation"
    ),
    min_count: int = typer.Option(
        1, help="Minimum number of times a relation was found"
    ),
    max_examples: int = typer.Option(
        3, min=0, help="Example sentences to keep per relation"
    ),
    case: bool = typer.Option(True, help="Ignore case when merging names"),
    punctuation: bool = typer.Option(
        True, help="Ignore quotes, brackets and full stops around names"
    ),
    accents: bool = typer.Option(False, help="Ignore accents when merging names"),
    by_type: bool = typer.Option(
        True, help="Keep entities with the same name but different types apart"
    ),
    aliases: Optional[Path] = typer.Option(
        None, help='JSON file of aliases: {"JS": "JavaScript"}'
    ),
    unrelated: bool = typer.Option(False, help="Keep entities without relations"),
) -> None:
    """Merge extracted entities and relations into a knowledge graph and export it."""
    from rel_component.files import explain
    from rel_component.graph import Normalizer
    from rel_component.graph.build import build_graph
    from rel_component.graph.names import read_aliases

    try:
        normalizer = Normalizer(
            case=case,
            punctuation=punctuation,
            accents=accents,
            by_type=by_type,
            aliases=read_aliases(aliases) if aliases else {},
        )
        names = [name.strip() for name in format_.split(",")]
        build = build_graph(
            rows,
            output,
            formats=[name for name in names if name != "none"],
            entities=entity,
            type_=type_,
            depth=depth,
            max_edges=max_edges,
            min_score=min_score,
            min_count=min_count,
            max_examples=max_examples,
            normalizer=normalizer,
            only_related=not unrelated,
            track=partial(tqdm, unit=" rows", disable=None),
        )
    except (ValueError, OSError) as error:
        msg.fail(explain(error))
        raise typer.Exit(1) from None
    show(build)
    if build.missing:
        raise typer.Exit(1)


def show(build: "Build") -> None:
    """Print the size of the graph, and the entities that were not found."""
    from rel_component.wording import plural

    graph = build.graph
    if graph.n_nameless:
        msg.warn(
            f"{plural(graph.n_nameless, 'relation')} skipped: the label or a name is "
            "empty or whitespace"
        )
    msg.good(
        f"{graph.n_relations:,} relations from {graph.n_rows:,} texts: "
        f"{len(graph.nodes):,} entities, {len(graph.edges):,} distinct relations"
    )
    for file in build.files:
        msg.text(str(file))
    for note in build.notes:
        msg.info(note)
    for sentence in build.missing:
        msg.fail(sentence)


if __name__ == "__main__":
    run_command(main)

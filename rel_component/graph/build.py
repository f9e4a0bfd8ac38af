"""Build a graph from extracted rows and write it to files."""

import difflib
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable, Dict, Iterable, Iterator, List, Optional, Sequence

from ..files import write_text
from ..wording import list_some
from .export import EXPORTS, find_export
from .graph import KnowledgeGraph, NodeKey
from .names import Normalizer
from .page import find_neighbourhood, render
from .rows import read_rows

# maximum letters of a file name, of up to four bytes each
LONGEST = 60
N_SUGGESTED = 5


@dataclass
class Build:
    """The result of a build.

    graph (KnowledgeGraph): the graph.
    files (List[Path]): the written files.
    notes (List[str]): notes on names with several types.
    missing (List[str]): messages on names that are not in the graph.
    """

    graph: KnowledgeGraph
    files: List[Path] = field(default_factory=list)
    notes: List[str] = field(default_factory=list)
    missing: List[str] = field(default_factory=list)


def build_graph(
    rows: Iterable[Path],
    output: Path,
    *,
    formats: Sequence[str] = tuple(EXPORTS),
    entities: Iterable[str] = (),
    type_: Optional[str] = None,
    depth: int = 1,
    max_edges: int = 40,
    min_score: float = 0.0,
    min_count: int = 1,
    max_examples: int = 3,
    normalizer: Optional[Normalizer] = None,
    only_related: bool = True,
    track: Callable[[Iterator[Dict[str, Any]]], Iterable[Dict[str, Any]]] = iter,
) -> Build:
    """Merge extracted entities and relations into a graph, and export it.

    rows (Iterable[Path]): output folders of an extraction, or files of rows.
    output (Path): output folder.
    formats (Sequence[str]): keys of EXPORTS.
    entities (Iterable[str]): names of entities to draw a page of.
    type_ (Optional[str]): type of these entities; None: the most frequent one.
    depth (int): maximum distance of entities on a page.
    max_edges (int): maximum relations on a page.
    min_score (float): minimum score of a relation.
    min_count (int): minimum count of a relation.
    max_examples (int): examples to keep per relation.
    normalizer (Optional[Normalizer]): normalizes names.
    only_related (bool): skip entities without relations.
    track (Callable): wraps the rows of a file, to show progress.
    RETURNS (Build): the result.
    RAISES (ValueError): if a format or row is invalid.
    RAISES (OSError): if a file can't be written.
    """
    exports = [find_export(name) for name in formats]
    graph = KnowledgeGraph(
        normalizer,
        max_examples=max_examples,
        min_score=min_score,
        only_related=only_related,
    )
    for path in rows:
        graph.add(track(read_rows(path)))
    graph.prune(min_count)
    build = Build(graph)
    for export in exports:
        build.files += export(graph, output)
    for center in _find_centers(build, entities, type_):
        found = find_neighbourhood(graph, center, depth=depth, max_edges=max_edges)
        path = _find_free(output / f"{_make_slug(graph, center)}.html", build.files)
        write_text(path, render(graph, found))
        build.files.append(path)
    return build


def _find_centers(
    build: Build, names: Iterable[str], type_: Optional[str]
) -> List[NodeKey]:
    """RETURNS (List[NodeKey]): a node per name in the graph."""
    centers: Dict[NodeKey, None] = {}
    for name in names:
        found = build.graph.find(name, type_)
        if not found:
            build.missing.append(_describe_missing(build.graph, name, type_))
            continue
        if len(found) > 1:
            types = ", ".join(build.graph.nodes[key].label for key in found)
            build.notes.append(
                f"{name} has several types ({types}); use --type to choose another"
            )
        centers[found[0]] = None
    return list(centers)


def _make_slug(graph: KnowledgeGraph, key: NodeKey) -> str:
    node = graph.nodes[key]
    name = re.sub(r"[^\w+#.-]+", "-", f"{node.name}-{node.label}")
    return name.strip("-.")[:LONGEST] or "entity"


def _find_free(path: Path, files: List[Path]) -> Path:
    """RETURNS (Path): the path, with a number if another entity's page has the same."""
    number, free = 1, path
    # some file systems ignore case
    taken = {str(file).casefold() for file in files}
    while str(free).casefold() in taken:
        number += 1
        free = path.with_name(f"{path.stem}-{number}.html")
    return free


def _describe_missing(graph: KnowledgeGraph, name: str, type_: Optional[str]) -> str:
    """RETURNS (str): message that an entity is not in the graph, with similar names."""
    nodes = graph.nodes.values()
    known = sorted({node.name for node in nodes})
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    most = sorted(nodes, key=lambda node: -node.count)[:N_SUGGESTED]
    said = [
        f"--entity {name}: no entity with this name"
        f"{f' and type {type_}' if type_ else ''} found in the graph."
    ]
    if near:
        said.append(f"Did you mean {' or '.join(near)}?")
    if most:
        said.append(f"The most frequent are {list_some(x.name for x in most)}.")
    return " ".join(said)

"""Draw the neighbourhood of an entity as an HTML page for offline use."""

from collections import Counter
from dataclasses import dataclass
from importlib import resources
from typing import Any, Dict, List, Set, Tuple

from .export.libraries import import_library
from .graph import Edge, EdgeKey, KnowledgeGraph, Node, NodeKey
from .layout import draw_lines, place_boxes, place_labels

# for screens and phones: class of the picture, its width in pixels, and maximum
# letters of a name
PICTURES = (("wide", 920, 28), ("narrow", 350, 18))
# colours of types in the style sheet
N_COLORS = 7


@dataclass
class Neighbourhood:
    """The part of a graph shown on a page.

    center (NodeKey): the entity.
    nodes (List[NodeKey]): the center, followed by its neighbours.
    edges (Dict[EdgeKey, Edge]): relations between them, the most frequent first.
    n_hidden (int): number of relations not shown.
    """

    center: NodeKey
    nodes: List[NodeKey]
    edges: Dict[EdgeKey, Edge]
    n_hidden: int


def find_neighbourhood(
    graph: KnowledgeGraph, center: NodeKey, *, depth: int = 1, max_edges: int = 40
) -> Neighbourhood:
    """Find the most frequent relations around an entity.

    graph (KnowledgeGraph): the graph.
    center (NodeKey): one of its entities.
    depth (int): maximum distance of other entities.
    max_edges (int): maximum relations to keep, the nearest first.
    RETURNS (Neighbourhood): the neighbourhood.
    """
    reached: Set[NodeKey] = {center}
    chosen: Dict[EdgeKey, Edge] = {}
    n_hidden = 0
    for _ in range(depth):
        near = [
            (key, edge)
            for key, edge in graph.edges.items()
            if key not in chosen and (key[0] in reached or key[2] in reached)
        ]
        near.sort(key=lambda x: (-x[1].count, -x[1].max_score, x[0]))
        room = max(max_edges - len(chosen), 0)
        n_hidden = len(near[room:])  # includes those of the steps before
        chosen.update(near[:room])
        reached |= {end for (head, _, tail), _ in near[:room] for end in (head, tail)}
    others = sorted(reached - {center}, key=lambda x: (-graph.nodes[x].count, x))
    return Neighbourhood(center, [center, *others], chosen, n_hidden)


def render(graph: KnowledgeGraph, found: Neighbourhood) -> str:
    """RETURNS (str): a self-contained HTML page."""
    jinja2 = import_library("jinja2")
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True
    )
    source = resources.files(__package__).joinpath("page.html").read_text("utf8")
    types = list(dict.fromkeys(graph.nodes[key].label for key in found.nodes))
    number = {key: i for i, key in enumerate(found.nodes)}
    return environment.from_string(source).render(
        center=graph.nodes[found.center],
        forms=_sort_forms(graph.nodes[found.center]),
        nodes=[graph.nodes[key] for key in found.nodes],
        edges=[
            {"head": number[head], "label": label, "tail": number[tail], "edge": edge}
            for (head, label, tail), edge in found.edges.items()
        ],
        colors={type_: i % N_COLORS for i, type_ in enumerate(types)},
        n_hidden=found.n_hidden,
        pictures=[_draw(graph, found, number, *size) for size in PICTURES],
    )


def _draw(
    graph: KnowledgeGraph,
    found: Neighbourhood,
    number: Dict[NodeKey, int],
    name: str,
    width: int,
    longest: int,
) -> Dict[str, Any]:
    """RETURNS (Dict[str, Any]): positions of names, lines and labels."""
    names = [_shorten(graph.nodes[key].name, longest) for key in found.nodes]
    labels: Dict[Tuple[int, int], List[str]] = {}
    counts: Counter[Tuple[int, int]] = Counter()
    for (head, label, tail), edge in found.edges.items():
        labels.setdefault((number[head], number[tail]), []).append(label)
        counts[number[head], number[tail]] += edge.count
    joined = {pair: ", ".join(found) for pair, found in labels.items()}
    boxes, height = place_boxes(names, list(labels), width)
    lines = draw_lines(boxes, list(labels))
    return {
        "name": name,
        "width": width,
        "height": height,
        "names": list(zip(names, boxes)),
        "lines": [
            {
                "ends": pair,
                "path": lines[pair].path,
                "label": label,
                "count": counts[pair],
                "width": round(1 + min(counts[pair], 50) ** 0.5 / 2, 1),
            }
            for pair, label in joined.items()
        ],
        "labels": [
            {"ends": pair, "label": joined[pair], "x": x, "y": y}
            for pair, (x, y) in place_labels(lines, joined, boxes).items()
        ],
    }


def _shorten(name: str, longest: int) -> str:
    return name if len(name) <= longest else f"{name[: longest - 1]}…"


def _sort_forms(node: Node) -> List[str]:
    return sorted(node.forms, key=lambda form: (-node.forms[form], form))

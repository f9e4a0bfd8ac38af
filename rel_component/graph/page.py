"""The neighbourhood of an entity as one HTML page, to be opened offline."""

from dataclasses import dataclass
from importlib import resources
from typing import Any, Dict, List, Set, Tuple

from .export.libraries import import_library
from .graph import Edge, EdgeKey, KnowledgeGraph, NodeKey

WIDTH, HEIGHT = 960, 640
SIDE, TOP = 95, 45
SEED = 0
# Okabe and Ito's colours, told apart by the colour-blind, too
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#999999")
SHOWN = 24
# beyond this the names of relations cover each other; the table has them all
MAX_EDGE_NAMES = 14


@dataclass
class Neighbourhood:
    """What is shown.

    center (NodeKey): the entity.
    nodes (List[NodeKey]): with its neighbours, the center first.
    edges (Dict[EdgeKey, Edge]): between them, the most frequent first.
    n_hidden (int): relations that there was no room for.
    """

    center: NodeKey
    nodes: List[NodeKey]
    edges: Dict[EdgeKey, Edge]
    n_hidden: int


def find_neighbourhood(
    graph: KnowledgeGraph, center: NodeKey, *, depth: int = 1, max_edges: int = 40
) -> Neighbourhood:
    """The most frequent relations around an entity.

    graph (KnowledgeGraph): the graph.
    center (NodeKey): of one of its entities.
    depth (int): how many relations away an entity may be.
    max_edges (int): how many relations to keep; near ones come first.
    RETURNS (Neighbourhood): what to show.
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
        n_hidden += len(near[room:])
        chosen.update(near[:room])
        reached |= {end for (head, _, tail), _ in near[:room] for end in (head, tail)}
    others = sorted(reached - {center}, key=lambda x: (-graph.nodes[x].count, x))
    return Neighbourhood(center, [center, *others], chosen, n_hidden)


def render(graph: KnowledgeGraph, found: Neighbourhood) -> str:
    """RETURNS (str): the page, with all that it needs in it."""
    jinja2 = import_library("jinja2")
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True
    )
    source = resources.files(__package__).joinpath("page.html").read_text("utf8")
    places = _lay_out(found)
    types = list(dict.fromkeys(graph.nodes[key].label for key in found.nodes))
    colors = {type_: COLORS[i % len(COLORS)] for i, type_ in enumerate(types)}
    number = {key: i for i, key in enumerate(found.nodes)}
    nodes = [
        _describe_node(
            graph, key, number[key], places[key], colors, key == found.center
        )
        for key in found.nodes
    ]
    edges = [
        _describe_edge(key, edge, number, nodes) for key, edge in found.edges.items()
    ]
    return environment.from_string(source).render(
        center=nodes[0],
        nodes=nodes,
        edges=edges,
        colors=colors,
        n_hidden=found.n_hidden,
        has_edge_names=len({(e["head"], e["tail"]) for e in edges}) <= MAX_EDGE_NAMES,
        width=WIDTH,
        height=HEIGHT,
    )


def _lay_out(found: Neighbourhood) -> Dict[NodeKey, Tuple[float, float]]:
    """RETURNS (Dict[NodeKey, Tuple[float, float]]): pixels; the same every time."""
    networkx = import_library("networkx")
    graph = networkx.Graph()
    graph.add_nodes_from(found.nodes)
    graph.add_edges_from((head, tail) for head, _, tail in found.edges)
    rings = networkx.circular_layout(graph)
    rings[found.center] = (0.0, 0.0)
    at = networkx.kamada_kawai_layout(graph, pos=rings) if len(graph) > 1 else rings
    xs, ys = zip(*at.values())
    return {
        key: (
            _scale(x, min(xs), max(xs), SIDE, WIDTH - SIDE),
            _scale(y, min(ys), max(ys), TOP, HEIGHT - TOP),
        )
        for key, (x, y) in at.items()
    }


def _scale(value: float, low: float, high: float, start: float, end: float) -> float:
    share = 0.5 if high == low else (value - low) / (high - low)
    return round(start + share * (end - start), 1)


def _describe_node(
    graph: KnowledgeGraph,
    key: NodeKey,
    number: int,
    place: Tuple[float, float],
    colors: Dict[str, str],
    is_center: bool,
) -> Dict[str, Any]:
    node = graph.nodes[key]
    short = node.name if len(node.name) <= SHOWN else f"{node.name[: SHOWN - 1]}…"
    return {
        "number": number,
        "name": node.name,
        "short": short,
        "type": node.label,
        "color": colors[node.label],
        "count": node.count,
        "forms": sorted(node.forms, key=lambda form: (-node.forms[form], form)),
        "x": place[0],
        "y": place[1],
        "radius": 13 if is_center else 8,
    }


def _describe_edge(
    key: EdgeKey, edge: Edge, number: Dict[NodeKey, int], nodes: List[Dict[str, Any]]
) -> Dict[str, Any]:
    head, label, tail = key
    ends = nodes[number[head]], nodes[number[tail]]
    (x1, y1), (x2, y2) = ((end["x"], end["y"]) for end in ends)
    length = max(((x2 - x1) ** 2 + (y2 - y1) ** 2) ** 0.5, 1.0)
    # the arrow ends where the circle begins
    share = 1 - (ends[1]["radius"] + 5) / length
    return {
        "head": number[head],
        "tail": number[tail],
        "label": label,
        "count": edge.count,
        "mean": edge.mean_score,
        "max": edge.max_score,
        "examples": edge.examples,
        "x1": x1,
        "y1": y1,
        "x2": round(x1 + share * (x2 - x1), 1),
        "y2": round(y1 + share * (y2 - y1), 1),
        "middle": (round((x1 + x2) / 2, 1), round((y1 + y2) / 2 - 4, 1)),
        "width": round(1 + min(edge.count, 50) ** 0.5 / 2, 1),
    }

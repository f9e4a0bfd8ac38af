"""SVG plots for a page; requires matplotlib."""

import io
import warnings
from html import escape
from typing import Any, Callable, Dict, Optional, Tuple

SIZE = (5.2, 3.7)
# Okabe and Ito's colour-blind safe palette
COLORS = (
    "#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#999999",
    "#b8a900",
)  # fmt: skip
# replaced by colours of the page's theme
INK, SOFT, GRID, PAPER = "#1f2933", "#586472", "#dde3ea", "#ffffff"
WRONG = "#c62828"
THEME = {
    INK: "--ink",
    SOFT: "--soft",
    GRID: "--line",
    PAPER: "--paper",
    WRONG: "--wrong-ink",
    COLORS[0]: "--blue",
}
STYLE: Dict[str, Any] = {
    "font.size": 10,
    "font.family": "sans-serif",
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": GRID,
    "legend.frameon": False,
    "legend.fontsize": 9,
    "text.parse_math": False,  # labels may contain $
    "text.color": INK,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "savefig.facecolor": "none",
    # keep text as text, since browsers have fonts for all scripts
    "svg.fonttype": "none",
}


def has_matplotlib() -> bool:
    """RETURNS (bool): whether plots can be drawn."""
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        return False
    return True


def draw_plot(
    name: str,
    draw: Callable[[Any, Any], bool],
    data: Any,
    size: Tuple[float, float] = SIZE,
) -> Optional[str]:
    """Draw one plot.

    name (str): makes the ids unique on the page.
    draw (Callable[[Axes, Any], bool]): draws the data on matplotlib's axes; returns
        whether there was data to draw.
    data (Any): the data.
    size (Tuple[float, float]): width and height, in inches.
    RETURNS (Optional[str]): an `<svg>` element in the colours of the page; None without
        matplotlib or data.
    """
    if not has_matplotlib():
        return None
    import matplotlib
    from matplotlib.figure import Figure

    style: Any = {**STYLE, "svg.hashsalt": name}
    with matplotlib.rc_context(style):
        with warnings.catch_warnings():
            # characters missing from matplotlib's font are drawn by the browser
            warnings.simplefilter("ignore")
            figure = Figure(figsize=size, layout="constrained")
            axes = figure.subplots()
            if not draw(axes, data):
                return None
            buffer = io.StringIO()
            meta = {"Date": None, "Creator": None, "Format": None, "Type": None}
            figure.savefig(buffer, format="svg", metadata=meta)
    svg = buffer.getvalue()
    svg = svg[svg.index("<svg") :]
    for color, variable in THEME.items():
        svg = svg.replace(color, f"var({variable})")
    title = escape(axes.get_title("left"))
    return svg.replace("<svg", f'<svg role="img" aria-label="{title}"', 1)

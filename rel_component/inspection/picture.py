"""Draw an inspection: labels, distances, types. Requires matplotlib."""

import io
import warnings
from pathlib import Path
from typing import Any, List

from ..files import write_text
from ..pages import has_matplotlib, make_page
from ..wording import get_command
from .found import Result, count_types, list_end_types
from .plots import (
    N_IN_LINE,
    N_LABELS,
    N_TYPES,
    add_legend,
    draw_labels,
    draw_lengths,
    draw_sentences,
    draw_types,
    shorten,
    title_first,
)
from .sections import list_sections

SUFFIXES = (".png", ".svg", ".html")
DPI = 110
# entity types are omitted if there are more rows
N_ROWS = 45
# maximum number of types for which cells show numbers
N_CELLS = 14
STYLE = {
    "font.size": 9,
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "text.parse_math": False,  # labels may contain $
    "svg.hashsalt": "inspection",
}
# fallback fonts for scripts not covered by matplotlib's font, if installed
FONTS = (
    "Noto Sans CJK SC",
    "Noto Sans CJK JP",
    "WenQuanYi Zen Hei",
    "Microsoft YaHei",
    "Hiragino Sans",
    "Arial Unicode MS",
    "Noto Sans Arabic",
    "Noto Sans Devanagari",
)


def check_picture(path: Path) -> None:
    """RAISES (ValueError): if the suffix is not supported or matplotlib isn't
    installed."""
    if path.suffix not in SUFFIXES:
        raise ValueError(
            f"--picture {path}: found {path.suffix!r}, expected one of "
            f"{', '.join(SUFFIXES)}."
        )
    if path.suffix != ".html" and not has_matplotlib():
        raise ValueError(
            f"--picture {path}: pictures require matplotlib, which is not installed: "
            f"{get_command('plots')}. Or use .html."
        )


def draw_picture(result: Result, path: Path) -> List[str]:
    """Draw an inspection.

    result (Dict[str, Any]): the output of `inspect_splits`.
    path (Path): `.png`, `.svg`, or `.html` for a page with advice and tables.
    RETURNS (List[str]): warnings.
    RAISES (ValueError): if the suffix is not supported, or matplotlib is not installed.
    """
    check_picture(path)
    if path.suffix == ".html":
        write_text(path, format_page(result))
        return []
    import matplotlib
    from matplotlib import font_manager
    from matplotlib.figure import Figure

    installed = set(font_manager.get_font_names())
    fonts = ["DejaVu Sans", *(font for font in FONTS if font in installed)]
    n_rows = min(len(result["labels"]), N_LABELS)
    n_types = len(count_types(result))
    n_types = n_types if n_rows + n_types <= N_ROWS else 0
    n_cells = min(len(list_end_types(result)), N_TYPES)
    height = max(6.5, 2 + 0.22 * (n_rows + n_types), 4.8 + 0.25 * n_cells)
    buffer = io.BytesIO()
    style: Any = {**STYLE, "font.family": fonts}
    with matplotlib.rc_context(style):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            figure = Figure(figsize=(15, height), layout="constrained")
            _fill(figure, result, n_types, 3.3 / height)
            is_png = path.suffix == ".png"
            kind = "png" if is_png else "svg"
            meta = {} if is_png else {"Date": None}
            figure.savefig(buffer, format=kind, dpi=DPI, metadata=meta)
    path.write_bytes(buffer.getvalue())
    if any("missing from font" in str(warning.message) for warning in caught):
        return [
            f"{path}: no installed font supports some characters of the labels, which "
            "are shown as boxes. Install a font such as Noto Sans CJK."
        ]
    return []


def format_page(result: Result) -> str:
    """RETURNS (str): an inspection as a page."""
    files = result.get("files") or dict.fromkeys(result["splits"], "")
    subtitle = " · ".join(path or name for name, path in files.items())
    note = ""
    if not has_matplotlib():
        note = (
            f"Plots are missing: matplotlib is not installed ({get_command('plots')})."
        )
    title = "Data before training"
    return make_page(title, list_sections(result), subtitle=subtitle, note=note)


def _fill(figure: Any, result: Result, n_types: int, top_share: float) -> None:
    parts = [
        f"{shorten(name)}: documents {split['documents']:,}, entities "
        f"{split['entities']:,}, relations {split['relations']:,}"
        for name, split in result["splits"].items()
    ]
    lines = [
        "   ·   ".join(parts[i : i + N_IN_LINE])
        for i in range(0, len(parts), N_IN_LINE)
    ]
    figure.suptitle("\n".join(lines), fontsize=10, x=0.01, ha="left")
    left, right = figure.subfigures(1, 2, width_ratios=(1, 1.35), wspace=0.02)
    _draw_counts(left, result, n_types)
    top, bottom = right.subfigures(2, 1, height_ratios=(top_share, 1 - top_share))
    if result["distances"]["all"]["sentences"] is None:
        draw_lengths(top.subplots(), result)
    else:
        lengths, sentences = top.subplots(1, 2, width_ratios=(1.7, 1))
        draw_lengths(lengths, result)
        draw_sentences(sentences, result)
    add_legend(top, top.axes[0])
    _draw_types(bottom, bottom.subplots(), result)


def _draw_counts(figure: Any, result: Result, n_types: int) -> None:
    n_labels = min(len(result["labels"]), N_LABELS)
    if not n_types:
        axes = figure.subplots()
    else:
        ratios = (n_labels + 2, n_types + 2)
        axes, below = figure.subplots(2, 1, height_ratios=ratios)
        draw_types(below, result)
    draw_labels(axes, result)
    add_legend(figure, axes)


def _draw_types(figure: Any, axes: Any, result: Result) -> None:
    """Head types by tail types."""
    from matplotlib.colors import LogNorm

    names = list_end_types(result)
    types = names[:N_TYPES]
    grid = [[0] * len(types) for _ in types]
    index = {type_: i for i, type_ in enumerate(types)}
    for row in result["type_pairs"]:
        if row["head"] in index and row["tail"] in index:
            grid[index[row["head"]]][index[row["tail"]]] += row["relations"]
    most = max(max(row) for row in grid)
    shown = [[n or float("nan") for n in row] for row in grid]
    norm = LogNorm(1, max(most, 2))
    image = axes.imshow(shown, cmap="YlGnBu", norm=norm, aspect="auto")
    title = "Relations by type of head (row) and tail (column)"
    axes.set_title(title_first(title, len(names), N_TYPES))
    ticks, shorts = range(len(types)), [shorten(type_) for type_ in types]
    is_wide = sum(map(len, shorts)) > 80
    axes.set_xticks(ticks, shorts, rotation=90 if is_wide else 0)
    axes.set_yticks(ticks, shorts)
    axes.set_xticks([i - 0.5 for i in ticks], minor=True)
    axes.set_yticks([i - 0.5 for i in ticks], minor=True)
    axes.grid(which="minor", color="#eeeeee")
    axes.tick_params(which="both", length=0)
    if len(types) > N_CELLS:
        bar = figure.colorbar(image, ax=axes, shrink=0.8, pad=0.01)
        marks = [*(10**k for k in range(7) if 10**k <= most / 2), most]
        bar.set_ticks(marks, labels=[f"{mark:,}" for mark in marks])
        bar.ax.minorticks_off()
        return
    for i, row in enumerate(grid):
        for j, n in enumerate(row):
            if n:
                color = "white" if norm(n) > 0.55 else "black"
                axes.text(j, i, f"{n:,}", ha="center", va="center", color=color)

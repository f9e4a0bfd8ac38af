"""The picture of an inspection: labels, distances, types. Needs matplotlib."""

import io
import warnings
from pathlib import Path
from typing import Any, Dict, List, Sequence, Tuple

from ..wording import get_command, percent
from .found import N_EXAMPLES, Result, choose_source
from .page import make_page
from .tables import count_types

SUFFIXES = (".png", ".svg", ".html")
DPI = 110
# what still can be read
N_LABELS, N_TYPES, N_LETTERS = 60, 40, 30
# splits
N_IN_LINE = 3
# with more rows than these, labels stand without entity types
N_ROWS = 45
# up to so many types, cells show their number
N_CELLS = 14
COLORS = ("#1f77b4", "#e6760d", "#2ca02c", "#9467bd", "#8c564b", "#7f7f7f")
MARKERS = "oDs^vP"
# where 0 stands on a logarithmic scale
NONE = 0.5
LOST = "#c62828"
STYLE = {
    "font.size": 9,
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "text.parse_math": False,  # a label may have a $
    "svg.hashsalt": "inspection",
}
# for scripts that matplotlib's own font lacks, those of them that are installed
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
    """RAISES (ValueError): if a picture can't be drawn there."""
    if path.suffix not in SUFFIXES:
        raise ValueError(
            f"--picture {path}: found {path.suffix!r}, expected one of "
            f"{', '.join(SUFFIXES)}."
        )
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        raise ValueError(
            f"--picture {path}: pictures are drawn by matplotlib, which is not "
            f"installed: {get_command('plots')}."
        ) from None


def draw_picture(result: Result, path: Path) -> List[str]:
    """Draw an inspection.

    result (Dict[str, Any]): what `inspect_splits` has found.
    path (Path): `.png`, `.svg`, or `.html` for a page with advice and tables too.
    RETURNS (List[str]): what could not be drawn well.
    RAISES (ValueError): if the suffix is another one, or matplotlib is not installed.
    """
    check_picture(path)
    import matplotlib
    from matplotlib import font_manager
    from matplotlib.figure import Figure

    installed = set(font_manager.get_font_names())
    fonts = ["DejaVu Sans", *(font for font in FONTS if font in installed)]
    n_rows = min(len(result["labels"]), N_LABELS)
    n_types = len(count_types(result))
    n_types = n_types if n_rows + n_types <= N_ROWS else 0
    n_cells = min(len(_list_types(result)), N_TYPES)
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
    data = buffer.getvalue()
    if path.suffix == ".html":
        data = make_page(result, data.decode("utf8")).encode("utf8")
    path.write_bytes(data)
    if any("missing from font" in str(warning.message) for warning in caught):
        return [
            f"{path}: no installed font has some characters of the labels; they are "
            f"shown as boxes. Install one such as Noto Sans CJK."
        ]
    return []


def _fill(figure: Any, result: Result, n_types: int, top_share: float) -> None:
    parts = [
        f"{_shorten(name)}: documents {split['documents']:,}, entities "
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
        _draw_lengths(top.subplots(), result)
    else:
        lengths, sentences = top.subplots(1, 2, width_ratios=(1.7, 1))
        _draw_lengths(lengths, result)
        _draw_sentences(sentences, result)
    _add_legend(top, top.axes[0])
    _draw_types(bottom, bottom.subplots(), result)


def _draw_counts(figure: Any, result: Result, n_types: int) -> None:
    labels = {label: row["splits"] for label, row in result["labels"].items()}
    title = _title("Relations by label", len(labels), N_LABELS)
    shown = dict(list(labels.items())[:N_LABELS])
    if not n_types:
        axes = figure.subplots()
    else:
        ratios = (len(shown) + 2, n_types + 2)
        axes, below = figure.subplots(2, 1, height_ratios=ratios)
        _draw_marks(below, count_types(result), list(result["splits"]))
        below.set_title("Entities by type")
    _draw_marks(axes, shown, list(result["splits"]))
    axes.set_title(title)
    axes.axvline(N_EXAMPLES, color="#888888", linestyle=":", linewidth=1.2)
    axes.set_xlabel(f"dotted: {N_EXAMPLES}, the least to learn a label from")
    _add_legend(figure, axes)


def _add_legend(figure: Any, axes: Any) -> None:
    """Above everything, where it hides nothing."""
    handles, names = axes.get_legend_handles_labels()
    place = {"loc": "outside upper right", "ncols": N_IN_LINE}
    figure.legend(handles, names, frameon=False, **place)


def _draw_marks(
    axes: Any, counts: Dict[str, Dict[str, int]], splits: Sequence[str]
) -> None:
    """A row for each name, a mark for each split, on a logarithmic scale."""
    heights = range(len(counts))
    for i, split in enumerate(splits):
        # a little below the one before, which it would hide where numbers are equal
        shift = 0.4 * ((i + 0.5) / len(splits) - 0.5)
        axes.plot(
            [max(row[split], NONE) for row in counts.values()],
            [height + shift for height in heights],
            MARKERS[i % len(MARKERS)],
            color=COLORS[i % len(COLORS)],
            markersize=6,
            label=_shorten(split),
            zorder=3,
            clip_on=False,
        )
    most = max(n for row in counts.values() for n in row.values())
    axes.set_xscale("log")
    axes.set_xlim(0.42, max(most * 1.3, 12))
    _set_log_ticks(axes, most)
    axes.set_yticks(heights, [_shorten(name) for name in counts])
    axes.set_ylim(len(counts) - 0.4, -0.6)
    axes.grid(axis="both", color="#e6e6e6", zorder=0)
    axes.set_axisbelow(True)
    axes.tick_params(axis="y", length=0)
    if len(splits) > N_IN_LINE:
        return
    numbers = axes.secondary_yaxis("right")
    texts = [" / ".join(f"{row[x]:,}" for x in splits) for row in counts.values()]
    numbers.set_yticks(heights, texts, fontsize=8, color="#444444")
    numbers.tick_params(axis="y", length=0)
    numbers.spines["right"].set_visible(False)


def _set_log_ticks(axes: Any, most: int) -> None:
    ticks = [NONE, 1.0]
    while ticks[-1] * 10 <= max(most * 1.3, 12):
        ticks.append(ticks[-1] * 10)
    axes.set_xticks(ticks, ["0", *(f"{int(tick):,}" for tick in ticks[1:])])
    axes.set_xticks([], minor=True)


def _draw_lengths(axes: Any, result: Result) -> None:
    """Relations by tokens between the starts, and what max_length would lose."""
    distances = result["distances"]
    bins, numbers = distances["bins"], distances["all"]["starts"]
    source = choose_source(result)
    rows = [row for row in result["candidates"] if row["spans_key"] == source]
    lost = []
    for row in rows:
        if row["max_sentences"] is None:
            end = row["max_length"]
            # the bins end where the settings do
            at = len(bins) - 1 if end is None else _find_bin(bins, end)
            lost.append((at, row["lost_share"], "null" if end is None else str(end)))
    axes.set_title("max_length: tokens between the starts")
    _draw_bars(axes, bins, numbers, sorted(lost))
    if source is not None:
        axes.set_xlabel(f'entities of doc.spans["{source}"]')


def _draw_sentences(axes: Any, result: Result) -> None:
    distances = result["distances"]
    source = choose_source(result)
    lost = [
        (row["max_sentences"], row["lost_share"], str(row["max_sentences"]))
        for row in result["candidates"]
        if row["spans_key"] == source and row["max_sentences"] is not None
    ]
    axes.set_title("max_sentences: boundaries")
    numbers = distances["all"]["sentences"]
    _draw_bars(axes, distances["sentence_bins"], numbers, sorted(lost))


def _find_bin(bins: Sequence[str], end: int) -> int:
    return next(i for i, name in enumerate(bins) if name.endswith(f"–{end}"))


def _draw_bars(
    axes: Any,
    bins: Sequence[str],
    numbers: Sequence[int],
    lost: Sequence[Tuple[int, float, str]],
) -> None:
    total = sum(numbers) or 1
    axes.bar(
        range(len(bins)),
        [100 * n / total for n in numbers],
        width=0.85,
        color="#a9c9e4",
        label="relations",
        zorder=2,
    )
    axes.plot(
        [at for at, _, _ in lost],
        [100 * share for _, share, _ in lost],
        "o-",
        color=LOST,
        label="lost with this limit",
        zorder=3,
    )
    for at, share, setting in lost:
        axes.annotate(
            f"{setting}: {percent(share)}",
            (at, 100 * share),
            # above the line, which falls to the right
            xytext=(4, 5),
            textcoords="offset points",
            color=LOST,
            fontsize=8,
            zorder=4,
            bbox={"facecolor": "white", "alpha": 0.75, "linewidth": 0, "pad": 0.5},
        )
    axes.set_xticks(range(len(bins)), bins)
    axes.set_xlim(-0.6, len(bins) - 0.1)
    highest = max([n / total for n in numbers] + [share for _, share, _ in lost])
    axes.set_ylim(0, 118 * highest)
    axes.yaxis.set_major_formatter("{x:.0f} %")
    axes.grid(axis="y", color="#e6e6e6", zorder=0)


def _draw_types(figure: Any, axes: Any, result: Result) -> None:
    """Head types by tail types."""
    from matplotlib.colors import LogNorm

    names = _list_types(result)
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
    axes.set_title(_title(title, len(names), N_TYPES))
    ticks, shorts = range(len(types)), [_shorten(type_) for type_ in types]
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


def _list_types(result: Result) -> List[str]:
    """Types at either end of a relation, the most frequent first."""
    counts: Dict[str, int] = {}
    for row in result["type_pairs"]:
        for type_ in (row["head"], row["tail"]):
            counts[type_] = counts.get(type_, 0) + row["relations"]
    return sorted(counts, key=lambda type_: (-counts[type_], type_))


def _title(title: str, n: int, n_shown: int) -> str:
    return f"{title} (the first {n_shown} of {n})" if n > n_shown else title


def _shorten(name: str) -> str:
    name = " ".join(name.split())
    half = N_LETTERS // 2
    return name if len(name) <= N_LETTERS else f"{name[:half]}…{name[1 - half :]}"

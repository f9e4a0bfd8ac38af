"""Plots of an inspection: labels, types, distances."""

from typing import Any, Callable, Dict, List, Sequence, Tuple

from ..pages.plots import GRID, PAPER, SIZE, SOFT, WRONG
from ..wording import percent
from .found import N_EXAMPLES, Result, choose_source, count_types

# maximum readable rows
N_LABELS, N_TYPES, N_LETTERS = 60, 40, 30
# splits
N_IN_LINE = 3
COLORS = ("#1f77b4", "#e6760d", "#2ca02c", "#9467bd", "#8c564b", "#7f7f7f")
MARKERS = "oDs^vP"
# position of 0 on a logarithmic scale
NONE = 0.5
WIDTH = SIZE[0]

Draw = Callable[[Any, Result], bool]


def draw_labels(axes: Any, result: Result) -> bool:
    """RETURNS (bool): True; draws relations of each split by label."""
    labels = {label: row["splits"] for label, row in result["labels"].items()}
    shown = dict(list(labels.items())[:N_LABELS])
    draw_marks(axes, shown, list(result["splits"]))
    axes.set_title(title_first("Relations by label", len(labels), N_LABELS))
    axes.axvline(N_EXAMPLES, color=SOFT, linestyle=":", linewidth=1.2)
    axes.set_xlabel(f"dotted: {N_EXAMPLES}, the minimum to learn a label")
    return True


def draw_types(axes: Any, result: Result) -> bool:
    """RETURNS (bool): whether entities of each split by type were drawn."""
    counts = count_types(result)
    if not counts:
        return False
    draw_marks(axes, dict(list(counts.items())[:N_TYPES]), list(result["splits"]))
    axes.set_title(title_first("Entities by type", len(counts), N_TYPES))
    return True


def draw_lengths(axes: Any, result: Result) -> bool:
    """RETURNS (bool): True; draws relations by tokens between the starts, and the
    losses of max_length."""
    distances = result["distances"]
    bins, numbers = distances["bins"], distances["all"]["starts"]
    source = choose_source(result)
    rows = [row for row in result["candidates"] if row["spans_key"] == source]
    lost = []
    for row in rows:
        if row["max_sentences"] is None:
            end = row["max_length"]
            # the bins match the settings
            at = len(bins) - 1 if end is None else _find_bin(bins, end)
            lost.append((at, row["lost_share"], "null" if end is None else str(end)))
    axes.set_title("max_length: tokens between the starts")
    _draw_bars(axes, bins, numbers, sorted(lost))
    if source is not None:
        axes.set_xlabel(f'entities of doc.spans["{source}"]')
    return True


def draw_sentences(axes: Any, result: Result) -> bool:
    """RETURNS (bool): whether relations by sentence boundaries were drawn, with the
    losses of max_sentences; some documents may have no boundaries."""
    distances = result["distances"]
    numbers = distances["all"]["sentences"]
    if numbers is None:
        return False
    source = choose_source(result)
    lost = [
        (row["max_sentences"], row["lost_share"], str(row["max_sentences"]))
        for row in result["candidates"]
        if row["spans_key"] == source and row["max_sentences"] is not None
    ]
    axes.set_title("max_sentences: boundaries")
    _draw_bars(axes, distances["sentence_bins"], numbers, sorted(lost))
    return True


def draw_marks(
    axes: Any, counts: Dict[str, Dict[str, int]], splits: Sequence[str]
) -> None:
    """Draw a row per name and a mark per split, on a logarithmic scale."""
    heights = range(len(counts))
    for i, split in enumerate(splits):
        # slightly shifted, so that equal numbers don't hide each other
        shift = 0.4 * ((i + 0.5) / len(splits) - 0.5)
        axes.plot(
            [max(row[split], NONE) for row in counts.values()],
            [height + shift for height in heights],
            MARKERS[i % len(MARKERS)],
            color=COLORS[i % len(COLORS)],
            markersize=6,
            label=shorten(split),
            zorder=3,
            clip_on=False,
        )
    most = max(n for row in counts.values() for n in row.values())
    axes.set_xscale("log")
    axes.set_xlim(0.42, max(most * 1.3, 12))
    _set_log_ticks(axes, most)
    axes.set_yticks(heights, [shorten(name) for name in counts])
    axes.set_ylim(len(counts) - 0.4, -0.6)
    axes.grid(axis="both", color=GRID, zorder=0)
    axes.set_axisbelow(True)
    axes.tick_params(axis="y", length=0)
    if len(splits) > N_IN_LINE:
        return
    numbers = axes.secondary_yaxis("right")
    texts = [" / ".join(f"{row[x]:,}" for x in splits) for row in counts.values()]
    numbers.set_yticks(heights, texts, fontsize=8, color=SOFT)
    numbers.tick_params(axis="y", length=0)
    numbers.spines["right"].set_visible(False)


def _set_log_ticks(axes: Any, most: int) -> None:
    ticks = [NONE, 1.0]
    while ticks[-1] * 10 <= max(most * 1.3, 12):
        ticks.append(ticks[-1] * 10)
    axes.set_xticks(ticks, ["0", *(f"{int(tick):,}" for tick in ticks[1:])])
    axes.set_xticks([], minor=True)


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
        color=WRONG,
        label="lost with this limit",
        zorder=3,
    )
    for at, share, setting in lost:
        axes.annotate(
            f"{setting}: {percent(share)}",
            (at, 100 * share),
            # above the descending line
            xytext=(4, 5),
            textcoords="offset points",
            color=WRONG,
            fontsize=8,
            zorder=4,
            bbox={"facecolor": PAPER, "alpha": 0.75, "linewidth": 0, "pad": 0.5},
        )
    axes.set_xticks(range(len(bins)), bins)
    axes.set_xlim(-0.6, len(bins) - 0.1)
    highest = max([n / total for n in numbers] + [share for _, share, _ in lost])
    axes.set_ylim(0, 118 * highest)
    axes.yaxis.set_major_formatter("{x:.0f} %")
    axes.grid(axis="y", color=GRID, zorder=0)


def title_first(title: str, n: int, n_shown: int) -> str:
    """RETURNS (str): a title with the number of rows shown."""
    return f"{title} (the first {n_shown} of {n})" if n > n_shown else title


def shorten(name: str) -> str:
    """RETURNS (str): a shortened name."""
    name = " ".join(name.split())
    half = N_LETTERS // 2
    return name if len(name) <= N_LETTERS else f"{name[:half]}…{name[1 - half :]}"


def add_legend(figure: Any, axes: Any) -> None:
    """Add a legend above the plot."""
    handles, names = axes.get_legend_handles_labels()
    place = {"loc": "outside upper right", "ncols": N_IN_LINE}
    figure.legend(handles, names, frameon=False, **place)


def _with_legend(draw: Draw) -> Draw:
    def draw_both(axes: Any, result: Result) -> bool:
        if not draw(axes, result):
            return False
        add_legend(axes.figure, axes)
        return True

    return draw_both


def _get_height(n_rows: int) -> Tuple[float, float]:
    return WIDTH, 1.4 + 0.24 * n_rows


def _get_label_size(result: Result) -> Tuple[float, float]:
    return _get_height(min(len(result["labels"]), N_LABELS))


def _get_type_size(result: Result) -> Tuple[float, float]:
    return _get_height(min(len(count_types(result)), N_TYPES))


def _get_size(result: Result) -> Tuple[float, float]:
    return SIZE


# plots by section
PLOTS: Dict[str, List[Tuple[Draw, Callable[[Result], Tuple[float, float]]]]] = {
    "labels": [(_with_legend(draw_labels), _get_label_size)],
    "entities": [(_with_legend(draw_types), _get_type_size)],
    "distances": [
        (_with_legend(draw_lengths), _get_size),
        (_with_legend(draw_sentences), _get_size),
    ],
}

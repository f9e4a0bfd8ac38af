"""Plots of a report by section; requires matplotlib."""

from typing import Any, Callable, Dict, List

from ...pages import Figure, draw_plot
from ...pages.plots import COLORS, GRID, INK, PAPER, SOFT
from ...wording import points

N_CURVES = len(COLORS)


def draw_plots(section: str, data: Dict[str, Any]) -> List[Figure]:
    """Draw the plots of a section.

    section (str): the section's id.
    data (Dict[str, Any]): the data of an `Evaluation`.
    RETURNS (List[Figure]): the plots; empty without matplotlib.
    """
    drawn = [
        draw_plot(f"{section}-{i}", draw, data)
        for i, draw in enumerate(PLOTS.get(section, ()))
    ]
    return [Figure(svg) for svg in drawn if svg is not None]


def _draw_curves(axes: Any, data: Dict[str, Any]) -> bool:
    curves = data["curves"]
    labels = sorted((x for x in curves if x), key=lambda x: -curves[x]["n_gold"])
    if not curves:
        return False
    for f in (0.2, 0.4, 0.6, 0.8):
        recall = [f / (2 - f) + i * (1 - f / (2 - f)) / 50 for i in range(51)]
        precision = [f * r / (2 * r - f) for r in recall]
        axes.plot(recall, precision, color=GRID, linewidth=0.8, zorder=1)
        axes.text(1.01, precision[-1], f"F {f:g}", color=SOFT, fontsize=8)
    for label, color in zip(labels[:N_CURVES], COLORS):
        curve = curves[label]
        axes.step(
            curve["recall"],
            curve["precision"],
            color=color,
            label=label,
            where="pre",
            linewidth=1.4,
        )
        scores = data["all_gold"]["rel_per_label"].get(label)
        if scores and scores["p"] + scores["r"]:
            axes.plot(
                scores["r"],
                scores["p"],
                "o",
                color=color,
                markersize=7,
                markeredgecolor=PAPER,
                zorder=4,
            )
    everything = curves[""]
    axes.step(
        everything["recall"],
        everything["precision"],
        color=INK,
        label="all labels",
        linewidth=2,
        where="pre",
    )
    micro = data["all_gold"]
    if micro["rel_micro_f"] is not None:
        axes.plot(
            micro["rel_micro_r"],
            micro["rel_micro_p"],
            "o",
            color=INK,
            markersize=8,
            markeredgecolor=PAPER,
            zorder=5,
            label="at the threshold",
        )
    axes.set(xlim=(0, 1.0), ylim=(0, 1.03), xlabel="recall", ylabel="precision")
    more = len(labels) - N_CURVES
    axes.set_title(
        "Precision and recall"
        + (f" (the {N_CURVES} most frequent labels)" if more > 0 else "")
    )
    axes.legend(loc="lower left")
    return True


def _draw_thresholds(axes: Any, data: Dict[str, Any]) -> bool:
    rows, chance = data["thresholds"], data["random_baseline"]
    if not rows or rows[0]["all_gold"]["rel_micro_f"] is None:
        return False
    x = [row["threshold"] for row in rows]
    for part, name, style in (
        ("p", "precision", "--"),
        ("r", "recall", ":"),
        ("f", "F", "-"),
    ):
        axes.plot(
            x,
            [row["all_gold"][f"rel_micro_{part}"] for row in rows],
            style,
            color=COLORS[0],
            label=name,
            linewidth=2 if part == "f" else 1.4,
        )
    axes.plot(
        x,
        [row["all_gold"]["rel_micro_f"] for row in chance],
        color="#999999",
        label="F by chance",
    )
    axes.axvline(data["threshold"], color=INK, linewidth=1)
    axes.text(data["threshold"], 1.03, f" threshold {data['threshold']:g}", fontsize=8)
    axes.set(xlim=(0, 1), ylim=(0, 1.03), xlabel="one threshold for all labels")
    axes.set_title("Scores by threshold", pad=14)
    axes.legend(loc="lower left")
    return True


def _draw_reliability(axes: Any, data: Dict[str, Any]) -> bool:
    tuning = data["tuning"]
    if tuning is None or not tuning["before"]["reliability"]["all"]["n"]:
        return False
    axes.plot([0, 1], [0, 1], color=SOFT, linewidth=1, label="perfect")
    for name, color, marker in (("before", "#999999", "s"), ("after", COLORS[0], "o")):
        found = tuning[name]["reliability"]["all"]
        bins = [row for row in found["bins"] if row["n"]]
        axes.plot(
            [row["confidence"] for row in bins],
            [row["accuracy"] for row in bins],
            color=color,
            linewidth=1.4,
            label=f"{name} (error {points(found['ece'])} %)",
        )
        most = max(row["n"] for row in bins)
        axes.scatter(
            [row["confidence"] for row in bins],
            [row["accuracy"] for row in bins],
            color=color,
            marker=marker,
            s=[18 + 60 * (row["n"] / most) ** 0.5 for row in bins],
            zorder=3,
        )
    axes.set(
        xlim=(-0.03, 1.03),
        ylim=(-0.03, 1.03),
        xlabel="confidence",
        ylabel="accuracy",
    )
    axes.set_title("Reliability, before and after calibration")
    axes.legend(loc="upper left")
    return True


def _draw_training(axes: Any, data: Dict[str, Any]) -> bool:
    rows = data.get("training") or []
    if len(rows) < 2:
        return False
    steps = [row["step"] for row in rows]
    axes.plot(
        steps,
        [row["score"] for row in rows],
        color=COLORS[0],
        linewidth=2,
        label="score on dev",
    )
    axes.set(ylim=(0, 1.03), xlabel="steps", ylabel="score on dev")
    best = max(rows, key=lambda row: row["score"])
    axes.plot(best["step"], best["score"], "o", color=COLORS[0], label="best model")
    other = axes.twinx()
    other.grid(False)
    for name, color in zip(rows[0]["losses"], COLORS[1:]):
        losses = [row["losses"][name] for row in rows]
        if any(losses):
            other.plot(steps, losses, color=color, linewidth=1.2, label=f"loss {name}")
    other.set_ylabel("loss, summed between evaluations")
    other.set_ylim(bottom=0)
    lines = [
        *axes.get_legend_handles_labels()[0],
        *other.get_legend_handles_labels()[0],
    ]
    axes.legend(
        lines,
        [line.get_label() for line in lines],
        loc="upper center",
        bbox_to_anchor=(0.5, -0.16),
        ncols=2,
    )
    axes.set_title("Training")
    return True


def _draw_learning(axes: Any, data: Dict[str, Any]) -> bool:
    found = data.get("learning_curve")
    if not found or len(found["points"]) < 2:
        return False
    curve = found["points"]
    x = [point["documents"] for point in curve]
    axes.fill_between(
        x,
        [min(point["scores"]) for point in curve],
        [max(point["scores"]) for point in curve],
        color=COLORS[0],
        alpha=0.2,
        linewidth=0,
        label="minimum and maximum",
    )
    axes.plot(
        x, [point["mean"] for point in curve], "o-", color=COLORS[0], label="mean"
    )
    axes.set(
        ylim=(0, 1.03), xlim=(0, None), xlabel="training documents", ylabel="micro F"
    )
    axes.set_title("Learning curve")
    axes.legend(loc="lower right")
    return True


# plots by section
PLOTS: Dict[str, List[Callable[[Any, Any], bool]]] = {
    "labels": [_draw_curves],
    "thresholds": [_draw_thresholds],
    "calibration": [_draw_reliability],
    "training": [_draw_training, _draw_learning],
}

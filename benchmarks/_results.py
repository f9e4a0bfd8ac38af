"""Write the figures that benchmarks have recorded as a Markdown table.

python benchmarks/_results.py figures.jsonl benchmarks/results.md
"""

import os
import platform
import subprocess
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Dict, List

import srsly
import typer

from rel_component.files import write_text


def main(
    figures: Path = typer.Argument(..., help="Recorded figures, JSON lines"),
    output: Path = typer.Argument(..., help="Output file, .md"),
) -> None:
    """Write a table with date, processor and commit."""
    rows: List[Dict[str, Any]] = list(srsly.read_jsonl(figures))
    load = ", ".join(f"{x:.1f}" for x in os.getloadavg())
    lines = [
        "# Results of `benchmarks/all.sh`",
        "",
        f"- date: {datetime.now(timezone.utc):%Y-%m-%d %H:%M} UTC",
        f"- processor: {find_processor()}, {os.cpu_count()} cores",
        f"- commit: {find_commit()}",
        f"- load average over 1, 5 and 15 minutes at the end: {load}",
        "",
        "| row | figure | unit |",
        "|---|---|---|",
        *(f"| {x['row']} | {show(x['figure'])} | {x['unit']} |" for x in rows),
    ]
    write_text(output, "\n".join(lines) + "\n")


def show(figure: Any) -> str:
    """RETURNS (str): three digits of a number, or more before the decimal point."""
    if figure is None:
        return "–"
    digits = 0 if abs(figure) >= 100 else 1 if abs(figure) >= 10 else 2
    return f"{figure:,.{digits}f}"


def find_processor() -> str:
    """RETURNS (str): the processor's name, where the system says it."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [x.split(":", 1)[1].strip() for x in lines if x.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def find_commit() -> str:
    """RETURNS (str): the checked-out commit, and whether files have been changed."""
    command = ["git", "describe", "--always", "--dirty", "--exclude", "*"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"


if __name__ == "__main__":
    typer.run(main)

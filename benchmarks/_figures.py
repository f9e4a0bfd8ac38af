"""Figures of benchmarks, collected by `all.sh`."""

import json
import os
from typing import Optional

# file that figures are appended to, as JSON lines
VARIABLE = "BENCHMARK_FIGURES"


def record(row: str, figure: Optional[float], unit: str) -> None:
    """Append a figure to the file named by BENCHMARK_FIGURES, if it's set.

    row (str): what was measured.
    figure (Optional[float]): its value; None if it wasn't measured.
    unit (str): its unit, or the reason why it wasn't measured.
    """
    path = os.environ.get(VARIABLE)
    if path:
        with open(path, "a", encoding="utf8") as file:
            file.write(json.dumps({"row": row, "figure": figure, "unit": unit}) + "\n")

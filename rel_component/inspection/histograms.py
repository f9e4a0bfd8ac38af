"""Proportions, quantiles and histograms of counts."""

from typing import Any, Dict, List, Mapping, Optional, Sequence

QUANTILES = {"min": 0.0, "25%": 0.25, "50%": 0.5, "75%": 0.75, "95%": 0.95, "max": 1.0}
Bins = Sequence[Optional[int]]


def divide(n: int, total: int) -> Optional[float]:
    """RETURNS (Optional[float]): the proportion; None if the total is 0."""
    return n / total if total else None


def describe_numbers(numbers: Mapping[int, int]) -> Dict[str, Any]:
    """Compute mean and quantiles.

    numbers (Mapping[int, int]): frequency of each number.
    RETURNS (Dict[str, Any]): mean and quantiles; empty without numbers.
    """
    n = sum(numbers.values())
    if not n:
        return {}
    found: Dict[str, Any] = {"mean": sum(x * k for x, k in numbers.items()) / n}
    ordered = sorted(numbers.items())
    for name, share in QUANTILES.items():
        n_below = 0
        for number, k in ordered:
            n_below += k
            if n_below >= max(share * n, 1):
                found[name] = number
                break
    return found


def fill_bins(numbers: Mapping[int, int], bins: Bins) -> List[int]:
    """RETURNS (List[int]): number of values per bin."""
    filled = [0] * len(bins)
    for number, k in numbers.items():
        ends = (i for i, end in enumerate(bins) if end is None or number <= end)
        filled[next(ends)] += k
    return filled


def name_bins(bins: Bins) -> List[str]:
    """RETURNS (List[str]): such as `0–2`, `3–5`, `over 5`."""
    names, first = [], 0
    for end in bins:
        if end is None:
            names.append(f"over {first - 1}")
        else:
            names.append(str(end) if end == first else f"{first}–{end}")
            first = end + 1
    return names

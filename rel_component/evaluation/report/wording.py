"""Figures in words."""

from typing import Optional, Sequence

from ...wording import plural

__all__ = ["number", "percent", "plural", "with_interval"]


def percent(share: Optional[float]) -> str:
    """RETURNS (str): such as `81.3`; `–` where there is nothing."""
    return "–" if share is None else f"{100 * share:.1f}"


def number(n: int) -> str:
    """RETURNS (str): such as `1,234`."""
    return f"{n:,}"


def with_interval(value: Optional[float], interval: Optional[Sequence[float]]) -> str:
    """RETURNS (str): such as `81.3 (75.0–86.1)`."""
    if interval is None:
        return percent(value)
    return f"{percent(value)} ({percent(interval[0])}–{percent(interval[1])})"

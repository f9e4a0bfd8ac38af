"""Advice in words on what an inspection has found."""

from typing import Dict, List

from . import advice_on_data, advice_on_settings
from .found import Result

RULES = (*advice_on_data.RULES, *advice_on_settings.RULES)


def advise(result: Result) -> List[Dict[str, str]]:
    """What to change in the data or in the config.

    result (Dict[str, Any]): what `inspect_splits` has found.
    RETURNS (List[Dict[str, str]]): `level`, `about` and `text`, warnings first.
    """
    found = [advice for rule in RULES for advice in rule(result)]
    found.sort(key=lambda advice: advice.level != "warn")
    return [advice._asdict() for advice in found]

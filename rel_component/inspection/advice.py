"""Give advice based on an inspection."""

from typing import Dict, List

from . import advice_on_data, advice_on_settings
from .found import Result

RULES = (*advice_on_data.RULES, *advice_on_settings.RULES)


def advise(result: Result) -> List[Dict[str, str]]:
    """Advise what to change in the data or the config.

    result (Dict[str, Any]): the output of `inspect_splits`.
    RETURNS (List[Dict[str, str]]): `level`, `about` and `text`, warnings first.
    """
    found = [advice for rule in RULES for advice in rule(result)]
    found.sort(key=lambda advice: advice.level != "warn")
    return [advice._asdict() for advice in found]

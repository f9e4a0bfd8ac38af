"""Estimate the width of text in Helvetica, Arial and Liberation Sans, which have the
same metrics."""

import unicodedata
from typing import Dict

# Source: Adobe's font metrics of Helvetica, in thousandths of the font size
_GROUPS = {
    222: "ijl`'",
    260: "|",
    278: " !,./:;I[\\]ft",
    333: "()-r",
    334: "{}",
    355: '"',
    389: "*",
    469: "^",
    500: "ckJsvxyz",
    556: "#$0123456789?L_abdeghnopqu",
    584: "+<=>~",
    611: "FTZ",
    667: "&ABEKPSVXY",
    722: "CDHNRUw",
    778: "GOQ",
    833: "Mm",
    889: "%",
    944: "W",
    1015: "@",
}
_WIDTHS: Dict[str, int] = {c: width for width, chars in _GROUPS.items() for c in chars}


def get_width(text: str, size: float) -> float:
    """RETURNS (float): the width of a text, in the unit of the font size."""
    return sum(_get_char_width(char) for char in text) * size / 1000


def _get_char_width(char: str) -> int:
    known = _WIDTHS.get(char)
    if known is not None:
        return known
    if unicodedata.combining(char) or unicodedata.category(char) in ("Cf", "Mn"):
        return 0
    if unicodedata.east_asian_width(char) in "WF":
        return 1000
    return 667 if char.isupper() else 556


def is_rtl(text: str) -> bool:
    """RETURNS (bool): whether the first letter is written from right to left."""
    for char in text:
        kind = unicodedata.bidirectional(char)
        if kind in ("L", "R", "AL"):
            return kind != "L"
    return False


def has_direction(text: str) -> bool:
    """RETURNS (bool): whether the text contains a letter or digit."""
    kinds = ("L", "R", "AL", "EN", "AN")
    return any(unicodedata.bidirectional(char) in kinds for char in text)

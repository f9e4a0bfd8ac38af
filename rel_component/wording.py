"""Format numbers, lists and tables for messages and reports."""

import difflib
import json
import re
import warnings
from typing import Any, Collection, Iterable, List, NamedTuple, Optional, Sequence

N_NAMED = 8


def percent(share: float) -> str:
    """RETURNS (str): a percentage such as `12 %` or `0.4 %`; never rounded to `0 %` or
    `100 %`."""
    if 0 < share < 0.0005:
        return "less than 0.1 %"
    if 0.995 <= share < 1:
        return f"{min(100 * share, 99.9):.1f} %"
    text = f"{100 * share:.1f}" if share < 0.0995 else f"{100 * share:.0f}"
    return f"{text.removesuffix('.0')} %"


def make_writable(text: str) -> str:
    """RETURNS (str): the text with unpaired surrogates, which UTF-8 can't encode, as
    escape sequences."""
    return text.encode("utf8", "backslashreplace").decode("utf8")


# not allowed in XML 1.0 (section 2.2), even escaped, and a problem for CSV readers
UNWRITABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def replace_unwritable(text: str) -> str:
    """RETURNS (str): the text with U+FFFD for characters not supported by all formats:
    control characters, non-characters and unpaired surrogates."""
    return UNWRITABLE.sub("\ufffd", text)


def points(share: Optional[float]) -> str:
    """RETURNS (str): a score in percent, such as `81.3`; `–` if it's None."""
    return "–" if share is None else f"{100 * share:.1f}"


def interval(low_high: Optional[Sequence[float]]) -> str:
    """RETURNS (str): an interval such as `75.0–86.1`; empty if it's None."""
    return "" if low_high is None else "–".join(map(points, low_high))


def number(n: Optional[int]) -> str:
    """RETURNS (str): a number such as `1,234`; empty if it's None."""
    return "" if n is None else f"{n:,}"


def of_all(n: int, total: int, word: str) -> str:
    """RETURNS (str): a proportion such as `1 of 3 texts`."""
    return f"{n} of {plural(total, word)}"


def agree(n: int, one: str, many: str) -> str:
    """RETURNS (str): the form that agrees with the number."""
    return one if n == 1 else many


def list_some(names: Iterable[str], n_named: int = N_NAMED) -> str:
    """RETURNS (str): the first names, and the number of others."""
    names = list(names)
    more = len(names) - n_named
    return ", ".join(names[:n_named]) + (f" and {more} more" if more > 0 else "")


def join_names(names: Collection[str]) -> str:
    """RETURNS (str): a list such as `a, b and c`."""
    *first, last = names or [""]
    return f"{', '.join(first)} and {last}" if first else last


def hint_at(name: str, known: Collection[str]) -> str:
    """RETURNS (str): the known name that is most similar, such as ` Did you mean x?`;
    empty if none is."""
    near = difflib.get_close_matches(name, known, n=1)
    return f" Did you mean {near[0]}?" if near else ""


def quote(text: Optional[str]) -> str:
    """RETURNS (str): the value in a config."""
    return json.dumps(text, ensure_ascii=False)


def name_place(spans_key: Optional[str]) -> str:
    """RETURNS (str): where entities are: `doc.spans[spans_key]`, or `doc.ents` for
    None."""
    return "doc.ents" if spans_key is None else f"doc.spans[{spans_key!r}]"


class Table(NamedTuple):
    """A table of strings.

    title (str): the title.
    header (List[str]): names of the columns.
    rows (List[List[str]]): the rows.
    aligns (str): `l` or `r` for each column.
    note (str): a note below, or empty.
    """

    title: str
    header: List[str]
    rows: List[List[str]]
    aligns: str
    note: str = ""

    def cut(self, n_rows: Optional[int]) -> "Table":
        """RETURNS (Table): the first rows, with the number of others in the note.

        n_rows (Optional[int]): number of rows; None for all.
        """
        more = 0 if n_rows is None else len(self.rows) - n_rows
        if more <= 0:
            return self
        note = f"... and {more} more" + (f"; {self.note}" if self.note else "")
        return self._replace(rows=self.rows[:n_rows], note=note)


def plural(n: int, word: str, words: Optional[str] = None) -> str:
    """RETURNS (str): number and noun, such as `1 text`, `2 texts` or `2 entities`."""
    return f"{n} {word if n == 1 else words or f'{word}s'}"


def get_command(extra: str) -> str:
    """RETURNS (str): command to install an extra of this package."""
    return f"pip install -e '.[{extra}]' in the project's folder"


def take_renamed(old: str, new: str, value: Any) -> Any:
    """Get the value of a setting under its deprecated name, with a warning.

    old (str): the deprecated name.
    new (str): the current name.
    value (Any): the value.
    RETURNS (Any): the value.
    """
    warnings.warn(
        f"{old} is now called {new}: rename it in your config.",
        DeprecationWarning,
        stacklevel=3,
    )
    return value

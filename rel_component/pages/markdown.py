"""Reports as Markdown."""

from typing import Iterable, List, Sequence

from ..wording import Table, number
from .sections import Group, Section

# maximum examples per kind
N_CARDS = 5


def make_markdown(title: str, sections: Iterable[Section]) -> str:
    """RETURNS (str): the report without drawings."""
    parts = [f"# {escape(title)}"]
    for section in sections:
        parts += [f"## {section.title}", *map(escape, section.words)]
        if section.notices:
            parts.append("\n".join(f"- {escape(x.text)}" for x in section.notices))
        for table in section.list_tables():
            parts += _format_titled(table)
        for group in section.groups:
            parts += _format_group(group)
    return "\n\n".join(parts) + "\n"


def format_table(
    header: Sequence[str], rows: Iterable[Sequence[str]], aligns: str
) -> str:
    """RETURNS (str): a table in Markdown."""
    marks = ["---:" if align == "r" else ":---" for align in aligns]
    lines = [[escape(cell) for cell in header], marks]
    lines += [[escape(cell) for cell in row] for row in rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def escape(text: str) -> str:
    """RETURNS (str): the text in one line, with Markdown escaped."""
    text = " ".join(text.split())
    for char in "\\|*_<>[]":
        text = text.replace(char, f"\\{char}")
    return text


def _format_titled(table: Table) -> List[str]:
    parts = [f"### {escape(table.title)}"]
    parts.append(format_table(table.header, table.rows, table.aligns))
    return [*parts, escape(table.note)] if table.note else parts


def _format_group(group: Group) -> List[str]:
    lines = [
        f"- {escape(card.title)}: {escape('; '.join(card.lines))}"
        for card in group.cards[:N_CARDS]
    ]
    if group.total > N_CARDS:
        lines.append(f"- … and {number(group.total - N_CARDS)} more, in the JSON")
    return [f"### {group.title} ({number(group.total)})", "\n".join(lines)]

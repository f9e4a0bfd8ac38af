"""A report as Markdown."""

from typing import Any, Dict, Iterable, List, Sequence

from ...wording import Table
from .sections import Matrix, list_sections

# errors of each kind; all of them are in the JSON
N_ERRORS = 5


def make_markdown(data: Dict[str, Any]) -> str:
    """RETURNS (str): the report's figures and its first errors, without plots."""
    name = data["pipeline"]["name"] or "pipeline"
    parts = [f"# Evaluation on {escape(name)}"]
    for section in list_sections(data):
        parts.append(f"## {section.title}")
        parts += [escape(words) for words in section.words]
        if section.tiles:
            rows = [[tile.name, tile.value, tile.detail] for tile in section.tiles]
            parts.append(format_table(["", "", "95 % interval"], rows, "lrr"))
        for table in section.tables:
            parts += _format_titled(table)
        parts += [_format_matrix(matrix) for matrix in section.matrices]
        if section.errors:
            is_gold = section.errors == data["mode"]
            found = (data if is_gold else data["end_to_end"])["errors"]
            parts += _format_errors(found)
    return "\n\n".join(parts) + "\n"


def format_table(
    header: Sequence[str], rows: Iterable[Sequence[str]], aligns: str
) -> str:
    """RETURNS (str): a table of Markdown."""
    marks = ["---:" if align == "r" else ":---" for align in aligns]
    lines = [[escape(cell) for cell in header], marks]
    lines += [[escape(cell) for cell in row] for row in rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def escape(text: str) -> str:
    """RETURNS (str): in one line, with nothing that Markdown would take for its own."""
    text = " ".join(text.split())
    for char in "\\|*_<>[]":
        text = text.replace(char, f"\\{char}")
    return text


def _format_titled(table: Table) -> List[str]:
    parts = [f"### {escape(table.title)}"]
    parts.append(format_table(table.header, table.rows, table.aligns))
    return [*parts, escape(table.note)] if table.note else parts


def _format_matrix(matrix: Matrix) -> str:
    rows = [
        [label, *map(str, counts)]
        for label, counts in zip(matrix.labels, matrix.counts)
    ]
    table = format_table(["", *matrix.labels], rows, "l" + "r" * len(matrix.labels))
    return f"### {escape(matrix.title)}\n\n{table}"


def _format_errors(found: Dict[str, Any]) -> List[str]:
    parts = []
    for kind, n in found["counts"].items():
        items = [item for item in found["items"] if item["kind"] == kind]
        if not n:
            continue
        parts.append(f"### {kind} ({n})")
        lines = [
            f"- document {item['document'] + 1}: "
            + escape(describe_error(item, found["texts"][str(item["document"])]))
            for item in items[:N_ERRORS]
        ]
        if n > N_ERRORS:
            lines.append(f"- … and {n - N_ERRORS} more, in the JSON")
        parts.append("\n".join(lines))
    return parts


def describe_error(item: Dict[str, Any], text: str) -> str:
    """RETURNS (str): gold and predicted relation in words."""

    def say(key: Dict[str, Any]) -> str:
        head, tail = (
            " ".join(text[x[0] : x[1]].split()) for x in (key["head"], key["tail"])
        )
        return f"“{head}” —{key['label']}→ “{tail}”"

    parts = []
    if item["gold"]:
        score = item["gold_score"]
        parts.append(
            f"gold {say(item['gold'])}"
            + ("" if score is None else f" (score {score:.2f})")
        )
    if item["predicted"]:
        parts.append(f"found {say(item['predicted'])} (score {item['score']:.2f})")
    if item["note"]:
        parts.append(item["note"])
    return "; ".join(parts)

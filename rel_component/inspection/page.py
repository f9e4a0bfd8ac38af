"""An inspection as a page: picture, advice and tables."""

import html

from ..wording import Table
from .found import Result
from .tables import list_tables

PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Data before training</title>
<style>
body {{ font: 15px/1.45 sans-serif; max-width: 1500px; margin: 1em auto; }}
svg {{ width: 100%; height: auto; }}
table {{ border-collapse: collapse; margin-bottom: .4em; }}
th, td {{ padding: .1em .7em; border-bottom: 1px solid #ddd; white-space: pre; }}
.r {{ text-align: right; }} .l {{ text-align: left; }}
.warn {{ color: #b71c1c; }} .note {{ color: #555; }}
</style>
</head>
<body>
{body}
</body>
</html>
"""


def make_page(result: Result, svg: str) -> str:
    """A page that needs no other file.

    result (Dict[str, Any]): what `inspect_splits` has found.
    svg (str): its picture.
    RETURNS (str): HTML with picture, advice and all tables.
    """
    advice = "\n".join(
        f'<li class="{item["level"]}">{html.escape(item["text"])}</li>'
        for item in result["advice"]
    )
    body = [
        svg[svg.index("<svg") :],
        f"<h2>Advice</h2>\n<ul>\n{advice}\n</ul>",
        *(_make_table(table) for table in list_tables(result)),
    ]
    return PAGE.format(body="\n".join(body))


def _make_table(table: Table) -> str:
    rows = []
    for tag, cells in (("th", table.header), *(("td", row) for row in table.rows)):
        parts = [
            f'<{tag} class="{align}">{html.escape(cell)}</{tag}>'
            for cell, align in zip(cells, table.aligns)
        ]
        rows.append(f"<tr>{''.join(parts)}</tr>")
    note = f'<p class="note">{html.escape(table.note)}</p>' if table.note else ""
    title = f"<h2>{html.escape(table.title)}</h2>"
    return "\n".join([title, "<table>", *rows, "</table>", note])

"""Sphinx's settings: `sphinx-build -W -b html docs docs/_build`."""

import re
import sys
from pathlib import Path
from typing import Any, List

sys.path.insert(0, str(Path(__file__).parents[1]))

# before autodoc, which imports as if types were checked: FastAPI can't be imported so
import rel_component.inference.service  # noqa: F401
from rel_component.about import __version__

project = "rel_component"
release = __version__
extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.viewcode"]
# notebooks have no outputs of their own: they are run, and an error in one is an error
nb_execution_mode = "force"
nb_execution_raise_on_error = True
nb_execution_timeout = 300
nb_merge_streams = True
# warnings name folders of this machine
nb_output_stderr = "remove"
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = f"rel_component {__version__}"
html_static_path: List[str] = []
myst_heading_anchors = 3
# what is between single backticks in a docstring is code, as in Markdown
default_role = "code"
autodoc_member_order = "bysource"
autodoc_typehints = "none"
autodoc_default_options = {"members": True, "undoc-members": False}
# links of the pages that lead into the repository, not to another page
suppress_warnings = ["myst.xref_missing"]

TYPE = r"\((?P<type>[^()]*(?:\([^()]*\)[^()]*)*)\)"
FIELD = re.compile(rf"^(?P<names>\*{{0,2}}\w[\w, *]*) {TYPE}: (?P<text>.*)$")
RESULT = re.compile(
    r"^(?P<word>RETURNS|YIELDS|RAISES) \((?P<type>.+?)\): (?P<text>.*)$"
)


def read_spacy_style(
    app: Any, what: str, name: str, obj: Any, options: Any, lines: List[str]
) -> None:
    """Turn docstrings in spaCy's manner (`name (Type): …`) into fields."""
    out: List[str] = []
    in_field = False
    for line in lines:
        field = to_field(line)
        if in_field and line.startswith("    "):
            out.append(line)
            continue
        if bool(field) != in_field and line.strip():
            out.append("")
        out.append(field or line)
        in_field = bool(field)
    lines[:] = out


def to_field(line: str) -> str:
    """RETURNS (str): the line as a field of reStructuredText; empty if it is none."""
    if result := RESULT.match(line):
        if result["word"] == "RAISES":
            return f":raises {result['type']}: {result['text']}"
        verb = "" if result["word"] == "RETURNS" else "yields "
        return f":returns: {verb}(``{result['type']}``) {result['text']}"
    if field := FIELD.match(line):
        names = field["names"].replace("*", r"\*").replace(", ", "/")
        return f":param {names}: (``{field['type']}``) {field['text']}"
    return ""


def setup(app: Any) -> None:
    app.connect("autodoc-process-docstring", read_spacy_style)

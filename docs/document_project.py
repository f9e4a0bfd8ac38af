"""docs/project.md from project.yml: `python docs/document_project.py`."""

import contextlib
import io
import re
from pathlib import Path

from weasel.cli.document import project_document

DOCS = Path(__file__).parent


def document(output: Path) -> None:
    """What `spacy project document` writes, with links from the folder docs/.

    output (Path): the page.
    """
    with contextlib.redirect_stdout(io.StringIO()):
        project_document(DOCS.parent, output, no_emoji=True)
    text = output.read_text(encoding="utf8")
    text = re.sub(r"\]\((?=assets|project\.yml)", "](../", text)
    text = text.replace(
        "# Weasel Project: Relation extraction",
        "# Commands of the project\n\nRelation extraction",
    )
    output.write_text(text, encoding="utf8")


if __name__ == "__main__":
    document(DOCS / "project.md")

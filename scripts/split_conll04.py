"""Split the downloaded CoNLL04 into one file per part."""

import json
from pathlib import Path

import typer
from command import run_command
from wasabi import msg


def main(path: Path = typer.Argument(..., help="conll04.json, as downloaded")) -> None:
    """Split the downloaded CoNLL04 into one file per part."""
    parts = json.loads(path.read_text(encoding="utf8"))
    for name, sentences in parts.items():
        output = path.with_name(f"conll04_{name}.json")
        output.write_text(json.dumps(sentences), encoding="utf8")
        msg.good(f"{output}: {len(sentences)} sentences")


if __name__ == "__main__":
    run_command(main)

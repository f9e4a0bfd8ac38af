"""Run every code block of README.md and docs/, and compare the outputs that they show.

    python docs/run_blocks.py PROJECT [PAGE ...]

PROJECT is a folder of the project with trained models (`spacy project run all`). The
blocks of a page run one after the other, from that folder. A comment above a block says
how it is treated:

    <!-- skip: WHY -->         not run
    <!-- output -->            what the block before it prints, see `compare`
    <!-- background: URL -->   goes on running; the next block starts when URL answers
"""

import ast
import contextlib
import io
import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any, Dict, Iterator, List, NamedTuple, Optional

from confection import Config

DOCS = Path(__file__).parent
BLOCK = re.compile(
    r"(?:^<!-- *(?P<mark>[^>]*?) *-->\n+)?^```(?P<language>\w*)\n(?P<code>.*?)^```$",
    re.M | re.S,
)
NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")
# of scores on another machine; a count has to be equal
TOLERANCE = 0.15
SHOWN = ("", "text", "console")
# of a terminal
COLOR = re.compile(r"\x1b\[[0-9;]*m")


class Block(NamedTuple):
    """A code block.

    line (int): where it begins.
    language (str): may be empty.
    code (str): its content.
    mark (str): the comment above it, may be empty.
    """

    line: int
    language: str
    code: str
    mark: str


def main(project: str, *pages: str) -> int:
    """RETURNS (int): how many blocks failed."""
    found = [Path(page).resolve() for page in pages] or [
        DOCS.parent / "README.md",
        *sorted(DOCS.glob("*.md")),
    ]
    os.chdir(project)
    os.environ["PATH"] = (
        f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    )
    n_failed = 0
    for page in found:
        start = time.monotonic()
        for block, error in run_page(page):
            seconds = time.monotonic() - start
            start += seconds
            n_failed += error is not None
            state = "ok" if error is None else f"FAILED\n{error}"
            what = f"{page.name}:{block.line} {block.language or 'output'}"
            print(f"{what}: {seconds:.0f} s, {state}")
    return n_failed


def list_blocks(text: str) -> List[Block]:
    """RETURNS (List[Block]): those of a page."""
    return [
        Block(
            text.count("\n", 0, match.start("language")) + 1,
            match["language"],
            match["code"],
            match["mark"] or "",
        )
        for match in BLOCK.finditer(text)
    ]


def run_page(page: Path) -> Iterator[tuple]:
    """YIELDS (Tuple[Block, Optional[str]]): what went wrong, or None."""
    names: Dict[str, Any] = {}
    started: List[subprocess.Popen] = []
    printed = ""
    try:
        for block in list_blocks(page.read_text(encoding="utf8")):
            if block.mark.startswith("skip") or "command" in block.mark:
                continue
            error: Optional[str] = None
            try:
                if block.mark.startswith("background"):
                    started.append(start(block))
                elif block.mark == "output":
                    error = compare(block.code, printed)
                else:
                    printed = run(block, names)
            except Exception as failure:
                error = f"{type(failure).__name__}: {failure}"
            yield block, error
    finally:
        for process in started:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(30)


def run(block: Block, names: Dict[str, Any]) -> str:
    """RETURNS (str): what the block prints."""
    if block.language == "bash":
        result = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", block.code],
            capture_output=True,
            text=True,
        )
        if result.returncode:
            raise RuntimeError(result.stdout[-2000:] + result.stderr[-2000:])
        return result.stdout
    if block.language == "python":
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            exec(compile(ast.parse(block.code), "block", "exec"), names)
        return out.getvalue()
    if block.language in ("ini", "cfg"):
        Config().from_str(_complete(block.code), interpolate=False)
    elif block.language == "json":
        json.loads(block.code)
    elif block.language not in SHOWN:
        raise ValueError(f"expected bash, python, ini, json or text: {block.language}")
    return ""


def _complete(code: str) -> str:
    """RETURNS (str): a part of a config with the sections that it is in."""
    names = re.findall(r"^\[(.+)\]$", code, re.M)
    outer = {
        ".".join(x.split(".")[:i]) for x in names for i in range(1, x.count(".") + 1)
    }
    return "".join(f"[{x}]\n\n" for x in sorted(outer - set(names))) + code


def start(block: Block) -> subprocess.Popen:
    """RETURNS (subprocess.Popen): the block as a process group, once it answers."""
    url = block.mark.partition(":")[2].strip()
    process = subprocess.Popen(["bash", "-c", block.code], start_new_session=True)
    for _ in range(240):
        with contextlib.suppress(OSError):
            urllib.request.urlopen(url, timeout=2)
            return process
        time.sleep(0.5)
    raise TimeoutError(f"{url} does not answer")


def compare(expected: str, found: str) -> Optional[str]:
    """RETURNS (Optional[str]): how an output differs from the one that is shown; None
    if words and counts are equal, and numbers with a fraction differ by 0.15 at most.
    """
    found = COLOR.sub("", found)
    if _words(expected) != _words(found) or not _are_close(expected, found):
        return f"shown:\n{expected}\nprinted:\n{found}"
    return None


def _words(text: str) -> List[str]:
    return re.sub(r"-{3,}", "---", NUMBER.sub("#", text)).split()


def _are_close(expected: str, found: str) -> bool:
    pairs = zip(NUMBER.findall(expected), NUMBER.findall(found))
    return all(
        a == b if "." not in a + b else abs(float(a) - float(b)) <= TOLERANCE
        for a, b in pairs
    )


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    sys.exit(1 if main(*sys.argv[1:]) else 0)

"""The scripts as a shell runs them; all else is tested in this process."""

import os
import subprocess
import sys

import pytest
import spacy
from spacy.tokens import DocBin

from ..paths import SCRIPTS
from ..util import make_doc

NAMES = sorted(
    path.stem
    for path in SCRIPTS.glob("*.py")
    if "from command import" in path.read_text("utf8")
)
# each script as `python SCRIPT --help` runs it, and one that fails, in one process,
# which is faster
RUN = """
import runpy, sys
folder, *names = sys.argv[1:]
sys.path.insert(0, folder)

def run(name, *arguments):
    sys.argv = [f"{folder}/{name}.py", *arguments]
    try:
        runpy.run_path(sys.argv[0], run_name="__main__")
    except SystemExit as end:
        return end.code

for name in names:
    assert run(name, "--help") == 0, name
assert run("inspect_data", "nothing") == 1
"""


def run(*arguments, cwd):
    # as where no locale is set: what is printed is UTF-8 all the same
    env = {**os.environ, "PYTHONUTF8": "0", "LC_ALL": "C", "PYTHONCOERCECLOCALE": "0"}
    return subprocess.run(
        [sys.executable, *map(str, arguments)],
        cwd=cwd,
        env=env,
        capture_output=True,
        encoding="utf8",
        check=False,
    )


def test_every_script_runs_from_any_folder(tmp_path):
    assert len(NAMES) > 15
    result = run("-c", RUN, SCRIPTS, *NAMES, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    for name in NAMES:
        assert f"{name}.py [OPTIONS]" in result.stdout
    assert "No corpus at nothing" in result.stdout + result.stderr
    assert "Traceback" not in result.stderr


@pytest.fixture
def corpus(tmp_path):
    words = "Ann works for Müller . Bob sleeps ."
    entities = [(0, 1, "PERSON"), (3, 4, "ORG")]
    doc = make_doc(spacy.blank("en").vocab, words, entities, [(0, "WORKS_FOR", 1)])
    DocBin(docs=[doc], store_user_data=True).to_disk(tmp_path / "train.spacy")
    return tmp_path


def test_output_is_utf8(corpus):
    result = run(SCRIPTS / "inspect_data.py", ".", cwd=corpus)
    assert result.returncode == 0, result.stderr
    assert "█" in result.stdout

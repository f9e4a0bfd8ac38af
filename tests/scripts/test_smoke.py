"""The scripts as a shell runs them; all else is tested in this process."""

import inspect
import os
import subprocess
import sys

import pytest
import spacy
from spacy.tokens import DocBin

from rel_component.corpus.docbin import NAMES as CORPUS_NAMES
from rel_component.formats import WRITERS
from rel_component.graph.export import EXPORTS
from rel_component.inference.batch import ENGINES, ExtractSettings
from rel_component.inference.batch.sources import KINDS
from rel_component.visualise import WIDE

from ..paths import SCRIPTS
from ..script_runner import load_module
from ..util import make_doc

NAMES = sorted(
    path.stem
    for path in SCRIPTS.glob("*.py")
    if "from command import" in path.read_text("utf8")
)
# each script as `python SCRIPT --help` runs it, and one that fails, in one process,
# which is faster. Help must not wait for slow imports; only convert.py needs spaCy for
# it, since its options are those of the formats
RUN = """
import runpy, sys
SLOW = {
    "fastapi", "matplotlib", "pandas", "pyarrow", "ray", "rdflib", "sklearn",
    "spacy_llm", "spacy_transformers", "transformers",
}
SPACY = {"numpy", "rel_component", "spacy", "srsly", "thinc", "torch"}
folder, *names = sys.argv[1:]
sys.path.insert(0, folder)

def run(name, *arguments):
    sys.argv = [f"{folder}/{name}.py", *arguments]
    try:
        runpy.run_path(sys.argv[0], run_name="__main__")
    except SystemExit as end:
        return end.code

for name in sorted(names, key="convert".__eq__):
    assert run(name, "--help") == 0, name
    slow = SLOW if name == "convert" else SLOW | SPACY
    assert not slow & set(sys.modules), (name, slow & set(sys.modules))
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


def get_option(script, name):
    return inspect.signature(load_module(script).main).parameters[name].default


def test_help_names_what_the_package_has():
    """The scripts repeat it, since importing the package takes seconds."""
    for script in ("export", "preannotate"):
        assert ", ".join(WRITERS) in get_option(script, "format_").help
    assert ", ".join(KINDS) in get_option("extract", "inputs").help
    assert get_option("extract", "engine").help == " or ".join(ENGINES)


def test_defaults_are_those_of_the_package():
    settings = ExtractSettings("model")
    assert get_option("extract", "format_").default == ",".join(settings.formats)
    for name in ("chunk_size", "batch_size", "batch_words", "max_length", "max_bytes"):
        assert get_option("extract", name).default == getattr(settings, name)
    assert get_option("build_graph", "format_").default == ",".join(EXPORTS)
    assert get_option("cross_validate", "names").default == ",".join(CORPUS_NAMES)
    assert get_option("visualise", "width").default == WIDE


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

"""scripts/extract.py and scripts/build_graph.py as a user runs them."""

import io
import json
import sys
import threading

from ...script_runner import load_module, load_script
from .util import make_text, write_corpus

extract = load_script("extract")
build_graph = load_script("build_graph")


def test_from_texts_to_a_page(model, tmp_path):
    corpus = write_corpus(tmp_path / "in.jsonl", texts=map(make_text, range(12)))
    with corpus.open("a", encoding="utf8") as file:
        file.write("nothing\n")
    rows, graph = tmp_path / "rows", tmp_path / "graph"
    command = [model, corpus, "-o", rows, "--chunk-size", 5, "--format", "jsonl"]
    said = extract(*command)
    assert "Loading spaCy … Reading the input … Loading the model, 1 process …" in said
    assert "13 documents read = 12 extracted + 1 dead letter;" in said
    assert "1 dead letter (1 malformed)" in said
    said = extract(*command, "--strict", code=1)
    assert "13 of 13 documents already done" in said
    assert "from 12 texts: " in build_graph(rows, "-o", graph, "--entity", "ACME")
    names = {path.name for path in graph.iterdir()}
    assert names >= {"graph.graphml", "graph.nt", "nodes.csv", "edges.parquet"}
    assert "Acme-ORG.html" in names
    summary = json.loads((rows / "summary.json").read_text())
    assert (summary["read"], summary["dead"]) == (13, 1)


def test_a_run_of_dead_letters_only_fails(model, tmp_path):
    (tmp_path / "in.jsonl").write_text("nothing\n")
    said = extract(model, tmp_path / "in.jsonl", "-o", tmp_path / "rows", code=1)
    assert "1 documents read = 0 extracted + 1 dead letter" in said


def test_mistakes_are_said_in_a_sentence(tmp_path):
    corpus = write_corpus(tmp_path / "in.jsonl", 3)
    rows = tmp_path / "rows"
    said = extract("no-model", corpus, "-o", rows, code=1)
    assert "no-model: file or folder not found" in said
    said = extract("no-model", tmp_path / "none.txt", "-o", rows, code=1)
    assert "none.txt: file or folder not found" in said
    said = extract("m", corpus, "-o", rows, "--format", "xml", code=1)
    assert "found xml; expected one or more of parquet, jsonl" in said
    said = extract("m", corpus, "-o", rows, "--max-bytes", 0, code=1)
    assert "max_bytes is 0; expected 1 or more" in said
    said = extract("m", corpus, "-o", corpus, code=1)
    assert "in.jsonl" in said and "File exists" in said
    said = extract("m", corpus, "-o", rows, "--engine", "spark", code=1)
    assert "--engine: found 'spark'" in said
    said = build_graph(tmp_path, "-o", tmp_path / "graph", code=1)
    assert "no parts of an extraction found" in said


class Terminal(io.StringIO):
    """A terminal that says when its last line was updated."""

    def __init__(self):
        super().__init__()
        self.is_updated = threading.Event()

    def isatty(self):
        return True

    def write(self, text):
        self.is_updated.set()
        return super().write(text)


def test_the_bar_moves_while_nothing_is_done(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with load_module("extract").Bar() as bar:
        bar.show_stage("Starting Ray")
        for _ in range(3):
            terminal.is_updated.clear()
            assert terminal.is_updated.wait(60)
    assert terminal.getvalue().count("Starting Ray: 0 documents [00:") >= 3

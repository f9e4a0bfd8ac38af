"""scripts/extract.py and scripts/build_graph.py as a user runs them."""

import json

from ...script_runner import load_script
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
    assert "13 texts read = 12 extracted + 1 dead letters" in said
    assert "1 dead letters (1 malformed)" in said
    assert "13 of 13 texts are done already" in extract(*command, "--strict", code=1)
    assert "of 12 texts: " in build_graph(rows, "-o", graph, "--entity", "ACME")
    names = {path.name for path in graph.iterdir()}
    assert names >= {"graph.graphml", "graph.nt", "nodes.csv", "edges.parquet"}
    assert "Acme-ORG.html" in names
    summary = json.loads((rows / "summary.json").read_text())
    assert (summary["read"], summary["dead"]) == (13, 1)


def test_mistakes_are_said_in_a_sentence(tmp_path):
    corpus = write_corpus(tmp_path / "in.jsonl", 3)
    rows = tmp_path / "rows"
    said = extract("no-model", corpus, "-o", rows, code=1)
    assert "no-model: no such file or folder" in said
    said = extract("no-model", tmp_path / "none.txt", "-o", rows, code=1)
    assert "none.txt: no such file or folder" in said
    said = extract("m", corpus, "-o", rows, "--format", "xml", code=1)
    assert "found xml; expected one or more of parquet, jsonl" in said
    said = extract("m", corpus, "-o", rows, "--engine", "spark", code=1)
    assert "--engine: found 'spark'" in said
    said = build_graph(tmp_path, "-o", tmp_path / "graph", code=1)
    assert "found no parts of an extraction" in said


def test_a_name_that_is_not_there_gets_advice(tmp_path):
    end = {"start": 0, "end": 6, "label": "SKILL", "text": "Python"}
    relation = {"label": "USES", "score": 1.0, "head": end, "tail": end}
    row = {"id": "1", "text": "Python", "entities": [end], "relations": [relation]}
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps(row) + "\n", encoding="utf8")
    said = build_graph(path, "-o", tmp_path / "g", "-e", "Pyhton", code=1)
    assert "the graph has no such name, so there is no page. Is it Python?" in said
    assert "The most frequent are Python." in said
    assert (tmp_path / "g" / "graph.graphml").is_file()  # all else is there


def test_pages_of_names_that_are_alike_or_long_do_not_replace_each_other(tmp_path):
    texts = ("C/D", "C D", "語" * 300)
    ends = [{"start": 0, "end": 1, "label": "SKILL", "text": text} for text in texts]
    pairs = ((0, 1), (1, 2))
    relations = [
        {"label": "USES", "score": 1.0, "head": ends[i], "tail": ends[j]}
        for i, j in pairs
    ]
    row = {"id": "1", "text": "", "entities": ends, "relations": relations}
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps(row) + "\n", encoding="utf8")
    names = [option for text in texts for option in ("-e", text)]
    build_graph(path, "-o", tmp_path / "g", "-f", "none", *names)
    pages = sorted(file.name for file in (tmp_path / "g").iterdir())
    assert pages == ["C-D-SKILL-2.html", "C-D-SKILL.html", f"{'語' * 60}.html"]

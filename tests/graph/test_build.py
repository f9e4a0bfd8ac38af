"""From rows to files."""

import json

import pytest

from rel_component.graph import Normalizer
from rel_component.graph.build import build_graph

from ..script_runner import load_script
from .util import make_row, triple


@pytest.fixture
def rows(tmp_path):
    path = tmp_path / "rows.jsonl"
    triples = [triple("Ann", "Acme", 0.9), triple("Bob", "Acme", 0.5)]
    path.write_text(json.dumps(make_row("1", *triples)) + "\n", encoding="utf8")
    return path


def write(path, names):
    """Rows in which each entity is linked with the next one."""
    ends = [("SKILL", name) for name in names]
    triples = [(head, "USES", tail, 1.0) for head, tail in zip(ends, ends[1:])]
    path.write_text(json.dumps(make_row("1", *triples)) + "\n", encoding="utf8")
    return path


def test_files_of_all_formats_and_pages(rows, tmp_path):
    build = build_graph([rows, rows], tmp_path / "g", entities=["acme", "ANN", "Ann"])
    assert (len(build.graph.nodes), build.graph.n_relations) == (3, 4)
    names = [path.name for path in build.files]
    assert names[-2:] == ["Acme-ORG.html", "Ann-PERSON.html"]
    assert sorted(names) == sorted(path.name for path in (tmp_path / "g").iterdir())


def test_missing_name(rows, tmp_path):
    build = build_graph([rows], tmp_path / "g", formats=[], entities=["Acmee", "x"])
    first, second = build.missing
    assert "--entity Acmee: no entity with this name" in first
    assert (
        "Did you mean Acme?" in first
        and "The most frequent are Acme, Ann, Bob." in first
    )
    assert "Did you" not in second
    build = build_graph([rows], tmp_path / "g", entities=["Acme"], type_="CITY")
    assert "with this name and type CITY" in build.missing[0]


def test_name_with_several_types(tmp_path):
    path = tmp_path / "rows.jsonl"
    row = make_row("1", (("A", "x"), "R", ("B", "X"), 1.0))
    path.write_text(json.dumps(row), encoding="utf8")
    build = build_graph([path], tmp_path / "g", formats=[], entities=["x"])
    assert build.notes == ["x has several types (A, B); use --type to choose another"]
    options = {"normalizer": Normalizer(by_type=False), "entities": ["x"]}
    assert build_graph([path], tmp_path / "g", formats=[], **options).notes == []


def test_pages_of_similar_or_long_names_have_different_files(tmp_path):
    texts = ("C/D", "C D", "c%d", "語" * 300)
    path = write(tmp_path / "rows.jsonl", texts)
    options = {"normalizer": Normalizer(case=False), "entities": texts}
    build_graph([path], tmp_path / "g", formats=[], **options)
    pages = sorted(file.name for file in (tmp_path / "g").iterdir())
    expected = ["C-D-SKILL-2.html", "C-D-SKILL.html", "c-d-SKILL-3.html"]
    assert pages == [*expected, f"{'語' * 60}.html"]


def test_messages_of_the_command(rows, tmp_path):
    command = load_script("build_graph")
    said = command(rows, "-o", tmp_path / "g", "-f", "none", "-e", "Ann")
    assert "2 relations from 1 texts: 3 entities, 2 distinct relations" in said
    assert "Ann-PERSON.html" in said
    said = command(rows, "-o", tmp_path / "g", "-e", "nobody", code=1)
    assert "no entity with this name" in said
    assert (tmp_path / "g" / "graph.graphml").is_file()  # all else is there
    write(rows, ["a", " ", "b"])
    said = command(rows, "-o", tmp_path / "g", "-f", "none")
    assert "2 relations skipped: the label or a name is empty or whitespace" in said
    (tmp_path / "file").write_text("in the way", "utf8")
    said = command(rows, "-o", tmp_path / "file", "-f", "neo4j", code=1)
    assert "file: can't be written" in said

"""A small model, a small corpus, and what a run has made of it."""

import json
from pathlib import Path

import pytest
import spacy
from pyarrow import parquet
from spacy.training import Example

from rel_component.corpus.readers import copy_without_relations
from rel_component.inference.batch import ExtractSettings, extract_corpus

from ...util import make_doc

CODE = Path(__file__).with_name("components.py")
NAMES = ("Ann", "Bob", "Cleo", "Dan")
FIRMS = ("Acme", "Initech", "Globex")


def save_model(path, *, is_poisoned=False, n_steps=40):
    """Finds that whoever stands before a firm works for it."""
    spacy.util.fix_random_seed(0)
    nlp = spacy.blank("en")
    ruler = nlp.add_pipe("entity_ruler")
    if is_poisoned:
        spacy.util.import_file("components", CODE)
        nlp.add_pipe("poison")
    nlp.add_pipe("relation_extractor")
    golds = [make_gold(nlp, i) for i in range(12)]
    examples = [Example(copy_without_relations(gold), gold) for gold in golds]
    optimizer = nlp.initialize(lambda: examples)
    for _ in range(n_steps):
        nlp.update(examples, sgd=optimizer)
    # after initialize, which would clear them
    ruler.add_patterns(
        [{"label": "PERSON", "pattern": name} for name in NAMES]
        + [{"label": "ORG", "pattern": firm} for firm in FIRMS]
    )
    nlp.to_disk(path)
    return path


def make_text(i):
    """Texts of different length, with one relation or more."""
    name, firm = NAMES[i % len(NAMES)], FIRMS[i % len(FIRMS)]
    start = f"{'Well , ' * (i % 7)}{name} works for {firm}"
    return f"{start} and {NAMES[i % 3]} , text {i} ."


def make_gold(nlp, i):
    words = make_text(i).split()
    start = words.index("works") - 1
    places = [(start, "PERSON"), (start + 3, "ORG"), (start + 5, "PERSON")]
    entities = [(place, place + 1, label) for place, label in places]
    return make_doc(nlp.vocab, words, entities, [(0, "WORKS_FOR", 1)])


def write_corpus(path, n=60, texts=None):
    lines = [
        json.dumps({"id": f"doc-{i}", "text": text, "year": 1990 + i % 30})
        for i, text in enumerate(texts or map(make_text, range(n)))
    ]
    path.write_text("\n".join(lines) + "\n", encoding="utf8")
    return path


def run(inputs, output, model, **options):
    """Extract in this process's workers, with small chunks."""
    names = ("engine", "n_process", "on_chunk", "on_start")
    job = {name: options.pop(name) for name in names if name in options}
    settings = ExtractSettings(model=str(model), **{"chunk_size": 10, **options})
    return extract_corpus([str(x) for x in inputs], output, settings, **job)


def read_rows(output):
    """Rows of all parts; Parquet and JSON lines must say the same."""
    parts = sorted((output / "parts").glob("*.parquet"))
    rows = [row for part in parts for row in parquet.read_table(part).to_pylist()]
    lines = sorted((output / "parts").glob("*.jsonl"))
    if lines and parts:
        text = "".join(part.read_text("utf8") for part in lines)
        assert [json.loads(line) for line in text.splitlines()] == rows
    return rows


def read_letters(output):
    path = output / "dead_letters.jsonl"
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text("utf8").splitlines()]


def flatten(rows):
    """Scores of relations by document, label and places; all else that is in rows."""
    scores, others = {}, {}
    for row in rows:
        names = [
            (x["label"], *map(place, (x["head"], x["tail"]))) for x in row["relations"]
        ]
        for name, relation in zip(names, row["relations"]):
            scores[row["id"], name] = relation["score"]
        others[row["id"]] = {**row, "relations": sorted(names)}
    return scores, others


def place(entity):
    return entity["start"], entity["end"], entity["label"]


def check_alike(rows, expected):
    """Same documents, entities and relations; scores may differ in the last digit."""
    (scores, others), (their_scores, their_others) = flatten(rows), flatten(expected)
    assert others == their_others
    assert scores == pytest.approx(their_scores, abs=1.01e-4, rel=0)

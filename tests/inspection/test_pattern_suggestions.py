"""Patterns that are learned say what they find, and find it."""

import numpy
import pytest
import spacy
from spacy.tokens import DocBin

from rel_component.inspection.pattern_suggestions import (
    describe_conditions,
    score_patterns,
    suggest_patterns,
)
from rel_component.relations import (
    RelationData,
    get_relation_data,
    set_relation_data,
)

from ..script_runner import load_script
from ..util import make_doc

NLP = spacy.blank("en")


def make_corpus(n, seed=0):
    """Whoever works for a firm, and for that firm; not whoever hates it."""
    rng = numpy.random.default_rng(seed)
    docs = []
    for _ in range(n):
        words, entities, links = [], [], []
        for _ in range(3):
            verb = ["works for", "hates", "is paid by", "left"][rng.integers(4)]
            start = len(words)
            words += ["Ann", *verb.split(), "Acme", "."]
            entities += [(start, start + 1, "P"), (len(words) - 2, len(words) - 1, "O")]
            if verb in ("works for", "is paid by"):
                links.append((len(entities) - 2, "WORKS", len(entities) - 1))
        docs.append(make_doc(NLP.vocab, words, entities, links))
    return docs


def test_rules_of_a_corpus_are_found():
    found = suggest_patterns(NLP, make_corpus(20), min_precision=0.95)
    assert all(suggestion.precision >= 0.95 for suggestion in found)
    patterns = [suggestion.pattern for suggestion in found]
    scores = score_patterns(NLP, make_corpus(20, seed=1), patterns)
    assert scores["rel_micro_p"] == scores["rel_micro_r"] == 1.0


def test_counts_are_those_of_a_ruler():
    """Support and matches of each pattern, run alone."""
    docs = make_corpus(12)
    found = suggest_patterns(NLP, docs, min_precision=0.5, min_support=1)
    n_gold = sum(len(doc._.relations) for doc in docs)
    for suggestion in found:
        scores = score_patterns(NLP, docs, [suggestion.pattern])
        assert scores["rel_micro_p"] == pytest.approx(suggestion.precision)
        assert scores["rel_micro_r"] == pytest.approx(suggestion.support / n_gold)
        meta = {"support": suggestion.support, "matches": suggestion.matches}
        assert suggestion.pattern["meta"] == meta
        score = (suggestion.support + 1) / (suggestion.matches + 2)
        assert suggestion.pattern["score"] == pytest.approx(score, abs=5e-4)
    assert len({x.pattern["id"] for x in found}) == len(found)
    assert all(x.new <= x.support for x in found)


def test_words_are_forbidden():
    """A distance would do but for a word."""
    docs = [
        make_doc(NLP.vocab, f"Ann {verb} Acme", [(0, 1, "P"), (2, 3, "O")], links)
        for verb, links in [
            *((f"verb{i}", [(0, "WORKS", 1)]) for i in range(12)),
            *[("hates", [])] * 4,
        ]
    ]
    (found,) = suggest_patterns(NLP, docs, min_precision=0.9)
    assert found.pattern["without"] == ["hates"]
    assert (found.support, found.matches) == (12, 12)
    assert describe_conditions(found.pattern) == (
        "order head_first; max_tokens 1; without hates"
    )


def test_symmetric_labels():
    docs = [
        make_doc(
            NLP.vocab,
            "Ann met Bob and Cy",
            [(0, 1, "P"), (2, 3, "P"), (4, 5, "P")],
            [(0, "MET", 1), (1, "MET", 0)][: 1 + i % 2],
        )
        for i in range(6)
    ]
    found = suggest_patterns(NLP, docs, symmetric={"MET"})
    scores = score_patterns(NLP, docs, [x.pattern for x in found], symmetric={"MET"})
    assert (scores["rel_micro_p"], scores["rel_micro_r"]) == (1.0, 1.0)
    assert found[0].support == 6


def test_what_was_not_annotated_does_not_count():
    """Of incomplete documents only what is known."""
    entities = [(0, 1, "P"), (2, 3, "O"), (4, 5, "O")]
    docs = [
        make_doc(
            NLP.vocab,
            "Ann at Acme or Beta",
            entities,
            [(0, "WORKS", 1)],
            complete=False,
        )
        for _ in range(5)
    ]
    (found,) = suggest_patterns(NLP, docs)[:1]
    assert (found.support, found.matches) == (5, 5)
    assert suggest_patterns(NLP, [make_doc(NLP.vocab, "x", [])]) == []
    assert suggest_patterns(NLP, []) == []


def test_pairs_annotated_as_unrelated_count():
    def make(*names, **annotations):
        words = f"{names[0]} works for {names[1]}"
        entities = [(0, 1, "P"), (3, 4, "O")]
        return make_doc(NLP.vocab, words, entities, complete=False, **annotations)

    docs = [make(f"Ann{i}", f"Acme{i}", relations=[(0, "W", 1)]) for i in range(4)]
    docs += [
        make(f"Bob{i}", f"Bolt{i}", relations=[], negatives=[(0, 1)]) for i in range(4)
    ]
    assert suggest_patterns(NLP, docs[:4], min_precision=0.8)
    assert not suggest_patterns(NLP, docs, min_precision=0.8)
    assert not suggest_patterns(NLP, docs, min_precision=0.8, symmetric={"W"})


def test_entities_of_a_span_group():
    docs = [
        make_doc(
            NLP.vocab,
            "Bank of England",
            [(0, 3, "ORG"), (2, 3, "PLACE")],
            [(0, "IN", 1)],
            spans_key="all",
        )
        for _ in range(4)
    ]
    assert suggest_patterns(NLP, docs) == []
    (found, *_) = suggest_patterns(NLP, docs, spans_key="all")
    assert (found.support, found.matches) == (4, 4)


def test_command(tmp_path):
    train, dev = tmp_path / "train.spacy", tmp_path / "dev.spacy"
    for at, seed in ((train, 0), (dev, 1)):
        DocBin(docs=make_corpus(10, seed), store_user_data=True).to_disk(at)
    path = tmp_path / "new" / "patterns.jsonl"
    run = load_script("suggest_patterns")
    printed = run(train, "--dev", dev, "--output", path)
    assert f"All patterns on {dev}: P 100.0, R 100.0" in printed
    ruler = NLP.create_pipe("relation_ruler").from_disk(path)
    assert ruler.labels == ("WORKS",) and f"{len(ruler)} patterns written" in printed
    none = run(train, "--min-support", 1000, "--output", path, code=1)
    assert "Lower --min-precision or --min-support" in none
    assert "No corpus at" in run(tmp_path / "no.spacy", code=1)


def test_relations_decided_with_another_threshold():
    """Only decided relations count, whatever their score."""
    docs = make_corpus(12)
    expected = suggest_patterns(NLP, docs, min_precision=0.9)
    for doc in docs:
        data = get_relation_data(doc)
        scores = numpy.full(data.scores.shape, 0.9, dtype="float32")
        scores[tuple(data.decided.T)] = 0.4
        set_relation_data(doc, RelationData(**{**data, "scores": scores}))
    found = suggest_patterns(NLP, docs, min_precision=0.9)
    assert [x.pattern for x in found] == [x.pattern for x in expected]

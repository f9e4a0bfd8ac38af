"""Words per second of the relation ruler, beside spaCy's EntityRuler in the same run.

    python benchmarks/ruler_speed.py data/train.spacy

Both get the same documents with their gold entities, cut into sentences, whole, and as
one long document. The relation ruler has a dozen patterns with conditions of all kinds,
the EntityRuler a dozen token patterns. Loading and tokenizing do not count.
"""

from itertools import chain, cycle, islice
from pathlib import Path
from time import process_time
from typing import Any, Dict, Iterable, List

import spacy
import typer
from _figures import record
from spacy.language import Language
from spacy.tokens import Doc
from spacy.util import minibatch
from wasabi import msg

from rel_component.corpus.readers import copy_without_relations, read_docs
from rel_component.relations import get_relations

CONDITIONS: List[Dict[str, Any]] = [
    {"max_tokens": 8, "between": ["of", "in", "with"], "nearest": "head"},
    {"max_tokens": 8, "between": [{"LOWER": "experience"}], "without": [";", "."]},
    {"max_sentences": 0, "order": "head_first", "nearest": "tail"},
    {"max_tokens": 3, "order": "tail_first", "before": ["for", "with"]},
    {"max_tokens": 12, "after": [{"IS_PUNCT": True}], "nearest": "both"},
    {"max_tokens": 20, "between": [{"LOWER": {"IN": ["and", "or"]}}]},
]

# of Language.pipe
BATCH_SIZE = 1000


def main(
    data: Path = typer.Argument(..., help="Annotated documents, .spacy"),
    texts: int = typer.Option(10_000, help="How many sentences and documents"),
    long: int = typer.Option(100_000, help="Tokens of the long document"),
    repeat: int = typer.Option(3, help="Runs, of which the fastest counts"),
) -> None:
    """Words per second of the relation ruler, beside spaCy's EntityRuler."""
    nlp = spacy.blank("en")
    sentencizer = nlp.create_pipe("sentencizer")
    golds = [sentencizer(gold) for gold in read_docs(data, nlp)]
    types = sorted({ent.label_ for gold in golds for ent in gold.ents})
    patterns = [
        {"label": "A", "head": head, "tail": tail, **condition}
        for (head, tail), condition in zip(
            cycle((h, t) for h in types for t in types if h != t), CONDITIONS * 2
        )
    ]
    sentences = [sent.as_doc() for gold in golds for sent in gold.sents if sent.ents]
    n_copies = long // sum(map(len, golds)) + 1
    rows = []
    for name, docs in (
        ("sentences", islice(cycle(sentences), texts)),
        ("documents", islice(cycle(golds), texts // 10)),
        ("one long document", [Doc.from_docs(golds * n_copies, exclude=["user_data"])]),
    ):
        given = list(docs)
        n_words = sum(map(len, given))
        seconds = {
            "relation ruler": measure(
                given, build_relation_ruler(nlp, patterns), repeat
            ),
            "EntityRuler": measure(given, build_entity_ruler(nlp, golds), repeat),
        }
        ratio = seconds["EntityRuler"] / seconds["relation ruler"]
        record(f"relation ruler: {name}", ratio, "× words/s of EntityRuler")
        for ruler, taken in seconds.items():
            rate = f"{n_words / taken:,.0f}"
            rows.append(
                [
                    name,
                    f"{len(given):,}",
                    f"{n_words:,}",
                    ruler,
                    rate,
                    f"{len(given) / taken:,.0f}",
                ]
            )
    header = ["", "texts", "words", "pipe", "words/s", "texts/s"]
    msg.table(rows, header=header, divider=True, aligns=tuple("lrrlrr"))


def build_relation_ruler(nlp: Language, patterns: List[Dict[str, Any]]) -> Any:
    """A ruler with a dozen patterns."""
    ruler = nlp.create_pipe("relation_ruler")
    ruler.add_patterns(patterns)
    assert len(ruler) == 12
    return ruler


def build_entity_ruler(nlp: Language, golds: Iterable[Doc]) -> Any:
    """A ruler with a dozen token patterns, made of frequent entities."""
    ruler = nlp.create_pipe("entity_ruler", config={"overwrite_ents": True})
    texts = {ent.text: ent for ent in chain.from_iterable(gold.ents for gold in golds)}
    ruler.add_patterns(
        [
            {"label": ent.label_, "pattern": [{"LOWER": t.lower_} for t in ent]}
            for ent in islice(texts.values(), 12)
        ]
    )
    return ruler


def measure(docs: List[Doc], pipe: Any, repeat: int) -> float:
    """RETURNS (float): CPU seconds of the fastest run, in batches as `nlp.pipe` makes
    them."""
    runs = []
    for _ in range(repeat):
        seconds, n_found = 0.0, 0
        for batch in minibatch(docs, BATCH_SIZE):
            copies = [copy_without_relations(doc) for doc in batch]
            start = process_time()
            for _ in pipe.pipe(copies, batch_size=BATCH_SIZE):
                pass
            seconds += process_time() - start
            n_found += sum(len(get_relations(doc)) for doc in copies)
        runs.append(seconds)
    msg.text(f"{pipe.name}: {n_found} relations, {min(runs):.2f} s")
    return min(runs)


if __name__ == "__main__":
    typer.run(main)

"""Time and memory of one document, by its number of tokens and entities.

    OMP_NUM_THREADS=1 python benchmarks/long_documents.py training/joint/model-best \
        training/model-best data/test.spacy

The first pipeline gets the text of the documents, joined and repeated; the second one
pairs their entities, with and without a maximum distance. Each row has a process of its
own.
"""

import resource
import time
from concurrent.futures import ProcessPoolExecutor
from itertools import cycle
from multiprocessing import get_context
from pathlib import Path
from typing import List, Optional, Tuple

import spacy
import typer
from _figures import record
from spacy.tokens import Doc, Span
from wasabi import msg

from rel_component.corpus.readers import read_docs
from rel_component.pipe.loading import find_extractor

# tokens between the starts of two entities
MAX_LENGTH = 20
# without a maximum distance, for more entities there are too many pairs
MOST_PAIRED = 1_000

Row = Tuple[float, float, int]


def main(
    joint: Path = typer.Argument(..., help="Pipeline for raw text"),
    relations: Path = typer.Argument(..., help="Pipeline for given entities"),
    data: Path = typer.Argument(..., help="Annotated documents, .spacy"),
    tokens: str = typer.Option("1000,10000,100000,1000000", help="Lengths"),
    entities: str = typer.Option("10,100,1000,10000", help="Numbers of entities"),
) -> None:
    """Time and memory of one document, by its number of tokens and entities."""
    cells = []
    for n in map(int, tokens.split(",")):
        row = in_process(predict_text, joint, data, n)
        cells.append([f"{n:,} tokens, distance at most {MAX_LENGTH}", *show(row)])
        record(f"long: {n:,} tokens", 1e6 * row[0] / n, "µs of CPU/token")
    for n in map(int, entities.split(",")):
        for max_length in (MAX_LENGTH, None):
            if max_length is None and n > MOST_PAIRED:
                continue
            row = in_process(predict_relations, relations, data, n, max_length)
            limit = "no limit" if max_length is None else f"at most {max_length}"
            cells.append([f"{n:,} entities, {limit}", *show(row)])
            record(f"long: {n:,} entities, {limit}", 1e6 * row[0] / n, "µs/entity")
    header = ["document", "s of CPU", "MB more", "pairs"]
    msg.table(cells, header=header, divider=True, aligns=("l", "r", "r", "r"))


def show(row: Row) -> List[str]:
    """RETURNS (List[str]): seconds, megabytes and pairs."""
    return [f"{row[0]:.3f}", f"{row[1]:,.0f}", f"{row[2]:,}"]


def in_process(function: object, *args: object) -> Row:
    """RETURNS (Row): what the function returns in a new process."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(function, *args).result()  # type: ignore[arg-type]


def predict_text(model: Path, data: Path, n_tokens: int) -> Row:
    """RETURNS (Row): CPU seconds, additional megabytes and pairs for one text."""
    nlp = spacy.load(model)
    nlp.max_length = 100_000_000
    find_extractor(nlp).model.attrs["get_instances"].max_length = MAX_LENGTH
    texts, n = [], 0
    for gold in cycle(list(read_docs(data, nlp))):
        texts.append(gold.text)
        n += len(gold)
        if n >= n_tokens:
            break
    nlp(" ".join(texts[:2]))  # warm up
    return measure(nlp, "\n".join(texts))


def predict_relations(
    model: Path, data: Path, n_entities: int, max_length: Optional[int]
) -> Row:
    """RETURNS (Row): CPU seconds, additional megabytes and pairs for one Doc."""
    nlp = spacy.load(model)
    find_extractor(nlp).model.attrs["get_instances"].max_length = max_length
    words: List[str] = []
    spans: List[Tuple[int, int, str]] = []
    for gold in cycle([x for x in read_docs(data, nlp) if x.ents]):
        n = len(words)
        spans += [(n + e.start, n + e.end, e.label_) for e in gold.ents]
        words += [token.text for token in gold]
        if len(spans) >= n_entities:
            break
    docs = [Doc(nlp.vocab, words=words) for _ in range(2)]
    for doc in docs:
        doc.ents = [Span(doc, *span) for span in spans[:n_entities]]
    nlp(docs[0][:50].as_doc())  # warm up
    return measure(nlp, docs[1])


def measure(nlp: spacy.Language, text: object) -> Row:
    """RETURNS (Row): CPU seconds, additional megabytes and pairs for one document."""
    before = get_peak()
    start = time.process_time()
    doc = nlp(text)  # type: ignore[arg-type]
    seconds = time.process_time() - start
    return seconds, get_peak() - before, len(find_extractor(nlp).get_candidates([doc]))


def get_peak() -> float:
    """RETURNS (float): maximum memory of this process in megabytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    typer.run(main)

"""Train a small pipeline on texts annotated by a large one (distillation).

    python scripts/distil.py training/large/model-best texts.jsonl \
        --train data/train.spacy --output data/distilled/train.spacy
    python -m spacy train configs/joint_tok2vec.cfg --output training/small \
        --paths.train data/distilled/train.spacy --paths.dev data/dev.spacy

The texts should be of the kind that the pipeline is for, thousands if possible.
"""

from collections import Counter
from pathlib import Path
from typing import List

import typer
from command import command, run_command, show_path
from tqdm import tqdm
from wasabi import msg
from writing import load_extractor, show_warnings


@command
def main(
    teacher: Path = typer.Argument(..., help="Trained pipeline, large and accurate"),
    texts: Path = typer.Argument(
        ..., help="Folder of .txt files, a .txt file, or .jsonl with text"
    ),
    train: Path = typer.Option(
        ..., help="Annotated training documents (.spacy), to which the texts are added"
    ),
    output: Path = typer.Option(..., "--output", "-o", help="Output file (.spacy)"),
    exclude: List[Path] = typer.Option(
        [], help="Documents to leave out of the texts, e.g. dev.spacy and test.spacy"
    ),
    min_score: float = typer.Option(
        0.8, min=0, max=1, help="Only texts whose entities all have this score"
    ),
    sentences: bool = typer.Option(
        False, help="Split the texts into sentences, like the training documents"
    ),
    lines: bool = typer.Option(False, help="Read each line of a .txt file as a text"),
    batch_size: int = typer.Option(256, min=1, help="Texts per batch"),
) -> None:
    """Annotate texts with a large pipeline, to train a small one on them."""
    from rel_component.corpus.docbin import CorpusFile
    from rel_component.corpus.readers import read_docs
    from rel_component.formats.words import squeeze
    from rel_component.inference.distillation import (
        EMPTY,
        KEPT,
        KNOWN,
        TEXTS,
        UNCERTAIN,
        find_new_labels,
        label_texts,
        leave_out,
        split_sentences,
    )
    from rel_component.inference.inputs import read_path
    from rel_component.wording import plural

    nlp = load_extractor(teacher, None)
    corpus, counts = CorpusFile(), Counter()
    known = {squeeze(doc.text) for path in exclude for doc in read_docs(path, nlp)}
    golds = list(read_docs(train, nlp))
    for doc in golds:
        corpus.add(doc)
        known.add(squeeze(doc.text))
    new = find_new_labels(nlp, golds)
    if new:
        msg.warn(
            f"{teacher} predicts labels that {train} doesn't contain: "
            f"{', '.join(new)}. The small pipeline will predict them, too."
        )
    tasks = read_path(texts, lines)
    if sentences:
        tasks = split_sentences(nlp, tasks)
    tasks = tqdm(tasks, desc="Annotating", unit=" texts", disable=None)
    with show_warnings():
        docs = label_texts(
            nlp,
            leave_out(tasks, known, counts),
            counts,
            min_score=min_score,
            batch_size=batch_size,
            source=str(texts),
        )
        for doc in docs:
            corpus.add(doc)
    parts = {
        KEPT: "annotated",
        KNOWN: "left out, since they are in --train or --exclude",
        EMPTY: "without entities",
        UNCERTAIN: f"with an entity below {min_score:g}",
    }
    found = ", ".join(f"{counts[key]} {words}" for key, words in parts.items())
    msg.info(f"{plural(counts[TEXTS], 'text')}: {found}")
    if not counts[KEPT]:
        raise ValueError(
            f"{texts}: no text was annotated, so nothing was written. Lower "
            f"--min-score, or use other texts of the kind of the training documents."
        )
    corpus.write(output)
    n_golds, n_new = plural(len(golds), "annotated document"), counts[KEPT]
    msg.good(f"{n_golds} and {plural(n_new, 'text')} written to {show_path(output)}")


if __name__ == "__main__":
    run_command(main)

"""Train a small pipeline on texts annotated by a large one (distillation).

    python scripts/distil.py training/large/model-best texts.jsonl \
        --train data/train.spacy --output data/distilled/train.spacy
    python -m spacy train configs/joint_tok2vec.cfg --output training/small \
        --paths.train data/distilled/train.spacy --paths.dev data/dev.spacy

Thousands of texts of the kind that the pipeline is for, without annotations, are enough
for a clear improvement.
"""

from collections import Counter
from pathlib import Path

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
    from rel_component.inference.distillation import (
        EMPTY,
        KEPT,
        TEXTS,
        UNCERTAIN,
        label_texts,
        split_sentences,
    )
    from rel_component.inference.inputs import read_path
    from rel_component.wording import plural

    nlp = load_extractor(teacher, None)
    corpus, counts = CorpusFile(), Counter()
    for doc in read_docs(train, nlp):
        corpus.add(doc)
    n_gold = len(corpus)
    tasks = read_path(texts, lines)
    if sentences:
        tasks = split_sentences(nlp, tasks)
    with show_warnings():
        docs = label_texts(
            nlp,
            tqdm(tasks, desc="Annotating", unit=" texts", disable=None),
            counts,
            min_score=min_score,
            batch_size=batch_size,
            source=str(texts),
        )
        for doc in docs:
            corpus.add(doc)
    msg.info(
        f"{plural(counts[TEXTS], 'text')}: {counts[KEPT]} annotated, {counts[EMPTY]} "
        f"without entities, {counts[UNCERTAIN]} with an entity below {min_score:g}"
    )
    if not counts[KEPT]:
        raise ValueError(
            f"{texts}: no text has entities that all have a score of {min_score:g}, so "
            f"nothing was written. Lower --min-score, or use texts that are similar to "
            f"the training documents."
        )
    corpus.write(output)
    msg.good(
        f"{plural(n_gold, 'annotated document')} and {plural(counts[KEPT], 'text')} "
        f"written to {show_path(output)}"
    )


if __name__ == "__main__":
    run_command(main)

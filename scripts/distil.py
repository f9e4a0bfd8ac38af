"""Train a small pipeline on texts annotated by a large one (distillation).

    python scripts/distil.py training/large/model-best texts.jsonl \
        --train data/train.spacy --output data/distilled/train.spacy
    python -m spacy train configs/joint_tok2vec.cfg --output training/small \
        --paths.train data/distilled/train.spacy --paths.dev data/dev.spacy

The texts should be of the kind that the pipeline is for, thousands if possible.
"""

from collections import Counter
from itertools import chain
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
        ENTITIES,
        KEPT,
        KNOWN,
        RELATIONS,
        REPEATED,
        UNCERTAIN,
        UNSCORED,
        find_new_labels,
        label_texts,
        leave_out,
        split_sentences,
    )
    from rel_component.inference.inputs import read_path
    from rel_component.inference.tasks import Task
    from rel_component.wording import plural

    if output.suffix != ".spacy":
        raise ValueError(f"--output: found {output}, expected a name with .spacy.")
    nlp = load_extractor(teacher, None)
    corpus, counts = CorpusFile(), Counter()
    golds = list(read_docs(train, nlp))
    for doc in golds:
        corpus.add(doc)
    held_out = (doc for path in exclude for doc in read_docs(path, nlp))
    annotated = [Task(doc.text) for doc in chain(golds, held_out)]
    if sentences:
        annotated += list(split_sentences(nlp, annotated))
    known = {squeeze(task.text) for task in annotated}
    new = find_new_labels(nlp, golds)
    if new:
        msg.warn(
            f"{teacher} predicts labels that {train} doesn't contain: "
            f"{', '.join(new)}. The small pipeline will predict them, too."
        )
    tasks = tqdm(read_path(texts, lines), "Annotating", unit=" texts", disable=None)
    tasks = leave_out(tasks, known, counts)
    if sentences:
        tasks = leave_out(split_sentences(nlp, tasks), known, counts)
    with show_warnings():
        docs = label_texts(
            nlp,
            tasks,
            counts,
            min_score=min_score,
            batch_size=batch_size,
            source=str(texts),
        )
        for doc in docs:
            corpus.add(doc)
    rows = [
        ["in --train or --exclude, left out", counts[KNOWN]],
        ["repeated, left out", counts[REPEATED]],
        ["without entities, left out", counts[EMPTY]],
        [f"with an entity below {min_score:g}, left out", counts[UNCERTAIN]],
        ["added", counts[KEPT]],
    ]
    if not any(n for _, n in rows):
        raise ValueError(f"{texts}: found no texts, expected at least one.")
    unit = "sentences" if sentences else "texts"
    msg.table(rows, header=["", unit], divider=True, aligns=("l", "r"), max_col=40)
    if not counts[KEPT]:
        advice = "Use texts that are not annotated yet"
        if counts[UNCERTAIN]:
            advice = "Lower --min-score"
        raise ValueError(
            f"{texts}: no text was added, so nothing was written. {advice}, or other "
            f"texts of the kind of the training documents."
        )
    if counts[UNSCORED] and min_score > 0:
        msg.warn(
            f"In {plural(counts[UNSCORED], 'text')}, entities have no scores, which "
            f"only entity_tagger, gliner2 and spancat set; they count as certain."
        )
    if not counts[RELATIONS]:
        msg.warn(
            f"{teacher} finds no relation in the added texts, only scores below its "
            f"threshold; see its scores on test documents first."
        )
    corpus.write(output)
    n_golds, n_new = plural(len(golds), "annotated document"), counts[KEPT]
    added = (
        f"{plural(counts[ENTITIES], 'entity', 'entities')} and "
        f"{plural(counts[RELATIONS], 'relation')}"
    )
    msg.good(
        f"{n_golds} and {plural(n_new, 'text')} with {added} written to "
        f"{show_path(output)}"
    )


if __name__ == "__main__":
    run_command(main)

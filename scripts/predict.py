"""Find relations in texts: a table to look at, JSON lines to work with."""

import sys
from pathlib import Path
from typing import Iterator, List, Optional

import spacy
import srsly
import typer
from tqdm import tqdm
from wasabi import msg

from rel_component.evaluation import list_entity_finders, load_pipeline
from rel_component.inference.texts import (
    Task,
    make_docs,
    predict,
    read_tasks,
    to_row,
)
from rel_component.pipe import RelationExtractor


def main(
    model: Path = typer.Argument(..., help="Trained pipeline"),
    source: str = typer.Argument(
        ..., help="A text; or a file: .txt, or .jsonl with text and optional entities"
    ),
    output: Optional[Path] = typer.Option(None, help="Write JSON lines to this file"),
    json: bool = typer.Option(False, help="Print JSON lines in place of the table"),
    lines: bool = typer.Option(False, help="Each line of a .txt file is a text"),
    entities_from: Optional[Path] = typer.Option(
        None, help="Another trained pipeline that finds the entities"
    ),
    label: List[str] = typer.Option([], help="Only relations with this label"),
    threshold: Optional[float] = typer.Option(
        None, help="Predict from this score on, in place of the model's threshold"
    ),
    min_score: float = typer.Option(0.0, help="Only relations with this score or more"),
    batch_size: int = typer.Option(64, help="Texts to process at one time"),
) -> None:
    """Find relations in texts: a table to look at, JSON lines to work with."""
    try:
        nlp = load_pipeline(model)
        finder = None if entities_from is None else load_pipeline(entities_from)
        tasks = list(read_source(source, lines))
        docs = list(make_docs(nlp, tasks, str(as_path(source) or "")))
        set_threshold(nlp, threshold)
        if output is not None:
            output.parent.mkdir(parents=True, exist_ok=True)
    except (ValueError, OSError) as error:
        msg.fail(str(error), exits=1)
    check_entities(nlp, finder, tasks, model)
    rows = []
    found = predict(nlp, docs, tasks, finder=finder, batch_size=batch_size)
    quiet = len(docs) < batch_size
    for doc, task in zip(
        tqdm(found, total=len(docs), disable=quiet, unit="text"), tasks
    ):
        row = to_row(doc, task.meta)
        row["relations"] = [
            relation
            for relation in row["relations"]
            if relation["score"] >= min_score
            and (not label or relation["label"] in label)
        ]
        rows.append(row)
    if output is not None:
        srsly.write_jsonl(output, rows)
        n_relations = sum(len(row["relations"]) for row in rows)
        msg.good(f"{n_relations} relations of {len(rows)} texts written to {output}")
    elif json:
        for row in rows:
            print(srsly.json_dumps(row))
    else:
        print_table(rows)


def read_source(source: str, by_line: bool) -> Iterator[Task]:
    """Texts of a file, or the argument itself as a text."""
    path = as_path(source)
    if path is not None and path.is_file():
        yield from read_tasks(path, by_line)
    elif path is not None:
        raise ValueError(f"{source} is a folder; expected a text, or a file of them.")
    elif " " not in source and Path(source).suffix in (".txt", ".jsonl"):
        raise ValueError(f"{source}: no such file; expected a text, or a file of them.")
    else:
        yield Task(source)


def as_path(source: str) -> Optional[Path]:
    """The file or folder that an argument names; None if it is a text."""
    try:
        return Path(source) if source and Path(source).exists() else None
    except (OSError, ValueError):  # too long for a name, or a NUL in it
        return None


def set_threshold(nlp: spacy.Language, threshold: Optional[float]) -> None:
    """Use another threshold than the model's."""
    for _, pipe in nlp.pipeline:
        if isinstance(pipe, RelationExtractor) and threshold is not None:
            pipe.threshold = threshold


def check_entities(
    nlp: spacy.Language,
    finder: Optional[spacy.Language],
    tasks: List[Task],
    model: Path,
) -> None:
    """Refuse to look for relations where nothing finds the entities."""
    bare = [i for i, task in enumerate(tasks, 1) if task.entities is None]
    if bare and finder is None and not list_entity_finders(nlp):
        msg.fail(
            f"{len(bare)} of {len(tasks)} texts have no entities (the first is text "
            f"{bare[0]}), and {model} "
            f"({', '.join(nlp.pipe_names)}) does not find them. Use a pipeline that "
            f"does (spacy project run train_joint), name one with --entities-from, or "
            f"give the entities in a .jsonl file ('entities', [] for none).",
            exits=1,
        )


def print_table(rows: List[dict]) -> None:
    """Print one line for each relation."""
    for row in rows:
        if len(rows) > 1:
            msg.divider(row["text"][:60].replace("\n", " "))
        table = [
            [r["head"]["text"], r["label"], r["tail"]["text"], f"{r['score']:.3f}"]
            for r in row["relations"]
        ]
        if table:
            header = ["head", "relation", "tail", "score"]
            msg.table(table, header=header, divider=True, aligns=tuple("lllr"))
        else:
            print(f"No relations ({len(row['entities'])} entities).")


if __name__ == "__main__":
    sys.stdout.reconfigure(encoding="utf-8")  # type: ignore[union-attr]
    typer.run(main)

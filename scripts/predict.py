"""Find relations in texts: a table to look at, JSON to work with."""

from pathlib import Path
from typing import Any, Dict, Iterable, Iterator, List, Optional, Tuple

import spacy
import srsly
import typer
from command import run_command
from spacy.tokens import Doc
from tqdm import tqdm
from wasabi import msg

from rel_component.inference.given import make_docs
from rel_component.inference.json_array import read_json_tasks
from rel_component.inference.pairs import PairResult, score_pair
from rel_component.inference.rows import list_entities, to_row, to_spert
from rel_component.inference.tasks import Task, read_folder, read_tasks
from rel_component.inference.texts import predict
from rel_component.pipe.extractor import RelationExtractor
from rel_component.pipe.loading import (
    find_extractor,
    list_entity_finders,
    load_pipeline,
)
from rel_component.relations import Relation, get_relations
from rel_component.scorer import NO_REL

FORMATS = ("table", "jsonl", "spert")


def main(
    model: Path = typer.Argument(..., help="Trained pipeline"),
    source: str = typer.Argument(
        ...,
        help="A text; a folder of .txt files; or a file: .txt; .jsonl with text or "
        "tokens, and perhaps entities (start, end, label; characters, of tokens joined "
        "by single blanks); or SpERT's .json (texts, lists of tokens, or tokens with "
        "entities, which count tokens)",
    ),
    output: Optional[Path] = typer.Option(None, help="Write to this file"),
    format_: Optional[str] = typer.Option(
        None,
        "--format",
        help="table, jsonl or spert; without it a table on the screen, JSON lines in a "
        "file",
    ),
    json: bool = typer.Option(False, help="The same as --format jsonl"),
    lines: bool = typer.Option(False, help="Each line of a .txt file is a text"),
    head: Optional[str] = typer.Option(
        None,
        help="With --tail: score this pair of the text; first character and one past "
        "the last, such as 0:5, and the entity's type, such as 0:5:PERSON",
    ),
    tail: Optional[str] = typer.Option(None, help="The pair's other entity"),
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
    """Find relations in texts: a table to look at, JSON to work with."""
    try:
        format_ = find_format(format_, json, output)
        nlp = load_pipeline(model)
        check_labels(nlp, label)
        ner_pipeline = None if entities_from is None else load_pipeline(entities_from)
        if head is not None or tail is not None:
            if (
                output
                or label
                or min_score
                or lines
                or ner_pipeline
                or format_ == "spert"
            ):
                raise ValueError(
                    "--head and --tail print all scores of one pair of a text: leave "
                    "out --output, --label, --min-score, --lines, --entities-from and "
                    "--format spert."
                )
            if as_path(source) is not None:
                raise ValueError(
                    f"--head and --tail count the characters of a text: found the file "
                    f"{source}; give its text itself."
                )
            set_threshold(nlp, threshold)
            found_pair = score_pair(nlp, source, head, tail)
            print_pair(found_pair, format_)
            if found_pair.lacks_types and format_ == "table":
                msg.warn(
                    "The model was trained with entity types, and one was not given "
                    "or is not known to it: other types, other scores. Write "
                    "START:END:TYPE with one of "
                    f"{', '.join(find_extractor(nlp).model.attrs['entity_types'])}."
                )
            return
        tasks = list(read_source(source, lines))
        docs = list(make_docs(nlp, tasks, str(as_path(source) or "")))
        set_threshold(nlp, threshold)
        if output is not None:
            output.parent.mkdir(parents=True, exist_ok=True)
    except (ValueError, OSError) as error:
        msg.fail(str(error), exits=1)
    check_entities(nlp, ner_pipeline, tasks, model)
    found = predict(nlp, docs, tasks, ner_pipeline=ner_pipeline, batch_size=batch_size)
    shown = tqdm(found, total=len(docs), disable=len(docs) < batch_size, unit="text")
    results = []
    for doc, task in zip(shown, tasks):
        results.append((doc, pick(get_relations(doc), label, min_score), task.meta))
    n_relations = sum(len(wanted) for _, wanted, _ in results)
    if format_ == "table":
        print_table(results)
        return
    to_item = to_spert if format_ == "spert" else to_row
    items = [to_item(doc, meta, wanted) for doc, wanted, meta in results]
    if format_ == "spert":
        text = srsly.json_dumps(items)
    else:
        text = "\n".join(map(srsly.json_dumps, items))
    if output is None:
        print(text)
    else:
        output.write_text(text + "\n", encoding="utf8")
        msg.good(f"{n_relations} relations of {len(docs)} texts written to {output}")


def find_format(format_: Optional[str], json: bool, output: Optional[Path]) -> str:
    """RETURNS (str): one of FORMATS."""
    if json and format_ not in (None, "jsonl"):
        raise ValueError(f"--json and --format {format_} contradict each other.")
    if format_ is None:
        return "table" if output is None and not json else "jsonl"
    if format_ not in FORMATS:
        expected = ", ".join(FORMATS)
        raise ValueError(f"--format: found {format_!r}, expected one of {expected}.")
    if format_ == "table" and output is not None:
        raise ValueError("--format table is for the screen; leave out --output.")
    return format_


def read_source(source: str, by_line: bool) -> Iterator[Task]:
    """Texts of a file, or the argument itself as a text."""
    path = as_path(source)
    if path is not None and path.suffix.lower() == ".json":
        yield from read_json_tasks(path)
    elif path is not None and path.is_file():
        yield from read_tasks(path, by_line)
    elif path is not None:
        yield from read_folder(path, by_line)
    elif " " not in source and Path(source).suffix in (".txt", ".jsonl", ".json"):
        raise ValueError(f"{source}: no such file; expected a text, or a file of them.")
    else:
        yield Task(source)


def as_path(source: str) -> Optional[Path]:
    """The file or folder that an argument names; None if it is a text."""
    try:
        return Path(source) if source and Path(source).exists() else None
    except (OSError, ValueError):  # too long for a name, or a NUL in it
        return None


def check_labels(nlp: spacy.Language, labels: List[str]) -> None:
    """RAISES (ValueError): if the pipeline predicts no such label."""
    known = [
        label
        for _, pipe in nlp.pipeline
        if isinstance(pipe, RelationExtractor)
        for label in pipe.labels
    ]
    unknown = [label for label in labels if label not in known]
    if unknown:
        raise ValueError(
            f"--label {unknown[0]}: the pipeline has no such label; it has "
            f"{', '.join(known) or 'none'}."
        )


def pick(
    relations: Iterable[Relation], labels: List[str], min_score: float
) -> List[Relation]:
    """RETURNS (List[Relation]): those with such a score and, unless there are none,
    with one of the labels."""
    return [
        relation
        for relation in relations
        if relation.score >= min_score and (not labels or relation.label in labels)
    ]


def set_threshold(nlp: spacy.Language, threshold: Optional[float]) -> None:
    """Use another threshold than the model's."""
    for _, pipe in nlp.pipeline:
        if isinstance(pipe, RelationExtractor) and threshold is not None:
            pipe.use_threshold(threshold)


def check_entities(
    nlp: spacy.Language,
    ner_pipeline: Optional[spacy.Language],
    tasks: List[Task],
    model: Path,
) -> None:
    """Refuse to look for relations where nothing finds the entities."""
    bare = [i for i, task in enumerate(tasks, 1) if task.entities is None]
    if bare and ner_pipeline is None and not list_entity_finders(nlp):
        msg.fail(
            f"{len(bare)} of {len(tasks)} texts have no entities (the first is text "
            f"{bare[0]}), and {model} "
            f"({', '.join(nlp.pipe_names)}) does not find them. Use a pipeline that "
            f"does (spacy project run train_joint), name one with --entities-from, or "
            f"give the entities in a .jsonl file ('entities', [] for none).",
            exits=1,
        )


def print_pair(found: PairResult, format_: str) -> None:
    """Print the scores of all labels of a pair, the best first."""
    if format_ != "table":
        print(srsly.json_dumps(found.to_row()))
        return
    print(
        f"{found.head.text} → {found.tail.text}: {', '.join(found.decided) or NO_REL}"
    )
    scores = sorted(found.scores.items(), key=lambda item: -item[1])
    rows = [[label, f"{score:.3f}"] for label, score in scores]
    msg.table(rows, header=["relation", "score"], divider=True, aligns=("l", "r"))


def print_table(results: List[Tuple[Doc, List[Relation], Dict[str, Any]]]) -> None:
    """Print one line for each relation."""
    for doc, relations, _ in results:
        if len(results) > 1:
            msg.divider(doc.text[:60].replace("\n", " "))
        table = [
            [head.text, label, tail.text, f"{score:.3f}"]
            for head, label, tail, score in relations
        ]
        if table:
            header = ["head", "relation", "tail", "score"]
            msg.table(table, header=header, divider=True, aligns=tuple("lllr"))
        else:
            n = len(list_entities(doc))
            print(f"No relations ({n} {'entity' if n == 1 else 'entities'}).")


if __name__ == "__main__":
    run_command(main)

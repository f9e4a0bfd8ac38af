"""Find relations in texts: a table to look at, JSON to work with."""

from json import dumps
from pathlib import Path
from typing import Any, List, Optional

import srsly
import typer
from command import run_command
from tqdm import tqdm
from wasabi import msg
from writing import load_extractor, show_warnings

from rel_component.files import replace_file
from rel_component.inference.inputs import as_path, read_source
from rel_component.inference.pairs import PairResult, score_pair
from rel_component.inference.rows import list_entities, to_row, to_spert
from rel_component.inference.texts import (
    Found,
    check_entities_known,
    check_labels,
    find_relations,
)
from rel_component.pipe.loading import load_pipeline
from rel_component.scorer import NO_REL
from rel_component.wording import plural

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
    batch_size: int = typer.Option(64, min=1, help="Texts to process at one time"),
) -> None:
    """Find relations in texts: a table to look at, JSON to work with."""
    try:
        format_ = find_format(format_, json, output)
        is_pair = head is not None or tail is not None
        if is_pair:
            options = (output, label, min_score, lines, entities_from)
            check_pair_options(source, any(options) or format_ == "spert")
        nlp = load_extractor(model, threshold)
        if is_pair:
            print_pair(score_pair(nlp, source, head, tail), format_)
            return
        check_labels(nlp, label)
        ner_pipeline = None if entities_from is None else load_pipeline(entities_from)
        tasks = list(read_source(source, lines))
        check_entities_known(nlp, tasks, ner_pipeline)
        found = find_relations(
            nlp,
            tasks,
            labels=label,
            min_score=min_score,
            ner_pipeline=ner_pipeline,
            batch_size=batch_size,
            source=str(as_path(source) or ""),
        )
        is_short = len(tasks) < batch_size
        with show_warnings():
            results = list(tqdm(found, total=len(tasks), disable=is_short, unit="text"))
        if format_ == "table":
            print_table(results)
            return
        text = to_json(results, format_)
        if output is None:
            print(text)
            return
        with replace_file(output, is_durable=False) as file:
            file.write(f"{text}\n".encode())
    except (ValueError, OSError) as error:
        msg.fail(str(error), exits=1)
    n = plural(sum(len(x.relations) for x in results), "relation")
    msg.good(f"{n} of {plural(len(results), 'text')} written to {output}")


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


def check_pair_options(source: str, has_others: bool) -> None:
    """RAISES (ValueError): if there is more than the pair of a text."""
    if has_others:
        raise ValueError(
            "--head and --tail print all scores of one pair of a text: leave out "
            "--output, --label, --min-score, --lines, --entities-from and --format "
            "spert."
        )
    if as_path(source) is not None:
        raise ValueError(
            f"--head and --tail count the characters of a text: found the file "
            f"{source}; give its text itself."
        )


def to_json(results: List[Found], format_: str) -> str:
    """RETURNS (str): JSON lines, or SpERT's array."""
    if format_ == "spert":
        return dump([to_spert(x.doc, x.task.meta, x.relations) for x in results])
    rows = [to_row(x.doc, x.task.meta, x.relations) for x in results]
    return "\n".join(map(dump, rows))


def dump(data: Any) -> str:
    """RETURNS (str): JSON, also of what only Python's reader takes for it."""
    try:
        return srsly.json_dumps(data)
    except OverflowError:  # NaN, in a field that is passed through
        return dumps(data, ensure_ascii=False, separators=(",", ":"))


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
    if found.lacks_types:
        msg.warn(
            f"The model was trained with entity types, and one was not given or is not "
            f"known to it: other types, other scores. Write START:END:TYPE with one of "
            f"{', '.join(found.known_types)}."
        )


def print_table(results: List[Found]) -> None:
    """Print one line for each relation."""
    for _, doc, relations in results:
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

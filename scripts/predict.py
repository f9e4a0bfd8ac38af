"""Extract relations from texts, as a table, CSV or JSON."""

from pathlib import Path
from typing import TYPE_CHECKING, List, Optional

import typer
from command import run_command
from tqdm import tqdm
from wasabi import msg
from writing import check_not_input, load_extractor, show_warnings

if TYPE_CHECKING:
    from spacy.tokens import Doc

    from rel_component.inference.found import Found
    from rel_component.inference.pairs import PairResult


FORMATS = ("table", "jsonl", "spert", "csv")


def main(
    model: Path = typer.Argument(..., help="Trained pipeline"),
    source: str = typer.Argument(
        ...,
        help="A text, - for standard input, a folder of .txt files, or a file: .txt; "
        ".csv or .tsv with a column text; .jsonl with text or "
        "tokens and optional entities (start, end, label; in characters, with tokens "
        "joined by single spaces); or SpERT's .json (texts, lists of tokens, or "
        "tokens with entities, in tokens)",
    ),
    output: Optional[Path] = typer.Option(None, help="Write to this file"),
    format_: Optional[str] = typer.Option(
        None,
        "--format",
        help="table, jsonl, spert or csv (a row per relation); by default a table on "
        "the screen, csv in a file named .csv, and JSON lines in another",
    ),
    json: bool = typer.Option(False, help="Same as --format jsonl"),
    lines: bool = typer.Option(False, help="Read each line of a .txt file as a text"),
    head: Optional[str] = typer.Option(
        None,
        help="With --tail: score this pair only; character offsets such as 0:5, "
        "optionally with the entity's type, such as 0:5:PERSON",
    ),
    tail: Optional[str] = typer.Option(None, help="The other entity of the pair"),
    entities_from: Optional[Path] = typer.Option(
        None, help="Separate trained pipeline that predicts the entities"
    ),
    label: List[str] = typer.Option([], help="Only relations with this label"),
    threshold: Optional[float] = typer.Option(
        None, help="Score threshold, instead of the model's"
    ),
    min_score: float = typer.Option(
        0.0, min=0, max=1, help="Minimum score of a relation"
    ),
    batch_size: int = typer.Option(64, min=1, help="Texts per batch"),
) -> None:
    """Extract relations from texts, as a table, CSV or JSON."""
    from rel_component.files import replace_file
    from rel_component.inference.found import dump_found
    from rel_component.inference.inputs import as_path, read_source
    from rel_component.inference.pairs import score_pair
    from rel_component.inference.texts import (
        check_entities_known,
        check_labels,
        find_relations,
    )
    from rel_component.pipe.loading import load_pipeline
    from rel_component.wording import plural

    try:
        format_ = find_format(format_, json, output)
        is_pair = head is not None or tail is not None
        if is_pair:
            options = (output, label, min_score, lines, entities_from)
            others = any(options) or format_ in ("spert", "csv")
            check_pair_options(source, others)
        path = as_path(source)
        if path is not None:
            check_not_input(output, path)
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
            source=str(path or ""),
        )
        is_short = len(tasks) < batch_size
        with show_warnings():
            results = list(tqdm(found, total=len(tasks), disable=is_short, unit="text"))
        if format_ == "table":
            print_table(results, label)
            return
        text = dump_found(results, format_)
        if output is None:
            print(text)
            return
        with replace_file(output, is_durable=False) as file:
            file.write(f"{text}\n".encode())
    except (ValueError, OSError) as error:
        msg.fail(str(error), exits=1)
    n = plural(sum(len(x.relations) for x in results), "relation")
    msg.good(f"{n} from {plural(len(results), 'text')} written to {output}")


def find_format(format_: Optional[str], json: bool, output: Optional[Path]) -> str:
    """RETURNS (str): the output format, one of FORMATS."""
    if json and format_ not in (None, "jsonl"):
        raise ValueError(f"--json and --format {format_} can't be combined.")
    if format_ is None:
        if output is None:
            return "jsonl" if json else "table"
        is_csv = output.suffix.lower() == ".csv" and not json
        return "csv" if is_csv else "jsonl"
    if format_ not in FORMATS:
        expected = ", ".join(FORMATS)
        raise ValueError(f"--format: found {format_!r}, expected one of {expected}.")
    if format_ == "table" and output is not None:
        raise ValueError("--format table can't be written to a file; remove --output.")
    return format_


def check_pair_options(source: str, has_others: bool) -> None:
    """RAISES (ValueError): if other options are set, or the source is a file."""
    from rel_component.inference.inputs import STDIN, as_path

    if has_others:
        raise ValueError(
            "--head and --tail print all scores of one pair of a text: remove "
            "--output, --label, --min-score, --lines, --entities-from and --format "
            "spert or csv."
        )
    if as_path(source) is not None or source == STDIN:
        raise ValueError(
            f"--head and --tail are offsets into a text: found the file {source}, "
            "expected the text itself."
        )


def print_pair(found: "PairResult", format_: str) -> None:
    """Print a pair's scores for all labels, the highest first."""
    import srsly

    from rel_component.scorer import NO_REL

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
            "The model uses entity types, and a type is missing or unknown to it, "
            "which affects the scores. Write START:END:TYPE with one of "
            f"{', '.join(found.known_types)}."
        )


def print_table(results: "List[Found]", labels: List[str]) -> None:
    """Print one line for each relation, or the best score of the labels, or of all."""
    from rel_component.wording import plural

    for _, doc, relations, entities in results:
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
            n = plural(len(entities), "entity", "entities")
            best = find_best_score(doc, labels)
            more = "" if best is None else f", best score {best:.3f}; see --threshold"
            print(f"No relations ({n}{more}).")


def find_best_score(doc: "Doc", labels: List[str]) -> Optional[float]:
    """RETURNS (Optional[float]): the highest score of a pair, decided or not."""
    from rel_component.relations import get_relation_data

    data = get_relation_data(doc)
    if data is None:
        return None
    columns = [i for i, x in enumerate(data.labels) if not labels or x in labels]
    scores = data.scores[:, columns]
    known = scores[scores == scores]  # not NaN
    return float(known.max()) if len(known) else None


if __name__ == "__main__":
    run_command(main)

"""Entities and relations of a whole corpus, on one machine or on a cluster."""

from pathlib import Path
from typing import List, Optional

import typer
from command import run_command
from tqdm import tqdm
from wasabi import msg

from rel_component.inference.batch import (
    ENGINES,
    ExtractSettings,
    Progress,
    Summary,
    extract_corpus,
)

SHOWN = 5


def main(
    model: Path = typer.Argument(..., help="Trained pipeline"),
    inputs: List[str] = typer.Argument(
        ...,
        help="Files, folders or globs: .txt, .jsonl, .csv, .tsv, .parquet, .spacy",
    ),
    output: Path = typer.Option(
        ...,
        "--output",
        "-o",
        help="Folder; that of a run that was stopped to go on with it",
    ),
    format_: str = typer.Option(
        "parquet,jsonl", "--format", "-f", help="parquet, jsonl or both, with a comma"
    ),
    n_process: int = typer.Option(1, help="Processes that each hold the model"),
    engine: str = typer.Option("local", help=f"One of {', '.join(ENGINES)}"),
    address: Optional[str] = typer.Option(
        None, help="Of a Ray cluster (auto, ray://HOST:10001); else one starts here"
    ),
    entities_from: Optional[Path] = typer.Option(
        None, help="Another trained pipeline that finds the entities"
    ),
    code: Optional[Path] = typer.Option(
        None, help="Python file with components of your own"
    ),
    threshold: Optional[float] = typer.Option(
        None, help="Predict from this score on, in place of the model's threshold"
    ),
    text_field: str = typer.Option("text", help="Field or column with the text"),
    id_field: str = typer.Option("id", help="Field or column with the document's id"),
    lines: bool = typer.Option(False, help="Each line of a .txt file is a document"),
    text: bool = typer.Option(True, help="Write the text into the rows, too"),
    max_length: int = typer.Option(
        100_000, help="Characters; a longer document is a dead letter"
    ),
    chunk_size: int = typer.Option(1000, help="Documents that are written together"),
    batch_size: int = typer.Option(256, help="Most documents of a batch"),
    batch_words: int = typer.Option(20_000, help="Most words of a batch"),
    gpu_id: int = typer.Option(-1, "--gpu-id", "-g", help="GPU, -1 for the CPU"),
    strict: bool = typer.Option(False, help="Exit code 1 if there are dead letters"),
) -> None:
    """Extract entities and relations of a corpus.

    Stopped at any moment and started again with the same arguments, it goes on; each
    document then has one row, or one dead letter that says why it has none.
    """
    bar = tqdm(unit=" texts", disable=None, smoothing=0.05)

    def start(progress: Progress) -> None:
        bar.total, bar.initial, bar.n = (
            progress.n_docs,
            progress.n_done,
            progress.n_done,
        )
        bar.refresh()
        if progress.n_done:
            msg.info(
                f"{progress.n_done:,} of {progress.n_docs:,} texts are done already"
            )

    try:
        with bar:
            settings = ExtractSettings(
                model=str(model),
                entities_from=None if entities_from is None else str(entities_from),
                code=None if code is None else str(code),
                threshold=threshold,
                formats=tuple(x.strip() for x in format_.split(",")),
                text_field=text_field,
                id_field=id_field,
                by_line=lines,
                keep_text=text,
                chunk_size=chunk_size,
                batch_size=batch_size,
                batch_words=batch_words,
                max_length=max_length,
                gpu_id=gpu_id,
            )
            summary = extract_corpus(
                inputs,
                output,
                settings,
                engine=engine,
                n_process=n_process,
                address=address,
                on_start=start,
                on_chunk=lambda counts: bar.update(counts["read"]),
            )
    except KeyboardInterrupt:
        msg.warn("Stopped. The same command goes on where it was.")
        raise typer.Exit(130) from None
    except (ValueError, OSError) as error:
        msg.fail(str(error))
        raise typer.Exit(1) from None
    show(summary, output)
    if strict and summary.dead:
        raise typer.Exit(1)


def show(summary: Summary, output: Path) -> None:
    """Print what became of the documents."""
    if summary.warnings:
        msg.warn(f"{summary.warnings:,} warnings, the first: {summary.first_warning}")
    if summary.dead:
        kinds = ", ".join(f"{n:,} {kind}" for kind, n in summary.kinds.items())
        msg.warn(f"{summary.dead:,} dead letters ({kinds}): {summary.letters} says why")
    msg.good(
        f"{summary.read:,} texts read = {summary.extracted:,} extracted + "
        f"{summary.dead:,} dead letters; {summary.entities:,} entities and "
        f"{summary.relations:,} relations in {output / 'parts'}"
    )


if __name__ == "__main__":
    run_command(main)

"""Extract entities and relations from a corpus, on one machine or a cluster."""

import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, List, Optional

import typer
from command import run_command
from tqdm import tqdm
from wasabi import msg

if TYPE_CHECKING:
    from rel_component.inference.batch import Progress, Summary

# seconds between updates of the progress bar's clock
TICK = 0.5


def main(
    model: Path = typer.Argument(..., help="Trained pipeline"),
    inputs: List[str] = typer.Argument(
        ...,
        help="Files, folders or globs: .txt, .jsonl, .ndjson, .jsonlines, .csv, .tsv, "
        ".parquet, .spacy",
    ),
    output: Path = typer.Option(
        ...,
        "--output",
        "-o",
        help="New folder, or the folder of an interrupted run to resume",
    ),
    format_: str = typer.Option(
        "parquet,jsonl", "--format", "-f", help="Output formats, separated by commas"
    ),
    n_process: int = typer.Option(1, help="Number of processes; each loads the model"),
    engine: str = typer.Option("local", help="local or ray"),
    address: Optional[str] = typer.Option(
        None,
        help="Ray cluster to connect to: auto, or ray://HOST:10001; by default Ray "
        "is started on this machine",
    ),
    entities_from: Optional[Path] = typer.Option(
        None, help="Separate trained pipeline that predicts the entities"
    ),
    code: Optional[Path] = typer.Option(
        None, help="Python file with custom registered functions"
    ),
    threshold: Optional[float] = typer.Option(
        None, help="Score threshold, instead of the model's"
    ),
    text_field: str = typer.Option("text", help="Field or column with the text"),
    id_field: str = typer.Option("id", help="Field or column with the document's id"),
    lines: bool = typer.Option(False, help="Each line of a .txt file is a document"),
    text: bool = typer.Option(True, help="Include the text in the rows"),
    max_length: int = typer.Option(
        100_000,
        help="Maximum characters of a document; longer ones become dead letters",
    ),
    max_bytes: int = typer.Option(
        64 << 20,
        help="Maximum bytes of a line, CSV record or text file; longer ones become "
        "dead letters",
    ),
    chunk_size: int = typer.Option(
        1000, help="Documents to process and write together"
    ),
    batch_size: int = typer.Option(256, help="Maximum documents per batch"),
    batch_words: int = typer.Option(20_000, help="Maximum words per batch"),
    gpu_id: int = typer.Option(-1, "--gpu-id", "-g", help="GPU ID, or -1 for CPU"),
    strict: bool = typer.Option(
        False, help="Exit with code 1 if any document is a dead letter"
    ),
) -> None:
    """Extract entities and relations from a corpus.

    An interrupted run resumes when it's started again with the same arguments. In the
    end, each document has either one row or one dead letter with the reason.
    """
    try:
        with Bar() as bar:
            bar.show_stage("Loading spaCy")
            from rel_component.inference.batch import ExtractSettings, extract_corpus

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
                max_bytes=max_bytes,
                gpu_id=gpu_id,
            )
            summary = extract_corpus(
                inputs,
                output,
                settings,
                engine=engine,
                n_process=n_process,
                address=address,
                on_stage=bar.show_stage,
                on_start=bar.start,
                on_chunk=bar.advance,
            )
    except KeyboardInterrupt:
        msg.warn("Stopped. Run the same command to resume.")
        raise typer.Exit(130) from None
    except (ValueError, OSError) as error:
        from rel_component.files import explain

        msg.fail(explain(error))
        raise typer.Exit(1) from None
    show(summary, output)
    if summary.dead and (strict or not summary.extracted):
        raise typer.Exit(1)


class Bar:
    """A progress bar in a terminal; otherwise the current stage, until the first
    documents are done. The bar's clock ticks even while nothing is done."""

    def __init__(self) -> None:
        self.bar = tqdm(unit=" documents", disable=None, smoothing=0.05)
        self.is_closed = threading.Event()
        self.ticker = threading.Thread(target=self.tick, daemon=True)

    def __enter__(self) -> "Bar":
        self.ticker.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.is_closed.set()
        self.ticker.join()
        self.bar.close()

    def tick(self) -> None:
        while not self.is_closed.wait(TICK):
            self.bar.refresh()

    def show_stage(self, stage: str) -> None:
        if self.bar.disable:
            msg.text(f"{stage} …")
        else:
            self.bar.set_description_str(stage)

    def start(self, progress: "Progress") -> None:
        self.bar.total = progress.n_docs
        self.bar.initial = self.bar.n = progress.n_done
        self.bar.refresh()
        if progress.n_done:
            msg.info(
                f"{progress.n_done:,} of {progress.n_docs:,} documents already done"
            )

    def advance(self, counts: Dict[str, Any]) -> None:
        self.bar.set_description_str("")
        self.bar.update(counts["read"])


def show(summary: "Summary", output: Path) -> None:
    """Print the outcome: documents, dead letters, warnings."""
    from rel_component.wording import agree

    if summary.warnings:
        many = f"{summary.warnings:,} warnings, the first one"
        msg.warn(
            f"{agree(summary.warnings, 'A warning', many)}: {summary.first_warning}"
        )
    letters = agree(summary.dead, "dead letter", "dead letters")
    if summary.dead:
        kinds = ", ".join(f"{n:,} {kind}" for kind, n in summary.kinds.items())
        msg.warn(f"{summary.dead:,} {letters} ({kinds}): see {summary.letters}")
    show_line = msg.good if summary.extracted or not summary.dead else msg.fail
    show_line(
        f"{summary.read:,} documents read = {summary.extracted:,} extracted + "
        f"{summary.dead:,} {letters}; {summary.entities:,} entities and "
        f"{summary.relations:,} relations in {output / 'parts'}"
    )


if __name__ == "__main__":
    run_command(main)

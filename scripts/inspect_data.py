"""Look at converted annotations before training: counts, distances, advice."""

from pathlib import Path
from typing import Dict, Iterable, Iterator, List, Optional

import spacy
import srsly
import typer
from command import run_command
from spacy.language import Language
from spacy.tokens import Doc
from tqdm import tqdm
from wasabi import msg

from rel_component.corpus.docbin import NAMES
from rel_component.corpus.readers import read_docs
from rel_component.inspection.counts import has_sentences
from rel_component.inspection.picture import check_picture, draw_picture
from rel_component.inspection.report import inspect_splits
from rel_component.inspection.tables import list_tables
from rel_component.wording import plural


def main(
    inputs: List[Path] = typer.Argument(
        ..., help=".spacy files, or folders of them; one named train is trained on"
    ),
    output: Optional[Path] = typer.Option(
        None, "--output", "-o", help="Write all that was found as JSON"
    ),
    picture: Optional[Path] = typer.Option(
        None, help="Draw labels, distances and types: .png, .svg or .html"
    ),
    spans_key: str = typer.Option(
        "entities", help="Key of doc.spans with all entities; empty for doc.ents only"
    ),
    sentencizer: bool = typer.Option(
        False, help="Set sentence boundaries where there are none, by punctuation"
    ),
    similarity: float = typer.Option(
        0.7, help="Texts that share so much are nearly the same; from 0.5 to 1"
    ),
    rows: int = typer.Option(20, min=0, help="Most rows of each table; 0: all"),
) -> None:
    """Look at converted annotations before training.

    Prints what there is, what candidate settings would lose, and advice. Files that
    belong together are given at once, so that texts are compared across splits.
    """
    nlp = spacy.blank("xx")
    try:
        if picture is not None:
            check_picture(picture)
        paths = collect_paths(inputs)
        splits = {
            name: read_split(path, nlp, sentencizer) for name, path in paths.items()
        }
        result = inspect_splits(
            splits, spans_key=spans_key or None, similarity=similarity
        )
        check_content(result, paths)
        result["files"] = {name: str(path) for name, path in paths.items()}
        show(result, rows or None)
        if sentencizer:
            msg.info(
                "The sentencizer set sentence boundaries here. To use max_sentences, "
                "put it first in the pipeline and in training.annotating_components."
            )
        if output is not None:
            output.parent.mkdir(parents=True, exist_ok=True)
            srsly.write_json(output, result)
            msg.good(f"All that was found: {output}")
        if picture is not None:
            picture.parent.mkdir(parents=True, exist_ok=True)
            for problem in draw_picture(result, picture):
                msg.warn(problem)
            msg.good(f"Picture: {picture}")
    except (ValueError, OSError) as error:
        msg.fail(str(error), exits=1)


def collect_paths(inputs: Iterable[Path]) -> Dict[str, Path]:
    """RETURNS (Dict[str, Path]): files by name of the split, train first."""
    paths: List[Path] = []
    for path in inputs:
        # a large split is a folder itself: data/train.spacy/
        is_folder = path.is_dir() and path.suffix != ".spacy"
        found = sorted(path.glob("*.spacy")) if is_folder else [path]
        if not found:
            raise ValueError(
                f"{path}: the folder has no .spacy file. Convert your annotations "
                f"first: python scripts/convert.py ANNOTATIONS --output {path}"
            )
        paths += found
    paths = list(dict.fromkeys(paths))
    order = {name: i for i, name in enumerate(NAMES)}
    paths.sort(key=lambda path: order.get(path.stem, len(order)))
    names = [path.stem for path in paths]
    return {
        path.stem if names.count(path.stem) == 1 else str(path): path for path in paths
    }


def read_split(path: Path, nlp: Language, sentencizer: bool) -> Iterator[Doc]:
    """YIELDS (Doc): the documents of a file."""
    divide = nlp.create_pipe("sentencizer") if sentencizer else None
    docs = read_docs(path, nlp)
    try:
        for doc in tqdm(docs, desc=str(path), unit=" docs", delay=2, disable=None):
            yield doc if divide is None or has_sentences(doc) else divide(doc)
    except (IndexError, KeyError, TypeError) as error:
        raise ValueError(
            f"{path}: the relations of a document can't be read ({error!r}). Convert "
            f"your annotations again with scripts/convert.py."
        ) from error


def check_content(result: Dict, paths: Dict[str, Path]) -> None:
    """Stop where there is nothing to look at."""
    for name, path in paths.items():
        if not result["splits"][name]["documents"]:
            raise ValueError(f"{path} holds no documents: nothing to inspect.")
    if not result["labels"]:
        files = ", ".join(map(str, paths.values()))
        n = sum(split["documents"] for split in result["splits"].values())
        raise ValueError(
            f"{files}: found no relation in {plural(n, 'document')}. If they were "
            f"annotated, they were lost on saving: convert again with "
            f"scripts/convert.py, or save with DocBin(store_user_data=True)."
        )


def show(result: Dict, n_rows: Optional[int]) -> None:
    """Print tables and advice."""
    for table in list_tables(result, n_rows):
        msg.divider(table.title)
        msg.table(
            table.rows,
            header=table.header,
            divider=True,
            aligns=tuple(table.aligns),
            max_col=50,
        )
        if table.note:
            print(table.note)
    msg.divider("Advice")
    for advice in result["advice"]:
        (msg.warn if advice["level"] == "warn" else msg.info)(advice["text"])


if __name__ == "__main__":
    run_command(main)

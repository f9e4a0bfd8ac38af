"""Read and check the files to inspect."""

from pathlib import Path
from typing import Callable, Dict, Iterable, Iterator, List, Optional

import spacy
from spacy.language import Language
from spacy.tokens import Doc

from ..corpus.docbin import NAMES
from ..corpus.readers import read_docs
from ..wording import plural
from .counts import has_sentences
from .found import Result
from .report import inspect_splits

Progress = Callable[[Iterable[Doc], Path], Iterable[Doc]]


def inspect_files(
    inputs: Iterable[Path],
    *,
    spans_key: Optional[str] = "entities",
    similarity: float = 0.7,
    min_share: float = 1.0,
    sentencizer: bool = False,
    progress: Progress = lambda docs, path: docs,
) -> Result:
    """Inspect converted annotations before training.

    inputs (Iterable[Path]): `.spacy` files, or folders of them, of one corpus, so that
        texts are compared across splits.
    spans_key (Optional[str]), similarity (float), min_share (float): see
        `inspect_splits`.
    sentencizer (bool): set missing sentence boundaries by punctuation.
    progress (Callable): wraps the documents of a file while they are read.
    RETURNS (Dict[str, Any]): see `inspect_splits`; with `files` by split.
    RAISES (ValueError): if a file can't be read, or has no documents or relations.
    """
    nlp = spacy.blank("xx")
    paths = _collect_paths(inputs)
    splits = {
        name: _read_split(path, nlp, sentencizer, progress)
        for name, path in paths.items()
    }
    result = inspect_splits(
        splits, spans_key=spans_key, similarity=similarity, min_share=min_share
    )
    _check_content(result, paths)
    return {**result, "files": {name: str(path) for name, path in paths.items()}}


def _collect_paths(inputs: Iterable[Path]) -> Dict[str, Path]:
    """RETURNS (Dict[str, Path]): files by split, with train first."""
    paths: List[Path] = []
    for path in inputs:
        # a large split is a folder itself: data/train.spacy/
        is_folder = path.is_dir() and path.suffix != ".spacy"
        found = sorted(path.glob("*.spacy")) if is_folder else [path]
        if not found:
            raise ValueError(
                f"{path}: no .spacy file found in this folder. Convert your "
                "annotations first: python scripts/convert.py ANNOTATIONS --output "
                f"{path}"
            )
        paths += found
    paths = list(dict.fromkeys(paths))
    order = {name: i for i, name in enumerate(NAMES)}
    paths.sort(key=lambda path: order.get(path.stem, len(order)))
    names = [path.stem for path in paths]
    return {
        path.stem if names.count(path.stem) == 1 else str(path): path for path in paths
    }


def _read_split(
    path: Path, nlp: Language, sentencizer: bool, progress: Progress
) -> Iterator[Doc]:
    divide = nlp.create_pipe("sentencizer") if sentencizer else None
    try:
        for doc in progress(read_docs(path, nlp), path):
            yield doc if divide is None or has_sentences(doc) else divide(doc)
    except (IndexError, KeyError, TypeError) as error:
        raise ValueError(
            f"{path}: the relations of a document can't be read ({error!r}). Convert "
            f"your annotations again with scripts/convert.py."
        ) from error


def _check_content(result: Result, paths: Dict[str, Path]) -> None:
    """Check that there are documents and relations."""
    for name, path in paths.items():
        if not result["splits"][name]["documents"]:
            raise ValueError(f"{path} contains no documents.")
    if not result["labels"]:
        files = ", ".join(map(str, paths.values()))
        n = sum(split["documents"] for split in result["splits"].values())
        raise ValueError(
            f"{files}: no relation found in {plural(n, 'document')}. If they were "
            "annotated, the relations were not saved: convert again with "
            "scripts/convert.py, or save with DocBin(store_user_data=True)."
        )

"""Cross-validation folds and growing training sets, without the same group or text on
both sides of a split."""

import random
from bisect import bisect_left
from collections import Counter
from itertools import accumulate
from pathlib import Path
from typing import Dict, Iterable, List, Sequence, Tuple

import spacy
from spacy.tokens import Doc, DocBin

from ..corpus.docbin import NAMES
from ..corpus.readers import read_docs
from ..corpus.splits import SplitItem, find_blocks

Fold = Tuple[List[Doc], List[Doc]]


def pool_docs(directory: Path, names: Iterable[str] = NAMES) -> List[Doc]:
    """Read the documents of several `.spacy` files of one directory.

    directory (Path): the folder.
    names (Iterable[str]): file names, without `.spacy`.
    RETURNS (List[Doc]): the documents in order, including duplicates.
    RAISES (ValueError): if a file is missing or can't be read.
    """
    nlp = spacy.blank("xx")
    return [d for name in names for d in read_docs(directory / f"{name}.spacy", nlp)]


def assign_folds(texts: Sequence[str], n_folds: int, *, seed: int = 0) -> List[int]:
    """Assign texts to folds, with duplicates in the same fold.

    texts (Sequence[str]): the texts, which may contain duplicates.
    n_folds (int): number of folds, of nearly equal size.
    seed (int): random seed; the order of the texts has no effect.
    RETURNS (List[int]): the fold in which each text is held out.
    RAISES (ValueError): if there are fewer distinct texts than folds.
    """
    sizes = Counter(texts)
    groups = sorted(sizes)
    if not 2 <= n_folds <= len(groups):
        raise ValueError(
            f"Can't split {len(groups)} distinct texts or groups into {n_folds} folds; "
            f"expected a number from 2 to {len(groups)}. Change --folds or pool more "
            "files."
        )
    random.Random(seed).shuffle(groups)
    groups.sort(key=lambda text: -sizes[text])
    fold_of: Dict[str, int] = {}
    filled = [0] * n_folds
    for text in groups:
        fold_of[text] = filled.index(min(filled))
        filled[fold_of[text]] += sizes[text]
    return [fold_of[text] for text in texts]


def get_keys(docs: Sequence[Doc]) -> List[str]:
    """RETURNS (List[str]): the same text for documents that stay together: those with
    the same group (see `--group-by` of scripts/convert.py), or the same text apart from
    whitespace.

    docs (Sequence[Doc]): the corpus.
    """
    keys = [""] * len(docs)
    for block in find_blocks([SplitItem.from_doc(doc) for doc in docs]):
        first = min(docs[i].text for i in block)
        for i in block:
            keys[i] = first
    return keys


def make_folds(docs: Sequence[Doc], n_folds: int, *, seed: int = 0) -> List[Fold]:
    """Split documents for cross-validation, see `get_keys`.

    docs (Sequence[Doc]): the corpus.
    n_folds (int): number of folds.
    seed (int): see `assign_folds`.
    RETURNS (List[Fold]): the training and the held-out documents of each fold, in the
        order of `docs`. Each document is held out once.
    """
    numbers = assign_folds(get_keys(docs), n_folds, seed=seed)
    pairs = list(zip(docs, numbers))
    return [
        ([d for d, n in pairs if n != fold], [d for d, n in pairs if n == fold])
        for fold in range(n_folds)
    ]


def grow(
    docs: Sequence[Doc], shares: Sequence[float], *, seed: int = 0
) -> List[List[Doc]]:
    """Select nested subsets of a corpus of increasing size.

    docs (Sequence[Doc]): the corpus.
    shares (Sequence[float]): increasing proportions, above 0 and at most 1.
    seed (int): random seed of the selection.
    RETURNS (List[List[Doc]]): a subset per proportion, in the order of `docs`, with
        those of `get_keys` kept together.
    RAISES (ValueError): if a proportion is out of range, or they don't increase.
    """
    if not all(0 < share <= 1 for share in shares) or list(shares) != sorted(shares):
        raise ValueError(
            f"shares are {list(shares)}; expected increasing numbers above 0 and at "
            "most 1."
        )
    keys = get_keys(docs)
    sizes = Counter(keys)
    order = sorted(sizes)
    random.Random(seed).shuffle(order)
    ends = list(accumulate(sizes[key] for key in order))
    parts = []
    for share in shares:
        n = bisect_left(ends, round(share * len(docs))) + 1
        taken = set(order[:n])
        parts.append([doc for doc, key in zip(docs, keys) if key in taken])
    return parts


def write_docs(docs: Iterable[Doc], path: Path) -> Path:
    """RETURNS (Path): the `.spacy` file, written with relations."""
    path.parent.mkdir(parents=True, exist_ok=True)
    DocBin(docs=docs, store_user_data=True).to_disk(path)
    return path

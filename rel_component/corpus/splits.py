"""Split a corpus into documents: seeded, by group, stratified by label."""

import hashlib
import random
import re
from collections import Counter, defaultdict
from functools import cache
from types import MappingProxyType
from typing import Counter as CounterType
from typing import (
    DefaultDict,
    Dict,
    Iterable,
    List,
    Mapping,
    NamedTuple,
    Optional,
    Sequence,
)

from spacy.tokens import Doc

from ..relations import SOURCE_KEY, get_relation_keys
from ..wording import plural
from .docbin import NAMES

DOCUMENTS = ("documents", "")

Features = Mapping[object, int]


class SplitItem(NamedTuple):
    """The properties of a document that determine its split.

    text (str): the text; identical texts, ignoring whitespace, stay in one split.
    group (Optional[str]): the group; documents of one group stay in one split.
    counts (Mapping[object, int]): features to stratify by, e.g. relation labels.
    """

    text: str
    group: Optional[str] = None
    counts: Features = MappingProxyType({})

    @classmethod
    def from_doc(cls, doc: Doc) -> "SplitItem":
        """Create the item of a Doc, with a hash of its text to save memory.

        doc (Doc): a Doc with entities and relations, and optionally a group.
        RETURNS (SplitItem): an item with counts of entity types and relation labels.
        """
        counts = Counter(_name("relation", key.label) for key in get_relation_keys(doc))
        counts.update(_name("entity", ent.label_) for ent in doc.ents)
        group = doc.user_data.get(SOURCE_KEY, {}).get("group")
        text = hashlib.sha1(_plain(doc.text).encode("utf8")).hexdigest()
        return cls(text, group, dict(counts))


class Splitter:
    """Split a corpus.

    shares (str): proportions of train, dev and optionally test, e.g. `0.7,0.15,0.15`.
    seed (int): random seed.
    dev (Optional[str]): regular expression on the groups of dev, instead of the
        proportions.
    test (Optional[str]): regular expression on the groups of test.
    RAISES (ValueError): if an argument is invalid.
    """

    def __init__(
        self,
        shares: str,
        seed: int = 0,
        dev: Optional[str] = None,
        test: Optional[str] = None,
    ) -> None:
        if test is not None and dev is None:
            raise ValueError("--test-groups: expected --dev-groups as well.")
        self.shares = parse_shares(shares)
        self.seed = seed
        rules = {"dev": dev, "test": test}
        self.rules = {name: rule for name, rule in rules.items() if rule is not None}
        for name, rule in self.rules.items():
            check_regex(f"{name}-groups", rule)

    def __call__(self, items: Sequence[SplitItem]) -> Dict[str, List[int]]:
        """Get the indices of each split.

        items (Sequence[SplitItem]): the documents.
        RETURNS (Dict[str, List[int]]): ascending indices by split.
        RAISES (ValueError): if a split would be empty.
        """
        if self.rules:
            groups = [item.group for item in items]
            if not any(groups):
                raise ValueError(
                    "--dev-groups: no document has a group; expected --group-by, to "
                    "set the field."
                )
            chosen = split_by_group(groups, self.rules)
            names = ["train", *self.rules]
        else:
            chosen = split_documents(items, self.shares, seed=self.seed)
            names = [name for name, share in self.shares.items() if share]
        parts = {name: [i for i, x in enumerate(chosen) if x == name] for name in names}
        for name, part in parts.items():
            if not part:
                raise ValueError(
                    f"The split {name} is empty. The rules are {self.rules}, and "
                    f"examples of groups "
                    f"are {sorted({i.group or '' for i in items})[:3]}: "
                    "correct --dev-groups, --test-groups or --group-by."
                )
        return parts


def check_regex(name: str, pattern: Optional[str]) -> None:
    """RAISES (ValueError): if an option is not a valid regular expression."""
    try:
        re.compile(pattern or "")
    except re.error as error:
        raise ValueError(
            f"--{name} {pattern!r}: not a regular expression: {error}."
        ) from None


def parse_shares(text: str) -> Dict[str, float]:
    """Parse the proportions of train, dev and optionally test.

    text (str): the proportions, e.g. `0.7,0.15,0.15`.
    RETURNS (Dict[str, float]): proportions by split.
    RAISES (ValueError): if they are not two or three numbers that sum to 1.
    """
    try:
        shares = [float(part) for part in text.split(",")]
    except ValueError:
        shares = []
    if len(shares) not in (2, 3) or not _are_shares(shares):
        raise ValueError(
            f"Invalid proportions {text!r}; expected two or three numbers that sum to "
            "1, for train, dev and test, such as 0.7,0.15,0.15."
        )
    return dict(zip(NAMES, shares))


def split_documents(
    items: Sequence[SplitItem], proportions: Mapping[str, float], *, seed: int = 0
) -> List[str]:
    """Assign documents to splits.

    items (Sequence[SplitItem]): the documents.
    proportions (Mapping[str, float]): proportion of each split, normalized to a sum
        of 1.
    seed (int): random seed. The same input gives the same split.
    RETURNS (List[str]): the split of each document.
    RAISES (ValueError): if proportions are negative or all zero, or there are fewer
        blocks of documents than splits.
    """
    _check_shares(proportions)
    names = [name for name, share in proportions.items() if share > 0]
    blocks = find_blocks(items)
    if len(blocks) < len(names):
        raise ValueError(
            f"Can't split {plural(len(items), 'document')} into {', '.join(names)}: "
            f"found only {plural(len(blocks), 'group')} of documents that have to stay "
            f"together (same group, or same text). Expected at least {len(names)}; "
            "use fewer splits, smaller groups, split long documents "
            "(--split-documents sentences), or write one file: --output "
            "data/all.spacy."
        )
    total = sum(proportions.values())
    shares = {name: proportions[name] / total for name in names}
    chosen = _spread(items, blocks, shares, seed)
    return [chosen[i] for i in range(len(items))]


def split_by_group(
    groups: Iterable[Optional[str]], patterns: Mapping[str, str]
) -> List[str]:
    """Assign documents to splits by rules for their groups.

    groups (Iterable[Optional[str]]): the group of each document.
    patterns (Mapping[str, str]): regular expression of each split, searched for in the
        group. The first match is used.
    RETURNS (List[str]): the split of each document; train if no rule matches.
    """
    return [
        next(
            (x for x, rule in patterns.items() if re.search(rule, group or "")),
            NAMES[0],
        )
        for group in groups
    ]


def find_leaks(items: Sequence[SplitItem], splits: Sequence[str]) -> Dict[str, int]:
    """Find texts that occur in several splits.

    items (Sequence[SplitItem]): the documents.
    splits (Sequence[str]): the split of each document.
    RETURNS (Dict[str, int]): number of texts by names of the splits.
    """
    where: DefaultDict[str, List[str]] = defaultdict(list)
    for item, split in zip(items, splits):
        names = where[_plain(item.text)]
        if split not in names:
            names.append(split)
    return dict(Counter(", ".join(n) for n in where.values() if len(n) > 1))


def find_blocks(items: Sequence[SplitItem]) -> List[List[int]]:
    """Find blocks of documents with the same group or text.

    items (Sequence[SplitItem]): the documents.
    RETURNS (List[List[int]]): their indices; each document is in one block.
    """
    parents = list(range(len(items)))

    def root(i: int) -> int:
        while parents[i] != i:
            parents[i] = parents[parents[i]]
            i = parents[i]
        return i

    first: Dict[object, int] = {}
    for i, item in enumerate(items):
        keys = [("text", _plain(item.text))]
        if item.group is not None:
            keys.append(("group", item.group))
        for key in keys:
            a, b = root(first.setdefault(key, i)), root(i)
            parents[max(a, b)] = min(a, b)
    blocks: DefaultDict[int, List[int]] = defaultdict(list)
    for i in range(len(items)):
        blocks[root(i)].append(i)
    return list(blocks.values())


def _are_shares(shares: Sequence[float]) -> bool:
    # NaN fails both
    return min(shares) >= 0 and abs(sum(shares) - 1) < 0.001


def _check_shares(proportions: Mapping[str, float]) -> None:
    shares = list(proportions.values())
    # `not >=` also excludes NaN
    if not all(share >= 0 for share in shares) or not 0 < sum(shares) < float("inf"):
        raise ValueError(
            f"Invalid proportions {dict(proportions)}; expected numbers from 0 on, "
            "not all 0, such as 0.7,0.15,0.15."
        )


@cache
def _name(kind: str, label: str) -> object:
    """Get the same object for all documents."""
    return kind, label


def _plain(text: str) -> str:
    return " ".join(text.split())


def _spread(
    items: Sequence[SplitItem],
    blocks: List[List[int]],
    shares: Mapping[str, float],
    seed: int,
) -> Dict[int, str]:
    """Assign each block to the split that lacks its features most, rarest features
    first."""
    features = [_count(items, block) for block in blocks]
    total: CounterType[object] = Counter()
    for counts in features:
        total.update(counts)
    order = list(range(len(blocks)))
    random.Random(seed).shuffle(order)
    order.sort(key=lambda b: -max(n / total[f] for f, n in features[b].items()))
    taken: Dict[str, CounterType[object]] = {name: Counter() for name in shares}
    chosen: Dict[int, str] = {}
    for rank, block in enumerate(order):
        empty = [name for name in shares if not taken[name]]
        # no split stays empty, even if its proportion is small
        must_fill = len(order) - rank <= len(empty)
        names = empty if must_fill else list(shares)
        counts = features[block]
        name = max(names, key=lambda n: _lack(counts, taken[n], total, shares[n]))
        taken[name].update(counts)
        chosen.update(dict.fromkeys(blocks[block], name))
    return chosen


def _count(items: Sequence[SplitItem], block: List[int]) -> CounterType[object]:
    counts: CounterType[object] = Counter({DOCUMENTS: len(block)})
    for i in block:
        counts.update({f: n for f, n in items[i].counts.items() if n > 0})
    return counts


def _lack(counts: Features, taken: Features, total: Features, share: float) -> float:
    """How much a split still lacks a block's features, relative to its proportion."""
    return sum(
        n / total[f] * (1 - taken.get(f, 0) / (share * total[f]))
        for f, n in counts.items()
    )

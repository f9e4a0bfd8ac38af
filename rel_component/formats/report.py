"""Report on a conversion, so that nothing is lost without being reported.

For each kind (documents, entities, relations): read = written + merged + skipped.
"""

import re
from collections import Counter, defaultdict
from itertools import islice
from typing import Any, DefaultDict, Dict, FrozenSet, Iterable, List, Set
from typing import Counter as CounterType

from ..wording import plural

FILES = "files"
DOCUMENTS = "documents"
ENTITIES = "entities"
RELATIONS = "relations"
KINDS = (FILES, DOCUMENTS, ENTITIES, RELATIONS)
FIELDS = "fields"
# note on documents in which relations were not annotated
NO_LIST = "documents without a list of relations: incomplete"
ANNOTATORS = "annotators"
LAYERS = "layers"

Reasons = DefaultDict[str, CounterType[str]]


class Report:
    """Counts by kind and reason, and problems.

    For each item, call `read`, and later exactly one of `written`, `merged`, `skipped`
    or `error`.

    labels (DefaultDict[str, Counter[str]]): labels of entities and relations in the
        files, annotators, layers, and fields of documents without the field to group
        by.
    problems (List[str]): messages on lost items: file, line or document, field, what
        was found, what was expected, how to fix it.
    """

    def __init__(self) -> None:
        self.n_read: CounterType[str] = Counter()
        self.n_written: CounterType[str] = Counter()
        self.n_merged: Reasons = defaultdict(Counter)
        self.n_skipped: Reasons = defaultdict(Counter)
        self.n_lost: CounterType[str] = Counter()
        self.repaired: CounterType[str] = Counter()
        self.notes: CounterType[str] = Counter()
        self.not_converted: CounterType[str] = Counter()
        self.hints: CounterType[str] = Counter()
        self.labels: Reasons = defaultdict(Counter)
        self.problems: List[str] = []
        self._losses: Set[str] = set()

    def read(self, kind: str, n: int = 1) -> None:
        """Count items found in the input.

        kind (str): one of `KINDS`.
        n (int): number of items.
        """
        self.n_read[kind] += n

    def written(self, kind: str, n: int = 1) -> None:
        """Count items in the output."""
        self.n_written[kind] += n

    def merged(self, kind: str, reason: str, n: int = 1) -> None:
        """Count duplicates of items in the output, which are no loss."""
        self.n_merged[kind][reason] += n

    def skipped(self, kind: str, reason: str, n: int = 1) -> None:
        """Count items left out on purpose, which are no loss."""
        if n:
            self.n_skipped[kind][reason] += n

    def error(self, kind: str, reason: str, message: str, n: int = 1) -> None:
        """Count items that can't be converted, and are lost.

        kind (str): one of `KINDS`.
        reason (str): short reason, to count them by, e.g. `no such entity`.
        message (str): the message, starting with file, line and field.
        n (int): number of items; 0 for another message on the same ones.
        """
        self.lost_with(kind, reason, n)
        self.problems.append(message)
        if kind in (ENTITIES, RELATIONS):
            self._losses.add(kind)

    def take_losses(self) -> FrozenSet[str]:
        """RETURNS (FrozenSet[str]): kinds (entities or relations) with lost items since
        the last call, so that the current document is incomplete."""
        losses = frozenset(self._losses)
        self._losses.clear()
        return losses

    def lost_with(self, kind: str, reason: str, n: int) -> None:
        """Count the items of a lost document, without a message."""
        if n:
            self.n_skipped[kind][reason] += n
            self.n_lost[kind] += n

    def repair(self, reason: str, n: int = 1) -> None:
        """Count items that were changed to convert them."""
        if n:
            self.repaired[reason] += n

    def note(self, reason: str, n: int = 1) -> None:
        """Count valid but notable input."""
        if n:
            self.notes[reason] += n

    def ignored(self, what: str, n: int = 1) -> None:
        """Count things that records can't represent."""
        if n:
            self.not_converted[what] += n

    def hint(self, advice: str) -> None:
        """Count a case for advice, which is shown once."""
        self.hints[advice] += 1

    def add(self, other: "Report") -> None:
        """Add the counts of another report."""
        for mine, theirs in zip(vars(self).values(), vars(other).values()):
            if isinstance(mine, Counter):
                mine.update(theirs)
            elif isinstance(mine, dict):
                for key, counts in theirs.items():
                    mine[key].update(counts)
            elif isinstance(mine, list):
                mine.extend(theirs)

    def discard(self) -> None:
        """Count written items as left out, since nothing was written in the end."""
        for kind, n in self.n_written.items():
            self.skipped(kind, "converted, but not written", n)
        self.n_written.clear()

    def saw(self, kind: str, labels: Iterable[str]) -> None:
        """Count labels, to list them if the user asks for unknown ones."""
        self.labels[kind].update(labels)

    def list_problems(self, n: int) -> List[str]:
        """List problems to show; if more than two only differ in names and numbers,
        only the first one and the number of others.

        n (int): maximum number of messages.
        RETURNS (List[str]): the messages, and the number of omitted ones.
        """
        alike: DefaultDict[str, List[str]] = defaultdict(list)
        for problem in dict.fromkeys(self.problems):
            alike[SHAPE.sub("#", problem)].append(problem)
        shown: List[str] = []
        for group in islice(alike.values(), n):
            more = len(group) - 1
            shown += group if more < 2 else [f"{group[0]} ({more} more like this.)"]
        n_more = sum(map(len, list(alike.values())[n:]))
        if n_more:
            shown.append(f"... and {plural(n_more, 'more problem')}.")
        return shown

    def unaccounted(self) -> Dict[str, int]:
        """Count items read, but not written, merged or skipped; must be empty.

        RETURNS (Dict[str, int]): kinds with a difference.
        """
        difference = {
            kind: self.n_read[kind]
            - self.n_written[kind]
            - self.n_merged[kind].total()
            - self.n_skipped[kind].total()
            for kind in KINDS
        }
        return {kind: n for kind, n in difference.items() if n}

    def summary(self) -> List[str]:
        """RETURNS (List[str]): lines of text, starting with the kinds."""
        lines = [self._kind_line(kind) for kind in KINDS if self.n_read[kind]]
        for title, counts in (
            ("repaired", self.repaired),
            ("notes", self.notes),
            ("not converted", self.not_converted),
        ):
            if counts:
                lines.append(f"{title}: {_list(counts)}")
        return lines

    def to_json(self) -> Dict[str, Any]:
        """RETURNS (Dict[str, Any]): the report as plain values."""
        counts = {
            kind: {
                "read": self.n_read[kind],
                "written": self.n_written[kind],
                "merged": dict(self.n_merged[kind]),
                "skipped": dict(self.n_skipped[kind]),
                "lost": self.n_lost[kind],
            }
            for kind in KINDS
        }
        return {
            **counts,
            "repaired": dict(self.repaired),
            "notes": dict(self.notes),
            "not_converted": dict(self.not_converted),
            "hints": dict(self.hints),
            "problems": self.problems,
        }

    def _kind_line(self, kind: str) -> str:
        line = f"{kind}: {self.n_read[kind]} read, {self.n_written[kind]} written"
        for title, reasons in (("merged", self.n_merged), ("skipped", self.n_skipped)):
            if reasons[kind]:
                line += f", {reasons[kind].total()} {title} ({_list(reasons[kind])})"
        return line


# file name at the start; numbers and quoted strings
SHAPE = re.compile(r"^.*?\.\w+(?=[: ])|\d+|'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"")


def _list(counts: CounterType[str]) -> str:
    return ", ".join(f"{reason} {n}" for reason, n in counts.most_common())

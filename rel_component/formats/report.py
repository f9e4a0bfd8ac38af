"""What happened to everything that was read: nothing is dropped in silence.

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
# in the notes: of documents in which nobody looked for relations
NO_LIST = "documents without a list of relations: incomplete"
ANNOTATORS = "annotators"
LAYERS = "layers"

Reasons = DefaultDict[str, CounterType[str]]


class Report:
    """Counts by kind and reason, and the problems found.

    Who reads an item calls `read`; later, exactly one of `written`, `merged`, `skipped`
    or `error` is called for it.

    labels (DefaultDict[str, Counter[str]]): those of entities and of relations as the
        files have them, annotators, layers, and fields of documents that lack the one
        to group by.
    problems (List[str]): one sentence each: file, line or document, field, what was
        found, what was expected, how to go on. They are what was lost.
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
        """Count items found in the input, before anything is decided on them.

        kind (str): one of `KINDS`.
        n (int): how many.
        """
        self.n_read[kind] += n

    def written(self, kind: str, n: int = 1) -> None:
        """Count items that are in the output."""
        self.n_written[kind] += n

    def merged(self, kind: str, reason: str, n: int = 1) -> None:
        """Count items that the output has already, so that nothing is lost."""
        self.n_merged[kind][reason] += n

    def skipped(self, kind: str, reason: str, n: int = 1) -> None:
        """Count items left out as the user or the format wants it: not a loss."""
        if n:
            self.n_skipped[kind][reason] += n

    def error(self, kind: str, reason: str, message: str, n: int = 1) -> None:
        """Record an item that could not be converted: it is skipped, and a loss.

        kind (str): what is lost, one of `KINDS`.
        reason (str): a few words, the same for every such case, e.g. `no such entity`.
        message (str): the whole sentence, beginning with file, line and field.
        n (int): how many items are lost; 0 for a further sentence on the same ones.
        """
        self.lost_with(kind, reason, n)
        self.problems.append(message)
        if kind in (ENTITIES, RELATIONS):
            self._losses.add(kind)

    def take_losses(self) -> FrozenSet[str]:
        """RETURNS (FrozenSet[str]): what the document that is read now has lost since
        the last call, of entities and relations: it is incomplete."""
        losses = frozenset(self._losses)
        self._losses.clear()
        return losses

    def lost_with(self, kind: str, reason: str, n: int) -> None:
        """Count items of a document that is lost; the sentence is the document's."""
        if n:
            self.n_skipped[kind][reason] += n
            self.n_lost[kind] += n

    def repair(self, reason: str, n: int = 1) -> None:
        """Count items changed without being asked, and converted."""
        if n:
            self.repaired[reason] += n

    def note(self, reason: str, n: int = 1) -> None:
        """Count legal input worth knowing about."""
        if n:
            self.notes[reason] += n

    def ignored(self, what: str, n: int = 1) -> None:
        """Count things that the neutral record has no place for."""
        if n:
            self.not_converted[what] += n

    def hint(self, advice: str) -> None:
        """Count a case that the advice would help with; it is shown once."""
        self.hints[advice] += 1

    def add(self, other: "Report") -> None:
        """Count what another one has counted."""
        for mine, theirs in zip(vars(self).values(), vars(other).values()):
            if isinstance(mine, Counter):
                mine.update(theirs)
            elif isinstance(mine, dict):
                for key, counts in theirs.items():
                    mine[key].update(counts)
            elif isinstance(mine, list):
                mine.extend(theirs)

    def discard(self) -> None:
        """Count what was to be written as left out: nothing is written in the end."""
        for kind, n in self.n_written.items():
            self.skipped(kind, "converted, but not written", n)
        self.n_written.clear()

    def saw(self, kind: str, labels: Iterable[str]) -> None:
        """Count labels, so that one can say which there are if others are asked for."""
        self.labels[kind].update(labels)

    def list_problems(self, n: int) -> List[str]:
        """Problems to be shown: where more than two are alike but for names and
        numbers, the first one and how many more there are.

        n (int): how many sentences at the most.
        RETURNS (List[str]): the sentences, and how many are left out.
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

    @property
    def lost(self) -> int:
        """RETURNS (int): how many problems there are."""
        return len(self.problems)

    def unaccounted(self) -> Dict[str, int]:
        """What was read and neither written, merged nor skipped: has to be empty.

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
        """RETURNS (List[str]): lines of text, the kinds first."""
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
        """RETURNS (Dict[str, Any]): everything, as plain values."""
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


# a file, at the beginning; numbers, and what is quoted
SHAPE = re.compile(r"^.*?\.\w+(?=[: ])|\d+|'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"")


def _list(counts: CounterType[str]) -> str:
    return ", ".join(f"{reason} {n}" for reason, n in counts.most_common())

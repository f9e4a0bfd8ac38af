"""Choose between several annotations of a text, for all formats.

They are never combined. If there is no unique choice, they are rejected and reported.
"""

import math
import re
from collections import defaultdict
from datetime import datetime, timezone
from typing import Any, DefaultDict, Dict, Iterable, Iterator, List, Optional, Tuple

from .base import FormatError, Options
from .offsets import trim
from .record import Record, Source, Version
from .report import ANNOTATORS, DOCUMENTS, ENTITIES, RELATIONS, Report

POLICIES = ("ground-truth", "latest", "first", "all")
BY = "by:"
N_SHOWN = 4

Place = Tuple[Source, Version]


class RepeatedText(Exception):
    """An accepted annotation has to be compared with a later one of the same text, so
    `survey` is required."""


class _Rivals:
    """State for the candidate annotations of a text.

    only_truth (bool): whether one is marked as ground truth, to skip others.
    n (int): number of annotations.
    n_seen (int): number of annotations seen in the second pass.
    latest (int): index of the latest one.
    differ (bool): whether they are not all equal.
    """

    # there is one instance per text of a corpus
    __slots__ = ("_content", "_time", "differ", "latest", "n", "n_seen", "only_truth")

    def __init__(self, only_truth: bool = False) -> None:
        self.only_truth = only_truth
        self.n = self.n_seen = self.latest = 0
        self.differ = False
        self._time = (False, 0.0)
        self._content = 0

    def add(self, record: Record, version: Version) -> None:
        content = _fingerprint(record)
        self.differ |= self.n > 0 and content != self._content
        self._content = content
        time = (version.time is not None, version.time or 0.0)
        if time >= self._time:
            self.latest, self._time = self.n, time
        self.n += 1


class Versions:
    """Chooses one annotation per text, or several if the user wants them.

    If `needs_survey` is True, call `survey` with all records before `choose`; only
    counts and hashes are stored. With `once`, the survey is not required as long as
    there is only one annotation per text, as in most files.

    options (Options): `annotation`.
    report (Report): counts items left out, merged and lost.
    once (bool): let `choose` raise RepeatedText if a survey is required after all.
    RAISES (FormatError): if the policy is unknown.
    """

    def __init__(self, options: Options, report: Report, *, once: bool = False) -> None:
        self.policy = options.annotation
        self.report = report
        self.by = _read_by(self.policy)
        is_simple = self.policy in ("first", "all")
        self.needs_survey = not (is_simple or once)
        self._is_checked = once and not is_simple
        self._rivals: Dict[int, _Rivals] = {}
        self._places: DefaultDict[int, List[Place]] = defaultdict(list)

    def survey(self, records: Iterable[Record]) -> None:
        """Collect the annotations of each text."""
        for record in records:
            version = record.version
            if version is None or not self._is_wanted(version):
                continue
            key = hash(version.of)
            rivals = self._rivals.setdefault(key, _Rivals())
            if self.policy is None and version.is_truth and not rivals.only_truth:
                rivals = self._rivals[key] = _Rivals(only_truth=True)
            if version.is_truth or not rivals.only_truth:
                rivals.add(record, version)

    def choose(self, records: Iterable[Record]) -> Iterator[Record]:
        """Yield the chosen annotations, and report others.

        records (Iterable[Record]): the same as in the survey, in the same order.
        YIELDS (Record): the records, including those without versions.
        RAISES (RepeatedText): if annotations differ without a survey.
        """
        for record in records:
            version = record.version
            if version is None:
                yield record
                continue
            self.report.saw(ANNOTATORS, version.by)
            reason = self._find_reason(record, version)
            if reason is None:
                yield record
            elif reason:
                for kind, n in _count(record):
                    self.report.skipped(kind, reason, n)

    def _find_reason(self, record: Record, version: Version) -> Optional[str]:
        """Get the reason for leaving out a record; None to keep it, empty if already
        reported."""
        if not self._is_wanted(version):
            if self.by is None:
                return "not marked as ground truth"
            return f"not by {self.by}"
        if self.policy == "all":
            return None
        rivals = self._rivals.get(hash(version.of))
        if rivals is None:
            is_truth = version.is_truth and self._is_checked and self.policy is None
            rivals = self._rivals[hash(version.of)] = _Rivals(is_truth)
        if self._is_checked:
            self._check(record, version, rivals)
        if rivals.only_truth and not version.is_truth:
            return "another annotation is the ground truth"
        position = rivals.n_seen
        rivals.n_seen += 1
        if self.policy == "first":
            return "not the first annotation of its text" if position else None
        if self.policy == "latest":
            is_latest = position == rivals.latest
            return None if is_latest else "not the latest annotation of its text"
        if rivals.differ:
            self._lose(record, version, rivals)
            return ""
        if position == 0:
            return None
        for kind, n in _count(record):
            if n:
                self.report.merged(kind, "same annotation of the same text", n)
        return ""

    def _check(self, record: Record, version: Version, rivals: _Rivals) -> None:
        """Check that the choice of the first one is still valid."""
        rivals.add(record, version)
        is_truth = version.is_truth and self.policy is None
        is_late = is_truth and not rivals.only_truth
        if rivals.differ or is_late or (rivals.n > 1 and self.policy == "latest"):
            raise RepeatedText

    def _is_wanted(self, version: Version) -> bool:
        if self.by is not None:
            return self.by in version.by
        return version.is_truth or self.policy != "ground-truth"

    def _lose(self, record: Record, version: Version, rivals: _Rivals) -> None:
        """Count lost items, with a message for the last annotation of a text."""
        reason = "annotated several times, differently"
        for kind, n in _count(record)[1:]:
            self.report.lost_with(kind, reason, n)
        key = hash(version.of)
        places = self._places[key]
        places.append((record.source, version))
        if rivals.n_seen < rivals.n:
            return
        what, choices = "", "latest, first, all or by:ID of an annotator"
        if self.by is not None:
            what, choices = f" by {self.by}", "latest, first or all"
        elif self.policy == "ground-truth" or rivals.only_truth:
            what, choices = " marked as ground truth", "latest, first or all"
        source, first = places[0]
        self.report.error(
            DOCUMENTS,
            reason,
            f"{source.at(first.field)}: found {rivals.n} annotations{what} of this "
            f"text that differ, expected one ({_list(places)}); none of them is "
            f"converted. To choose, use --annotation {choices}.",
            n=rivals.n,
        )
        del self._places[key]


def _list(places: List[Place]) -> str:
    """List the locations and annotators of annotations, starting with `here`."""
    file = places[0][0].file
    are_named = len({version.by for _, version in places}) > 1
    shown = []
    for i, (source, version) in enumerate(places[:N_SHOWN]):
        place = source.at(version.field)
        if source.file == file:
            place = re.sub("^:", "line ", place.removeprefix(file)).strip()
        who = f" by {version.by[0]}" if version.by and are_named else ""
        shown.append(("here" if i == 0 else place) + who)
    return "; ".join(shown + ["..."] * (len(places) > N_SHOWN))


def _read_by(policy: Optional[str]) -> Optional[str]:
    """Get the annotator of `by:ID`, or None."""
    if policy is None or policy in POLICIES:
        return None
    if policy.startswith(BY) and policy != BY:
        return policy[len(BY) :]
    raise FormatError(
        f"--annotation: found {policy!r}, expected one of {', '.join(POLICIES)}, or "
        f"by:ID with an annotator."
    )


def _count(record: Record) -> List[Tuple[str, int]]:
    return [
        (DOCUMENTS, 1),
        (ENTITIES, len(record.entities)),
        (RELATIONS, len(record.relations)),
    ]


def _fingerprint(record: Record) -> int:
    """Hash entities and relations, independent of ids and order."""
    spans = {
        e.id: (e.label, tuple(trim(record.text, *x) for x in e.fragments))
        for e in record.entities
    }
    links = set()
    for relation in record.relations:
        ends = (spans.get(relation.head), spans.get(relation.tail))
        links.add((relation.label, frozenset(ends) if relation.symmetric else ends))
    return hash((record.text, frozenset(spans.values()), frozenset(links)))


def parse_time(value: Any) -> Optional[float]:
    """Parse a time.

    value (Any): seconds since 1970, or ISO 8601.
    RETURNS (Optional[float]): seconds since 1970; None if invalid.
    """
    try:
        if isinstance(value, str):
            moment = datetime.fromisoformat(value.replace("Z", "+00:00"))
            if moment.tzinfo is None:
                moment = moment.replace(tzinfo=timezone.utc)
            return moment.timestamp()
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return float(value) if math.isfinite(value) else None
    except (ValueError, OverflowError):
        pass
    return None

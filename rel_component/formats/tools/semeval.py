"""SemEval-2010 task 8: sentences with one pair of entities, followed by its label.

Each item consists of `12<tab>"The <e1>author</e1> uses a <e2>pen</e2>."`, a label such
as `Instrument-Agency(e2,e1)` or `Other`, a comment and an empty line. Test files only
contain sentences; the labels are in a key file, as `12<tab>Instrument-Agency(e2,e1)`.
The entities have no type. Source: README of the corpus.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, Iterator, List, NamedTuple, Optional, Tuple

from ..base import ENTITY_LABEL, Format, FormatError, Option, Options, Preview
from ..fields import FieldError, show
from ..io import iter_text_lines, split_lines
from ..record import EntityRecord, Offsets, Record, RelationRecord, Source
from ..report import DOCUMENTS, ENTITIES, FILES, RELATIONS, Report

KEY_FILE: Option[Optional[Path]] = Option(
    "key", None, "file with the labels of a test file, if not next to it", kind=Path
)
ITEM = re.compile(r"\s*([0-9]{1,18})(?:\t| +(?=\"))(.*)", re.DOTALL)
KEY = re.compile(r"\s*([0-9]{1,18})[\t ]+(\S.*)", re.DOTALL)
LABEL = re.compile(r"([^\s()]+)(?:\((e[12]) ?, ?(e[12])\))?")
TAG = re.compile(r"<(/?)(e[12])>")
ENDS = ("e1", "e2")
COMMENT = "comment"
NULL = "Other"
SENTENCE = "a number, a tab and a sentence with <e1> and <e2> in quotes"
EXAMPLE = "Cause-Effect(e1,e2) or Other"
REASON = "wrong fields"


class _Label(NamedTuple):
    """A label in the file, and its location."""

    text: str
    source: Source


@dataclass
class _Item:
    """A sentence and the lines below it.

    problem (str): message if its line can't be read.
    is_over (bool): whether its comment has started, so that no label can follow.
    """

    source: Source
    text: str
    problem: str = ""
    label: Optional[_Label] = None
    is_over: bool = False


def read(path: Path, options: Options, report: Report) -> Iterator[Record]:
    """Read a training file, or a test file with its key.

    path (Path): the file. If it has no labels, the key next to it is read, too, such as
        TEST_FILE_KEY.TXT for TEST_FILE.txt.
    options (Options): `key` for another key file; `entity_label`; `entities_only`
        accepts sentences without a label.
    report (Report): counts items and problems.
    YIELDS (Record): one per sentence.
    RAISES (FormatError): if it contains no sentences in this format.
    """
    key = _read_key(path, options, report)
    unused = set(key)
    for item in _iter_items(path, options, report):
        report.read(DOCUMENTS)
        id_ = item.source.id or ""
        unused.discard(id_)
        label = item.label or key.get(id_)
        try:
            yield _read_item(item, label, options, report)
        except FieldError as error:
            message = item.problem or error.say(item.source)
            report.error(DOCUMENTS, REASON, f"{message}; sentence not converted.")
            _lose_contents(item, label, report)
    report.note("labels of the key without a sentence", len(unused))


def _lose_contents(item: _Item, label: Optional[_Label], report: Report) -> None:
    n_entities = len({name for _, name in TAG.findall(item.text)})
    for kind, n in ((ENTITIES, n_entities), (RELATIONS, int(label is not None))):
        report.read(kind, n)
        report.lost_with(kind, REASON, n)


def _iter_items(path: Path, options: Options, report: Report) -> Iterator[_Item]:
    item: Optional[_Item] = None
    is_after_empty = True
    for number, line in iter_text_lines(path, options.encoding):
        source = Source(str(path), line=number)
        text = line.strip() if isinstance(line, str) else ""
        problem = "" if isinstance(line, str) else str(line).rstrip(".")
        if not (text or problem):
            is_after_empty = True
            continue
        if item is None and not (problem or TAG.search(text)):
            raise FormatError(f"{source}: found {show(text)}, expected {SENTENCE}.")
        match = ITEM.match(text)
        if item is None or match or _is_sentence(text, item, is_after_empty):
            if item is not None:
                yield item
            if match:
                source = Source(str(path), line=number, id=match.group(1))
                item = _Item(source, match.group(2))
            else:
                found = f"{source}: found {show(text)}, expected {SENTENCE}"
                item = _Item(source, text, problem or found)
        else:
            _add_line(text, problem, source, item, report)
        is_after_empty = False
    if item is not None:
        yield item


def _is_sentence(text: str, item: _Item, is_after_empty: bool) -> bool:
    """Whether a line without number is the next sentence, but invalid."""
    if text[:7].lower() == COMMENT:
        return False
    if TAG.search(text):
        return True
    return is_after_empty and not (item.label is None and LABEL.fullmatch(text))


def _add_line(
    text: str, problem: str, source: Source, item: _Item, report: Report
) -> None:
    """Add a line below the sentence: label or comment."""
    if item.is_over or text[:7].lower() == COMMENT:
        item.is_over = True
        report.ignored("comment lines")
    elif problem:
        item.problem = item.problem or problem
    elif item.label is None:
        item.label = _Label(text, source)
    else:
        item.problem = item.problem or (
            f"{source}: found {show(text)} after the label, expected a line that "
            f"starts with 'Comment:'"
        )


def _read_item(
    item: _Item, label: Optional[_Label], options: Options, report: Report
) -> Record:
    if item.problem:
        raise FieldError("", item.problem)
    text, spans = _read_sentence(item.text, report)
    if label is None and not options.entities_only:
        raise FieldError(
            "",
            f"found no label in the next line nor in a key file, expected one such as "
            f"{EXAMPLE}; --key names the file with the labels, --entities-only reads "
            f"sentences without",
        )
    relations = _read_relation(label, options, report) if label else []
    report.read(ENTITIES, len(spans))
    report.note("entities without a type: --entity-label", len(spans))
    return Record(
        text,
        item.source,
        [
            EntityRecord(name, options[ENTITY_LABEL], [span], field=f"<{name}>")
            for name, span in spans.items()
        ],
        relations,
        # the label also determines the opposite direction of the only pair
        complete=options.complete and bool(relations),
    )


def _read_sentence(quoted: str, report: Report) -> Tuple[str, Dict[str, Offsets]]:
    """Remove quotes and tags from a sentence, and locate its entities."""
    text = quoted.strip()
    if len(text) > 1 and text[0] == text[-1] == '"':
        text = text[1:-1]
    else:
        report.repair("sentences without quotes around them")
    found = list(TAG.finditer(text))
    places: Dict[Tuple[str, ...], int] = {}
    removed = 0
    for match in found:
        places[match.groups()] = match.start() - removed
        removed += len(match.group())
    is_whole = len(found) == len(places) == 2 * len(ENDS)
    if is_whole:
        spans = {name: (places["", name], places["/", name]) for name in ENDS}
    if not is_whole or any(start > end for start, end in spans.values()):
        tags = " ".join(match.group() for match in found) or "none"
        raise FieldError(
            "",
            f"found the tags {show(tags)}, expected each of <e1> </e1> <e2> </e2> "
            f"once, the first of each pair before the other",
        )
    return TAG.sub("", text), spans


def _read_relation(
    label: _Label, options: Options, report: Report
) -> List[RelationRecord]:
    """Read the relation; none if its label can't be read."""
    report.read(RELATIONS)
    match = LABEL.fullmatch(label.text)
    name, head, tail = match.groups() if match else ("", None, None)
    if not name or (head is not None and head == tail):
        report.error(
            RELATIONS,
            REASON,
            f"{label.source}: found the label {show(label.text)}, expected one such as "
            f"{EXAMPLE}; relation not converted.",
        )
        return []
    if name == NULL and not {NULL} & {*options.null_labels, *options.map_label}:
        report.hint(
            "the label 'Other' says that none of the relations holds, and became a "
            "class; --null-label Other makes such pairs unrelated ones"
        )
    if head is None and name != NULL:
        report.repair("labels without direction read as symmetric")
        report.hint(
            "labels without (e1,e2) or (e2,e1) do not say which entity is the head, "
            "and were read as symmetric; of SemEval's test set TEST_FILE_FULL.TXT has "
            "the directions"
        )
    return [
        RelationRecord(
            name,
            head or "e1",
            tail or "e2",
            symmetric=head is None,
            source=label.source,
        )
    ]


def _read_key(path: Path, options: Options, report: Report) -> Dict[str, _Label]:
    """Read the labels of a key file by sentence number; empty without key file."""
    file = options[KEY_FILE] or _find_key(path)
    labels: Dict[str, _Label] = {}
    problems: List[str] = []
    if file is None:
        return labels
    try:
        for number, line in iter_text_lines(file, options.encoding):
            source = Source(str(file), line=number)
            match = KEY.match(line) if isinstance(line, str) else None
            if isinstance(line, FormatError):
                problems.append(str(line))
            elif match is None and line.strip():
                problems.append(
                    f"{source}: found {show(line)}, expected a number, a tab and a "
                    f"label such as {EXAMPLE}."
                )
            elif match and match.group(1) in labels:
                problems.append(
                    f"{source}: found the number {match.group(1)} again, expected it "
                    f"once; the label of line {labels[match.group(1)].source.line} is "
                    f"taken."
                )
            elif match:
                labels[match.group(1)] = _Label(match.group(2).strip(), source)
    except FormatError as error:
        problems.append(str(error))
    if problems:
        report.read(FILES)
    for i, problem in enumerate(problems):
        # count the file once, even with several messages
        report.error(FILES, "mistakes in the key", problem, n=int(i == 0))
    return labels


def _find_key(path: Path) -> Optional[Path]:
    """Find TEST_FILE_KEY.TXT next to TEST_FILE.txt, ignoring case."""
    name = path.name.lower()
    return next(
        (
            other
            for other in sorted(path.parent.iterdir())
            if "_key" in other.name.lower()
            and other.name.lower().replace("_key", "", 1) == name
            and other.is_file()
        ),
        None,
    )


def _looks_like(preview: Preview) -> bool:
    line = next((line for line in split_lines(preview.text) if line.strip()), "")
    return bool(ITEM.match(line)) and len(TAG.findall(line)) > 1


FORMAT = Format(
    "semeval",
    "SemEval-2010 task 8 text",
    read,
    _looks_like,
    options=(KEY_FILE, ENTITY_LABEL),
)

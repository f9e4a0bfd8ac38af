"""Columns as in CoNLL-2002 and 2003: a word per line, with its tag in the last column.

Empty lines end sentences, `-DOCSTART-` lines start documents. The original whitespace
is unknown, so words are joined by spaces. There are no relations, so all pairs are
considered unannotated.
Source: clips.uantwerpen.be/conll2003/ner, with the scorer conlleval.
"""

import re
from collections import Counter
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Counter as CounterType
from typing import Dict, Iterable, Iterator, List, Optional

from ...wording import plural
from ..base import ENTITY_LABEL, Format, FormatError, Option, Options, Preview
from ..fields import FieldError, show
from ..io import iter_text_lines, split_lines
from ..record import EntityRecord, Record, Source
from ..report import DOCUMENTS, ENTITIES, NO_LIST, Report
from ..tag_schemes import (
    OUTSIDE,
    TAG,
    TAG_SCHEME,
    Tag,
    Votes,
    choose_scheme,
    find_chunks,
    parse_tag,
)
from ..words import Text

DOCS_BY = Option(
    "docs_by",
    "sentence",
    "what to use as a document: each sentence, or all after a -DOCSTART- line",
    choices=("sentence", "docstart"),
)
# not all Unicode whitespace, since a word may be a no-break space
BLANKS = " \t\r"
DOCSTART = re.compile(r"-+DOCSTART-+(?!\S)", re.IGNORECASE)
COMMENT = re.compile(r"#(?:\s|begin\b|end\b)")
NAMES = {"\t": "tabs", " ": "spaces"}
N_SNIFFED = 50
REASON = "broken columns"


@dataclass(frozen=True)
class _ColumnFormat:
    """The format of all rows of a file.

    separator (str): a tab, or a space for any number of spaces.
    n_columns (int): number of columns.
    scheme (str): the tagging scheme.
    default (Optional[str]): entity type for tags without type; None if tags must have
        a type.
    n_documents (int): number of `-DOCSTART-` lines.
    """

    separator: str
    n_columns: int
    scheme: str
    default: Optional[str]
    n_documents: int


@dataclass
class _Sentence:
    """Rows between empty lines.

    document (int): number of `-DOCSTART-` lines before it.
    problems (List[str]): a message per row that can't be read.
    """

    document: int
    lines: List[int] = field(default_factory=list)
    words: List[str] = field(default_factory=list)
    tags: List[Tag] = field(default_factory=list)
    problems: List[str] = field(default_factory=list)

    def add(self, line: int, word: str, tag: Tag) -> None:
        """Append a row."""
        self.lines.append(line)
        self.words.append(word)
        self.tags.append(tag)


def read(path: Path, options: Options, report: Report) -> Iterator[Record]:
    """Read the sentences of a file with their entities.

    The file is read twice, to first detect its separator, number of columns and tag
    scheme.

    path (Path): the file, with any suffix.
    options (Options): `tag_scheme`, `docs_by`, `entity_label`.
    report (Report): counts items and problems.
    YIELDS (Record): one per sentence, or one per `-DOCSTART-`.
    RAISES (FormatError): if its last column has no tags.
    """
    layout = _survey(path, options)
    report.note(f"files with tags of the scheme {layout.scheme.upper()}")
    by_document = options[DOCS_BY] == "docstart"
    if by_document and not layout.n_documents:
        report.hint(
            "--docs-by docstart: a file without -DOCSTART- lines became one document"
        )
    sentences = _iter_sentences(path, layout, options, report)
    if by_document:
        for _, group in groupby(sentences, key=lambda sentence: sentence.document):
            yield from _make_document(path, list(group), layout, report)
    else:
        for sentence in sentences:
            yield from _make_sentence(path, sentence, layout, report)


class _Survey:
    """Collects statistics on all rows of a file, to detect its format."""

    def __init__(self) -> None:
        self.votes = Votes()
        self.widths: Dict[str, CounterType[int]] = {name: Counter() for name in NAMES}
        self.n_rows = self.n_with_tabs = self.n_tags = self.n_numbered = 0
        self.n_documents = 0
        self.odd = ""
        # number of rows in the current sentence
        self._n = 0

    def add(self, path: Path, line: int, text: str) -> None:
        """Count a line; empty and `-DOCSTART-` lines end a sentence."""
        is_start = bool(DOCSTART.match(text))
        self.n_documents += is_start
        if not text or is_start:
            self.votes.add("")
            self._n = 0
            return
        cells = {separator: _split(text, separator) for separator in NAMES}
        for separator, row in cells.items():
            self.widths[separator][len(row)] += 1
        tag = _get_tag(cells[" "])
        is_tag = bool(TAG.fullmatch(tag))
        self.votes.add(tag)
        self.n_rows += 1
        self.n_with_tabs += "\t" in text
        self.n_numbered += cells[" "][0] in (str(self._n), str(self._n + 1))
        self.n_tags += is_tag
        if not (is_tag or self.odd):
            self.odd = f"{path}:{line}: found {show(text)}"
        self._n += 1

    def decide(self, path: Path, options: Options) -> _ColumnFormat:
        """RETURNS (_ColumnFormat): the format of most rows."""
        if self.n_tags < max(1, self.n_rows / 2):
            raise FormatError(
                f"{self.odd or f'{path}: found no words'}, expected columns separated "
                f"by tabs or spaces, with a word in the first and a tag such as O, "
                f"B-PER or I-PER in the last; {self.n_tags} of "
                f"{plural(self.n_rows, 'line')} have one."
            )
        if self.n_rows > 2 and self.n_numbered > 0.9 * self.n_rows:
            raise FormatError(
                f"{path}: found running numbers in the first column, expected the "
                f"words. Remove that column."
            )
        separator = "\t" if self.n_with_tabs >= self.n_rows / 2 else " "
        return _ColumnFormat(
            separator,
            max(2, self.widths[separator].most_common(1)[0][0]),
            choose_scheme(self.votes, options[TAG_SCHEME]),
            None if self.votes.has_types else options[ENTITY_LABEL],
            self.n_documents,
        )


def _survey(path: Path, options: Options) -> _ColumnFormat:
    """Read a file to detect its format."""
    survey = _Survey()
    for number, line in iter_text_lines(path, options.encoding):
        survey.add(path, number, line.strip(BLANKS) if isinstance(line, str) else "")
    return survey.decide(path, options)


def _split(text: str, separator: str) -> List[str]:
    if separator == "\t":
        return [cell.strip(BLANKS) for cell in text.split("\t")]
    return re.split(r"[ \t]+", text)


def _get_tag(cells: List[str]) -> str:
    """Get the last column; empty if there is only one."""
    return cells[-1] if len(cells) > 1 else ""


def _iter_sentences(
    path: Path, layout: _ColumnFormat, options: Options, report: Report
) -> Iterator[_Sentence]:
    sentence = _Sentence(0)
    for number, line in iter_text_lines(path, options.encoding):
        if isinstance(line, FormatError):
            # count an undecodable line as a row of the sentence
            sentence.problems.append(str(line).rstrip("."))
            continue
        text = line.strip(BLANKS)
        is_start = bool(DOCSTART.match(text))
        if text and not is_start:
            if _is_comment(text, sentence, layout):
                report.ignored("comment lines")
            else:
                _read_row(path, number, text, sentence, layout)
            continue
        if sentence.words or sentence.problems:
            yield sentence
        sentence = _Sentence(sentence.document + is_start)
    if sentence.words or sentence.problems:
        yield sentence


def _is_comment(text: str, sentence: _Sentence, layout: _ColumnFormat) -> bool:
    """Whether a line before a sentence is a comment; `#` may also be a word."""
    if sentence.lines or sentence.problems or not COMMENT.match(text):
        return False
    cells = _split(text, layout.separator)
    return len(cells) != layout.n_columns or not TAG.fullmatch(cells[-1])


def _read_row(
    path: Path, line: int, text: str, sentence: _Sentence, layout: _ColumnFormat
) -> None:
    """Append a row to its sentence, or a message if it can't be read."""
    try:
        cells = _split(text, layout.separator)
        _check_cells(text, cells, layout)
        tag = parse_tag(cells[-1], layout.scheme, "", layout.default)
    except FieldError as error:
        source = Source(str(path), line=line)
        sentence.problems.append(error.say(source))
        sentence.add(line, text, Tag(OUTSIDE))
    else:
        sentence.add(line, cells[0], tag)


def _check_cells(text: str, cells: List[str], layout: _ColumnFormat) -> None:
    usual, n = layout.separator, layout.n_columns
    if "\r" in text:
        raise FieldError(
            "", "found a carriage return inside the line, expected it at the end only"
        )
    other = next(separator for separator in NAMES if separator != usual)
    is_mixed = other == "\t" and "\t" in text
    if is_mixed or (len(cells) != n and len(_split(text, other)) == n):
        raise FieldError(
            "",
            f"found {NAMES[other]} between the columns in {show(text)}, expected "
            f"{NAMES[usual]} as in the other lines",
        )
    if len(cells) != n:
        raise FieldError(
            "",
            f"found {plural(len(cells), 'column')} in {show(text)}, expected {n} as in "
            f"most lines, the word first and the tag last",
        )


def _make_sentence(
    path: Path, sentence: _Sentence, layout: _ColumnFormat, report: Report
) -> Iterator[Record]:
    """Convert a sentence to a document."""
    report.read(DOCUMENTS)
    if sentence.problems:
        n_entities = _count_entities(sentence, layout)
        report.read(ENTITIES, n_entities)
        report.lost_with(ENTITIES, REASON, n_entities)
        _lose_sentence(sentence, DOCUMENTS, 1, report)
        return
    record = _make_record(path, [sentence], layout, report)
    # not for fewer documents, which couldn't be split into train, dev and test
    if layout.n_documents > 2:
        record.group = f"{path} document {sentence.document}"
    yield record


def _make_document(
    path: Path, sentences: List[_Sentence], layout: _ColumnFormat, report: Report
) -> Iterator[Record]:
    """Convert sentences to one document, without those that can't be read."""
    report.read(DOCUMENTS)
    for sentence in sentences:
        if sentence.problems:
            # count an unreadable sentence as at least one entity
            n_entities = max(1, _count_entities(sentence, layout))
            report.read(ENTITIES, n_entities)
            _lose_sentence(sentence, ENTITIES, n_entities, report)
    intact = [sentence for sentence in sentences if not sentence.problems]
    if intact:
        yield _make_record(path, intact, layout, report)
    else:
        report.lost_with(DOCUMENTS, REASON, 1)
        report.take_losses()  # not those of the next document


def _count_entities(sentence: _Sentence, layout: _ColumnFormat) -> int:
    return len(find_chunks(sentence.tags, layout.scheme)[0])


def _lose_sentence(sentence: _Sentence, kind: str, n: int, report: Report) -> None:
    for problem in sentence.problems:
        report.error(kind, REASON, f"{problem}; sentence not converted.", n)
        n = 0  # count once, with a message per line


def _make_record(
    path: Path, sentences: List[_Sentence], layout: _ColumnFormat, report: Report
) -> Record:
    text = Text(sentence.words for sentence in sentences)
    report.note(NO_LIST)
    return Record(
        text.text,
        Source(str(path), line=sentences[0].lines[0]),
        list(_make_entities(path, sentences, text, layout, report)),
        tokens=text.tokens,
        sentences=text.sentences if len(sentences) > 1 else None,
        complete=False,
    )


def _make_entities(
    path: Path,
    sentences: Iterable[_Sentence],
    text: Text,
    layout: _ColumnFormat,
    report: Report,
) -> Iterator[EntityRecord]:
    n_entities = 0
    for sentence, (first, _) in zip(sentences, text.ranges):
        chunks, repairs = find_chunks(sentence.tags, layout.scheme)
        for reason, n in repairs.items():
            report.repair(reason, n)
        for start, end, label in chunks:
            report.read(ENTITIES)
            report.note("entities without a type: --entity-label", bool(layout.default))
            span = text.span(first + start, first + end)
            source = Source(str(path), line=sentence.lines[start])
            yield EntityRecord(str(n_entities), label, [span], source=source)
            n_entities += 1


def _looks_like(preview: Preview) -> bool:
    if preview.value is not None:
        return False
    lines = [line.strip(BLANKS) for line in split_lines(preview.text)]
    rows = [line for line in lines if line and not COMMENT.match(line)][:N_SNIFFED]
    if rows and DOCSTART.match(rows[0]):
        return True
    n_tags = sum(bool(TAG.fullmatch(_get_tag(_split(row, " ")))) for row in rows)
    return len(rows) > 1 and n_tags >= 0.8 * len(rows)


FORMAT = Format(
    "columns",
    "columns with tags (CoNLL-2002, 2003)",
    read,
    _looks_like,
    options=(TAG_SCHEME, DOCS_BY, ENTITY_LABEL),
)

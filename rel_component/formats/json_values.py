"""Read JSON files value by value, with errors that include line and column."""

import json
import re
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional, Tuple

from .base import FormatError, Options
from .fields import show
from .io import decode, first_line, iter_lines, read_bytes
from .record import Source
from .report import DOCUMENTS, Report


def iter_json(
    path: Path, options: Options, report: Report
) -> Iterator[Tuple[Source, Any]]:
    """Read the documents of a JSON file: an array, a value per line, or a single value.

    Values that can't be parsed are reported and counted as lost documents.

    path (Path): the file, with any suffix.
    options (Options): the options, for the encoding.
    report (Report): counts documents.
    YIELDS (Tuple[Source, Any]): location and value.
    RAISES (FormatError): if it's not a JSON file.
    """
    first = first_line(path, options.encoding)
    if first.startswith("{"):
        if _is_json(first):
            yield from _iter_lines(path, options.encoding, report)
            return
        # an object over several lines, or a truncated first line
        text = decode(read_bytes(path), path, options.encoding)
        is_long = len(first) < 2 or first.endswith((",", "[", "{"))
        if is_long and re.search(r"[\r\n]\}\s*\{", text):
            raise FormatError(
                f"{path}: found several objects of several lines, expected one per "
                "line, or a list of them. Write it with `jq -c .`, for example."
            )
        if re.search(r"[\r\n][^\S\r\n]*\{", text.strip()[1:]) and not _is_json(text):
            yield from _iter_lines(path, options.encoding, report)
        else:
            yield from _iter_values(path, text, report)
    elif first.startswith("["):
        text = decode(read_bytes(path), path, options.encoding)
        start = text.index("[") + 1
        yield from _iter_values(path, text, report, start)
    else:
        raise FormatError(
            f"{path}: found {show(first)} at the beginning, expected JSON: a list of "
            f"documents ('[') or one document per line ('{{')."
        )


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _iter_lines(
    path: Path, encoding: str, report: Report
) -> Iterator[Tuple[Source, Any]]:
    for number, line, has_end in iter_lines(path, encoding):
        if isinstance(line, str) and not line.strip():
            continue
        report.read(DOCUMENTS)
        source = Source(str(path), line=number)
        try:
            if isinstance(line, FormatError):
                raise line
            value = parse(line, source)
        except FormatError as error:
            hint = "" if has_end else " The file ends in the middle of this line."
            report.error(DOCUMENTS, "not readable", f"{error}{hint}")
        else:
            yield source, value


class _RepeatedKey(ValueError):
    """A key is repeated with different values, so one of them would be lost."""


def _make_object(pairs: List[Tuple[str, Any]]) -> Dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        for key, value in pairs:
            if value != made[key] and value == value:  # NaN is not a different value
                raise _RepeatedKey(
                    f"the key {show(key)} occurs twice in one object, expected it once "
                    f"({show(value)} and {show(made[key])})"
                )
    return made


def _read_int(digits: str) -> Any:
    try:
        return int(digits)
    except ValueError:  # Python doesn't parse thousands of digits
        return digits


DECODER = json.JSONDecoder(object_pairs_hook=_make_object)
# continues where the strict decoder rejects a value
TOLERANT = json.JSONDecoder(parse_int=_read_int)


def explain(error: Exception) -> str:
    """RETURNS (str): why well-formed JSON can't be read; empty if it's not
    well-formed."""
    if isinstance(error, json.JSONDecodeError):
        return ""
    if isinstance(error, RecursionError):
        return "objects or lists are nested too deeply, expected less than 1000 levels"
    if "integer string conversion" in str(error):
        return "a number has thousands of digits, expected fewer"
    return str(error)


def parse(text: str, source: Source) -> Any:
    """Parse a JSON value.

    text (str): the text, with nothing after the value.
    source (Source): its location, for the message.
    RETURNS (Any): the value.
    RAISES (FormatError): with the column, and the line if there are several.
    """
    try:
        value = DECODER.decode(text)
    except json.JSONDecodeError as error:
        raise FormatError(f"{source}: {describe_break(text, error)}.") from None
    except (ValueError, RecursionError) as error:
        raise FormatError(f"{source}: {explain(error)}.") from None
    _check_surrogates(text, value, source)
    return value


def describe_break(text: str, error: json.JSONDecodeError) -> str:
    """RETURNS (str): what is wrong with a text that is not JSON, and where."""
    return f"not JSON: {_say(error)} at {_position(text, error.pos)}"


def _say(error: json.JSONDecodeError) -> str:
    return error.msg.removesuffix(" at").removesuffix(" starting")


def _check_surrogates(text: str, value: Any, source: Source) -> None:
    # json reads unpaired surrogates ("\ud83d"), but they can't be written
    if re.search(r"\\u[dD][89a-fA-F]", text):
        try:
            json.dumps(value, ensure_ascii=False).encode("utf8")
        except (UnicodeError, RecursionError):
            raise FormatError(
                f"{source}: found an unpaired surrogate (such as '\\ud83d') in a "
                "string, expected valid characters. The export was truncated inside "
                "an emoji: correct the text."
            ) from None


def _position(text: str, pos: int) -> str:
    line = text.count("\n", 0, pos) + 1
    column = pos - text.rfind("\n", 0, pos)
    return f"column {column}" if "\n" not in text else f"line {line} column {column}"


SPACE = re.compile(r"\s*")


def _iter_values(
    path: Path, text: str, report: Report, start: Optional[int] = None
) -> Iterator[Tuple[Source, Any]]:
    """Yield the values of an array one by one, even if truncated, or a single value."""
    pos = _skip(text, start or 0)
    index = 0
    if start is not None and text[pos : pos + 1] == "]":
        _check_rest(path, text, pos + 1, report)
        return
    while True:
        source = Source(str(path), index=index)
        report.read(DOCUMENTS)
        begin = pos
        try:
            value, pos = DECODER.raw_decode(text, pos)
            _check_surrogates(text[begin:pos], value, source)
        except FormatError as error:
            report.error(DOCUMENTS, "not readable", str(error))
        except json.JSONDecodeError as error:
            problem = f"not JSON: {_say(error)}"
            _report_break(path, text, problem, error.pos, index, report)
            return
        except (ValueError, RecursionError) as error:
            try:
                _, pos = TOLERANT.raw_decode(text, begin)
            except (ValueError, RecursionError):
                _report_break(path, text, explain(error), begin, index, report)
                return
            report.error(DOCUMENTS, "not readable", f"{source}: {explain(error)}.")
        else:
            yield source, value
        pos = _skip(text, pos)
        index += 1
        if start is None:
            _check_rest(path, text, pos, report)
            return
        if text[pos : pos + 1] == ",":
            pos = _skip(text, pos + 1)
        elif text[pos : pos + 1] == "]":
            _check_rest(path, text, pos + 1, report)
            return
        else:
            report.read(DOCUMENTS)
            message = "not JSON: expected ',' or ']' after a document"
            _report_break(path, text, message, pos, index, report)
            return


def _skip(text: str, pos: int) -> int:
    return SPACE.match(text, pos).end()  # type: ignore[union-attr]


def _report_break(
    path: Path, text: str, message: str, pos: int, index: int, report: Report
) -> None:
    line = text.count("\n", 0, pos) + 1
    column = pos - text.rfind("\n", 0, pos)
    is_cut = pos >= len(text.rstrip()) or "Unterminated" in message
    end = " The file ends in the middle of it." if is_cut else ""
    report.error(
        DOCUMENTS,
        "not readable",
        f"{path}:{line}: {message} at column {column} (in doc {index}).{end} "
        f"The rest of the file was not read.",
    )


def _check_rest(path: Path, text: str, pos: int, report: Report) -> None:
    pos = _skip(text, pos)
    if pos < len(text):
        report.read(DOCUMENTS)
        line = text.count("\n", 0, pos) + 1
        report.error(
            DOCUMENTS,
            "not readable",
            f"{path}:{line}: found {show(text[pos : pos + 200])} after the end of the "
            f"JSON value, expected the end of the file. The rest was not read.",
        )

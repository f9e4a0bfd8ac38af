"""Hugging Face data sets as Parquet or JSON lines: rows of `tokens`, `entities` (or
`ner_tags`) and `relations`.

Entities and relations have SpERT's format, as in DFKI-SLT/conll04; with `ner_tags`,
relations contain the indices of entities in text order. Tags and types may be class
indices, with names in the Parquet file or in `dataset_info.json`.
Source: huggingface.co/docs/datasets, about_dataset_features;
huggingface.co/datasets/DFKI-SLT/conll04.
"""

import json
from collections import Counter
from pathlib import Path
from typing import Any, Dict, Iterator, List, Mapping, Optional, Tuple

from ...parquet import import_pyarrow
from ..base import Format, FormatError, Option, Options, Preview
from ..fields import FieldError, add_id, check, get, show, skip_document
from ..io import decode, read_bytes
from ..json_values import iter_json, parse
from ..record import Record, Source
from ..report import DOCUMENTS, Report
from ..sniff import PARQUET
from ..tag_schemes import ALIASES, TAG_SCHEME, find_chunks, parse_tag
from .spert_sentence import KINDS, read_sentence

INFO = "dataset_info.json"
TYPES: Option[Optional[Path]] = Option(
    "types",
    None,
    f"{INFO}, or a JSON list of the names of ner_tags, if not in or next to the data",
    kind=Path,
)
TAGS = "ner_tags"
# number of rows to keep in memory
BATCH = 1000


def read(path: Path, options: Options, report: Report) -> Iterator[Record]:
    """Read the rows of a data set.

    path (Path): a Parquet file, or JSON lines.
    options (Options): `types` for class names; `tag_scheme`; `entities_only`.
    report (Report): counts items and problems.
    YIELDS (Record): one per row.
    RAISES (FormatError): if it can't be read, or pyarrow is missing.
    """
    features = _read_features(path, options)
    if _is_parquet(path):
        table = _open(path)
        features = {**_find_features(table), **features}
        rows = _iter_rows(path, table, report)
    else:
        rows = iter_json(path, options, report)
    for source, value in rows:
        for key in ("id", "orig_id"):
            source = add_id(source, value, key)
        row = _to_lists(value, features) if isinstance(value, dict) else value
        try:
            made = _make_entities(check(row, dict, "the row"), options, report)
            yield read_sentence(made, source, frozenset(), options, report)
        except FieldError as error:
            skip_document(source, row, error, {**KINDS, TAGS: ""}, report)


def _is_parquet(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(PARQUET)) == PARQUET


def _open(path: Path) -> Any:
    """RETURNS (pyarrow.parquet.ParquetFile): the file, with valid metadata."""
    try:
        pyarrow = import_pyarrow("Or give the data set as JSON lines.")
    except ValueError as error:
        raise FormatError(f"{path}: {error}") from None
    from pyarrow import parquet

    try:
        table = parquet.ParquetFile(path)
    except (pyarrow.ArrowException, OSError) as error:
        raise _damaged(path, error) from None
    columns = table.schema_arrow.names
    repeated = [name for name, n in Counter(columns).items() if n > 1]
    if repeated:
        raise FormatError(
            f"{path}: found several columns with the name {', '.join(repeated)}, "
            "expected different names. Rename or remove them."
        )
    if "tokens" not in columns or not {"entities", TAGS}.intersection(columns):
        raise FormatError(
            f"{path}: found the columns {', '.join(columns)}, expected tokens (words), "
            f"entities or {TAGS}, and relations. Rename them, or write JSON lines of "
            f"another format."
        )
    return table


def _damaged(path: Path, error: Exception) -> FormatError:
    return FormatError(
        f"{path}: can't be read as Parquet: {' '.join(str(error).split())}. Create or "
        f"download the file again."
    )


def _iter_rows(
    path: Path, table: Any, report: Report
) -> Iterator[Tuple[Source, Dict[str, Any]]]:
    pyarrow = import_pyarrow()
    index = 0
    try:
        for batch in table.iter_batches(batch_size=BATCH):
            for row in batch.to_pylist():
                report.read(DOCUMENTS)
                # values such as times as text, since metadata must be JSON
                plain = json.loads(json.dumps(row, default=str))
                yield Source(str(path), index=index), plain
                index += 1
    except (pyarrow.ArrowException, OSError, ValueError) as error:
        raise _damaged(path, error) from None


def _find_features(table: Any) -> Dict[str, Any]:
    """Get the features of a Parquet file, as stored by `datasets`."""
    metadata = table.schema_arrow.metadata or {}
    try:
        value = json.loads(metadata.get(b"huggingface", b"{}"))
    except ValueError:
        return {}
    info = value.get("info") if isinstance(value, dict) else None
    return _get_features(info)


def _get_features(info: Any) -> Dict[str, Any]:
    features = info.get("features") if isinstance(info, dict) else None
    return features if isinstance(features, dict) else {}


def _read_features(path: Path, options: Options) -> Dict[str, Any]:
    beside = path.with_name(INFO)
    given = options[TYPES] or (beside if beside.is_file() else None)
    if given is None:
        return {}
    text = decode(read_bytes(given), given, options.encoding)
    value = parse(text, Source(str(given)))
    if isinstance(value, list):
        value = {"features": {TAGS: {"feature": {"names": value}}}}
    features = _get_features(value)
    if isinstance(value, dict) and not features:  # by configuration
        features = next(filter(None, map(_get_features, value.values())), {})
    if not features and options[TYPES]:
        raise FormatError(
            f"{given}: found no features, expected the {INFO} of a data set or a list "
            f'of tags such as ["O", "B-PER"].'
        )
    return features


def _to_lists(row: Dict[str, Any], features: Mapping[str, Any]) -> Dict[str, Any]:
    """Replace class indices in a row by names, and objects of lists by lists of
    objects, since `datasets` uses both for sequences."""
    made = {key: _name(value, features.get(key)) for key, value in row.items()}
    for key in KINDS.keys() & made.keys():
        lists = made[key]
        if isinstance(lists, dict) and all(isinstance(v, list) for v in lists.values()):
            if len({len(value) for value in lists.values()}) == 1:
                made[key] = [dict(zip(lists, row)) for row in zip(*lists.values())]
    return made


def _name(value: Any, feature: Any) -> Any:
    """Replace class indices in a value by names.

    feature (Any): its feature in `datasets`.
    """
    if isinstance(feature, list):
        feature = {"feature": feature[0]} if feature else {}
    if not isinstance(feature, Mapping):
        return value
    names = feature.get("names")
    if isinstance(names, list) and type(value) is int:
        return names[value] if 0 <= value < len(names) else value
    if isinstance(value, list):
        return [_name(item, feature.get("feature")) for item in value]
    if isinstance(value, dict):
        inner = feature.get("feature")
        if isinstance(inner, Mapping):  # a sequence as an object of lists
            feature = {key: {"feature": inner[key]} for key in inner}
        return {key: _name(item, feature.get(key)) for key, item in value.items()}
    return value


def _make_entities(
    row: Dict[str, Any], options: Options, report: Report
) -> Dict[str, Any]:
    """Convert the tags of a row to entities, unless it has entities."""
    if "entities" in row or TAGS not in row:
        return row
    values = get(row, TAGS, list)
    n_words = len(get(row, "tokens", list))
    if len(values) != n_words:
        raise FieldError(
            TAGS, f"found {len(values)} tags for {n_words} words, expected as many"
        )
    if any(type(value) is int for value in values):
        raise FieldError(
            TAGS,
            f"found numbers without names, {show(values)}, expected tags such as "
            f"'B-PER'; --types with the {INFO} of the data set names them, or with a "
            f'list such as ["O", "B-PER", "I-PER"]',
            "tags without names",
        )
    texts = [check(value, str, f"{TAGS}[{i}]") for i, value in enumerate(values)]
    scheme = _choose_scheme(texts, options)
    tags = [
        parse_tag(text, scheme, f"{TAGS}[{i}]", default="")
        for i, text in enumerate(texts)
    ]
    chunks, repairs = find_chunks(tags, scheme)
    for reason, n in repairs.items():
        report.repair(reason, n)
    made = {key: value for key, value in row.items() if key != TAGS}
    return {**made, "entities": [_to_entity(*chunk) for chunk in chunks]}


def _to_entity(start: int, end: int, label: str) -> Dict[str, Any]:
    return {"type": label, "start": start, "end": end}


def _choose_scheme(tags: List[str], options: Options) -> str:
    """Choose the scheme as in `tag_schemes`, or one that uses the same letters."""
    name = options[TAG_SCHEME]
    if name != "auto":
        return ALIASES.get(name, name)
    letters = {tag[:1] for tag in tags}
    if letters & {"L", "U"}:
        return "biluo"
    return "bioes" if letters & {"E", "S"} else "iob2"


def _looks_like(preview: Preview) -> bool:
    if preview.text == PARQUET.decode():
        return True
    lists = [preview.value[key] for key in KINDS] if preview.has(*KINDS) else []
    is_columns = bool(lists) and all(isinstance(value, dict) for value in lists)
    is_ours = is_columns or any(map(_has_indices, lists))
    if lists and not is_ours:
        is_ours = preview.path.with_name(INFO).is_file()
    return preview.has("tokens") and (preview.has(TAGS) or is_ours)


def _has_indices(values: Any) -> bool:
    """Whether a list has items with class indices as types."""
    items = values if isinstance(values, list) else []
    return any(isinstance(x, dict) and type(x.get("type")) is int for x in items)


FORMAT = Format(
    "huggingface",
    "Hugging Face data set (Parquet or JSON lines)",
    read,
    _looks_like,
    options=(TYPES, TAG_SCHEME),
    accepts=lambda preview: preview.has("tokens", *KINDS),
)

"""Convert annotations from any supported tool to `.spacy` files for training.

All input is read first, then either all files are written or none.
"""

from collections import Counter
from pathlib import Path
from typing import Callable, Dict, Iterable, List, Mapping, NamedTuple, Optional, Tuple
from typing import Counter as CounterType

from spacy.tokens import Doc

from ..files import explain
from ..formats import FORMATS, Options, Report, iter_docs
from ..formats.layers import RELATION_LAYERS, SPAN_LAYERS, get_short_name
from ..formats.pieces import check_policy
from ..formats.report import (
    ANNOTATORS,
    DOCUMENTS,
    ENTITIES,
    FIELDS,
    LAYERS,
    NO_LIST,
    RELATIONS,
)
from ..formats.versions import BY, RepeatedText
from ..wording import agree, list_some, plural
from .docbin import NAMES, CorpusFile, check_corpus, remove_corpus
from .splits import SplitItem, Splitter, check_regex, find_leaks

ON_ERROR = ("stop", "skip")
N_SHOWN = 20
# tokens per document to look at for the script, and what follows after Latin letters
N_TOKENS, LAST_LATIN = 50, "\u0250"
NOT_ENGLISH = (
    "most letters aren't Latin, but the language is English: use --lang, e.g. --lang "
    "ru, and the same --nlp.lang in training (in project.yml: lang)"
)

Paths = Iterable[Path]
Corpus = Tuple[CorpusFile, List[SplitItem]]


class Conversion(NamedTuple):
    """The result of a conversion.

    written (Dict[Path, int]): number of documents, by file or folder.
    removed (List[Path]): removed splits of an earlier conversion.
    left (List[Path]): kept splits of an earlier conversion, since the parts of a corpus
        can be converted separately.
    report (Report): the report.
    """

    written: Dict[Path, int]
    removed: List[Path]
    left: List[Path]
    report: Report


class ConversionError(ValueError):
    """The conversion failed.

    written (Dict[Path, int]): files written nevertheless, with their number of
        documents.
    """

    def __init__(self, message: str, written: Optional[Dict[Path, int]] = None) -> None:
        super().__init__(message)
        self.written = written or {}


def convert(
    inputs: Paths = (),
    output: Path = Path("data"),
    *,
    train: Paths = (),
    dev: Paths = (),
    test: Paths = (),
    format_name: str = "auto",
    options: Optional[Options] = None,
    split: str = "0.7,0.15,0.15",
    seed: int = 0,
    dev_groups: Optional[str] = None,
    test_groups: Optional[str] = None,
    on_error: str = "stop",
    report: Optional[Report] = None,
    progress: Callable[[Iterable[Doc]], Iterable[Doc]] = iter,
) -> Conversion:
    """Convert annotations to `.spacy` files.

    inputs (Iterable[Path]): files with annotations, or folders of brat or i2b2 files,
        to split.
    output (Path): folder for train.spacy, dev.spacy and test.spacy, or one .spacy file.
    train, dev, test (Iterable[Path]): files of a corpus that is already split,
        instead of inputs.
    format_name (str): a key of `FORMATS`, or `auto` to detect the format of each file.
    options (Optional[Options]): options of the format, e.g. `Options(lang="es",
        mentions="all")`.
    split (str): proportions of train, dev and optionally test.
    seed (int): random seed of the split.
    dev_groups, test_groups (Optional[str]): regular expressions on a document's group,
        instead of `split`.
    on_error (str): `stop` to write nothing if something can't be converted, or `skip`.
    report (Optional[Report]): a report to fill, even if the conversion fails.
    progress (Callable[[Iterable[Doc]], Iterable[Doc]]): e.g. `tqdm`.
    RETURNS (Conversion): the result.
    RAISES (ConversionError): if there are no documents, something can't be converted
        (unless `on_error` is `skip`), or a file can't be written.
    """
    report = Report() if report is None else report
    options = Options() if options is None else options
    output = Path(output)
    written: Dict[Path, int] = {}
    try:
        _check_options(options, on_error)
        sources = _collect_inputs(inputs, {"train": train, "dev": dev, "test": test})
        _check_output(output, sources)
        splitter = Splitter(split, seed, dev_groups, test_groups)
        corpora = {
            name: _read(paths, options, report, format_name, progress)
            for name, paths in sources.items()
        }
        _note_unknown_names(options, report)
        _note_what_is_missing(report)
        _check_losses(report, on_error)
        _check_groups(corpora, options, report)
        _note_leaks(corpora, splitter, report)
        _write(corpora, output, splitter, written)
        removed, left = _clean_up(output, written, is_whole="" in sources)
    except (ValueError, OSError) as error:
        if not written:
            report.discard()
        raise ConversionError(explain(error), written) from error
    return Conversion(written, removed, left, report)


def _check_options(options: Options, on_error: str) -> None:
    """Check for options that contradict each other or would have no effect."""
    if on_error not in ON_ERROR:
        raise ValueError(
            f"--on-error: found {on_error!r}, expected one of {', '.join(ON_ERROR)}."
        )
    own = [option for format_ in FORMATS.values() for option in format_.options]
    options.check(own)
    for label in options.null_labels:
        if label in options.map_label:
            raise ValueError(
                f"--null-label {label} and --map-label {label}="
                f"{options.map_label[label]}: expected one of them."
            )
    if options.group_by is not None and not options.group_by.strip("."):
        raise ValueError(
            f"--group-by: found {options.group_by!r}, expected a field such as "
            f"meta.source, id or file."
        )
    if options.split_documents is not None:
        check_policy(options.split_documents)
    check_regex("group-regex", options.group_regex)
    if options.group_regex and not options.group_by:
        raise ValueError("--group-regex: expected --group-by, to set the field.")
    for option in own:
        path = options[option]
        if option.kind is Path and path is not None and not path.is_file():
            raise ValueError(f"{option.on_command_line} {path}: file not found.")


def _collect_inputs(inputs: Paths, given: Mapping[str, Paths]) -> Dict[str, List[Path]]:
    """Group files by split; the name is empty for files to split."""
    whole = list(map(Path, inputs))
    named = {name: list(map(Path, paths)) for name, paths in given.items()}
    named = {name: paths for name, paths in named.items() if paths}
    if bool(whole) == bool(named):
        raise ValueError(
            "Expected either files to split, or --train and --dev (and --test) for a "
            f"corpus that is already split; found {'both' if whole else 'neither'}."
        )
    return named or {"": whole}


def _check_output(output: Path, sources: Mapping[str, List[Path]]) -> None:
    if "" not in sources and output.suffix == ".spacy":
        raise ValueError(
            f"--output {output}: expected a folder, for {', '.join(sources)}."
        )


def _read(
    paths: List[Path],
    options: Options,
    report: Report,
    format_name: str,
    progress: Callable[[Iterable[Doc]], Iterable[Doc]],
) -> Corpus:
    """Read files once, or twice if a text has several annotations."""

    def read(report: Report, *, once: bool) -> Corpus:
        docs, items = CorpusFile(), []  # type: Corpus
        read = iter_docs(paths, options, report, format_name=format_name, once=once)
        is_latin: CounterType[bool] = Counter()
        for doc in progress(read):
            docs.add(doc)
            items.append(SplitItem.from_doc(doc))
            start = doc[:N_TOKENS].text
            is_latin.update(c < LAST_LATIN for c in start if c.isalpha())
        if options.lang == "en" and is_latin[False] > is_latin[True]:
            report.hint(NOT_ENGLISH)
        return docs, items

    first = Report()
    try:
        corpus = read(first, once=True)
    except RepeatedText:
        return read(report, once=False)
    report.add(first)
    return corpus


def _note_leaks(
    corpora: Mapping[str, Corpus], splitter: Splitter, report: Report
) -> None:
    items = [item for _, part in corpora.values() for item in part]
    names = [name for name, (_, part) in corpora.items() for _ in part]
    if splitter.rules and "" in corpora:  # otherwise, texts stay together
        for name, rows in splitter(items).items():
            for row in rows:
                names[row] = name
    for where, n in find_leaks(items, names).items():
        where = where.replace(", ", " and ")
        report.note(f"texts in {where}", n)
        report.hint(
            f"{plural(n, 'text')} {agree(n, 'is', 'are')} in {where}, so scores are "
            "too optimistic; remove duplicate texts from training, or pass all files "
            "as inputs to have them split again"
        )


def _note_unknown_names(options: Options, report: Report) -> None:
    """Warn of names in options that don't occur in any document, probably misspelt."""
    if not report.n_read[DOCUMENTS]:
        return
    relations, entities = report.labels[RELATIONS], report.labels[ENTITIES]
    renamed: CounterType[str] = Counter()
    for label, n in relations.items():
        renamed[options.map_label.get(label, label)] += n
    layers, annotators = report.labels[LAYERS], report.labels[ANNOTATORS]
    short = set(map(get_short_name, layers))
    spans, links = (
        [name for name in options[option] if name not in short]
        for option in (SPAN_LAYERS, RELATION_LAYERS)
    )
    relation, entity = "no relation has this label", "no entity has this label"
    layer = "no document has this layer"
    for flag, problem, asked, found in (
        ("map-label", relation, options.map_label, relations),
        ("null-label", relation, options.null_labels, relations),
        ("symmetric", relation, options.symmetric, renamed),
        ("map-entity", entity, options.map_entity, entities),
        ("span-layer", layer, spans, layers),
        ("relation-layer", layer, links, layers),
    ):
        for name in asked:
            if name not in found:
                report.hint(f"--{flag} {name}: {problem}; found {_list(found)}")
    by = (options.annotation or "").removeprefix(BY)
    if by != options.annotation and by and by not in annotators:
        report.hint(
            f"--annotation {BY}{by}: no annotation is by {by}; found those by "
            f"{_list(annotators)}"
        )


def _note_what_is_missing(report: Report) -> None:
    """Warn if there are no annotations, probably because of a wrong export."""
    n_docs = report.n_read[DOCUMENTS]
    if not n_docs or not report.n_written[DOCUMENTS]:  # other problems come first
        return
    if not report.n_read[ENTITIES] and not report.n_read[RELATIONS]:
        report.hint(
            "no document has an entity or a relation, so there is nothing to learn "
            "from; check whether the export has the annotations (doccano leaves out "
            "those of other members of the project)"
        )
    elif not report.n_written[RELATIONS] and report.notes[NO_LIST] < n_docs:
        found = report.n_read[RELATIONS]
        what = f"of {plural(found, 'relation')} none was converted" if found else ""
        report.hint(
            f"no document has a relation{f' ({what})' if what else ''}, so a relation "
            "extractor can't be trained on them"
        )


def _check_losses(report: Report, on_error: str) -> None:
    if report.problems and not report.n_read[DOCUMENTS]:
        # nothing was read: the problems explain why
        raise ValueError("\n".join(report.list_problems(N_SHOWN)))
    if report.problems and on_error == "stop":
        n = len(report.problems)
        advice = f"Correct {agree(n, 'it', 'them')}"
        if report.n_written[DOCUMENTS]:
            advice += ", or skip what can't be converted with --on-error skip"
        raise ValueError(f"{plural(n, 'problem')}. {advice}.")
    if not report.n_written[DOCUMENTS]:
        if not report.n_read[DOCUMENTS]:
            raise ValueError("No documents were converted: the input contains none.")
        raise ValueError("No documents were converted; see above for the reasons.")


def _check_groups(
    corpora: Mapping[str, Corpus], options: Options, report: Report
) -> None:
    items = [item for _, part in corpora.values() for item in part]
    if options.group_by and all(item.group is None for item in items):
        raise ValueError(
            f"--group-by {options.group_by}: no document has this field; found "
            f"{_list(report.labels[FIELDS])}."
        )


def _list(found: CounterType[str]) -> str:
    """RETURNS (str): the most frequent items."""
    return list_some((name for name, _ in found.most_common()), N_SHOWN) or "none"


def _write(
    corpora: Mapping[str, Corpus],
    output: Path,
    splitter: Splitter,
    written: Dict[Path, int],
) -> None:
    """Write all files, and record the number of documents in each."""
    for name, (docs, _) in corpora.items():
        if not len(docs):
            raise ValueError(f"--{name}: no documents were converted.")
    parts: Dict[Path, Tuple[CorpusFile, Optional[List[int]]]]
    if "" not in corpora:
        parts = {
            output / f"{n}.spacy": (docs, None) for n, (docs, _) in corpora.items()
        }
    elif output.suffix == ".spacy":
        parts = {output: (corpora[""][0], None)}
    else:
        docs, items = corpora[""]
        divided = splitter(items).items()
        parts = {output / f"{n}.spacy": (docs, part) for n, part in divided}
    for path in parts:
        check_corpus(path)  # check all of them before writing
    for path, (docs, part) in parts.items():
        written[path] = docs.write(path, part)


def _clean_up(
    output: Path, written: Mapping[Path, int], *, is_whole: bool
) -> Tuple[List[Path], List[Path]]:
    """Remove splits of an earlier run, since their texts may be in the new ones."""
    if output.suffix == ".spacy":
        return [], []
    paths = {output / f"{name}.spacy" for name in NAMES}
    stale = sorted(path for path in paths.difference(written) if path.exists())
    if not is_whole:
        return [], stale
    for path in stale:
        try:
            remove_corpus(path)
        except (ValueError, OSError) as error:
            raise ValueError(
                f"An earlier conversion can't be removed: {explain(error)}"
            ) from error
    return stale, []

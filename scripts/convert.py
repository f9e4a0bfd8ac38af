"""Annotations of any supported tool to `.spacy` files for training."""

import re
from collections import Counter
from pathlib import Path
from typing import Counter as CounterType
from typing import Dict, Iterable, List, Optional, Tuple

import srsly
import typer
from command import run_command
from spacy.tokens import Doc
from tqdm import tqdm
from wasabi import Printer

from rel_component.corpus import splits
from rel_component.corpus.docbin import (
    CorpusFile,
    check_corpus,
    list_corpus,
    remove_corpus,
)
from rel_component.formats import FORMATS, Options, Report, convert
from rel_component.formats.layers import get_short_name
from rel_component.formats.report import (
    ANNOTATORS,
    DOCUMENTS,
    ENTITIES,
    FIELDS,
    LAYERS,
    RELATIONS,
)
from rel_component.formats.tag_schemes import ALIASES, SCHEMES
from rel_component.formats.versions import BY, POLICIES
from rel_component.wording import plural

ALIGN = ("retokenize", "expand", "contract", "error")
DISCONTINUOUS = ("hull", "first", "drop", "error")
STORE = ("both", "canonical")
ON_ERROR = ("stop", "skip")
MENTIONS = ("first", "nearest", "all", "evidence")
N_ARY = ("error", "pairs", "drop")
DOCS_BY = ("sentence", "docstart")
N_SHOWN = 20
NOTHING = "Nothing was written."

Corpus = Tuple[CorpusFile, List[splits.SplitItem]]


def main(
    inputs: Optional[List[Path]] = typer.Argument(
        None, help="Files with annotations, or folders of brat files (.txt and .ann)"
    ),
    output: Path = typer.Option(
        Path("data"),
        "--output",
        "-o",
        help="Folder for train.spacy, dev.spacy and test.spacy, or one .spacy file",
    ),
    format_: str = typer.Option(
        "auto", "--format", "-f", help=f"auto or one of {', '.join(FORMATS)}"
    ),
    lang: str = typer.Option("en", help="Language code, for the tokenizer"),
    encoding: str = typer.Option("utf-8-sig", help="Encoding of the files"),
    split: str = typer.Option(
        "0.7,0.15,0.15", help="Shares of train, dev and perhaps test"
    ),
    seed: int = typer.Option(0, help="Decides which documents go where"),
    group_by: Optional[str] = typer.Option(
        None,
        help="Field that groups documents which have to stay together, e.g. "
        "meta.source",
    ),
    group_regex: Optional[str] = typer.Option(
        None, help="Part of that field to group by: the first group of this expression"
    ),
    dev_groups: Optional[str] = typer.Option(
        None, help="Instead of --split: expression on the group that selects dev"
    ),
    test_groups: Optional[str] = typer.Option(None, help="Likewise for test"),
    train: Optional[List[Path]] = typer.Option(
        None, help="Instead of inputs: files of a corpus that is split already"
    ),
    dev: Optional[List[Path]] = typer.Option(None, help="Likewise for dev"),
    test: Optional[List[Path]] = typer.Option(None, help="Likewise for test"),
    on_error: str = typer.Option(
        "stop",
        help="What to do if something can't be converted: stop (write nothing) or "
        "skip (leave it out)",
    ),
    align: str = typer.Option(
        "retokenize", help=f"Entities inside tokens: {', '.join(ALIGN)}"
    ),
    discontinuous: str = typer.Option(
        "hull", help=f"Entities in pieces: {', '.join(DISCONTINUOUS)}"
    ),
    repair_offsets: bool = typer.Option(
        False, help="Move entities whose text stands within 10 characters"
    ),
    spans_key: str = typer.Option(
        "entities",
        help="Key of doc.spans for all entities, also overlapping ones; empty for none",
    ),
    map_label: Optional[List[str]] = typer.Option(
        None, help="Rename a relation label: OLD=NEW"
    ),
    map_entity: Optional[List[str]] = typer.Option(
        None, help="Rename an entity type: OLD=NEW"
    ),
    symmetric: Optional[List[str]] = typer.Option(
        None, help="Relation label without direction"
    ),
    symmetric_store: str = typer.Option(
        "both",
        help="Store those in both directions, or canonical: once, first mention first",
    ),
    null_label: Optional[List[str]] = typer.Option(
        None, help="Relation label that means 'no relation'"
    ),
    drop_self: bool = typer.Option(
        False, help="Leave out relations of an entity to itself"
    ),
    only_with_relations: bool = typer.Option(
        False, help="Leave out documents without relations"
    ),
    entities_only: bool = typer.Option(
        False, help="Accept documents without a list of relations, as incomplete"
    ),
    incomplete: bool = typer.Option(
        False, help="Unlisted pairs were not annotated: they are no negatives"
    ),
    annotation: Optional[str] = typer.Option(
        None,
        help="Which annotation of a text to take that has several: "
        f"{', '.join(POLICIES)}, or by:ID of an annotator; if it is not given, the one "
        "marked as ground truth, and an error where there is none and they differ",
    ),
    accept_unanswered: bool = typer.Option(
        False,
        help="Prodigy: read tasks without an answer; Label Studio: read predictions "
        "of tasks that nobody annotated",
    ),
    bare_token_label: Optional[str] = typer.Option(
        None, help="Prodigy: entity type for ends of relations that are only a token"
    ),
    default_label: Optional[str] = typer.Option(
        None, help="Label for relations that have none"
    ),
    field: Optional[List[str]] = typer.Option(
        None,
        help="UBIAI: other name of a field: document=text; Label Studio: the field "
        "that was annotated: text=body",
    ),
    types: Optional[Path] = typer.Option(
        None,
        help="SpERT: types file that says what is symmetric, DocRED: rel_info.json "
        "that names the labels, if not beside the data",
    ),
    mentions: str = typer.Option(
        "first",
        help="PubTator, BioC, DocRED: what mentions a relation between concepts joins: "
        f"{', '.join(MENTIONS)}",
    ),
    n_ary: str = typer.Option(
        "error", help=f"BioC: relations of more than two entities: {', '.join(N_ARY)}"
    ),
    label_feature: Optional[List[str]] = typer.Option(
        None, help="INCEpTION, WebAnno, BioC: feature or infon that holds the labels"
    ),
    span_layer: Optional[List[str]] = typer.Option(
        None, help="INCEpTION, WebAnno: layer to read as entities"
    ),
    relation_layer: Optional[List[str]] = typer.Option(
        None, help="INCEpTION, WebAnno: layer to read as relations"
    ),
    typesystem: Optional[Path] = typer.Option(
        None, help="INCEpTION: TypeSystem.xml, if it is not beside the .xmi file"
    ),
    tag_scheme: str = typer.Option(
        "auto", help=f"Columns: auto or one of {', '.join((*SCHEMES, *ALIASES))}"
    ),
    docs_by: str = typer.Option(
        "sentence", help=f"Columns: what becomes a document: {', '.join(DOCS_BY)}"
    ),
    entity_label: str = typer.Option(
        "ENT", help="Type of entities that have none in the file"
    ),
    merge_pairs: bool = typer.Option(
        False, help="TACRED: make one document of all pairs of a sentence"
    ),
    key: Optional[Path] = typer.Option(
        None, help="SemEval: file with the labels of a test file, if not beside it"
    ),
    report_path: Optional[Path] = typer.Option(
        None, "--report", help="Write the report as JSON"
    ),
) -> None:
    """Convert annotations to .spacy files.

    Everything is read to the end. If something can't be converted, the problems are
    listed, nothing is written and the exit code is 1, unless --on-error skip.
    """
    msg = Printer()
    report = Report()
    written: Dict[Path, int] = {}
    try:
        check_choices(
            (align, ALIGN, "align"),
            (discontinuous, DISCONTINUOUS, "discontinuous"),
            (symmetric_store, STORE, "symmetric-store"),
            (on_error, ON_ERROR, "on-error"),
            (tag_scheme, ("auto", *SCHEMES, *ALIASES), "tag-scheme"),
            (docs_by, DOCS_BY, "docs-by"),
            (mentions, MENTIONS, "mentions"),
            (n_ary, N_ARY, "n-ary"),
        )
        options = Options(
            lang=lang,
            encoding=encoding,
            align=align,
            discontinuous=discontinuous,
            repair_offsets=repair_offsets,
            spans_key=spans_key or None,
            map_label=parse_pairs("map-label", map_label),
            map_entity=parse_pairs("map-entity", map_entity),
            symmetric=tuple(symmetric or ()),
            symmetric_store=symmetric_store,
            null_labels=tuple(null_label or ()),
            drop_self=drop_self,
            only_with_relations=only_with_relations,
            complete=not incomplete,
            entities_only=entities_only,
            annotation=annotation,
            accept_unanswered=accept_unanswered,
            bare_token_label=bare_token_label,
            default_label=default_label,
            fields=parse_pairs("field", field),
            types=types,
            mentions=mentions,
            n_ary=n_ary,
            label_features=tuple(label_feature or ()),
            span_layers=tuple(span_layer or ()),
            relation_layers=tuple(relation_layer or ()),
            typesystem=typesystem,
            tag_scheme=tag_scheme,
            docs_by=docs_by,
            entity_label=entity_label,
            merge_pairs=merge_pairs,
            key=key,
            group_by=group_by,
            group_regex=check_regex("group-regex", group_regex),
        )
        check_options(options)
        given = {"train": train, "dev": dev, "test": test}
        sources = collect_inputs(inputs, given, output)
        splitter = Splitter(split, seed, dev_groups, test_groups)
        corpora = {
            name: read_corpus(paths, options, report, format_)
            for name, paths in sources.items()
        }
        note_leaks(corpora, report)
        note_unknown_labels(options, report)
        note_unknown_annotator(options, report)
        note_unknown_layers(options, report)
        check_any_read(report)
        show_report(msg, report)
        check_losses(report, on_error)
        check_groups(corpora, options, report)
        write(corpora, output, splitter, written)
    except (ValueError, OSError) as error:
        for line in describe(error).splitlines():
            msg.fail(line)
        msg.text(f"Written: {', '.join(map(str, written))}." if written else NOTHING)
        save_report(msg, report, report_path)
        raise typer.Exit(1) from None
    for path, n in written.items():
        n_files = len(list_corpus(path))
        files = f" in {n_files} files" if n_files > 1 else ""
        msg.good(f"{path}: {plural(n, 'document')}{files}")
    save_report(msg, report, report_path)
    try:
        for path in find_stale(output, written):
            if inputs:
                remove_corpus(path)
                msg.warn(f"{path}: removed, it was of an earlier conversion.")
            else:  # the parts of a corpus may be converted one after the other
                msg.warn(f"{path}: of an earlier conversion, left as it is.")
    except (ValueError, OSError) as error:
        msg.fail(f"An earlier conversion can't be removed: {describe(error)}")
        raise typer.Exit(1) from None


class Splitter:
    """How a corpus that comes in one piece is divided."""

    def __init__(
        self, shares: str, seed: int, dev: Optional[str], test: Optional[str]
    ) -> None:
        if test is not None and dev is None:
            raise ValueError("--test-groups: expected --dev-groups with it.")
        self.shares = splits.parse_shares(shares)
        self.seed = seed
        self.rules = {"dev": dev, "test": test} if test else {"dev": dev}
        for name, rule in self.rules.items():
            check_regex(f"{name}-groups", rule)

    def __call__(self, items: List[splits.SplitItem]) -> Dict[str, List[int]]:
        if self.rules["dev"] is not None:
            groups = [item.group for item in items]
            if not any(groups):
                raise ValueError(
                    "--dev-groups: no document has a group; expected --group-by, with "
                    "the field to search in."
                )
            names = splits.split_by_group(groups, self.rules)
            expected = ["train", *self.rules]
        else:
            names = splits.split_documents(items, self.shares, seed=self.seed)
            expected = [name for name, share in self.shares.items() if share]
        parts = {
            name: [i for i, chosen in enumerate(names) if chosen == name]
            for name in expected
        }
        for name, part in parts.items():
            if not part:
                raise ValueError(
                    f"No document is left for {name}. The rules are {self.rules}, and "
                    f"groups are such as {sorted({i.group or '' for i in items})[:3]}: "
                    f"correct --dev-groups, --test-groups or --group-by."
                )
        return parts


def describe(error: Exception) -> str:
    """RETURNS (str): what went wrong, in a sentence."""
    if isinstance(error, OSError) and error.strerror:
        return (
            f"{error.filename or 'A file'}: can't be written: {error.strerror}. Check "
            f"that there is room and that you may write there, or name another place."
        )
    return str(error)


def save_report(msg: Printer, report: Report, path: Optional[Path]) -> None:
    """Write the report, whatever became of the conversion."""
    if path is None:
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        srsly.write_json(path, report.to_json())
    except OSError as error:
        msg.fail(f"--report {describe(error)}")
        raise typer.Exit(1) from None


def check_choices(*given: Tuple[str, Tuple[str, ...], str]) -> None:
    for value, choices, name in given:
        if value not in choices:
            raise ValueError(
                f"--{name}: found {value!r}, expected one of {', '.join(choices)}."
            )


def check_regex(name: str, pattern: Optional[str]) -> Optional[str]:
    try:
        re.compile(pattern or "")
    except re.error as error:
        raise ValueError(
            f"--{name} {pattern!r}: not a regular expression: {error}."
        ) from None
    return pattern


def parse_pairs(name: str, values: Optional[List[str]]) -> Dict[str, str]:
    pairs: Dict[str, str] = {}
    for value in values or ():
        old, equals, new = value.partition("=")
        if not (old and equals and new):
            raise ValueError(f"--{name}: found {value!r}, expected OLD=NEW.")
        if pairs.setdefault(old, new) != new:
            raise ValueError(
                f"--{name}: found {old}={pairs[old]} and {old}={new}, expected one."
            )
    return pairs


def check_options(options: Options) -> None:
    """Refuse what contradicts itself, or would be of no effect without a word."""
    for label in options.null_labels:
        if label in options.map_label:
            raise ValueError(
                f"--null-label {label} and --map-label {label}="
                f"{options.map_label[label]}: expected one of them."
            )
    if options.group_regex and not options.group_by:
        raise ValueError("--group-regex: expected --group-by with it, for the field.")
    for name in ("types", "typesystem", "key"):
        path = getattr(options, name)
        if path is not None and not path.is_file():
            raise ValueError(f"--{name} {path}: there is no such file.")


def collect_inputs(
    inputs: Optional[List[Path]], given: Dict[str, Optional[List[Path]]], output: Path
) -> Dict[str, List[Path]]:
    """Files by name of the split; the name is empty if they are to be divided."""
    named = {name: list(paths) for name, paths in given.items() if paths}
    if bool(inputs) == bool(named):
        raise ValueError(
            "Expected either files to divide, or --train and --dev (and --test) for a "
            f"corpus that is divided already; found {'both' if inputs else 'neither'}."
        )
    if named and output.suffix == ".spacy":
        raise ValueError(
            f"--output {output}: expected a folder, for {', '.join(named)}."
        )
    return named or {"": list(inputs or [])}


def read_corpus(
    paths: List[Path], options: Options, report: Report, format_name: str
) -> Corpus:
    docs, items = CorpusFile(), []  # type: Corpus
    for doc in progress(convert(paths, options, report, format_name=format_name)):
        docs.add(doc)
        items.append(splits.SplitItem.from_doc(doc))
    return docs, items


def progress(docs: Iterable[Doc]) -> Iterable[Doc]:
    return tqdm(docs, desc="Converting", unit=" docs", delay=2, disable=None)


def note_leaks(corpora: Dict[str, Corpus], report: Report) -> None:
    items = [item for _, part in corpora.values() for item in part]
    names = [name for name, (_, part) in corpora.items() for _ in part]
    for where, n in splits.find_leaks(items, names).items():
        report.note(f"texts that are in {where}", n)
        verb = "is" if n == 1 else "are"
        report.hint(
            f"{plural(n, 'text')} {verb} in {where.replace(', ', ' and ')}, so scores "
            f"are too good; leave out repeated texts of training, or give all files as "
            f"inputs to have them divided anew"
        )


def note_unknown_labels(options: Options, report: Report) -> None:
    """Warn of labels in options that no document has: they are likely misspelt."""
    if not report.n_read[DOCUMENTS]:
        return
    relations, entities = report.labels[RELATIONS], report.labels[ENTITIES]
    renamed: CounterType[str] = Counter()
    for label, n in relations.items():
        renamed[options.map_label.get(label, label)] += n
    for name, kind, asked, found in (
        ("map-label", "relation", options.map_label, relations),
        ("null-label", "relation", options.null_labels, relations),
        ("symmetric", "relation", options.symmetric, renamed),
        ("map-entity", "entity", options.map_entity, entities),
    ):
        for label in asked:
            if label not in found:
                report.hint(
                    f"--{name} {label}: no {kind} has this label; found "
                    f"{list_some(found)}"
                )


def note_unknown_annotator(options: Options, report: Report) -> None:
    """Warn of an annotator who made none of the annotations."""
    name = (options.annotation or "").removeprefix(BY)
    found = report.labels[ANNOTATORS]
    if name != options.annotation and name and name not in found:
        report.hint(
            f"--annotation {BY}{name}: no annotation is by {name}; found those by "
            f"{list_some(found)}"
        )


def note_unknown_layers(options: Options, report: Report) -> None:
    """Warn of layers that no document has."""
    found = report.labels[LAYERS]
    known = {*found, *map(get_short_name, found)}
    for name, asked in (
        ("span-layer", options.span_layers),
        ("relation-layer", options.relation_layers),
    ):
        for layer in asked:
            if layer not in known:
                report.hint(
                    f"--{name} {layer}: no document has this layer; found "
                    f"{list_some(found)}"
                )


def list_some(found: CounterType[str]) -> str:
    """RETURNS (str): the most frequent ones."""
    names = [name for name, _ in found.most_common(N_SHOWN)]
    more = len(found) - len(names)
    return (", ".join(names) or "none") + (f" and {more} more" if more else "")


def check_any_read(report: Report) -> None:
    """Where nothing was read, the problems say all: there is nothing to count."""
    if report.problems and not report.n_read[DOCUMENTS]:
        problems = list(dict.fromkeys(report.problems))
        more = len(problems) - N_SHOWN
        if more > 0:
            problems[N_SHOWN:] = [f"... and {plural(more, 'more problem')}."]
        raise ValueError("\n".join(problems))


def check_groups(corpora: Dict[str, Corpus], options: Options, report: Report) -> None:
    items = [item for _, part in corpora.values() for item in part]
    if options.group_by and all(item.group is None for item in items):
        raise ValueError(
            f"--group-by {options.group_by}: no document has this field; found "
            f"{list_some(report.labels[FIELDS])}."
        )


def show_report(msg: Printer, report: Report) -> None:
    rows = []
    for kind in ("documents", "entities", "relations"):
        merged, skipped = report.n_merged[kind], report.n_skipped[kind]
        n_lost = report.n_lost[kind]
        rows.append(
            (
                kind,
                report.n_read[kind],
                report.n_written[kind],
                sum(merged.values()),
                sum(skipped.values()) - n_lost,
                n_lost,
            )
        )
    header = ("", "read", "written", "merged", "left out", "lost")
    msg.table(rows, header=header, divider=True, aligns=("l", *"r" * 5))
    for line in report.summary():
        msg.text(line)
    for advice, n in report.hints.items():
        msg.warn(f"{advice}." if n == 1 else f"{n} times: {advice}.")
    for problem in report.problems[:N_SHOWN]:
        msg.fail(problem)
    n_more = len(report.problems) - N_SHOWN
    if n_more > 0:
        msg.text(f"... and {plural(n_more, 'more problem')}; --report FILE lists all.")


def check_losses(report: Report, on_error: str) -> None:
    if report.problems and on_error == "stop":
        n = len(report.problems)
        advice = f"Correct {'it' if n == 1 else 'them'}"
        if report.n_written[DOCUMENTS]:
            advice += ", or leave out what can't be converted with --on-error skip"
        raise ValueError(f"{plural(n, 'problem')}. {advice}.")
    if not report.n_written[DOCUMENTS]:
        raise ValueError(
            "No documents came out; see above what became of those that were read."
        )


def write(
    corpora: Dict[str, Corpus],
    output: Path,
    splitter: Splitter,
    written: Dict[Path, int],
) -> None:
    """Write all files, and note the number of documents in each that is written."""
    for name, (docs, _) in corpora.items():
        if not len(docs):
            raise ValueError(f"--{name}: no documents came out of it.")
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
        check_corpus(path)  # all of them, before one is written
    for path, (docs, part) in parts.items():
        written[path] = docs.write(path, part)


def find_stale(output: Path, written: Iterable[Path]) -> List[Path]:
    """What an earlier run left beside these: its texts may be in them now."""
    if output.suffix == ".spacy":
        return []
    paths = {output / f"{name}.spacy" for name in splits.NAMES}
    return sorted(path for path in paths.difference(written) if path.exists())


if __name__ == "__main__":
    run_command(main)

"""Definition of formats, and options of readers and of `to_doc`."""

from dataclasses import Field, dataclass, field, fields
from pathlib import Path
from typing import (
    Any,
    Callable,
    Dict,
    FrozenSet,
    Generic,
    Iterable,
    Iterator,
    Mapping,
    Optional,
    Tuple,
    TypeVar,
    cast,
)

from .record import Record
from .report import Report
from .roles import Roles

T = TypeVar("T", covariant=True)


class FormatError(ValueError):
    """A whole file can't be read. The message says which, why, and how to fix it."""


# compared by identity, since a default may be a dict
@dataclass(frozen=True, eq=False)
class Option(Generic[T]):
    """An option of the conversion.

    name (str): name in Python, as a keyword argument of `Options`.
    default (T): the default, which also determines its type: bool for a flag, tuple if
        it can be repeated, dict for pairs such as OLD=NEW.
    help (str): the help text.
    choices (Tuple[str, ...]): all allowed values; empty for any.
    flag (str): name on the command line, if different. If the default is True, the flag
        disables it.
    kind (type): type of a single value, `str` or `Path`.
    """

    name: str
    default: T
    help: str
    choices: Tuple[str, ...] = ()
    flag: str = ""
    kind: type = str

    @property
    def on_command_line(self) -> str:
        """RETURNS (str): e.g. `--map-label`."""
        return f"--{self.flag or self.name.replace('_', '-')}"

    def check(self, value: Any) -> None:
        """RAISES (ValueError): if the value is not one of the choices."""
        if self.choices and value not in self.choices:
            raise ValueError(
                f"{self.on_command_line}: found {value!r}, expected one of "
                f"{', '.join(self.choices)}."
            )


# used by several formats
DEFAULT_LABEL: Option[Optional[str]] = Option(
    "default_label", None, "label of relations without a label"
)
ENTITY_LABEL = Option("entity_label", "ENT", "type of entities without a type")


def _shared(default: Any, help: str, **details: Any) -> Any:
    return field(default=default, metadata={"help": help, **details})


@dataclass(frozen=True)
class _SharedOptions:
    """Options of all formats. Defaults that are mappings are read-only."""

    lang: str = _shared("en", "Language code of the tokenizer")
    encoding: str = _shared(
        "utf-8-sig", "Encoding of the files; utf-8-sig for UTF-8 with or without BOM"
    )
    align: str = _shared(
        "retokenize",
        "What to do with entities that start or end inside a token: split the token, "
        "move the boundary, or fail",
        choices=("retokenize", "expand", "contract", "error"),
    )
    discontinuous: str = _shared(
        "hull",
        "What to do with discontinuous entities: use the span from the first to the "
        "last piece, use the first piece, skip them, or fail",
        choices=("hull", "first", "drop", "error"),
    )
    repair_offsets: bool = _shared(
        False, "Move entities whose text is found within 10 characters of its offsets"
    )
    spans_key: Optional[str] = _shared(
        "entities",
        "Key of doc.spans for all entities, including overlapping ones; empty for none",
    )
    map_label: Mapping[str, str] = field(
        default_factory=dict, metadata={"help": "Rename a relation label: OLD=NEW"}
    )
    map_entity: Mapping[str, str] = field(
        default_factory=dict, metadata={"help": "Rename an entity type: OLD=NEW"}
    )
    symmetric: Tuple[str, ...] = _shared((), "Symmetric relation label, after renaming")
    symmetric_store: str = _shared(
        "both",
        "Store symmetric relations in both directions, or once in text order "
        "(canonical)",
        choices=("both", "canonical"),
    )
    null_labels: Tuple[str, ...] = _shared(
        (),
        "Relation label that means 'no relation', before renaming",
        flag="null-label",
    )
    drop_self: bool = _shared(False, "Skip relations of an entity to itself")
    only_with_relations: bool = _shared(False, "Skip documents without relations")
    entities_only: bool = _shared(
        False, "Accept documents without a list of relations, as incomplete"
    )
    complete: bool = _shared(
        True,
        "Pairs without a relation were not annotated, so they aren't negatives",
        flag="incomplete",
    )
    annotation: Optional[str] = _shared(
        None,
        "Annotation to use if a text has several: ground-truth, latest, first, all, "
        "or by:ID of an annotator; by default the ground truth, or the annotation if "
        "all are identical",
    )
    split_documents: Optional[str] = _shared(
        None,
        "Split documents into sentences, lines, or N sentences each; relations "
        "between parts are skipped and counted",
    )
    group_by: Optional[str] = _shared(
        None,
        "Field to group documents by, which stay in one split: e.g. meta.source, id "
        "or file",
    )
    group_regex: Optional[str] = _shared(
        None,
        "Regular expression for the part of the field to group by: its first group",
    )
    own: Mapping[str, Any] = field(default_factory=dict)
    # not an option: what inputs that were read with these options have shown
    roles: Roles = field(default_factory=Roles, compare=False, repr=False)


class Options(_SharedOptions):
    """Options for reading annotations and converting them to Docs.

    values (Any): options by name: those of all formats, listed in `SHARED`, which are
        attributes; and those declared by a `FORMAT`, which are stored in `own` and
        accessed by `options[OPTION]`.
    """

    # names of the options declared by the format that is reading
    declared: Optional[FrozenSet[str]] = None

    def __init__(self, **values: Any) -> None:
        shared = {f.name for f in fields(_SharedOptions)}
        own: Dict[str, Any] = dict(values.pop("own", {}))
        own.update((k, values.pop(k)) for k in list(values) if k not in shared)
        # UTF-8 may have a byte order mark, whatever it's called
        if values.get("encoding", "").lower().replace("_", "-") in ("utf-8", "utf8"):
            values["encoding"] = "utf-8-sig"
        super().__init__(**values, own=own)

    def __getitem__(self, option: Option[T]) -> T:
        """RETURNS (T): the value of an option declared by a format."""
        if self.declared is not None and option.name not in self.declared:
            raise LookupError(
                f"{option.name} is used by a format that doesn't declare it: add it "
                "to the options of its FORMAT."
            )
        return cast(T, self.own.get(option.name, option.default))

    def limit(self, own: Iterable[Option]) -> "Options":
        """RETURNS (Options): the options, limited to those declared by a format."""
        limited = Options(**{f.name: getattr(self, f.name) for f in fields(self)})
        object.__setattr__(limited, "declared", frozenset(x.name for x in own))
        return limited

    def check(self, own: Iterable[Option]) -> None:
        """Check names and values.

        own (Iterable[Option]): options declared by formats.
        RAISES (ValueError): if an option is unknown, or its value invalid.
        """
        known = {option.name: option for option in own}
        for name, value in self.own.items():
            if name not in known:
                raise ValueError(
                    f"No format has the option {name!r}; expected one of "
                    f"{', '.join(sorted([*known, *(x.name for x in SHARED)]))}."
                )
            known[name].check(value)
            values = value if isinstance(value, tuple) else (value,)
            if any(isinstance(x, str) and not x.strip() for x in values):
                raise ValueError(
                    f"{known[name].on_command_line}: found {value!r}, expected a text "
                    "that isn't empty."
                )
        for option in SHARED:
            option.check(getattr(self, option.name))


def _to_option(shared: Field) -> Option:
    default = shared.default if shared.default_factory is not dict else {}
    return Option(shared.name, default, **shared.metadata)


SHARED: Tuple[Option, ...] = tuple(
    _to_option(shared)
    for shared in fields(_SharedOptions)
    if shared.name not in ("own", "roles")
)


@dataclass(frozen=True)
class Preview:
    """The start of an input, to detect its format.

    path (Path): file or folder.
    text (str): the first characters; empty for a folder.
    value (Any): the first JSON object, if any.
    names (Tuple[str, ...]): file names in a zip archive.
    inner (Any): the first JSON object in a zip archive of JSON lines.
    problem (str): why the first JSON object can't be read although it's well-formed.
    encoding (str): the file's encoding.
    """

    path: Path
    text: str = ""
    value: Any = None
    names: Tuple[str, ...] = ()
    inner: Any = None
    problem: str = ""
    encoding: str = "utf-8-sig"

    def has(self, *keys: str) -> bool:
        """RETURNS (bool): whether the first JSON object has all these keys."""
        return isinstance(self.value, dict) and all(key in self.value for key in keys)


@dataclass(frozen=True)
class Format:
    """The format of an annotation tool.

    name (str): its name for `--format`.
    description (str): the tool and the kind of file.
    reader (Callable[[Path, Options, Report], Iterator[Record]]): reads an input, and
        counts and reports invalid items; raises a FormatError if a whole file can't be
        read.
    sniff (Callable[[Preview], bool]): returns whether an input is in this format.
    options (Tuple[Option, ...]): its options; the reader can't access others.
    has_versions (bool): whether files may contain several annotations of a text.
    find_base (Optional[Callable[[Path], Optional[Path]]]): gets the document that a
        file belongs to, for formats with several files per document, which are read by
        folder.
    accepts (Callable[[Preview], bool]): a looser test, for inputs whose format is given
        by name.
    """

    name: str
    description: str
    reader: Callable[[Path, Options, Report], Iterator[Record]]
    sniff: Callable[[Preview], bool]
    options: Tuple[Option, ...] = ()
    has_versions: bool = False
    find_base: Optional[Callable[[Path], Optional[Path]]] = None
    accepts: Callable[[Preview], bool] = lambda preview: False

    def read(self, path: Path, options: Options, report: Report) -> Iterator[Record]:
        """Read an input.

        path (Path): file or folder.
        options (Options): shared options, and those of this format.
        report (Report): counts items and problems.
        RETURNS (Iterator[Record]): the documents.
        RAISES (FormatError): if it can't be read.
        """
        return self.reader(path, options.limit(self.options), report)

"""Read entities from tags: IOB1, IOB2, BILUO (BILOU) and BIOES (IOBES).

Invalid tag sequences are handled like in conlleval, the scorer of CoNLL-2000 and later:
`I-` after `O` or after another type starts an entity.
"""

import re
from collections import Counter
from typing import Counter as CounterType
from typing import Iterable, List, NamedTuple, Optional, Tuple

from .base import FormatError, Option
from .fields import FieldError, show

# letters before the type
SCHEMES = {"iob1": "BI", "iob2": "BI", "biluo": "BILU", "bioes": "BIES"}
ALIASES = {"bilou": "biluo", "iobes": "bioes"}
TAG_SCHEME = Option(
    "tag_scheme",
    "auto",
    "tagging scheme",
    choices=("auto", *SCHEMES, *ALIASES),
)
OUTSIDE = "O"
TAG = re.compile(r"O|[BILUES](?:-\S.*)?")

BEGUN = "{}- without B- taken as the beginning of an entity"
CUT = "entity that no {}- ends taken to end where it stops"
APART = "B- that touches no entity of its type, against IOB1"


class Tag(NamedTuple):
    """A parsed tag.

    prefix (str): a letter, such as `B`.
    label (str): the entity type, empty for `O`.
    """

    prefix: str
    label: str = ""


class Chunk(NamedTuple):
    """An entity, in words.

    start (int): the first word.
    end (int): the exclusive last word.
    label (str): the entity type.
    """

    start: int
    end: int
    label: str


class Votes:
    """Counts tags, to detect the scheme of a file."""

    def __init__(self) -> None:
        self._n: CounterType[str] = Counter()
        self._before = Tag(OUTSIDE)

    def add(self, text: str) -> None:
        """Count the next tag.

        text (str): the tag; anything else, e.g. the end of a sentence, counts as `O`.
        """
        tag = split_tag(text) if TAG.fullmatch(text) else Tag(OUTSIDE)
        is_inside = self._before.prefix != OUTSIDE and self._before.label == tag.label
        self._n[tag.prefix] += 1
        self._n[f"{tag.prefix} begins"] += not is_inside
        self._n["typed" if tag.label else "bare"] += tag.prefix != OUTSIDE
        self._before = tag

    @property
    def scheme(self) -> str:
        """RETURNS (str): the most likely scheme."""
        n = self._n
        last = {"biluo": n["L"] + n["U"], "bioes": n["E"] + n["S"]}
        scheme = max(last, key=lambda name: last[name])
        # each entity has one, so if there are only a few, they are errors
        if last[scheme] > (n["B"] + n["I begins"]) / 2:
            return scheme
        # IOB1 only uses B- for entities next to another of the same type
        return "iob1" if n["I begins"] and not n["B begins"] else "iob2"

    @property
    def has_types(self) -> bool:
        """RETURNS (bool): whether tags have types, as in `B-PER`."""
        return self._n["typed"] >= self._n["bare"]


def choose_scheme(votes: Votes, name: str) -> str:
    """Choose the scheme given by the user, or detect it.

    votes (Votes): counts of all tags in the file.
    name (str): name in `SCHEMES` or `ALIASES`, or `auto`.
    RETURNS (str): name in `SCHEMES`.
    RAISES (FormatError): if the scheme is unknown.
    """
    if name == "auto":
        return votes.scheme
    if name.lower() in (*SCHEMES, *ALIASES):
        return ALIASES.get(name.lower(), name.lower())
    expected = ", ".join(["auto", *SCHEMES, *ALIASES])
    raise FormatError(f"--tag-scheme: found {name!r}, expected one of {expected}.")


def split_tag(text: str) -> Tag:
    """Split a tag that matches `TAG`; labels may contain hyphens."""
    prefix, _, label = text.partition("-")
    return Tag(prefix, label)


def parse_tag(text: str, scheme: str, field: str, default: Optional[str] = None) -> Tag:
    """Parse a tag.

    text (str): the tag: `O`, `B-PER`, or `B` if there is only one type.
    scheme (str): name in `SCHEMES`.
    field (str): its name in messages.
    default (Optional[str]): entity type for tags without type.
    RETURNS (Tag): the tag.
    RAISES (FieldError): if the tag is invalid in the scheme.
    """
    tag = split_tag(text) if TAG.fullmatch(text) else Tag("")
    if tag.prefix == OUTSIDE:
        return tag
    if not tag.prefix or tag.prefix not in SCHEMES[scheme]:
        expected = ", ".join(f"{letter}-" for letter in SCHEMES[scheme])
        raise FieldError(
            field,
            f"found the tag {show(text)}, expected O, or a type after one of "
            f"{expected} (the scheme is {scheme.upper()}; --tag-scheme names another "
            f"one)",
        )
    if not (tag.label or default):
        raise FieldError(
            field,
            f"found the tag {show(text)}, expected one with a type, such as {text}-PER",
        )
    return tag if tag.label else Tag(tag.prefix, default or "")


def find_chunks(
    tags: Iterable[Tag], scheme: str
) -> Tuple[List[Chunk], CounterType[str]]:
    """Find the entities of a sentence.

    tags (Iterable[Tag]): the tags of all words.
    scheme (str): name in `SCHEMES`; only used to count repairs.
    RETURNS (Tuple[List[Chunk], Counter[str]]): entities in order, and repairs.
    """
    chunks: List[Chunk] = []
    repairs: CounterType[str] = Counter()
    last = {"biluo": "L", "bioes": "E"}.get(scheme, "")
    is_open = False
    for i, (prefix, label) in enumerate([*tags, Tag(OUTSIDE)]):
        is_same = is_open and label == chunks[-1].label
        if is_same and prefix in "ILE":
            chunks[-1] = chunks[-1]._replace(end=i + 1)
        else:
            repairs[CUT.format(last)] += is_open and bool(last)
            if prefix != OUTSIDE:
                chunks.append(Chunk(i, i + 1, label))
            if scheme == "iob1":
                repairs[APART] += prefix == "B" and not is_same
            else:
                repairs[BEGUN.format(prefix)] += prefix in "ILE"
        is_open = prefix in "BI"
    return chunks, +repairs

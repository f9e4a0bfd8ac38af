"""Surface forms of entities, and which of them name the same entity."""

import re
import unicodedata
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, Mapping

import srsly

# around a name; not + and #, which are part of C++ and C#, nor the first dot of .NET
BEFORE = "\"'`´“”„‚‘’«»()[]{}<>,;:!?¡¿*_ "
AFTER = BEFORE + "."
HYPHENS = dict.fromkeys(map(ord, "‐‑‒–—−"), "-")
# what XML 1.0 (section 2.2) can't hold, not even escaped, and CSV readers stumble over
UNWRITABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
APOSTROPHES = dict.fromkeys(map(ord, "’‘`´"), "'")


@dataclass(frozen=True)
class Normalizer:
    """Surface forms with the same normal form are one entity.

    case (bool): ignore case.
    space (bool): treat any white space as one blank.
    punctuation (bool): ignore quotes, brackets, commas and full stops around a name,
        and differences between hyphens and between apostrophes.
    accents (bool): ignore accents.
    by_type (bool): keep entities with the same name but different types apart.
    aliases (Mapping[str, str]): other names, in any of their forms, such as
        `{"JS": "JavaScript"}`.
    """

    case: bool = True
    space: bool = True
    punctuation: bool = True
    accents: bool = False
    by_type: bool = True
    aliases: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        known = {self._fold(k): self._fold(v) for k, v in self.aliases.items()}
        object.__setattr__(self, "aliases", known)

    def __call__(self, name: str) -> str:
        """RETURNS (str): the normal form; the name itself if nothing would be left."""
        folded = self._fold(name)
        return self.aliases.get(folded, folded)

    def _fold(self, name: str) -> str:
        text = unicodedata.normalize("NFKC", name)
        if self.accents:
            parts = unicodedata.normalize("NFD", text)
            text = "".join(x for x in parts if not unicodedata.combining(x))
        if self.space:
            text = " ".join(text.split())
        if self.punctuation:
            text = text.translate(HYPHENS).translate(APOSTROPHES)
            text = text.lstrip(BEFORE).rstrip(AFTER)
        if self.case:
            text = text.casefold()
        return text or name


def replace_unwritable(text: str) -> str:
    """RETURNS (str): the text with U+FFFD for each character that not all formats can
    hold: control characters, non-characters and halves of surrogate pairs."""
    return UNWRITABLE.sub("\ufffd", text)


def clean(text: str) -> str:
    """RETURNS (str): a name as all formats can hold it, in one line; empty if there is
    only white space."""
    return replace_unwritable(" ".join(text.split()))


def read_aliases(path: Path) -> Dict[str, str]:
    """Read other names of entities.

    path (Path): a JSON object from each name to the one that it is short for.
    RETURNS (Dict[str, str]): the same.
    RAISES (ValueError): if it is anything else.
    """
    try:
        data: Any = srsly.read_json(path)
    except (OSError, ValueError) as error:
        raise ValueError(f"{path}: can't be read as JSON: {error}.") from error
    is_names = isinstance(data, dict) and all(isinstance(x, str) for x in data.values())
    if not is_names:
        raise ValueError(
            f'{path}: expected an object of names, such as {{"JS": "JavaScript"}}.'
        )
    return data

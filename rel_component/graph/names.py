"""Normalize the surface forms of entities."""

import unicodedata
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, Mapping

import srsly

from ..wording import replace_unwritable

# characters to strip; not + and #, as in C++ and C#, nor the first dot of .NET
BEFORE = "\"'`´“”„‚‘’«»()[]{}<>,;:!?¡¿*_ "
AFTER = BEFORE + "."
HYPHENS = dict.fromkeys(map(ord, "‐‑‒–—−"), "-")
APOSTROPHES = dict.fromkeys(map(ord, "’‘`´"), "'")


@dataclass(frozen=True)
class Normalizer:
    """Map surface forms to a normal form; equal ones are the same entity.

    case (bool): ignore case.
    space (bool): replace any whitespace by a single space.
    punctuation (bool): ignore quotes, brackets, commas and full stops around a name,
        and differences between hyphens and between apostrophes.
    accents (bool): ignore accents.
    by_type (bool): keep entities with the same name but different types apart.
    aliases (Mapping[str, str]): aliases of names, in any form, such as
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
        """RETURNS (str): the normal form; the name itself if that would be empty."""
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


def clean(text: str) -> str:
    """RETURNS (str): a name that all formats support, in one line; empty if it's only
    whitespace."""
    return replace_unwritable(" ".join(text.split()))


def read_aliases(path: Path) -> Dict[str, str]:
    """Read aliases of entities.

    path (Path): a JSON object that maps aliases to names.
    RETURNS (Dict[str, str]): the aliases.
    RAISES (ValueError): if the file is not valid.
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

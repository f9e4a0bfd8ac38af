"""Surface forms of entities: which of them are the same."""

import unicodedata
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, Mapping

import srsly

# around a name; not + and #, which are part of C++ and C#, nor the first dot of .NET
BEFORE = "\"'`´“”„‚‘’«»()[]{}<>,;:!?¡¿*_ "
AFTER = BEFORE + "."
HYPHENS = dict.fromkeys(map(ord, "‐‑‒–—−"), "-")
APOSTROPHES = dict.fromkeys(map(ord, "’‘`´"), "'")


@dataclass(frozen=True)
class Normalizer:
    """Says which surface forms are one entity: those with the same normal form.

    case (bool): whether upper and lower case are the same.
    space (bool): whether any white space is one blank.
    punctuation (bool): whether quotes, brackets, commas and stops around a name do not
        count, and hyphens and apostrophes are alike.
    accents (bool): whether letters are the same with and without accents.
    by_type (bool): whether the same name of two types is two entities.
    aliases (Mapping[str, str]): other names by any of their forms, e.g. `{"JS":
        "JavaScript"}`.
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
        """RETURNS (str): the normal form; the name itself, if nothing else is left."""
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


def read_aliases(path: Path) -> Dict[str, str]:
    """Other names of entities.

    path (Path): JSON, an object of names and the names that they stand for.
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

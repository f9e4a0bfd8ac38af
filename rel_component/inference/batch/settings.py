"""What an extraction is to do; whatever changes its rows is part of its fingerprint."""

import hashlib
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Dict, Optional, Tuple

PARQUET = "parquet"
JSONL = "jsonl"
FORMATS = (PARQUET, JSONL)


@dataclass(frozen=True)
class ExtractSettings:
    """Of an extraction.

    model (str): folder of a trained pipeline.
    entities_from (Optional[str]): folder of another one that finds the entities.
    code (Optional[str]): Python file that registers components of the user.
    threshold (Optional[float]): predict from this score on; None: the model's.
    formats (Tuple[str, ...]): of the output, of FORMATS.
    text_field (str): of JSON lines, CSV and Parquet: has the text.
    id_field (str): has the document's id, if there is such a field.
    by_line (bool): each line of a .txt file is a document.
    keep_text (bool): whether rows have the text of their document.
    chunk_size (int): documents that are processed, written and done at one time.
    batch_size (int): most documents of a batch of the model.
    batch_words (int): most words of a batch, a longer document is one alone.
    max_length (int): most characters of a document.
    gpu_id (int): -1 is the CPU. On which device the model runs is no part of the
        fingerprint.
    root (str): folder that names of inputs are relative to; no part of it, either.
    """

    model: str
    entities_from: Optional[str] = None
    code: Optional[str] = None
    threshold: Optional[float] = None
    formats: Tuple[str, ...] = FORMATS
    text_field: str = "text"
    id_field: str = "id"
    by_line: bool = False
    keep_text: bool = True
    chunk_size: int = 1000
    batch_size: int = 256
    batch_words: int = 20_000
    max_length: int = 100_000
    gpu_id: int = field(default=-1, metadata={"is_local": True})
    root: str = field(default=".", metadata={"is_local": True})

    def __post_init__(self) -> None:
        unknown = sorted(set(self.formats) - set(FORMATS))
        if unknown or not self.formats:
            raise ValueError(
                f"Output formats: found {', '.join(unknown) or 'none'}; expected one "
                f"or more of {', '.join(FORMATS)}."
            )
        if self.threshold is not None and not 0 <= self.threshold <= 1:
            raise ValueError(
                f"threshold is {self.threshold}; expected a number from 0 to 1."
            )
        for name in ("chunk_size", "batch_size", "batch_words", "max_length"):
            if getattr(self, name) < 1:
                raise ValueError(
                    f"{name} is {getattr(self, name)}; expected 1 or more."
                )

    def fingerprint(self) -> Dict[str, Any]:
        """RETURNS (Dict[str, Any]): what has to be the same for a run to go on, as
        JSON has it: the settings, and digests of the models."""
        fields = self.__dataclass_fields__
        data: Dict[str, Any] = {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in asdict(self).items()
            if not fields[name].metadata.get("is_local")
        }
        for name in ("model", "entities_from", "code"):
            if data[name] is not None:
                data[f"{name}_digest"] = digest(Path(data[name]))
        return data


def digest(path: Path) -> str:
    """A fingerprint of a file, or of all files of a folder.

    path (Path): file or folder.
    RETURNS (str): changes if any content does.
    RAISES (ValueError): if there is none.
    """
    if not path.exists():
        raise ValueError(f"{path}: no such file or folder.")
    if path.is_file():
        return digest_file(path)
    total = hashlib.blake2b(digest_size=8)
    for file in sorted(x for x in path.rglob("*") if x.is_file()):
        total.update(file.relative_to(path).as_posix().encode("utf8", "replace"))
        total.update(digest_file(file).encode())
    return total.hexdigest()


def digest_file(path: Path) -> str:
    """RETURNS (str): of its content, which is not held in memory."""
    total = hashlib.blake2b(digest_size=8)
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            total.update(block)
    return total.hexdigest()

"""Settings of an extraction; those that change its rows are part of its fingerprint."""

import hashlib
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Any, Dict, Optional, Tuple

PARQUET = "parquet"
JSONL = "jsonl"
FORMATS = (PARQUET, JSONL)
# the longest that a line, a record or a text file may be; what is longer is not read
MAX_BYTES = 64 << 20
# of what csv takes for the length of a value
MOST_BYTES = (1 << 31) - 1


@dataclass(frozen=True)
class ExtractSettings:
    """Settings of an extraction.

    model (str): folder of a trained pipeline.
    entities_from (Optional[str]): folder of another pipeline, to find the entities.
    code (Optional[str]): Python file that registers components of the user's.
    threshold (Optional[float]): lowest score of a relation; None: the model's own.
    formats (Tuple[str, ...]): of the output, from FORMATS.
    text_field (str): the field of JSON lines, CSV and Parquet that has the text.
    id_field (str): the field that has the document's id, if there is one.
    by_line (bool): whether each line of a .txt file is a document.
    keep_text (bool): whether rows include the text of their document.
    chunk_size (int): documents that are processed, written and marked as done together.
    batch_size (int): most documents in a batch of the model.
    batch_words (int): most words in a batch; a longer document is a batch of its own.
    max_length (int): most characters of a document.
    max_bytes (int): most bytes of a line, of a record or of a text file: what is
        longer is not read into memory.
    gpu_id (int): -1 is the CPU. The device is not part of the fingerprint.
    root (str): folder that names of inputs are relative to; not part of it, either.
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
    max_bytes: int = MAX_BYTES
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
        sizes = ("chunk_size", "batch_size", "batch_words", "max_length", "max_bytes")
        for name in sizes:
            if getattr(self, name) < 1:
                raise ValueError(
                    f"{name} is {getattr(self, name)}; expected 1 or more."
                )
        if self.max_bytes > MOST_BYTES:
            raise ValueError(
                f"max_bytes is {self.max_bytes:,}; expected {MOST_BYTES:,} or less."
            )

    @classmethod
    def list_defaults(cls) -> Dict[str, Any]:
        """RETURNS (Dict[str, Any]): of the fingerprint."""
        return {
            field.name: _to_json(field.default)
            for field in fields(cls)
            if field.default is not MISSING and not field.metadata.get("is_local")
        }

    def fingerprint(self) -> Dict[str, Any]:
        """RETURNS (Dict[str, Any]): what has to be the same for a run to go on: the
        settings and digests of the models, as JSON stores them."""
        data: Dict[str, Any] = {
            field.name: _to_json(getattr(self, field.name))
            for field in fields(self)
            if not field.metadata.get("is_local")
        }
        for name in ("model", "entities_from", "code"):
            if data[name] is not None:
                data[f"{name}_digest"] = digest(Path(data[name]))
        return data


def _to_json(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


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

"""Settings of an extraction; those that change its rows are part of its fingerprint."""

import hashlib
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Any, Dict, Optional, Tuple

PARQUET = "parquet"
JSONL = "jsonl"
FORMATS = (PARQUET, JSONL)
# maximum size of a line, a record or a text file
MAX_BYTES = 64 << 20
# maximum length of a value in csv
MOST_BYTES = (1 << 31) - 1


@dataclass(frozen=True)
class ExtractSettings:
    """Settings of an extraction.

    model (str): folder of a trained pipeline.
    entities_from (Optional[str]): folder of a separate pipeline for entities.
    code (Optional[str]): Python file with custom registered functions.
    threshold (Optional[float]): score threshold; None: the model's.
    formats (Tuple[str, ...]): the output formats, from FORMATS.
    text_field (str): the text field of JSON lines, CSV and Parquet.
    id_field (str): the field with the document's id, if it exists.
    by_line (bool): whether each line of a .txt file is a document.
    keep_text (bool): whether rows include the text.
    chunk_size (int): documents that are processed, written and marked as done together.
    batch_size (int): maximum documents per batch.
    batch_words (int): maximum words per batch of more than one document.
    max_length (int): maximum characters of a document.
    max_bytes (int): maximum bytes of a line, a record or a text file; longer ones are
        not read into memory.
    gpu_id (int): GPU ID, or -1 for CPU. The device is not part of the fingerprint.
    root (str): folder that input names are relative to; not part of the fingerprint.
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
        """RETURNS (Dict[str, Any]): default values of the fingerprint."""
        return {
            field.name: _to_json(field.default)
            for field in fields(cls)
            if field.default is not MISSING and not field.metadata.get("is_local")
        }

    def fingerprint(self) -> Dict[str, Any]:
        """RETURNS (Dict[str, Any]): what has to match to resume a run: settings and
        digests of the models, as stored in JSON."""
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
    """Compute a fingerprint of a file, or of all files in a folder.

    path (Path): file or folder.
    RETURNS (str): the digest of the content.
    RAISES (ValueError): if the path doesn't exist.
    """
    if not path.exists():
        raise ValueError(f"{path}: file or folder not found.")
    if path.is_file():
        return digest_file(path)
    total = hashlib.blake2b(digest_size=8)
    for file in sorted(x for x in path.rglob("*") if x.is_file()):
        total.update(file.relative_to(path).as_posix().encode("utf8", "replace"))
        total.update(digest_file(file).encode())
    return total.hexdigest()


def digest_file(path: Path) -> str:
    """RETURNS (str): the digest of the content, which is not held in memory."""
    total = hashlib.blake2b(digest_size=8)
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            total.update(block)
    return total.hexdigest()

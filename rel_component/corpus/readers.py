"""Corpus readers: DocBins with gold relations, as training examples."""

from pathlib import Path
from typing import Callable, Iterable, Iterator, List, Optional, Union

from spacy.language import Language
from spacy.tokens import Doc, DocBin, Span, SpanGroup
from spacy.training import Example
from spacy.util import registry
from spacy.vocab import Vocab

from ..relations import get_relation_data
from .docbin import list_corpus


@registry.readers("Gold_ents_Corpus.v1")
def create_docbin_reader(
    file: Optional[Path],
) -> Callable[[Language], Iterable[Example]]:
    """Examples whose predicted Doc has the gold tokens and entities already.

    file (Path): a `.spacy` file with relations in its user data, or a folder of them.
    RETURNS (Callable[[Language], Iterable[Example]]): the reader.
    """

    def read(nlp: Language) -> Iterator[Example]:
        return read_gold_entities(file, nlp)

    return read


@registry.readers("rel_component.GoldTokensCorpus.v1")
def create_gold_tokens_reader(
    file: Optional[Path],
) -> Callable[[Language], Iterable[Example]]:
    """Examples whose predicted Doc has the gold tokens and nothing else.

    For pipelines that find entities themselves.

    file (Path): a `.spacy` file with relations in its user data, or a folder of them.
    RETURNS (Callable[[Language], Iterable[Example]]): the reader.
    """

    def read(nlp: Language) -> Iterator[Example]:
        for gold in read_docs(file, nlp):
            yield Example(copy_tokens(gold), gold)

    return read


def read_gold_entities(file: Optional[Path], nlp: Language) -> Iterator[Example]:
    """Read a DocBin as examples that keep the gold tokens and entities.

    file (Path): a `.spacy` file, or a folder of them.
    nlp (Language): its vocabulary is used.
    YIELDS (Example): the predicted Doc has tokens, entities, span groups and sentence
        boundaries of the gold one, and no relations.
    RAISES (ValueError): if there is no such file.
    """
    for gold in read_docs(file, nlp):
        yield Example(copy_without_relations(gold), gold)


def read_docs(file: Optional[Path], nlp: Language) -> Iterator[Doc]:
    """Read the Docs of a DocBin.

    file (Path): a `.spacy` file, or a folder of them, which is how a large corpus is
        written: one file at a time is in memory.
    nlp (Language): its vocabulary is used.
    YIELDS (Doc): with user data.
    RAISES (ValueError): if there is no such file, or it is no DocBin.
    """
    if file is None:
        raise ValueError("No corpus is named: set --paths.train and --paths.dev.")
    for part in _list_files(Path(file)):
        yield from _read_file(part, nlp)


def _list_files(path: Path) -> List[Path]:
    files = [file for file in list_corpus(path) if file.is_file()]
    if not files:
        found = "a folder without .spacy files" if path.is_dir() else "nothing"
        raise ValueError(
            f"No corpus at {path}: found {found}, expected a .spacy file or a folder "
            f"of them. Convert your annotations first: "
            f"python scripts/convert.py ANNOTATIONS --output data"
        )
    return files


def _read_file(path: Path, nlp: Language) -> Iterator[Doc]:
    if path.suffix != ".spacy":
        raise ValueError(
            f"{path} is no .spacy file. Convert your annotations first: "
            f"python scripts/convert.py {path} --output data"
        )
    try:
        doc_bin = DocBin().from_disk(path)
    except Exception as error:  # zlib and msgpack raise errors of many kinds
        raise ValueError(
            f"{path} can't be read as a .spacy file (DocBin): {error}"
        ) from error
    for doc in doc_bin.get_docs(nlp.vocab):
        get_relation_data(doc)  # a tutorial's dict becomes columns
        yield doc


def copy_without_relations(gold: Doc) -> Doc:
    """A Doc to predict relations on, where entities are given.

    gold (Doc): the annotated document.
    RETURNS (Doc): with its tokens, entities, span groups and sentence boundaries.
    """
    doc = copy_tokens(gold)
    doc.ents = _move(gold.ents, doc)
    for key, group in gold.spans.items():
        doc.spans[key] = SpanGroup(doc, name=key, spans=_move(group, doc))
    return doc


def copy_tokens(gold: Doc, vocab: Optional[Vocab] = None) -> Doc:
    """A Doc with only the tokens of another, and its sentence boundaries.

    gold (Doc): the other.
    vocab (Optional[Vocab]): None takes that of the other.
    RETURNS (Doc): the copy.
    """
    sent_starts: Optional[List[Union[bool, int, None]]] = None
    if gold.has_annotation("SENT_START"):
        sent_starts = [bool(token.is_sent_start) for token in gold]
    return Doc(
        gold.vocab if vocab is None else vocab,
        words=[token.text for token in gold],
        spaces=[bool(token.whitespace_) for token in gold],
        sent_starts=sent_starts,
    )


def _move(spans: Iterable[Span], doc: Doc) -> List[Span]:
    return [
        Span(doc, s.start, s.end, label=s.label, kb_id=s.kb_id, span_id=s.id)
        for s in spans
    ]

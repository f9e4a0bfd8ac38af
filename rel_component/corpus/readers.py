"""Corpus readers: DocBins with gold relations, as training examples."""

from pathlib import Path
from typing import Callable, Iterable, Iterator, List, Optional, Union

from spacy.language import Language
from spacy.tokens import Doc, DocBin, Span, SpanGroup
from spacy.training import Example
from spacy.util import registry
from spacy.vocab import Vocab

from ..checks import InputError
from ..relations import get_relation_data
from .docbin import list_corpus

CANT_READ = "Can't read the corpus"


Reader = Callable[[Language], Iterable[Example]]


@registry.readers("Gold_ents_Corpus.v1")
def create_docbin_reader(file: Optional[Path]) -> Reader:
    """Examples whose predicted Doc has the gold tokens and entities already.

    file (Path): a `.spacy` file with relations in its user data, or a folder of them.
    RETURNS (Callable[[Language], Iterable[Example]]): the reader.
    RAISES (ValueError): if there is no such file.
    """
    return _make_reader(file, copy_without_relations)


@registry.readers("rel_component.GoldTokensCorpus.v1")
def create_gold_tokens_reader(file: Optional[Path]) -> Reader:
    """Examples whose predicted Doc has the gold tokens and nothing else.

    For pipelines that find entities themselves.

    file (Path): a `.spacy` file with relations in its user data, or a folder of them.
    RETURNS (Callable[[Language], Iterable[Example]]): the reader.
    RAISES (ValueError): if there is no such file.
    """
    return _make_reader(file, copy_tokens)


def _make_reader(file: Optional[Path], copy: Callable[[Doc], Doc]) -> Reader:
    def read(nlp: Language) -> Iterator[Example]:
        n_docs, has_entities = 0, False
        for gold in read_docs(file, nlp):
            n_docs += 1
            has_entities = has_entities or bool(gold.ents or gold.spans)
            yield Example(copy(gold), gold)
        if not has_entities:
            raise InputError(
                f"None of the {n_docs} documents of {file} has an entity, so there is "
                f"nothing to learn or score. Annotate entities and the relations "
                f"between them, and convert them again.",
                title=CANT_READ,
            )

    list_files(file)  # not at the first evaluation, after an hour of training
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
    for part in list_files(file):
        yield from _read_file(part, nlp)


def list_files(file: Optional[Path]) -> List[Path]:
    """The files of a corpus.

    file (Path): a `.spacy` file, or a folder of them.
    RETURNS (List[Path]): at least one.
    RAISES (ValueError): if there is none, or it is no `.spacy` file.
    """
    if file is None:
        message = "No corpus is named: set --paths.train and --paths.dev."
        raise InputError(message, title=CANT_READ)
    path = Path(file)
    files = [part for part in list_corpus(path) if part.is_file()]
    if not files:
        found = "a folder without .spacy files" if path.is_dir() else "nothing"
        raise InputError(
            f"No corpus at {path}: found {found}, expected a .spacy file or a folder "
            f"of them. Convert your annotations first: "
            f"python scripts/convert.py ANNOTATIONS --output data",
            title=CANT_READ,
        )
    for part in files:
        if part.suffix != ".spacy":
            raise InputError(
                f"{part} is no .spacy file. Convert your annotations first: "
                f"python scripts/convert.py {part} --output data",
                title=CANT_READ,
            )
    return files


def _read_file(path: Path, nlp: Language) -> Iterator[Doc]:
    try:
        doc_bin = DocBin().from_disk(path)
    except Exception as error:  # zlib and msgpack raise errors of many kinds
        raise InputError(
            f"{path} can't be read as a .spacy file (DocBin): {error}", title=CANT_READ
        ) from error
    for i, doc in enumerate(doc_bin.get_docs(nlp.vocab)):
        try:
            get_relation_data(doc)  # a tutorial's dict becomes columns
        except ValueError as error:
            raise InputError(
                f"{path}, document {i}: {error}", title=CANT_READ
            ) from error
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

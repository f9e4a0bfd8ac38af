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
    """Create a reader of examples with gold tokens and entities in the predicted Doc.

    file (Path): a `.spacy` file with relations in its user data, or a folder of them.
    RETURNS (Callable[[Language], Iterable[Example]]): the reader.
    RAISES (ValueError): if the file doesn't exist.
    """
    return _make_reader(file, copy_without_relations)


@registry.readers("rel_component.GoldTokensCorpus.v1")
def create_gold_tokens_reader(file: Optional[Path]) -> Reader:
    """Create a reader of examples with only gold tokens in the predicted Doc, for
    pipelines that predict entities.

    file (Path): a `.spacy` file with relations in its user data, or a folder of them.
    RETURNS (Callable[[Language], Iterable[Example]]): the reader.
    RAISES (ValueError): if the file doesn't exist.
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
                f"None of the {n_docs} documents in {file} contains entities. "
                "Annotate entities and relations between them, and convert them "
                "again.",
                title=CANT_READ,
            )

    list_files(file)  # fail now, instead of at the first evaluation
    return read


def read_gold_entities(file: Optional[Path], nlp: Language) -> Iterator[Example]:
    """Read a DocBin as examples that keep the gold tokens and entities.

    file (Path): a `.spacy` file, or a folder of them.
    nlp (Language): the pipeline, for its vocabulary.
    YIELDS (Example): the predicted Doc has tokens, entities, span groups and sentence
        boundaries of the gold one, but no relations.
    RAISES (ValueError): if the file doesn't exist.
    """
    for gold in read_docs(file, nlp):
        yield Example(copy_without_relations(gold), gold)


def read_docs(file: Optional[Path], nlp: Language) -> Iterator[Doc]:
    """Read the Docs of a DocBin.

    file (Path): a `.spacy` file, or the folder of a large corpus, of which one file at
        a time is held in memory.
    nlp (Language): the pipeline, for its vocabulary.
    YIELDS (Doc): the documents with user data.
    RAISES (ValueError): if the file doesn't exist, or is not a DocBin.
    """
    for part in list_files(file):
        yield from _read_file(part, nlp)


def list_files(file: Optional[Path]) -> List[Path]:
    """List the files of a corpus.

    file (Path): a `.spacy` file, or a folder of them.
    RETURNS (List[Path]): one or more files.
    RAISES (ValueError): if no file is found, or it's not a `.spacy` file.
    """
    if file is None:
        message = "The corpus is not set: set --paths.train and --paths.dev."
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
                f"{part} is not a .spacy file. Convert your annotations first: "
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
            get_relation_data(doc)  # converts the tutorial's dict to columns
        except ValueError as error:
            raise InputError(
                f"{path}, document {i}: {error}", title=CANT_READ
            ) from error
        yield doc


def copy_without_relations(gold: Doc, vocab: Optional[Vocab] = None) -> Doc:
    """Copy a Doc without relations, to predict them.

    gold (Doc): the annotated document.
    vocab (Optional[Vocab]): the vocabulary; None: the document's.
    RETURNS (Doc): a copy of its tokens, entities, span groups and sentence boundaries.
    """
    doc = copy_tokens(gold, vocab)
    doc.ents = copy_spans(gold.ents, doc)
    for key, group in gold.spans.items():
        doc.spans[key] = SpanGroup(doc, name=key, spans=copy_spans(group, doc))
    return doc


def copy_tokens(gold: Doc, vocab: Optional[Vocab] = None) -> Doc:
    """Copy only the tokens and sentence boundaries of a Doc.

    gold (Doc): the annotated document.
    vocab (Optional[Vocab]): the vocabulary; None: the document's.
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


def copy_spans(spans: Iterable[Span], doc: Doc) -> List[Span]:
    """Copy spans to another Doc with the same tokens.

    spans (Iterable[Span]): the spans.
    doc (Doc): the other Doc, which may have another vocabulary.
    RETURNS (List[Span]): the spans with their labels and ids.
    """
    return [
        Span(doc, s.start, s.end, label=s.label_, kb_id=s.kb_id_, span_id=s.id_)
        for s in spans
    ]

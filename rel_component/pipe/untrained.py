"""What pipes have in common that find relations without training."""

from typing import Any, Dict, FrozenSet, Iterable, Iterator, Sequence

from spacy.pipeline.pipe import Pipe
from spacy.tokens import Doc
from spacy.util import minibatch


class UntrainedPipe(Pipe):
    """Finds relations in batches of Docs."""

    name: str
    cfg: Dict[str, Any]

    @property
    def symmetric(self) -> FrozenSet[str]:
        """RETURNS (FrozenSet[str]): labels without a direction."""
        return frozenset(self.cfg["symmetric"])

    def __call__(self, doc: Doc) -> Doc:
        """Annotate a Doc.

        doc (Doc): the document, modified in place.
        RETURNS (Doc): the document.
        """
        error_handler = self.get_error_handler()
        try:
            self._annotate([doc])
        except Exception as error:
            error_handler(self.name, self, [doc], error)
        return doc

    def pipe(self, stream: Iterable[Doc], *, batch_size: int = 128) -> Iterator[Doc]:
        """Annotate a stream of Docs.

        stream (Iterable[Doc]): the documents, modified in place.
        batch_size (int): the number of documents per batch.
        YIELDS (Doc): the documents in order.
        """
        error_handler = self.get_error_handler()
        for docs in minibatch(stream, size=batch_size):
            try:
                self._annotate(docs)
            except Exception as error:
                error_handler(self.name, self, docs, error)
            else:
                yield from docs

    def _annotate(self, docs: Sequence[Doc]) -> None:
        raise NotImplementedError

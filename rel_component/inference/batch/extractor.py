"""Process one chunk, from reading to writing; shared by all engines."""

import os
import time
import warnings
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Dict, Iterable, Iterator, List, Optional, Sequence, Tuple

from spacy.language import Language
from spacy.tokenizer import Tokenizer
from spacy.tokens import Doc
from spacy.util import import_file

from ...model.numpy_blas import use_numpy_blas
from ...pipe.loading import (
    choose_entity_place,
    find_relation_pipes,
    find_spans_key,
    load_pipeline,
)
from ...wording import plural
from ..given import GIVEN_KEY, count_widened, has_entities, make_doc
from ..tasks import Task
from ..texts import can_find_entities, predict
from ..tokenization import bound_tokenizer
from .folder import OutputFolder
from .plan import ADVICE, Chunk, Piece, check_unchanged
from .rows import Row, make_letter, make_row
from .settings import ExtractSettings
from .sources import KINDS, UNREADABLE, find_kind
from .sources.item import CRASHED, FAILED, MALFORMED, TOO_LONG, Item, Place, refuse

# attempts at a whole chunk before its documents are processed one at a time
MAX_ATTEMPTS = 3
# crashes of a single document before it's given up: several, since the process may have
# been killed externally
MAX_CRASHES = 3
# crashes not caused by a document before the chunk is given up
MAX_OTHER = 8
# strings added to the vocabulary before it's reset, about 30 MB
MAX_STRINGS = 100_000

Counts = Dict[str, Any]


class RunError(ValueError):
    """The run can't continue."""


class Extractor:
    """Load the model once and extract chunks.

    A chunk is processed as a whole, in batches of documents of similar length. If the
    model raises an error, the documents are processed one by one to find the faulty
    ones, and the others again as a batch, so that batches and rows are the same in all
    engines. Crashes of the process are recorded in the folder; after MAX_ATTEMPTS, the
    next process also searches for the faulty document.
    """

    def __init__(self, settings: ExtractSettings, folder: Path) -> None:
        """Load the model.

        settings (ExtractSettings): the run's settings.
        folder (Path): the output folder.
        RAISES (ValueError): if the model can't be loaded, has no relation extractor, or
            has changed since the run started.
        """
        self.settings = settings
        self.folder = OutputFolder(folder)
        run = self.folder.read_run()
        if run is not None:
            _check_models(run["settings"], settings)
        self.nlp, self.ner_pipeline = load_models(settings)
        # keep the first strings, for a fast tokenizer, but free those of later chunks
        # to limit memory
        self.max_strings = len(self.nlp.vocab.strings) + MAX_STRINGS
        if isinstance(self.nlp.tokenizer, Tokenizer):
            self.nlp.tokenizer.max_cache_size = MAX_STRINGS
            bound_tokenizer(self.nlp.tokenizer)
        self.pipes = find_relation_pipes(self.nlp)
        self.spans_keys = self.pipes.spans_keys
        self.can_find = can_find_entities(self.nlp, self.ner_pipeline)

    def extract(self, chunk: Chunk) -> Counts:
        """Process a chunk and write its parts, unless already done.

        chunk (Chunk): a chunk of the plan.
        RETURNS (Dict[str, Any]): counts of documents, relations and dead letters.
        RAISES (OSError): if parts can't be written.
        RAISES (RunError): if an input file has changed, or the crash isn't caused by
            a document.
        """
        done = self.folder.read_done(chunk.number)
        if done is not None:
            # the process that finished it was killed before removing the note
            self.folder.remove_attempt(chunk.number)
            return done
        try:
            return self._extract(chunk)
        except (Exception, KeyboardInterrupt):  # no crash
            self.folder.clear_attempt(chunk.number)
            raise

    def _extract(self, chunk: Chunk) -> Counts:
        start = time.perf_counter()
        with ExitStack() as stack:
            caught = stack.enter_context(warnings.catch_warnings(record=True))
            warnings.simplefilter("always")
            for nlp in filter(None, (self.nlp, self.ner_pipeline)):
                if len(nlp.vocab.strings) > self.max_strings:
                    stack.enter_context(nlp.memory_zone())
            sources, items = self._read(chunk)
            rows = _Attempt(self, chunk.number, sources, items).run()
        found = [row for row in rows if row is not None]
        letters = [
            make_letter(item, source)
            for source, item, row in zip(sources, items, rows)
            if row is None
        ]
        counts = {
            "chunk": chunk.number,
            "read": len(items),
            "extracted": len(found),
            "dead": len(letters),
            "kinds": dict(Counter(letter["kind"] for letter in letters)),
            "entities": sum(len(row["entities"]) for row in found),
            "relations": sum(len(row["relations"]) for row in found),
            "warnings": len(caught),
            "first_warning": str(caught[0].message) if caught else None,
            "seconds": round(time.perf_counter() - start, 3),
            "pid": os.getpid(),
        }
        self.folder.commit(chunk.number, found, letters, counts, self.settings.formats)
        return counts

    def _read(self, chunk: Chunk) -> Tuple[List[str], List[Item]]:
        """RETURNS (Tuple[List[str], List[Item]]): the file of each document, and the
        documents, in the planned number."""
        sources: List[str] = []
        items: List[Item] = []
        for piece in chunk.pieces:
            path = Path(self.settings.root, piece.source)
            try:
                check_unchanged(piece, path)
                found = self._read_piece(piece, path)
                check_unchanged(piece, path)
            except OSError as error:
                reason = error.strerror or str(error)
                raise RunError(f"{piece.source}: can't be read: {reason}.") from error
            except ValueError as error:
                raise RunError(str(error)) from error
            if len(found) != piece.count:
                raise RunError(
                    f"{piece.source}: found {len(found)} documents from number "
                    f"{piece.first} on, expected {piece.count}. {ADVICE}"
                )
            sources += [piece.source] * len(found)
            items += found
        return sources, items

    def _read_piece(self, piece: Piece, path: Path) -> List[Item]:
        place = Place(piece.start, piece.stop, piece.first)
        if piece.kind == UNREADABLE:
            return [refuse(place, MALFORMED, self._find_reason(path))]
        items = list(KINDS[piece.kind].read(path, *place, self.settings))
        for item in items:
            if item.is_file:
                item.id = piece.source
        return items

    def _find_reason(self, path: Path) -> str:
        """RETURNS (str): why the file can't be read."""
        try:
            next(KINDS[find_kind(path)].scan(path, self.settings), None)
        except ValueError as error:
            return str(error)
        raise RunError(f"{path}: the file can be read now. {ADVICE}")

    def make_doc(self, item: Item, source: str) -> Optional[Doc]:
        """RETURNS (Optional[Doc]): None if it can't be created; the item has the
        reason."""
        if item.task is None:
            return None
        try:
            if item.make_doc is not None:
                doc = item.make_doc(self.nlp.vocab)
                is_given = has_entities(self.nlp, doc)
                item.task = Task(doc.text, [] if is_given else None)
            elif self._check_long(item, len(item.task.text)):
                return None
            else:
                where = f"{source}:{item.place.number}"
                doc = make_doc(self.nlp, item.task, where)
                if count_widened(doc, item.task):
                    warnings.warn(
                        f"{where}: entities start or end inside a token; they are "
                        "expanded to the whole token.",
                        stacklevel=2,
                    )
        except Exception as error:  # data may contain anything
            item.fail(MALFORMED, str(error))
            return None
        if self._check_long(item, len(item.get_text(doc))):
            return None
        if item.task.entities is None and not self.can_find:
            names = ", ".join(self.nlp.pipe_names)
            reason = f"has no entities, and the pipeline ({names}) doesn't predict any"
            item.fail(MALFORMED, reason)
            return None
        return doc

    def _check_long(self, item: Item, length: int) -> bool:
        limit = self.settings.max_length
        if length > limit:
            item.fail(TOO_LONG, f"{length:,} characters; expected at most {limit:,}")
        return length > limit

    def predict(self, docs: Sequence[Doc], items: Sequence[Item]) -> None:
        """Run the pipeline on Docs, in place, in batches of similar length."""
        tasks = [item.task or Task("") for item in items]
        given = set()
        for doc, task in zip(docs, tasks):
            if task.entities is not None:
                given |= {span.label_ for span in doc.spans.get(GIVEN_KEY) or doc.ents}
        unknown = self.pipes.find_unknown_types(given)
        if unknown:
            warnings.warn(self.pipes.explain_unknown_types(unknown), stacklevel=2)
        order = sorted(
            range(len(docs)), key=lambda i: (tasks[i].entities is None, len(docs[i]))
        )
        for batch in self._batch(order, docs):
            chosen = [docs[i] for i in batch]
            found = predict(
                self.nlp,
                chosen,
                [tasks[i] for i in batch],
                ner_pipeline=self.ner_pipeline,
                batch_size=len(batch),
            )
            if any(doc is not same for doc, same in zip(found, chosen)):
                raise RunError("A component of the pipeline replaces Docs.")

    def make_row(self, item: Item, doc: Doc, source: str) -> Row:
        """RETURNS (Row): the row of a predicted Doc."""
        keep_text = self.settings.keep_text
        return make_row(
            item, doc, source, spans_keys=self.spans_keys, keep_text=keep_text
        )

    def _batch(self, order: Iterable[int], docs: Sequence[Doc]) -> Iterator[List[int]]:
        batch: List[int] = []
        n_words = 0
        for i in order:
            is_full = len(batch) == self.settings.batch_size
            if batch and (
                is_full or n_words + len(docs[i]) > self.settings.batch_words
            ):
                yield batch
                batch, n_words = [], 0
            batch.append(i)
            n_words += len(docs[i])
        if batch:
            yield batch


class _Attempt:
    """An attempt to process a chunk, with notes on earlier attempts."""

    def __init__(
        self, extractor: Extractor, number: int, sources: List[str], items: List[Item]
    ) -> None:
        self.extractor, self.number = extractor, number
        self.sources, self.items = sources, items
        self.folder = extractor.folder
        self.state = self.folder.recall(number)
        self.crashes: Counter[int] = Counter()
        self.crashes.update({int(i): n for i, n in self.state["crashes"].items()})

    def run(self) -> List[Optional[Row]]:
        """RETURNS (List[Optional[Row]]): one per item; None for dead letters."""
        state = self.state
        if state["at"] is not None:
            self.crashes[state["at"]] += 1
        elif state["n"] >= MAX_ATTEMPTS:
            state["other"] += 1
        if state["other"] > MAX_OTHER:
            self.folder.remove_attempt(self.number)
            raise RunError(
                f"Chunk {self.number} has crashed the process {state['n']} times, but "
                "none of its documents does so individually. If memory is "
                "insufficient, lower --batch-words."
            )
        state["n"] += 1
        self._remember(None)
        everything = range(len(self.items))
        if state["n"] > MAX_ATTEMPTS:
            return self._run_singly()
        try:
            return self._run_batched(everything)
        except RunError:
            raise
        except Exception:  # raised by the model for an unknown document
            return self._run_singly()

    def _remember(self, at: Optional[int]) -> None:
        crashes = {str(i): n for i, n in self.crashes.items()}
        self.state.update(at=at, crashes=crashes)
        self.folder.remember(self.number, self.state)

    def _run_singly(self) -> List[Optional[Row]]:
        """Find the documents that fail, and process the others as a batch."""
        rows = [self._run_one(i) for i in range(len(self.items))]
        self._remember(None)
        good = [i for i, row in enumerate(rows) if row is not None]
        # they only crash the process as a batch
        if self.state["n_batched"] == MAX_ATTEMPTS:
            return rows
        self.state["n_batched"] += 1
        self._remember(None)
        try:
            return self._run_batched(good)
        except RunError:
            raise
        except Exception:  # they only fail as a batch, e.g. out of memory
            return rows

    def _run_one(self, i: int) -> Optional[Row]:
        item = self.items[i]
        if self.crashes[i] >= MAX_CRASHES:
            times = plural(self.crashes[i], "time")
            item.fail(CRASHED, f"crashed the process {times}, individually")
            return None
        self._remember(i)
        try:
            return self._run_batched([i])[i]
        except RunError:
            raise
        except Exception as error:
            item.fail(FAILED, f"{type(error).__name__}: {error}")
            return None

    def _run_batched(self, chosen: Sequence[int]) -> List[Optional[Row]]:
        items, sources = self.items, self.sources
        made = {i: self.extractor.make_doc(items[i], sources[i]) for i in chosen}
        docs = {i: doc for i, doc in made.items() if doc is not None}
        self.extractor.predict(list(docs.values()), [items[i] for i in docs])
        return [
            self.extractor.make_row(items[i], docs[i], sources[i])
            if i in docs
            else None
            for i in range(len(items))
        ]


def make_extractor(settings: ExtractSettings, folder: Path) -> Extractor:
    """Load the model in a separate process.

    settings, folder (ExtractSettings, Path): see `Extractor`.
    RETURNS (Extractor): the extractor.
    RAISES (OSError, ValueError): for any error, so that the parent process can print a
        message instead of a traceback.
    """
    try:
        return Extractor(settings, folder)
    except (OSError, ValueError):
        raise
    except Exception as error:
        what = f"{type(error).__name__}: {error}"
        raise RunError(f"{settings.model}: can't be loaded: {what}") from error


def load_models(settings: ExtractSettings) -> Tuple[Language, Optional[Language]]:
    """Load the pipeline, and the separate pipeline for entities.

    settings (ExtractSettings): the run's settings.
    RETURNS (Tuple[Language, Optional[Language]]): the second is None if not set.
    RAISES (ValueError): if one can't be loaded, the first has no relation extractor, or
        the second predicts no entities.
    """
    if settings.gpu_id >= 0:
        from spacy import require_gpu

        require_gpu(settings.gpu_id)
    if settings.code is not None:
        _import_code(settings.code)
    nlp = load_pipeline(Path(settings.model))
    pipes = find_relation_pipes(nlp)
    if settings.threshold is not None:
        pipes.use_threshold(settings.threshold)
    name = settings.entities_from
    ner_pipeline = None if name is None else load_pipeline(Path(name))
    if ner_pipeline is not None:
        choose_entity_place(ner_pipeline, find_spans_key(nlp))  # raises
    for found in filter(None, (nlp, ner_pipeline)):
        use_numpy_blas(found)
        found.max_length = max(found.max_length, settings.max_length)
    return nlp, ner_pipeline


def _import_code(path: str) -> None:
    try:
        import_file("rel_component_user_code", path)
    except Exception as error:  # the code may raise anything
        what = f"{type(error).__name__}: {error}"
        raise RunError(f"--code {path}: can't be imported: {what}") from error


def _check_models(began: Dict[str, Any], settings: ExtractSettings) -> None:
    now = settings.fingerprint()
    for name in ("model", "entities_from", "code"):
        key = f"{name}_digest"
        if now.get(key) != began.get(key):
            raise RunError(
                f"{getattr(settings, name)} has changed since the run began. {ADVICE}"
            )

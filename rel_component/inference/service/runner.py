"""Run a pipeline on jobs."""

from typing import Any, Dict, Iterator, List, Optional, Sequence, Tuple, Union

import numpy
from pydantic_core import to_json
from spacy.language import Language
from spacy.tokenizer import Tokenizer
from spacy.tokens import Doc

from ...model.candidates import (
    BatchGenerator,
    Candidates,
    Entities,
    is_batch_generator,
)
from ...pipe.loading import find_relation_pipes, list_entity_finders
from ...relations import RelationData, get_entity_key, get_relation_data
from ..given import GivenEntitiesError, make_doc, replace_generators
from ..rows import list_entities, to_entity
from ..tasks import Task
from ..texts import extract
from ..tokenization import bound_tokenizer
from ..uncertainty import get_uncertainty, map_thresholds
from .jobs import Answer, ExtractOptions, Job, ModelFailed, TooMuchAtOnce
from .logs import describe_error
from .problems import ServiceError
from .settings import ServiceSettings

Outcome = Union[Answer, Exception]
Row = Dict[str, Any]


class Runner:
    """Runs a pipeline on jobs; not thread-safe.

    nlp (Language): a pipeline that predicts relations; don't use it elsewhere at the
        same time.
    settings (ServiceSettings): the limits.
    """

    def __init__(self, nlp: Language, settings: ServiceSettings) -> None:
        self.nlp = nlp
        self.settings = settings
        if isinstance(nlp.tokenizer, Tokenizer):
            bound_tokenizer(nlp.tokenizer)  # must be done outside of a memory zone
        self.pipes = find_relation_pipes(nlp)
        self.finders = list_entity_finders(nlp)

    def __call__(self, jobs: Sequence[Job]) -> List[Outcome]:
        """Answer jobs. If one fails, the others in the batch are still answered.

        jobs (Sequence[Job]): the batch.
        RETURNS (List[Outcome]): an answer or error per job.
        """
        outcomes: Dict[int, Outcome] = {}
        for is_given in (True, False):
            numbers = [
                i
                for i, job in enumerate(jobs)
                if (job.task.entities is not None) is is_given
            ]
            group = [jobs[i] for i in numbers]
            outcomes.update(zip(numbers, self._run_group(group, is_given)))
        return [outcomes[i] for i in range(len(jobs))]

    def _run_group(self, jobs: Sequence[Job], is_given: bool) -> List[Outcome]:
        try:
            return list(self._answer(jobs, is_given)) if jobs else []
        except TooMuchAtOnce as error:
            return [error] * len(jobs)
        except Exception as error:
            if len(jobs) == 1:
                return [self._to_outcome(error)]
        return [self._run_group([job], is_given)[0] for job in jobs]

    def _to_outcome(self, error: Exception) -> Exception:
        if isinstance(error, ServiceError):
            return error
        if isinstance(error, GivenEntitiesError):
            return ServiceError(422, str(error))
        return ModelFailed(describe_error(error, self.settings.log_texts))

    def _answer(self, jobs: Sequence[Job], is_given: bool) -> Iterator[Answer]:
        # otherwise the vocab would grow with all texts
        with self.nlp.memory_zone():
            docs = [self._make_doc(job.task) for job in jobs]
            with replace_generators(self.nlp, self._limit):
                found = list(extract(self.nlp, docs, is_given, len(docs)))
            for doc, job in zip(found, jobs):
                yield self._to_answer(doc, job)

    def _make_doc(self, task: Task) -> Doc:
        doc = make_doc(self.nlp, task, "the text")
        if len(doc) > self.settings.max_tokens:
            raise ServiceError(
                422,
                f"Found {len(doc)} tokens in one text; expected at most "
                f"{self.settings.max_tokens}. Split the text.",
                reason="size",
            )
        return doc

    def _limit(self, generator: Any) -> Any:
        if is_batch_generator(generator):
            return LimitedPairs(generator, self.settings.max_entities)
        return generator

    def _to_answer(self, doc: Doc, job: Job) -> Answer:
        text = job.task.text
        spans = list_entities(doc, self.pipes.spans_keys)
        entities = [to_entity(span, text) for span in spans]
        number = {get_entity_key(span): i for i, span in enumerate(spans)}
        data = get_relation_data(doc)
        relations: List[Row] = []
        scores: Optional[List[Row]] = None
        if data is not None:
            ends = [number[key] for key in data.entities]
            pairs = [(ends[head], ends[tail]) for head, tail in data.pairs.tolist()]
            relations = self._list_relations(doc, data, entities, pairs, job.options)
            if job.options.min_score is not None:
                scores = self._list_scores(data, pairs, job.options)
        if job.is_flat:
            content = to_json([_flatten(row, job.task.meta) for row in relations])
        else:
            found: Row = {"entities": entities, "relations": relations}
            found["scores"] = scores
            given = {entity["label"] for entity in job.task.entities or ()}
            found["unknown_types"] = self.pipes.find_unknown_types(given)
            if job.options.uncertainty:
                thresholds = map_thresholds(self.pipes)
                found["uncertainty"] = get_uncertainty(doc, thresholds)
            content = to_json({**job.task.meta, "text": text, **found})
        return Answer(content, max(len(relations), len(scores or ())))

    def _list_relations(
        self,
        doc: Doc,
        data: RelationData,
        entities: List[Row],
        pairs: List[Tuple[int, int]],
        options: ExtractOptions,
    ) -> List[Row]:
        decided = data.decided
        if options.threshold is not None:
            decided = self.pipes.decide(doc, options.threshold)
            data = self.pipes.constrain(
                data.replace(decided=decided), options.threshold
            )
            decided = data.decided
        decided = self._select(decided, data, options)
        self._check_number("relations", len(decided), "the threshold")
        return [
            {
                "label": data.labels[column],
                "score": float(data.scores[row, column]),
                "head": entities[pairs[row][0]],
                "tail": entities[pairs[row][1]],
            }
            for row, column in decided.tolist()
        ]

    def _list_scores(
        self, data: RelationData, pairs: List[Tuple[int, int]], options: ExtractOptions
    ) -> List[Row]:
        # not NaN, which is used for impossible labels
        cells = numpy.argwhere(data.scores >= options.min_score)
        cells = self._select(cells, data, options)
        self._check_number("scores", len(cells), "min_score")
        scores = [
            {
                "head": pairs[row][0],
                "tail": pairs[row][1],
                "label": data.labels[column],
                "score": float(data.scores[row, column]),
            }
            for row, column in cells.tolist()
        ]
        return sorted(scores, key=lambda score: -score["score"])

    def _select(
        self, cells: numpy.ndarray, data: RelationData, options: ExtractOptions
    ) -> numpy.ndarray:
        if options.labels is None:
            return cells
        is_asked = numpy.asarray([x in options.labels for x in data.labels], bool)
        return cells[is_asked[cells[:, 1]]]

    def _check_number(self, name: str, n: int, what: str) -> None:
        if n > self.settings.max_scores:
            raise too_many_rows(name, n, self.settings.max_scores, what)


class LimitedPairs:
    """Limits the pairs of a generator.

    generator (BatchGenerator): the generator.
    max_entities (int): maximum entities per text; the number of pairs is quadratic. A
        batch has at most as many pairs as a single text may have.
    """

    def __init__(self, generator: BatchGenerator, max_entities: int) -> None:
        self.generator = generator
        self.max_entities = max_entities
        self.spans_key = getattr(generator, "spans_key", None)

    def get_entities(self, docs: Sequence[Doc]) -> Entities:
        """RETURNS (Entities): the generator's entities."""
        return self.generator.get_entities(docs)

    def get_pairs(self, docs: Sequence[Doc], entities: Entities) -> Candidates:
        """RAISES (ServiceError, TooMuchAtOnce): if a text has too many entities, or the
        batch has too many pairs."""
        counts = numpy.diff(entities.offsets)
        most = int(counts.max(initial=0))
        if most > self.max_entities:
            raise ServiceError(
                422,
                f"Found {most} entities in one text; expected at most "
                f"{self.max_entities}. Split the text.",
                reason="size",
            )
        if len(docs) > 1 and int((counts**2).sum()) > self.max_entities**2:
            raise TooMuchAtOnce()
        return self.generator.get_pairs(docs, entities)


def too_many_rows(name: str, n: int, limit: int, what: str) -> ServiceError:
    """RETURNS (ServiceError): 422 for too many relations or scores, with the option to
    raise."""
    return ServiceError(
        422,
        f"Found {n} {name}; expected at most {limit} in one answer. Raise {what}, or "
        f"send fewer texts in one request.",
        reason="size",
    )


def _flatten(relation: Row, meta: Row) -> Row:
    return {
        "source_entity": relation["head"]["text"],
        "target_entity": relation["tail"]["text"],
        "relationship_type": relation["label"],
        "relationship_description": None,
        "relationship_strength": relation["score"],
        **meta,
    }

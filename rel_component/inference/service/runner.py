"""A pipeline that answers jobs: texts with what is wanted of each."""

from dataclasses import dataclass
from typing import (
    Any,
    Dict,
    FrozenSet,
    Iterator,
    List,
    Optional,
    Sequence,
    Tuple,
    Union,
)

import numpy
from spacy.language import Language
from spacy.tokenizer import Tokenizer
from spacy.tokens import Doc, Span

from ...model.candidates import (
    BatchGenerator,
    Candidates,
    Entities,
    is_batch_generator,
)
from ...pipe.loading import find_relation_pipes, list_entity_finders
from ...relations import EntityKey, RelationData, get_relation_data, keep_best
from ..given import GIVEN_KEY, GivenEntitiesError, make_doc, replace_generators
from ..tasks import Task
from ..texts import extract
from ..tokenization import bound_tokenizer
from .problems import ServiceError

Answer = Dict[str, Any]
Outcome = Union[Answer, Exception]


@dataclass(frozen=True)
class ExtractOptions:
    """What is wanted of a text.

    threshold (Optional[float]): relations from this score on; None: the model's.
    labels (Optional[FrozenSet[str]]): of relations; None: all.
    min_score (Optional[float]): also all scores from this one on; None: no scores.
    """

    threshold: Optional[float] = None
    labels: Optional[FrozenSet[str]] = None
    min_score: Optional[float] = None


@dataclass(frozen=True)
class Job:
    """One text.

    task (Task): the text and perhaps its entities, within the text.
    wanted (ExtractOptions): what is wanted of it.
    """

    task: Task
    wanted: ExtractOptions = ExtractOptions()


class Runner:
    """Runs a pipeline on jobs; one thread at a time.

    nlp (Language): with a component that finds relations; not to be used elsewhere
        meanwhile.
    max_scores (int): most scores in one answer.
    max_entities (int): most entities of one text.
    """

    def __init__(
        self, nlp: Language, *, max_scores: int = 100_000, max_entities: int = 500
    ) -> None:
        self.nlp = nlp
        self.max_entities = max_entities
        self.max_scores = max_scores
        if isinstance(nlp.tokenizer, Tokenizer):
            bound_tokenizer(nlp.tokenizer)  # not later, within a memory zone
        self.pipes = find_relation_pipes(nlp)
        self.finders = list_entity_finders(nlp)

    def __call__(self, jobs: Sequence[Job]) -> List[Outcome]:
        """Answer jobs. One that fails does not harm the others of its batch.

        jobs (Sequence[Job]): the batch.
        RETURNS (List[Outcome]): for each job `entities`, `relations` and `scores`, or
            the error.
        """
        outcomes: List[Outcome] = [{}] * len(jobs)
        for is_given in (True, False):
            numbers = [
                i
                for i, job in enumerate(jobs)
                if (job.task.entities is not None) is is_given
            ]
            group = [jobs[i] for i in numbers]
            for i, outcome in zip(numbers, self._run_group(group, is_given)):
                outcomes[i] = outcome
        return outcomes

    def _run_group(self, jobs: Sequence[Job], is_given: bool) -> List[Outcome]:
        try:
            return list(self._answer(jobs, is_given)) if jobs else []
        except GivenEntitiesError as error:
            if len(jobs) == 1:
                return [ServiceError(422, str(error))]
        except Exception as error:
            if len(jobs) == 1:
                return [error]
        return [self._run_group([job], is_given)[0] for job in jobs]

    def _answer(self, jobs: Sequence[Job], is_given: bool) -> Iterator[Answer]:
        # the words of all texts ever seen would fill the memory
        with self.nlp.memory_zone():
            docs = [make_doc(self.nlp, job.task, "the text") for job in jobs]
            with replace_generators(self.nlp, self._limit):
                found = list(extract(self.nlp, docs, is_given, len(docs)))
            for doc, job in zip(found, jobs):
                given = list(doc.spans[GIVEN_KEY]) if is_given else None
                yield self._to_answer(doc, given, job)

    def _limit(self, generator: Any) -> Any:
        if is_batch_generator(generator):
            return LimitedPairs(generator, self.max_entities)
        return generator

    def _to_answer(self, doc: Doc, given: Optional[List[Span]], job: Job) -> Answer:
        entities, number = _number_entities(doc, given, job.task)
        data = get_relation_data(doc)
        if data is None:
            return {"entities": entities, "relations": [], "scores": None}
        ends = [
            number.setdefault(key, len(number))
            for key in (data.entity(row) for row in range(len(data.spans)))
        ]
        for key, at in number.items():
            if at == len(entities):  # a generator's own spans are not in doc.ents
                entities.append(_describe(doc[key[0] : key[1]], key[2]))
        pairs = [(ends[head], ends[tail]) for head, tail in data.pairs.tolist()]
        relations = [
            {
                "label": data.labels[column],
                "score": float(data.scores[row, column]),
                "head": entities[pairs[row][0]],
                "tail": entities[pairs[row][1]],
            }
            for row, column in self._decide(data, job.wanted)
        ]
        scores = None
        if job.wanted.min_score is not None:
            scores = self._list_scores(data, pairs, job.wanted)
        return {"entities": entities, "relations": relations, "scores": scores}

    def _decide(
        self, data: RelationData, wanted: ExtractOptions
    ) -> List[Tuple[int, int]]:
        decided = data.decided
        if wanted.threshold is not None:
            single = self.pipes.single_label
            scores = keep_best(data.scores) if single else data.scores
            decided = numpy.argwhere(scores >= wanted.threshold)
        if wanted.labels is not None:
            is_wanted = numpy.asarray([x in wanted.labels for x in data.labels], bool)
            decided = decided[is_wanted[decided[:, 1]]]
        if len(decided) > self.max_scores:
            raise ServiceError(
                422,
                f"relations: found {len(decided)} in one text; expected at most "
                f"{self.max_scores}. Raise the threshold.",
            )
        return [(row, column) for row, column in decided.tolist()]

    def _list_scores(
        self, data: RelationData, pairs: List[Tuple[int, int]], wanted: ExtractOptions
    ) -> List[Dict[str, Any]]:
        cells = numpy.argwhere(
            data.scores >= wanted.min_score
        )  # not NaN: what can't be
        if len(cells) > self.max_scores:
            raise ServiceError(
                422,
                f"all_scores: found {len(cells)} scores of one text; expected at most "
                f"{self.max_scores}. Raise min_score.",
            )
        scores = [
            {
                "head": pairs[row][0],
                "tail": pairs[row][1],
                "label": data.labels[column],
                "score": float(data.scores[row, column]),
            }
            for row, column in cells.tolist()
            if wanted.labels is None or data.labels[column] in wanted.labels
        ]
        return sorted(scores, key=lambda score: -score["score"])


class LimitedPairs:
    """The pairs of a generator, unless a text has too many entities.

    generator (BatchGenerator): the generator.
    max_entities (int): most entities of one text; pairs grow with their square.
    """

    def __init__(self, generator: BatchGenerator, max_entities: int) -> None:
        self.generator = generator
        self.max_entities = max_entities
        self.spans_key = getattr(generator, "spans_key", None)

    def get_entities(self, docs: Sequence[Doc]) -> Entities:
        """RETURNS (Entities): those of the generator."""
        return self.generator.get_entities(docs)

    def get_pairs(self, docs: Sequence[Doc], entities: Entities) -> Candidates:
        """RAISES (ServiceError): if a text has too many entities."""
        most = int(numpy.diff(entities.offsets).max(initial=0))
        if most > self.max_entities:
            raise ServiceError(
                422,
                f"Found {most} entities in one text; expected at most "
                f"{self.max_entities}. Send it in parts.",
                reason="size",
            )
        return self.generator.get_pairs(docs, entities)


def _number_entities(
    doc: Doc, given: Optional[List[Span]], task: Task
) -> Tuple[List[Dict[str, Any]], Dict[EntityKey, int]]:
    """The entities of a Doc, and the number of each by its tokens and type. Given ones
    are named as they were given, not as the tokens that they were widened to."""
    number: Dict[EntityKey, int] = {}
    if given is None:
        groups = (span for group in doc.spans.values() for span in group)
        spans = {_key(span): span for span in (*doc.ents, *groups)}
        number = {key: i for i, key in enumerate(sorted(spans))}
        return [_describe(spans[key], key[2]) for key in number], number
    order = sorted(range(len(given)), key=lambda i: _key(given[i]))
    entities = []
    for at, i in enumerate(order):
        number.setdefault(_key(given[i]), at)
        entity = (task.entities or [])[i]
        text = task.text[entity["start"] : entity["end"]]
        entities.append({**entity, "text": text})
    return entities, number


def _key(span: Span) -> EntityKey:
    return (span.start, span.end, span.label_)


def _describe(span: Span, label: str) -> Dict[str, Any]:
    return {
        "start": span.start_char,
        "end": span.end_char,
        "label": label,
        "text": span.text,
    }

"""Pre-annotate texts for correction, the most uncertain ones first."""

import pickle
import tempfile
from typing import Iterable, Iterator, List, Optional, Tuple

from spacy.language import Language

from ..formats import Record, Source, WriteOptions, from_doc
from ..formats.tools.jsonl import FIELDS
from ..formats.writers import UNCERTAINTY
from ..pipe.loading import find_relation_pipes, list_entity_labels
from ..schema import Schema
from .given import GIVEN_KEY
from .tasks import Task
from .texts import find_relations
from .uncertainty import get_uncertainty, map_thresholds

RANKINGS = ("max", "mean")


def preannotate(
    nlp: Language,
    tasks: Iterable[Task],
    *,
    ner_pipeline: Optional[Language] = None,
    by: str = "max",
    batch_size: int = 64,
    source: str = "texts",
) -> Iterator[Record]:
    """Predict entities and relations in texts. Given entities are kept.

    nlp (Language): a pipeline with a component for relations.
    tasks (Iterable[Task]): the tasks.
    ner_pipeline (Optional[Language]): predicts the entities instead of the pipeline.
    by (str): the measure of uncertainty, see `get_uncertainty`.
    batch_size (int): the number of documents per batch.
    source (str): name of the input, for messages.
    YIELDS (Record): the records in order, with scores, and the document's uncertainty
        in `meta["uncertainty"]`.
    RAISES (ValueError): if no component predicts relations, or a text has no entities
        and no component predicts them.
    """
    pipes = find_relation_pipes(nlp)
    thresholds = map_thresholds(pipes)
    done = find_relations(
        nlp, tasks, ner_pipeline=ner_pipeline, batch_size=batch_size, source=source
    )
    for number, (task, doc, _, entities) in enumerate(done):
        doc.spans[GIVEN_KEY] = entities
        id_ = task.meta.get("id")
        place = Source(source, index=number, id=None if id_ is None else str(id_))
        record = from_doc(doc, spans_key=GIVEN_KEY, scores=True, source=place)
        uncertainty = round(get_uncertainty(doc, thresholds, by), 4)
        meta = {key: v for key, v in task.meta.items() if key not in FIELDS}
        record.meta = {**meta, UNCERTAINTY: uncertainty}
        yield record


def rank(records: Iterable[Record], limit: Optional[int] = None) -> Iterator[Record]:
    """Sort records by uncertainty, on disk to save memory.

    records (Iterable[Record]): the output of `preannotate`.
    limit (Optional[int]): maximum number of records; None for all.
    YIELDS (Record): the most uncertain first; ties keep their order.
    """
    places: List[Tuple[float, int]] = []
    with tempfile.TemporaryFile() as file:
        for record in records:
            places.append((-record.meta[UNCERTAINTY], file.tell()))
            pickle.dump(record, file)
        for _, place in sorted(places)[:limit]:
            file.seek(place)
            yield pickle.load(file)


def describe_model(nlp: Language) -> WriteOptions:
    """Describe a pipeline's labels, for the configurations of annotation tools.

    nlp (Language): a pipeline with a component for relations.
    RETURNS (WriteOptions): options for predictions, with all labels and entity types,
        allowed pairs and symmetric labels.
    RAISES (ValueError): if no component predicts relations.
    """
    pipes = find_relation_pipes(nlp)
    pairs = pipes.schema.pairs if pipes.schema else {}
    types = dict.fromkeys([*pipes.entity_types, *list_entity_labels(nlp)])
    return WriteOptions(
        predictions=True,
        model_version=f"{nlp.meta['lang']}_{nlp.meta['name']}-{nlp.meta['version']}",
        schema=Schema(
            {label: pairs.get(label) for label in pipes.labels},
            symmetric=pipes.symmetric & set(pipes.labels),
        ),
        entity_types=tuple(types),
    )

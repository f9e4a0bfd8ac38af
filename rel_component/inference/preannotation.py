"""Raw texts to records that an annotator corrects, the most uncertain ones first."""

import pickle
import tempfile
from collections import defaultdict
from collections.abc import Mapping
from typing import Iterable, Iterator, List, Optional, Tuple, Union

import numpy
from spacy.language import Language
from spacy.tokens import Doc

from ..formats import Record, Source, WriteOptions, from_doc
from ..formats.tools.jsonl import FIELDS
from ..formats.writers import UNCERTAINTY
from ..pipe.loading import find_relation_pipes, list_entity_labels
from ..relations import get_relation_data
from ..schema import Schema
from .tasks import Task
from .texts import find_relations

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
    """Find entities and relations in texts.

    nlp (Language): with a component that finds relations. Entities that a task has
        are kept.
    tasks (Iterable[Task]): taken batch by batch.
    ner_pipeline (Optional[Language]): finds the entities in place of the pipeline.
    by (str): how a document's uncertainty is computed, see `get_uncertainty`.
    batch_size (int): documents to process at one time.
    source (str): name of the input, for messages.
    YIELDS (Record): in the order of the tasks; with scores, and with the document's
        uncertainty in `meta["uncertainty"]`.
    RAISES (ValueError): if nothing finds relations, or a text has no entities
        and nothing finds them.
    """
    pipes = find_relation_pipes(nlp)
    thresholds = defaultdict(lambda: pipes.threshold, pipes.thresholds)
    done = find_relations(
        nlp, tasks, ner_pipeline=ner_pipeline, batch_size=batch_size, source=source
    )
    for number, (task, doc, _) in enumerate(done):
        id_ = task.meta.get("id")
        place = Source(source, index=number, id=None if id_ is None else str(id_))
        record = from_doc(doc, scores=True, source=place)
        uncertainty = round(get_uncertainty(doc, thresholds, by), 4)
        meta = {key: v for key, v in task.meta.items() if key not in FIELDS}
        record.meta = {**meta, UNCERTAINTY: uncertainty}
        yield record


def get_uncertainty(
    doc: Doc, threshold: Union[float, Mapping[str, float]], by: str = "max"
) -> float:
    """How unsure a model is of the relations of a Doc.

    A score at the threshold is wholly uncertain (1), one of 0 or 1 is not at all (0),
    in between it is in proportion. A pair is as uncertain as its most uncertain label.

    doc (Doc): with the scores of all pairs.
    threshold (float | Mapping[str, float]): from which score on a relation is
        predicted; for all labels, or for each.
    by (str): `max`: a document is as uncertain as its most uncertain pair; `mean`: as
        its pairs are on average, so that long ones with few doubts come later.
    RETURNS (float): from 0 to 1; 0 if there is no pair.
    """
    data = get_relation_data(doc)
    if data is None or not data.scores.size:
        return 0.0
    scores = data.scores.astype("float64")
    limits = numpy.asarray(threshold)
    if isinstance(threshold, Mapping):
        limits = numpy.asarray([threshold[label] for label in data.labels])
    room = numpy.where(scores < limits, limits, 1 - limits)
    distance = numpy.abs(scores - limits) / numpy.where(room > 0, room, 1)
    # what can't be has no score
    pairs = numpy.nan_to_num(1 - distance, nan=0.0).max(axis=1)
    return float(pairs.max() if by == "max" else pairs.mean())


def rank(records: Iterable[Record], limit: Optional[int] = None) -> Iterator[Record]:
    """Records in the order of their uncertainty; they wait on disk.

    records (Iterable[Record]): of `preannotate`.
    limit (Optional[int]): how many, None for all.
    YIELDS (Record): the most uncertain first; equal ones as they came.
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
    """What a pipeline can predict, for the configurations of annotation tools.

    nlp (Language): with a component that finds relations.
    RETURNS (WriteOptions): for predictions, with all labels and entity types, allowed
        pairs and symmetric labels.
    RAISES (ValueError): if there is none.
    """
    pipes = find_relation_pipes(nlp)
    pairs = pipes.schema.pairs if pipes.schema else {}
    types = dict.fromkeys([*pipes.entity_types, *list_entity_labels(nlp)])
    return WriteOptions(
        predictions=True,
        model_version=f"{nlp.meta['lang']}_{nlp.meta['name']}-{nlp.meta['version']}",
        schema=Schema(
            {label: pairs.get(label) for label in pipes.labels},
            symmetric=pipes.symmetric,
        ),
        entity_types=tuple(types),
    )

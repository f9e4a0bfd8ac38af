"""Zero-shot entity and relation extraction with GLiNER2, as a spaCy component.

Entity and relation labels are defined by descriptions, without training. Requires the
extra `zero-shot`; for checkpoints, see https://huggingface.co/fastino.
"""

import itertools
import multiprocessing
from typing import (
    Any,
    Callable,
    Dict,
    FrozenSet,
    Iterable,
    Iterator,
    List,
    NamedTuple,
    Optional,
    Sequence,
    Tuple,
    Union,
)

from spacy.language import Language
from spacy.tokens import Doc, Span
from spacy.vocab import Vocab

from ..checks import check_probability
from ..entity_scores import set_entity_scores
from ..relations import (
    Relation,
    get_relation_data,
    set_relation_data,
    set_relations,
)
from ..schema import Schema
from ..scorer import SCORE_WEIGHTS, relation_scorer
from ..wording import get_command
from .merging import merge_relations
from .untrained import UntrainedPipe

CHECKPOINT = "fastino/gliner2.5-base-v1"
ENTITY_FIELDS = ("name", "description", "threshold")
RELATION_FIELDS = (*ENTITY_FIELDS, "head", "tail")

LabelSettings = Dict[str, Union[str, Dict[str, Any]]]


@Language.factory(
    "gliner2",
    assigns=["doc.ents", "doc._.rel", "doc._.relations"],
    default_config={
        "checkpoint": CHECKPOINT,
        "entities": {},
        "relations": {},
        "symmetric": [],
        "threshold": 0.5,
        "entity_threshold": 0.5,
        "spans_key": None,
        "batch_size": 8,
        "chunk_size": 384,
        "chunk_overlap": 64,
        "device": None,
        "scorer": {"@scorers": "rel_component.relation_scorer.v1"},
    },
    default_score_weights=SCORE_WEIGHTS,
)
def make_gliner2(
    nlp: Language,
    name: str,
    *,
    checkpoint: str,
    entities: LabelSettings,
    relations: LabelSettings,
    symmetric: List[str],
    threshold: float,
    entity_threshold: float,
    spans_key: Optional[str],
    batch_size: int,
    chunk_size: int,
    chunk_overlap: int,
    device: Optional[str],
    scorer: Optional[Callable],
) -> "GLiNER2Pipe":
    """Construct a zero-shot component.

    checkpoint (str): folder or Hugging Face name of a GLiNER2 or GLiNER2.5 checkpoint.
    entities (Dict[str, str | Dict]): a description per entity type, or `name` (to use
        in the model's input, if different from the label), `description` and
        `threshold`.
    relations (Dict[str, str | Dict]): the same per relation, and `head` and `tail`: its
        allowed entity types, one or a list.
    symmetric (List[str]): labels of symmetric relations.
    threshold (float): minimum score of relations.
    entity_threshold (float): minimum score of entities.
    spans_key (Optional[str]): read and write entities in `doc.spans[spans_key]`, where
        they may overlap; None for `doc.ents`.
    batch_size (int): number of texts to process at once.
    chunk_size (int): number of words per chunk; longer texts are split.
    chunk_overlap (int): number of words shared by two chunks; relations between
        entities that are not in the same chunk are not found.
    device (Optional[str]): torch device, e.g. `cuda`; None for CPU.
    scorer (Optional[Callable]): scores examples.
    """
    return GLiNER2Pipe(
        nlp.vocab,
        name,
        checkpoint=checkpoint,
        entities=entities,
        relations=relations,
        symmetric=symmetric,
        threshold=threshold,
        entity_threshold=entity_threshold,
        spans_key=spans_key,
        batch_size=batch_size,
        chunk_size=chunk_size,
        chunk_overlap=chunk_overlap,
        device=device,
        scorer=scorer,
    )


class Prompt(NamedTuple):
    """A label to extract.

    label (str): the label in the Doc.
    name (str): the name in the model's input.
    description (str): the description, may be empty.
    threshold (float): the minimum score.
    head, tail (FrozenSet[str]): allowed entity types of a relation; empty for any.
    """

    label: str
    name: str
    description: str
    threshold: float
    head: FrozenSet[str] = frozenset()
    tail: FrozenSet[str] = frozenset()


class Found(NamedTuple):
    """A labelled span of characters predicted by the model."""

    start: int
    end: int
    label: str
    score: float


class FoundRelation(NamedTuple):
    """A relation between two spans of characters predicted by the model."""

    head: Tuple[int, int]
    label: str
    tail: Tuple[int, int]
    score: float


class GLiNER2Pipe(UntrainedPipe):
    """Extracts entities and relations based on descriptions.

    If a Doc already has entities, they are kept, and relations between them extracted.
    """

    def __init__(
        self,
        vocab: Vocab,
        name: str = "gliner2",
        *,
        checkpoint: str = CHECKPOINT,
        entities: Optional[LabelSettings] = None,
        relations: Optional[LabelSettings] = None,
        symmetric: Iterable[str] = (),
        threshold: float = 0.5,
        entity_threshold: float = 0.5,
        spans_key: Optional[str] = None,
        batch_size: int = 8,
        chunk_size: int = 384,
        chunk_overlap: int = 64,
        device: Optional[str] = None,
        scorer: Optional[Callable] = relation_scorer,
    ) -> None:
        """Initialize the component, see `make_gliner2`. The model is loaded on first
        use.

        RAISES (ValueError): if a setting is invalid.
        """
        self.vocab = vocab
        self.name = name
        self.checkpoint = checkpoint
        self.spans_key = spans_key
        self.batch_size = batch_size
        self.chunk_size = chunk_size
        self.chunk_overlap = chunk_overlap
        self.device = device
        self.scorer = scorer
        self.cfg: Dict[str, Any] = {
            "symmetric": sorted(symmetric),
            "threshold": check_probability(threshold, "threshold"),
        }
        self._entities = read_prompts(
            entities or {},
            "entities",
            ENTITY_FIELDS,
            check_probability(entity_threshold, "entity_threshold"),
        )
        self._relations = read_prompts(
            relations or {}, "relations", RELATION_FIELDS, threshold
        )
        _check_types(self._relations, self._entities)
        unknown = self.symmetric - {*self.labels}
        if unknown:
            raise ValueError(
                f"symmetric contains {sorted(unknown)}, but the relations are "
                f"{list(self.labels)}."
            )
        self._model: Any = None

    def __getstate__(self) -> Dict[str, Any]:
        # each process loads its own model
        return {**self.__dict__, "_model": None}

    @property
    def labels(self) -> Tuple[str, ...]:
        """RETURNS (Tuple[str, ...]): the relation labels."""
        return tuple(prompt.label for prompt in self._relations)

    @property
    def entity_types(self) -> Tuple[str, ...]:
        """RETURNS (Tuple[str, ...]): the entity types."""
        return tuple(prompt.label for prompt in self._entities)

    @property
    def threshold(self) -> float:
        """RETURNS (float): the minimum score of relations."""
        return self.cfg["threshold"]

    @threshold.setter
    def threshold(self, value: float) -> None:
        value = check_probability(value, "threshold")
        self.cfg["threshold"] = value
        self._relations = [
            prompt._replace(threshold=value) for prompt in self._relations
        ]

    @property
    def thresholds(self) -> Dict[str, float]:
        """RETURNS (Dict[str, float]): thresholds per label, if different."""
        return {
            prompt.label: prompt.threshold
            for prompt in self._relations
            if prompt.threshold != self.threshold
        }

    @property
    def schema(self) -> Schema:
        """RETURNS (Schema): the allowed entity types of relations."""
        pairs = {
            prompt.label: (
                {(h, t) for h in prompt.head for t in prompt.tail}
                if prompt.head and prompt.tail
                else None
            )
            for prompt in self._relations
        }
        return Schema(pairs, symmetric=self.symmetric & set(pairs))

    def load_model(self) -> Any:
        """Load the model on first use.

        Not a property `model`: spaCy looks for that attribute when a component is
        added, and would load the checkpoint.

        RETURNS (AutoExtractor): the model.
        RAISES (ValueError): if the checkpoint can't be found or downloaded.
        """
        if _is_forked():
            import torch

            # torch would hang, waiting for the parent's threads
            torch.set_num_threads(1)
        if self._model is None:
            self._model = load_checkpoint(self.checkpoint, self.device)
        return self._model

    def _annotate(self, docs: Sequence[Doc]) -> None:
        texts = [doc.text for doc in docs]
        is_given = [self._has_entities(doc) for doc in docs]
        for doc, given, (entities, relations) in zip(
            docs, is_given, self._extract(texts, is_given)
        ):
            if not given:
                self._set_entities(doc, entities)
            self._set_relations(doc, relations)

    def _has_entities(self, doc: Doc) -> bool:
        if self.spans_key is not None:
            return self.spans_key in doc.spans
        return doc.has_annotation("ENT_IOB")

    def _extract(
        self, texts: Sequence[str], is_given: Sequence[bool]
    ) -> List[Tuple[List[Found], List[FoundRelation]]]:
        """Predict the spans and relations of each text; if chunks overlap, keep the
        best score."""
        chunks = [(i, x) for i, text in enumerate(texts) for x in self._split(text)]
        results: List[Any] = []
        if chunks and (self._relations or not all(is_given)):
            schemas = [self._make_schema(not is_given[i]) for i, _ in chunks]
            results = self.load_model().batch_extract(
                [chunk.text for _, chunk in chunks],
                schemas,
                batch_size=self.batch_size,
                include_confidence=True,
                include_spans=True,
                # the library adds a missing full stop
                max_len=self.chunk_size + 1,
            )
        found: List[Tuple[List[Found], List[FoundRelation]]] = [([], []) for _ in texts]
        for (i, chunk), result in zip(chunks, results):
            found[i][0].extend(self._read_entities(result, chunk))
            found[i][1].extend(self._read_relations(result, chunk))
        return found

    def _split(self, text: str) -> Iterable[Any]:
        from gliner2.inference.chunking import split_text_into_chunks

        if not text.strip():
            return []
        return split_text_into_chunks(text, self.chunk_size, self.chunk_overlap)

    def _make_schema(self, with_entities: bool) -> Any:
        from gliner2 import Schema as Task

        task = Task()
        if with_entities and self._entities:
            task.entities({x.name: _describe(x) for x in self._entities})
        if self._relations:
            task.relations({x.name: _describe(x) for x in self._relations})
        return task

    def _read_entities(self, result: Any, chunk: Any) -> Iterator[Found]:
        groups = result.get("entities", {})
        for prompt in self._entities:
            for item in groups.get(prompt.name) or ():
                place = _find_place(item, chunk)
                if place is not None:
                    yield Found(*place, prompt.label, item["confidence"])

    def _read_relations(self, result: Any, chunk: Any) -> Iterator[FoundRelation]:
        groups = result.get("relation_extraction", {})
        for prompt in self._relations:
            # some versions append the description to the name
            names = (prompt.name, f"{prompt.name}: {prompt.description}")
            for item in itertools.chain(*(groups.get(name) or () for name in names)):
                head, tail = (_find_place(item[x], chunk) for x in ("head", "tail"))
                score = _get_score(item)
                # the library only compares head and tail with the threshold
                is_sure = score >= prompt.threshold
                if head is not None and tail is not None and is_sure:
                    yield FoundRelation(head, prompt.label, tail, score)

    def _set_entities(self, doc: Doc, found: Iterable[Found]) -> None:
        """Set the entities with the best scores; in `doc.ents`, without overlaps."""
        spans: Dict[Span, float] = {}
        for start, end, label, score in sorted(found, key=lambda x: (-x.score, x)):
            span = _to_span(doc, start, end, label)
            if span is not None:
                spans.setdefault(span, score)
        if self.spans_key is not None:
            doc.spans[self.spans_key] = sorted(spans)
            kept = spans
        else:
            kept = _drop_overlapping(spans)
            doc.ents = sorted(kept)
        set_entity_scores(doc, kept)

    def _set_relations(self, doc: Doc, found: Iterable[FoundRelation]) -> None:
        spans_key = self.spans_key
        entities = list(doc.ents if spans_key is None else doc.spans[spans_key])
        prompts = {prompt.label: prompt for prompt in self._relations}
        best: Dict[Tuple[Span, str, Span], float] = {}
        for head_place, label, tail_place, score in found:
            prompt = prompts[label]
            head = _find_entity(entities, head_place, prompt.head)
            tail = _find_entity(entities, tail_place, prompt.tail)
            if head is None or tail is None or head == tail:
                continue
            for ends in ((head, tail), (tail, head))[: 1 + (label in self.symmetric)]:
                key = (ends[0], label, ends[1])
                best[key] = max(score, best.get(key, 0.0))
        before = get_relation_data(doc)
        set_relations(doc, [Relation(h, x, t, s) for (h, x, t), s in best.items()])
        added = get_relation_data(doc)
        if before is not None and added is not None:
            set_relation_data(doc, merge_relations(before, added))


def _is_forked() -> bool:
    is_child = multiprocessing.parent_process() is not None
    return is_child and multiprocessing.get_start_method() == "fork"


def load_checkpoint(checkpoint: str, device: Optional[str] = None) -> Any:
    """Load a GLiNER2 checkpoint.

    checkpoint (str): folder or Hugging Face name.
    device (Optional[str]): torch device; None for CPU.
    RETURNS (AutoExtractor): the model.
    RAISES (ValueError): if the library is not installed, or the checkpoint can't be
        loaded.
    """
    try:
        from gliner2 import AutoExtractor

        load = AutoExtractor.from_pretrained
    except (ImportError, AttributeError) as error:
        raise ValueError(
            f"The component gliner2 requires the packages gliner2 and torch: "
            f"{get_command('zero-shot')} ({error})."
        ) from error
    try:
        return load(checkpoint, map_location=device or "cpu")
    except Exception as error:  # raised by the hub, torch or the library
        lines = str(error).strip().splitlines() or [repr(error)]
        raise ValueError(
            f"Can't load the GLiNER2 checkpoint {checkpoint!r}: {lines[0]} Use a "
            f"folder with config.json and model.safetensors, or a name such as "
            f"{CHECKPOINT!r}, which is downloaded from huggingface.co once; without "
            f"network access, copy the folder from another machine."
        ) from error


def read_prompts(
    settings: LabelSettings, where: str, fields: Sequence[str], threshold: float
) -> List[Prompt]:
    """Read labels and descriptions.

    settings (Dict[str, str | Dict]): the setting `entities` or `relations`.
    where (str): name of the setting, for messages.
    fields (Sequence[str]): allowed fields of a label.
    threshold (float): default threshold of labels.
    RETURNS (List[Prompt]): a prompt per label.
    RAISES (ValueError): if a field is invalid, or two labels have the same name.
    """
    prompts = []
    for label, value in settings.items():
        place = f"{where}.{label}"
        data = {"description": value} if isinstance(value, str) else (value or {})
        if not isinstance(data, dict):
            raise ValueError(
                f"{place} is {value!r}; expected a description, or an object with some "
                f"of {', '.join(fields)}."
            )
        unknown = [name for name in data if name not in fields]
        if unknown:
            raise ValueError(
                f"{place} has unknown field(s) {', '.join(unknown)}; expected some of "
                f"{', '.join(fields)}."
            )
        prompts.append(
            Prompt(
                label=label,
                name=str(data.get("name") or label),
                description=str(data.get("description") or ""),
                threshold=check_probability(
                    data.get("threshold", threshold), f"{place}.threshold"
                ),
                head=_read_types(data.get("head"), f"{place}.head"),
                tail=_read_types(data.get("tail"), f"{place}.tail"),
            )
        )
    names = [prompt.name for prompt in prompts]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"{where}: two labels have the name {twice!r}.")
    return prompts


def _read_types(value: Any, where: str) -> FrozenSet[str]:
    types = [value] if isinstance(value, str) else (value or [])
    if not isinstance(types, (list, tuple)) or not all(
        isinstance(type_, str) for type_ in types
    ):
        raise ValueError(
            f"{where} is {value!r}; expected an entity type or a list of them."
        )
    return frozenset(types)


def _check_types(relations: Iterable[Prompt], entities: Sequence[Prompt]) -> None:
    known = {prompt.label for prompt in entities}
    for prompt in relations:
        unknown = sorted((prompt.head | prompt.tail) - known)
        if known and unknown:
            raise ValueError(
                f"relations.{prompt.label} links {', '.join(unknown)}, but the "
                f"entities are {', '.join(sorted(known))}."
            )


def _describe(prompt: Prompt) -> Dict[str, Any]:
    described: Dict[str, Any] = {"threshold": prompt.threshold}
    if prompt.description:
        described["description"] = prompt.description
    return described


def _find_place(item: Any, chunk: Any) -> Optional[Tuple[int, int]]:
    """Get the characters of a prediction in the text, without the full stop that the
    library adds to chunks."""
    start, end = item["start"], min(item["end"], len(chunk.text))
    if start >= end:
        return None
    return (chunk.start_char + start, chunk.start_char + end)


def _get_score(item: Any) -> float:
    """Get the model's score, or the lower one of head and tail."""
    ends = (item["head"]["confidence"], item["tail"]["confidence"])
    return float(item.get("confidence", min(ends)))


def _to_span(doc: Doc, start: int, end: int, label: str) -> Optional[Span]:
    return doc.char_span(start, end, label=label, alignment_mode="expand")


def _drop_overlapping(spans: Dict[Span, float]) -> Dict[Span, float]:
    """RETURNS (Dict[Span, float]): the spans with the best scores, without overlaps."""
    taken: set = set()
    kept = {}
    for span, score in spans.items():
        tokens = range(span.start, span.end)
        if taken.isdisjoint(tokens):
            taken.update(tokens)
            kept[span] = score
    return kept


def _find_entity(
    entities: Iterable[Span], place: Tuple[int, int], types: FrozenSet[str]
) -> Optional[Span]:
    """RETURNS (Optional[Span]): the entity of these types with the largest overlap in
    characters; None if there is none."""
    best: Optional[Span] = None
    most = (0, 0)
    for entity in entities:
        shared = min(entity.end_char, place[1]) - max(entity.start_char, place[0])
        # prefer the shorter entity in case of a tie
        size = (shared, entity.start_char - entity.end_char)
        if shared > 0 and (not types or entity.label_ in types) and size > most:
            best, most = entity, size
    return best

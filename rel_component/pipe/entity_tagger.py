"""The entity tagger pipe: token tags → best valid tag sequence → entities."""

import warnings
from collections import Counter
from dataclasses import dataclass
from typing import (
    Any,
    Callable,
    Dict,
    Iterable,
    Iterator,
    List,
    Optional,
    Sequence,
    Tuple,
)

import numpy
from spacy.attrs import ENT_IOB, ENT_TYPE
from spacy.language import Language
from spacy.pipeline.ner import ner_score
from spacy.tokens import Doc, Span
from spacy.training import Example, validate_get_examples
from spacy.vocab import Vocab
from thinc.api import Config, Model
from thinc.types import Floats2d

from ..entity_scores import get_entity_scores, set_entity_scores
from ..model.entities.paths import Lattice, Transitions
from ..model.entities.tagger import (
    add_gradient,
    decode,
    forbid_entities,
    get_loss,
    get_tag_set,
    get_transitions,
)
from ..model.entities.tags import OUTSIDE, UNKNOWN, TagSet
from ..relations import get_entity_key
from .health import CheckedPipe
from .truth import align_spans, has_same_tokens

DEFAULT_CONFIG = """
[model]
@architectures = "rel_component.EntityTagger.v1"

[model.tok2vec]
@architectures = "spacy.HashEmbedCNN.v2"
pretrained_vectors = null
width = 96
depth = 4
embed_size = 2000
window_size = 1
maxout_pieces = 3
subword_features = true
"""
# values of the attribute ENT_IOB
IOB_MISSING, IOB_INSIDE, IOB_OUTSIDE, IOB_BEGIN = range(4)
# maximum scores to decode at once, which takes some 50 bytes for each
MAX_CELLS = 2_000_000


@dataclass
class EntityPrediction:
    """The entities of a batch.

    spans (Ints2d): (n, 2), token start and exclusive end in their Doc.
    types (Ints1d): (n,), indices of labels.
    scores (Floats1d): (n,), probabilities.
    offsets (Ints1d): (n_docs + 1,), first entity of each Doc.
    """

    spans: numpy.ndarray
    types: numpy.ndarray
    scores: numpy.ndarray
    offsets: numpy.ndarray

    @classmethod
    def join(cls, parts: Sequence["EntityPrediction"]) -> "EntityPrediction":
        """RETURNS (EntityPrediction): the entities of consecutive parts of a batch."""
        if len(parts) == 1:
            return parts[0]
        ends = numpy.cumsum([len(part.types) for part in parts])
        offsets = [
            part.offsets[1:] + end - len(part.types) for part, end in zip(parts, ends)
        ]
        return cls(
            numpy.concatenate([part.spans for part in parts]),
            numpy.concatenate([part.types for part in parts]),
            numpy.concatenate([part.scores for part in parts]),
            numpy.concatenate([numpy.zeros(1, dtype="int64"), *offsets]),
        )


@Language.factory(
    "entity_tagger",
    assigns=["doc.ents", "token.ent_iob", "token.ent_type"],
    default_config={
        "model": Config().from_str(DEFAULT_CONFIG)["model"],
        "scorer": {"@scorers": "spacy.ner_scorer.v1"},
    },
    default_score_weights={
        "ents_f": 1.0,
        "ents_p": 0.0,
        "ents_r": 0.0,
        "ents_per_type": None,
    },
)
def make_entity_tagger(
    nlp: Language, name: str, model: Model, *, scorer: Optional[Callable]
) -> "EntityTagger":
    """Construct an entity tagger.

    model (Model[List[Doc], Floats2d]): scores of tags, see
        `rel_component.EntityTagger.v1`.
    scorer (Optional[Callable]): scores examples.
    """
    return EntityTagger(nlp.vocab, model, name, scorer=scorer)


class EntityTagger(CheckedPipe):
    """Finds the entities of a Doc, which do not overlap.

    Existing entities are kept, e.g. those of an entity ruler earlier in the pipeline.
    """

    target = "Entity"

    def __init__(
        self,
        vocab: Vocab,
        model: Model,
        name: str = "entity_tagger",
        *,
        scorer: Optional[Callable] = ner_score,
    ) -> None:
        """Initialize an entity tagger.

        vocab (Vocab): the shared vocabulary.
        model (Model): see `make_entity_tagger`.
        name (str): the component's name.
        scorer (Optional[Callable]): scores examples.
        """
        self.vocab = vocab
        self.model = model
        self.name = name
        self.scorer = scorer
        self.cfg: Dict[str, Any] = {"labels": []}

    def predict(self, docs: Iterable[Doc]) -> EntityPrediction:
        """Predict the entities of a batch, without modifying the Docs.

        docs (Iterable[Doc]): the batch.
        RETURNS (EntityPrediction): the entities, with their probabilities.
        """
        docs = list(docs)
        lengths = get_lengths(docs)
        if not lengths.sum():
            empty = numpy.zeros(0, dtype="int64")
            offsets = numpy.zeros(len(docs) + 1, dtype="int64")
            return EntityPrediction(
                empty.reshape(0, 2), empty, empty.astype("float64"), offsets
            )
        self._require_initialized()
        self._warn_of_silent(docs)
        scores = self._hide_nan(self.get_scores(docs))
        return EntityPrediction.join(
            [
                self._decode(scores[rows], lengths[block])
                for block, rows in split_evenly(lengths, MAX_CELLS // scores.shape[1])
            ]
        )

    @property
    def _n_outputs(self) -> int:
        return TagSet(len(self.labels)).n_tags

    def _hide_nan(self, scores: numpy.ndarray) -> numpy.ndarray:
        """Tokens without scores are outside of entities, which is said once."""
        is_nan = numpy.isnan(scores).any(axis=1)
        if not is_nan.any():
            return scores
        self._warn_once(
            "nan",
            f"The scores of {self.name} are not numbers (NaN) for {int(is_nan.sum())} "
            f"of {len(scores)} tokens, so no entity is found there: weights of it or "
            f"of its encoder are NaN, as after a training that diverged. Train again "
            f"with a lower learn_rate.",
        )
        return forbid_entities(numpy.nan_to_num(scores), is_nan)

    def get_scores(self, docs: Sequence[Doc]) -> numpy.ndarray:
        """RETURNS (Floats2d): (n_tokens, n_tags), on the CPU, for the
        concatenated Docs; tokens of existing entities can only be outside of others."""
        scores = self.model.ops.to_numpy(self.model.predict(list(docs)))
        given = numpy.concatenate([find_given(doc) for doc in docs])
        return forbid_entities(scores, given) if given.any() else scores

    def _decode(
        self, scores: numpy.ndarray, lengths: numpy.ndarray
    ) -> EntityPrediction:
        tag_set = get_tag_set(self.model)
        tags = decode(self.model, scores, lengths)
        spans, types = tag_set.decode(tags)
        starts = numpy.cumsum(lengths) - lengths
        docs = numpy.searchsorted(starts + lengths, spans[:, 0], side="right")
        probabilities = numpy.ones(len(spans))
        if len(spans):  # only for documents with an entity
            some = numpy.bincount(docs, minlength=len(lengths)) > 0
            rows = numpy.repeat(some, lengths)
            lattice = Lattice(
                scores[rows], lengths[some], tag_set, get_transitions(self.model)
            )
            place = numpy.cumsum(rows) - 1
            moved = numpy.stack([place[spans[:, 0]], place[spans[:, 1] - 1] + 1], 1)
            probabilities = lattice.weigh_entities(moved, types)
        offsets = numpy.searchsorted(docs, numpy.arange(len(lengths) + 1))
        return EntityPrediction(
            spans - starts[docs][:, None], types, probabilities, offsets
        )

    def set_annotations(self, docs: Iterable[Doc], predicted: EntityPrediction) -> None:
        """Write entities and their scores into the Docs.

        docs (Iterable[Doc]): the batch.
        predicted (EntityPrediction): what `predict` returned for it.
        """
        labels, offsets = self.labels, predicted.offsets.tolist()
        for doc, first, end in zip(docs, offsets, offsets[1:]):
            spans = predicted.spans[first:end].tolist()
            numbers = predicted.types[first:end].tolist()
            found = [
                Span(doc, start, stop, label=labels[type_])
                for (start, stop), type_ in zip(spans, numbers)
            ]
            taken = {i for span in found for i in range(span.start, span.end)}
            # only overlaps if the batch contains a Doc twice
            given = [x for x in doc.ents if taken.isdisjoint(range(x.start, x.end))]
            known = get_entity_scores(doc)
            iob, types = doc.to_array([ENT_IOB, ENT_TYPE]).T
            blocked = numpy.flatnonzero((iob == IOB_BEGIN) & (types == 0)).tolist()
            doc.set_ents(
                [*given, *found],
                blocked=[doc[i : i + 1] for i in blocked if i not in taken],
                default="outside",
            )
            scores = dict(zip(found, predicted.scores[first:end].tolist()))
            for ent in given:  # set by an earlier component or pass
                if get_entity_key(ent) in known:
                    scores[ent] = known[get_entity_key(ent)]
            set_entity_scores(doc, scores)

    def _learn(self, examples: List[Example]) -> float:
        self._warn_of_unknown(count_labels(examples), "entities")
        docs = [example.predicted for example in examples]
        scores, backprop = self.model.begin_update(docs)
        loss, gradient, d_transitions = self._get_loss(examples, scores)
        add_gradient(self.model, d_transitions)
        backprop(gradient)
        return loss

    def get_loss(
        self, examples: Iterable[Example], scores: Floats2d
    ) -> Tuple[float, Floats2d]:
        """Compute the loss and its gradient.

        examples (Iterable[Example]): the batch.
        scores (Floats2d): (n_tokens, n_tags).
        RETURNS (Tuple[float, Floats2d]): negative log likelihood and gradient.
        """
        return self._get_loss(list(examples), scores)[:2]

    def _get_loss(
        self, examples: Sequence[Example], scores: Floats2d
    ) -> Tuple[float, Floats2d, Optional[Transitions]]:
        tag_set = TagSet(len(self.labels))
        tags = [get_tags(example, self.labels, tag_set) for example in examples]
        lengths = get_lengths([example.predicted for example in examples])
        return get_loss(self.model, scores, lengths, numpy.concatenate(tags))

    def initialize(
        self,
        get_examples: Callable[[], Iterable[Example]],
        *,
        nlp: Optional[Language] = None,
        labels: Optional[List[str]] = None,
    ) -> None:
        """Initialize for training from a representative set of examples.

        get_examples (Callable[[], Iterable[Example]]): the training data.
        nlp (Optional[Language]): the pipeline.
        labels (Optional[List[str]]): the entity types; None: those in the data.
        RAISES (ValueError): if no label is found.
        """
        validate_get_examples(get_examples, "EntityTagger.initialize")
        counts = count_labels(get_examples())
        for label in labels or sorted(counts):
            self.add_label(label)
        if not self.labels:
            raise ValueError(
                f"Can't initialize {self.name}: the training documents contain no "
                "entities in doc.ents. Check the data, or set the labels in "
                f"[initialize.components.{self.name}]."
            )
        left_out = {x: n for x, n in counts.items() if x not in self.labels}
        if left_out:
            warnings.warn(
                f"{sum(left_out.values())} entities in the training data have types "
                f"that are not labels of {self.name} and are treated as non-entities: "
                f"{', '.join(sorted(left_out))}.",
                stacklevel=2,
            )
        self._is_new = True
        docs = _get_sample(get_examples())
        n_tags = TagSet(len(self.labels)).n_tags
        self.model.initialize(X=docs, Y=self.model.ops.alloc2f(1, n_tags))


def _get_sample(examples: Iterable[Example]) -> List[Doc]:
    """Get the first ten documents that have tokens."""
    docs: List[Doc] = []
    for example in examples:
        if len(example.predicted):
            docs.append(example.predicted)
        if len(docs) == 10:
            break
    if not docs:
        raise ValueError("Can't initialize: all training documents are empty.")
    return docs


def count_labels(examples: Iterable[Example]) -> "Counter[str]":
    """RETURNS (Counter[str]): the number of gold entities per type."""
    return Counter(ent.label_ for eg in examples for ent in eg.reference.ents)


def split_evenly(
    lengths: numpy.ndarray, max_tokens: int
) -> Iterator[Tuple[slice, slice]]:
    """Split a batch, to limit the memory of decoding.

    lengths (Ints1d): (n_docs,), number of tokens.
    max_tokens (int): maximum number of tokens of a part; a longer Doc is a part of its
        own.
    YIELDS (Tuple[slice, slice]): the Docs of each part, and their tokens.
    """
    ends = numpy.cumsum(lengths)
    first = begin = 0
    while first < len(lengths):
        end = int(numpy.searchsorted(ends, begin + max_tokens, side="right"))
        end = max(end, first + 1)
        yield slice(first, end), slice(begin, int(ends[end - 1]))
        first, begin = end, int(ends[end - 1])


def get_lengths(docs: Sequence[Doc]) -> numpy.ndarray:
    """RETURNS (Ints1d): (n_docs,), int64, number of tokens."""
    return numpy.asarray([len(doc) for doc in docs], dtype="int64")


def find_given(doc: Doc) -> numpy.ndarray:
    """RETURNS (Bools1d): (n_tokens,), mask of the tokens of existing entities."""
    iob = doc.to_array(ENT_IOB)
    return (iob == IOB_INSIDE) | (iob == IOB_BEGIN)


def get_tags(example: Example, labels: Sequence[str], tag_set: TagSet) -> numpy.ndarray:
    """Get the gold tags of the predicted Doc's tokens.

    example (Example): gold and prediction of the same text.
    labels (Sequence[str]): the entity types; others are tagged as outside.
    tag_set (TagSet): the tags of these types.
    RETURNS (Ints1d): (n_tokens,), int64; `UNKNOWN` for missing annotations and
        misaligned tokens.
    """
    gold, predicted = example.reference, example.predicted
    is_same = has_same_tokens(example)
    iob = gold.to_array(ENT_IOB)
    numbers = {label: i for i, label in enumerate(labels)}
    known = []
    for ent in gold.ents:
        if ent.label_ in numbers:
            known.append((ent.start, ent.end, numbers[ent.label_]))
        else:
            iob[ent.start : ent.end] = IOB_OUTSIDE
    if is_same:
        tags = numpy.where(iob == IOB_MISSING, UNKNOWN, OUTSIDE).astype("int64")
    else:
        tags = _align_outside(example, iob)
    rows = numpy.asarray(known, dtype="int64").reshape(-1, 3)
    spans, types = rows[:, :2], rows[:, 2]
    if not is_same:
        spans = align_spans(example, spans)
        spans, types = spans[spans[:, 0] >= 0], types[spans[:, 0] >= 0]
    assert len(tags) == len(predicted)
    tag_set.encode(tags, spans, types)
    return tags


def _align_outside(example: Example, iob: numpy.ndarray) -> numpy.ndarray:
    """Align outside tokens: a token is outside if all its gold tokens are, else
    unknown."""
    tags = numpy.full(len(example.predicted), UNKNOWN, dtype="int64")
    x2y = example.alignment.x2y
    for token in range(len(tags)):
        rows = x2y[token]
        if len(rows) and (iob[rows] == IOB_OUTSIDE).all():
            tags[token] = OUTSIDE
    return tags

"""The relation extractor pipe: candidates → scores → relations."""

import warnings
from collections import Counter
from pathlib import Path
from typing import (
    Any,
    Callable,
    Dict,
    FrozenSet,
    Iterable,
    List,
    Mapping,
    Optional,
    Sequence,
    Set,
    Tuple,
    Union,
)

import numpy
from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example, validate_get_examples
from spacy.util import minibatch
from spacy.vocab import Vocab
from thinc.api import Config, Model
from thinc.types import Floats2d

from ..checks import (
    InputError,
    check_mapping,
    check_names,
    check_probability,
)
from ..entity_scores import get_entity_scores
from ..model.arrays import to_floats2d
from ..model.candidates import (
    BatchGenerator,
    Candidates,
    Entities,
    InstanceGenerator,
    get_candidates,
    is_batch_generator,
)
from ..relations import (
    RelationData,
    apply_constraints,
    find_decided,
    get_relation_data,
    join_relations,
    set_relation_data,
)
from ..schema import Schema, check_constraints
from ..scorer import SCORE_WEIGHTS, relation_scorer
from ..wording import agree, name_place, plural
from .calibration import Line, calibrate
from .constraints import Constraints, Pruned, add_mirrored
from .distances import DistanceLimits, MaxDistances, check_distances
from .health import CheckedPipe
from .loss import PairLoss
from .merging import keep_ruled
from .truth import Truth, count_covered, find_labels, get_gold_candidates, get_truth

DEFAULT_CONFIG = """
[model]
@architectures = "rel_model.v1"

[model.create_instance_tensor]
@architectures = "rel_instance_tensor.v1"

[model.create_instance_tensor.tok2vec]
@architectures = "spacy.HashEmbedCNN.v2"
pretrained_vectors = null
width = 96
depth = 2
embed_size = 2000
window_size = 1
maxout_pieces = 3
subword_features = true

[model.create_instance_tensor.pooling]
@layers = "reduce_mean.v1"

[model.create_instance_tensor.get_instances]
@misc = "rel_instance_generator.v1"
max_length = null

[model.classification_layer]
@architectures = "rel_classification_layer.v1"
nO = null
nI = null
"""

Prediction = Tuple[Candidates, numpy.ndarray]
Generator = Union[InstanceGenerator, BatchGenerator]


@Language.factory(
    "relation_extractor",
    assigns=["doc._.rel", "doc._.relations"],
    default_config={
        "model": Config().from_str(DEFAULT_CONFIG)["model"],
        "threshold": 0.5,
        "single_label": False,
        "predicted_share": 0.0,
        "use_entity_scores": False,
        "loss": {"@misc": "rel_component.PairLoss.v1"},
        "scorer": {"@scorers": "rel_component.relation_scorer.v1"},
    },
    default_score_weights={**SCORE_WEIGHTS, "rel_candidate_recall": None},
)
def make_relation_extractor(
    nlp: Language,
    name: str,
    model: Model,
    *,
    threshold: float,
    single_label: bool,
    predicted_share: float,
    use_entity_scores: bool,
    loss: PairLoss,
    scorer: Optional[Callable],
) -> "RelationExtractor":
    """Construct a relation extractor.

    model (Model[Tuple[List[Doc], Candidates], Floats2d]): scores in [0, 1],
        (n_pairs, n_labels); `model.attrs["get_instances"]` generates the pairs.
    threshold (float): minimum score of a predicted relation.
    single_label (bool): predict only the best label of each pair. Scores are not
        changed: labels are still scored independently.
    predicted_share (float): share of the wrongly predicted entities to add to the gold
        ones in training, for pairs without a relation. Requires the encoder and the
        entity component in `training.annotating_components`.
    use_entity_scores (bool): multiply a relation's score by the scores of its
        entities, if their component scores them: `entity_tagger`, `gliner2` and
        spaCy's `spancat` do.
    loss (PairLoss): the loss, with weights of the pairs.
    scorer (Optional[Callable]): scores examples.
    """
    return RelationExtractor(
        nlp.vocab,
        model,
        name,
        threshold=threshold,
        single_label=single_label,
        predicted_share=predicted_share,
        use_entity_scores=use_entity_scores,
        loss=loss,
        scorer=scorer,
    )


class RelationExtractor(CheckedPipe):
    """Predict relations between the entities of a Doc."""

    target = "Relation"

    def __init__(
        self,
        vocab: Vocab,
        model: Model,
        name: str = "relation_extractor",
        *,
        threshold: float = 0.5,
        single_label: bool = False,
        predicted_share: float = 0.0,
        use_entity_scores: bool = False,
        loss: Optional[PairLoss] = None,
        scorer: Optional[Callable] = relation_scorer,
    ) -> None:
        """Initialize a relation extractor.

        vocab (Vocab): the shared vocabulary.
        model (Model): see `make_relation_extractor`.
        name (str): the component's name.
        threshold (float): minimum score of a predicted relation.
        single_label (bool): predict only the best label of each pair.
        predicted_share (float): share of the wrongly predicted entities to learn from.
        use_entity_scores (bool): multiply a relation's score by its entities' scores.
        loss (Optional[PairLoss]): None weights all pairs equally.
        scorer (Optional[Callable]): scores examples.
        """
        self.vocab = vocab
        self.model = model
        self.name = name
        self.single_label = single_label
        self.predicted_share = check_share(predicted_share, model)
        self.use_entity_scores = use_entity_scores
        self.loss = loss or PairLoss()
        self.scorer = scorer
        self.cfg: Dict[str, Any] = {
            "labels": [],
            "threshold": check_probability(threshold, "threshold"),
            "thresholds": {},
            "calibration": {},
            "max_distances": {},
            "symmetric": [],
            "schema": None,
        }
        self._schema: Optional[Tuple[Any, Optional[Schema]]] = None

    @property
    def threshold(self) -> float:
        """RETURNS (float): minimum score of a predicted relation."""
        return self.cfg["threshold"]

    @threshold.setter
    def threshold(self, value: float) -> None:
        self.cfg["threshold"] = check_probability(value, "threshold")

    def use_threshold(self, value: float) -> None:
        """Use one threshold for all labels.

        value (float): the threshold; thresholds of individual labels are removed.
        RAISES (ValueError): if it's not a probability.
        """
        self.threshold, self.thresholds = value, {}

    @property
    def thresholds(self) -> Dict[str, float]:
        """RETURNS (Dict[str, float]): thresholds of individual labels, which override
        `threshold`. Saved with the pipe; `initialize` removes them."""
        return dict(self.cfg["thresholds"])

    @thresholds.setter
    def thresholds(self, values: Mapping[str, float]) -> None:
        values = self._check_labels("thresholds", values, "{'LABEL': 0.7}")
        self.cfg["thresholds"] = {
            label: check_probability(value, f"thresholds[{label!r}]")
            for label, value in values.items()
        }

    @property
    def calibration(self) -> Dict[str, Line]:
        """RETURNS (Dict[str, Tuple[float, float]]): slope and intercept on the log
        odds for each label with calibrated scores, see `calibration.calibrate`. Saved
        with the pipe; `initialize` removes it."""
        return {label: (a, b) for label, (a, b) in self.cfg["calibration"].items()}

    @calibration.setter
    def calibration(self, lines: Mapping[str, Line]) -> None:
        lines = self._check_labels("calibration", lines, "{'LABEL': (1.2, -0.3)}")
        self.cfg["calibration"] = {
            label: check_line(label, line) for label, line in lines.items()
        }

    @property
    def max_distances(self) -> MaxDistances:
        """RETURNS (Dict[str, Dict[str, List[Optional[int]]]]): type of the head → type
        of the tail → maximum number of tokens between them if the tail follows, and
        if it precedes; -1 for no pair, None for no limit. Pairs beyond a limit are not
        scored in prediction. Saved with the pipe; `initialize` removes them."""
        return check_distances(self.cfg["max_distances"])

    @max_distances.setter
    def max_distances(self, distances: MaxDistances) -> None:
        self.cfg["max_distances"] = check_distances(distances)

    def get_thresholds(self) -> numpy.ndarray:
        """RETURNS (Floats1d): (n_labels,), the threshold of each label."""
        own = self.cfg["thresholds"]
        return numpy.asarray([own.get(x, self.threshold) for x in self.labels])

    def _check_labels(self, name: str, values: Any, example: str) -> Mapping[str, Any]:
        unknown = [
            x for x in check_mapping(values, name, example) if x not in self.labels
        ]
        if unknown:
            raise ValueError(
                f"{name} contains {', '.join(map(str, unknown))}, but the labels are "
                f"{', '.join(self.labels) or 'not known yet'}."
            )
        return values

    @property
    def symmetric(self) -> FrozenSet[str]:
        """RETURNS (FrozenSet[str]): labels without a direction."""
        return frozenset(self.cfg["symmetric"])

    @property
    def schema(self) -> Optional[Schema]:
        """RETURNS (Optional[Schema]): the allowed relations; None: any."""
        data, cached = self.cfg["schema"], self._schema
        if cached is None or cached[0] is not data:
            schema = None if data is None else Schema.from_dict(data)
            self._schema = cached = (data, schema)
        return cached[1]

    @schema.setter
    def schema(self, schema: Optional[Schema]) -> None:
        if schema is not None and not isinstance(schema, Schema):
            raise InputError(
                f"schema is a {type(schema).__name__}; expected a Schema, such as "
                "Schema.from_dict({'relations': …}), see docs/schema.md."
            )
        for label, constraints in (schema.constraints if schema else {}).items():
            check_constraints(constraints, label, label in self.symmetric)
        self.cfg["schema"] = None if schema is None else schema.to_dict()

    def predict(self, docs: Iterable[Doc]) -> Prediction:
        """Score the candidate pairs of a batch, without modifying the Docs.

        docs (Iterable[Doc]): the batch.
        RETURNS (Tuple[Candidates, Floats2d]): the pairs and their scores, calibrated,
            on the CPU, (n_pairs, n_labels), float32 in [0, 1].
        """
        docs = list(docs)
        pruned = self._prune(self._generate(docs), docs)
        candidates = pruned.candidates
        if not len(candidates):
            return candidates, numpy.zeros((0, len(self.labels)), dtype="float32")
        self._require_initialized()
        self._warn_of_silent(docs)
        scores = self.model.ops.to_numpy(self.model.predict((docs, candidates)))
        self._warn_of_nan(scores)
        pruned.hide_impossible(scores)
        scores = calibrate(scores, self.labels, self.cfg["calibration"])
        if self.use_entity_scores:
            keys = [] if self._spans_key is None else [self._spans_key]
            of_entities = get_scores_of(docs, candidates.entities, keys)
            scores *= of_entities[candidates.pairs].prod(axis=1)[:, None]
        return add_mirrored(candidates, scores, self._get_constraints().symmetric)

    def get_candidates(self, docs: Sequence[Doc]) -> Candidates:
        """RETURNS (Candidates): the pairs of a batch to score."""
        return self._prune(self._generate(docs), docs).candidates

    def _generate(self, docs: Sequence[Doc]) -> Candidates:
        """RETURNS (Candidates): the generator's pairs within the maximum distances."""
        if not self.cfg["max_distances"]:
            return get_candidates(self._generator, docs)
        limits = DistanceLimits.from_dict(
            self.cfg["max_distances"], symmetric=bool(self.symmetric)
        )
        return limits.get_candidates(self._generator, docs)

    @property
    def _generator(self) -> Generator:
        return self.model.attrs["get_instances"]

    @property
    def _spans_key(self) -> Optional[str]:
        return getattr(self._generator, "spans_key", None)

    def _prune(self, candidates: Candidates, docs: Sequence[Doc]) -> Pruned:
        return self._get_constraints().prune(candidates, docs, self._generator)

    def _get_constraints(self) -> Constraints:
        symmetric = self.symmetric
        columns = [i for i, label in enumerate(self.labels) if label in symmetric]
        return Constraints(self.labels, columns, self.schema)

    def _warn_of_nan(self, scores: numpy.ndarray) -> None:
        """Warn once if scores are NaN."""
        if numpy.isnan(scores.sum()):  # faster than to look at each
            is_nan = numpy.isnan(scores)
            self._warn_once(
                "nan",
                f"The scores of {self.name} are not numbers (NaN) for "
                f"{int(is_nan.any(axis=1).sum())} of {len(scores)} pairs, so no "
                "relation is predicted for them: its weights or its encoder's are "
                "NaN, probably because training diverged. Train again with a lower "
                "learn_rate.",
            )

    def set_annotations(self, docs: Iterable[Doc], scores: Prediction) -> None:
        """Write scores and relations into the Docs, replacing those with the same
        labels. Other components' labels are kept, so a pipeline can have several
        relation extractors.

        docs (Iterable[Doc]): the batch.
        scores (Tuple[Candidates, Floats2d]): what `predict` returned for it.
        """
        candidates, probabilities = scores
        entities = candidates.entities
        decided = find_decided(probabilities, self.get_thresholds(), self.single_label)
        borders = numpy.searchsorted(decided[:, 0], candidates.offsets)
        docs = list(docs)
        is_batch = len(docs) > 1
        for i, doc in enumerate(docs):
            ents, pairs = candidates.of_doc(i)
            data = RelationData(
                spans=entities.spans[ents],
                types=[
                    doc.vocab.strings[type_] for type_ in entities.types[ents].tolist()
                ],
                pairs=candidates.pairs[pairs] - ents.start,
                labels=self.cfg["labels"],
                # a copy, since a view would keep the whole batch in memory
                scores=scores[1][pairs].copy() if is_batch else scores[1][pairs],
                decided=decided[borders[i] : borders[i + 1]] - (pairs.start, 0),
            )
            data = keep_ruled(doc, data, single_label=self.single_label)
            own = self.cfg["thresholds"]
            thresholds = {x: own.get(x, self.threshold) for x in data.labels}
            data = self.constrain(data, thresholds)
            set_relation_data(doc, self._keep_others(doc, data))

    def constrain(
        self, data: RelationData, thresholds: Mapping[str, float]
    ) -> RelationData:
        """Apply the schema's constraints, also to the relations of a ruler before.

        data (RelationData): the relations and scores of a Doc.
        thresholds (Mapping[str, float]): the threshold of each label.
        RETURNS (RelationData): see `apply_constraints`.
        """
        if self.schema is None or not self.schema.constraints:
            return data
        return apply_constraints(
            data,
            self.schema.constraints,
            thresholds,
            symmetric=self.symmetric,
            single_label=self.single_label,
        )

    def _keep_others(self, doc: Doc, data: RelationData) -> RelationData:
        """Add relations whose labels belong to other components only."""
        before = get_relation_data(doc)
        found_by = dict.fromkeys(self.labels, self.name)
        if before is not None:
            self._warn_of_replaced(before)
            found_by = {**before.found_by, **found_by}
            if set(before.labels) - set(self.labels):
                data = join_relations([data, before.drop_labels(self.labels)])
        data.found_by = found_by
        return data

    def _warn_of_replaced(self, before: RelationData) -> None:
        """Say so once if another component has found the same labels."""
        others = {x: before.found_by.get(x, self.name) for x in self.labels}
        shared = [x for x, other in others.items() if other != self.name]
        if shared:
            self._warn_once(
                "replaced",
                f"{self.name} replaces relations of {others[shared[0]]} with the same "
                f"labels ({', '.join(shared)}). Remove one of them, or train them "
                "with different labels.",
            )

    def _learn(self, examples: List[Example]) -> float:
        self._warn_of_unknown(find_labels(examples), "relations")
        docs = [example.predicted for example in examples]
        truth = self.get_truth(examples, self.predicted_share)
        # even without pairs: a shared encoder waits for its last listener
        scores, backprop = self.model.begin_update((docs, truth.candidates))
        loss, gradient = self.loss(self.model.ops, scores, truth)
        backprop(gradient)
        return loss

    def get_truth(
        self, examples: Sequence[Example], predicted_share: float = 0.0
    ) -> Truth:
        """Get the training pairs with their gold labels.

        examples (Sequence[Example]): the batch.
        predicted_share (float): share of the wrongly predicted entities to add.
        RETURNS (Truth): one row per pair.
        """
        docs = [example.predicted for example in examples]
        found = get_gold_candidates(self._generator, examples, predicted_share)
        candidates = self._prune(found, docs).candidates
        return get_truth(examples, candidates, self.labels, self.symmetric)

    def get_loss(
        self, examples: Iterable[Example], scores: Floats2d
    ) -> Tuple[float, Floats2d]:
        """Compute the loss and its gradient.

        examples (Iterable[Example]): the batch.
        scores (Floats2d): (n_pairs, n_labels), in the order of the candidates.
        RETURNS (Tuple[float, Floats2d]): loss and gradient.
        """
        truth = self.get_truth(list(examples))
        return self.loss(self.model.ops, scores, truth)

    def initialize(
        self,
        get_examples: Callable[[], Iterable[Example]],
        *,
        nlp: Optional[Language] = None,
        labels: Optional[List[str]] = None,
        symmetric: Optional[List[str]] = None,
        schema_path: Optional[Union[str, Path]] = None,
        learn_schema: bool = False,
    ) -> None:
        """Initialize for training from a representative set of examples.

        get_examples (Callable[[], Iterable[Example]]): the training data.
        nlp (Optional[Language]): the pipeline.
        labels (Optional[List[str]]): the labels; None: those in the data.
        symmetric (Optional[List[str]]): labels without a direction, in addition to
            those of the schema.
        schema_path (Optional[Union[str, Path]]): a schema file: JSON, YAML or brat's
            annotation.conf.
        learn_schema (bool): without a file, allow only the entity types that each
            label has in the data.
        RAISES (ValueError): if no label or no candidate pair is found.
        """
        validate_get_examples(get_examples, "RelationExtractor.initialize")
        symmetric = check_names(symmetric or (), "symmetric")
        self._add_labels(get_examples, labels)
        self._is_new = True
        golds = (example.reference for example in get_examples())
        schema = self._read_schema(golds, schema_path, learn_schema, symmetric)
        unknown = {*symmetric} - {*self.labels}
        if unknown:
            raise self._make_error(
                f"symmetric contains {sorted(unknown)}, but the labels are "
                f"{list(self.labels)}. Correct the config's "
                f"[initialize.components.{self.name}]."
            )
        known = {*symmetric, *(schema.symmetric if schema else ())}
        self.cfg["symmetric"] = [label for label in self.labels if label in known]
        self.schema = schema
        # they belong to the previous weights
        self.cfg.update(thresholds={}, calibration={}, max_distances={})
        if "entity_types" in self.model.attrs:
            self.model.attrs["entity_types"] = find_entity_types(get_examples())
        if "labels" in self.model.attrs:
            self.model.attrs["labels"] = list(self.labels)
        sample, truth = self._get_sample(get_examples())
        docs = [example.predicted for example in sample]
        Y = to_floats2d(self.model.ops, truth.labels)
        self.model.initialize(X=(docs, truth.candidates), Y=Y)
        self._warn_of_lost(get_examples())
        if nlp is not None and self._spans_key is not None:
            self._warn_of_long(nlp, get_examples())

    def _add_labels(
        self,
        get_examples: Callable[[], Iterable[Example]],
        labels: Optional[Iterable[str]],
    ) -> None:
        """Add the given labels, or those of the checkpoint and the data."""
        if labels:
            labels = check_names(labels, "labels")
        else:
            # the labels of a checkpoint's classifier come first
            own = self.model.attrs.get("find_labels", list)
            labels = [*own(), *find_labels(get_examples())]
        for label in labels:
            self.add_label(label)
        if not self.labels:
            n_docs = sum(1 for _ in get_examples())
            raise self._make_error(
                f"none of the {n_docs} training documents contains relations, so "
                "there are no labels to learn. Annotate relations, or check the "
                "output of scripts/convert.py for skipped ones."
            )

    def _read_schema(
        self,
        golds: Iterable[Doc],
        path: Optional[Union[str, Path]],
        is_learned: bool,
        symmetric: Sequence[str],
    ) -> Optional[Schema]:
        try:
            return read_schema(golds, path, is_learned, symmetric)
        except ValueError as error:
            raise self._make_error(str(error)) from error

    def _make_error(self, message: str) -> InputError:
        return InputError(
            f"Can't initialize {self.name}: {message}", title="Initialization failed"
        )

    def _get_sample(self, examples: Iterable[Example]) -> Tuple[List[Example], Truth]:
        """Get the first ten documents with at least one candidate pair."""
        n_docs = 0
        for batch in minibatch(examples, 10):
            n_docs += len(batch)
            truth = self.get_truth(batch)
            if len(truth.candidates):
                return batch, truth
        raise self._make_error(
            f"none of the {n_docs} training documents contains two entities that form "
            f"a candidate pair. Check that the examples have entities in "
            f"{name_place(self._spans_key)} (nlp.initialize(lambda: examples)), and "
            "that the candidate generator's limits (max_length, max_sentences) and the "
            "schema are not too strict."
        )

    def _warn_of_lost(self, examples: Iterable[Example]) -> None:
        """Warn if gold relations aren't candidates and so can't be predicted."""
        n_gold = n_covered = longest = 0
        for batch in minibatch(examples, 64):
            truth = self.get_truth(batch)
            gold, covered, distance = count_covered(batch, truth, self.symmetric)
            n_gold, n_covered = n_gold + gold, n_covered + covered
            longest = max(longest, distance)
        if n_covered < n_gold:
            nested = (
                " (which can't hold nested ones: see configs/joint_spans_*.cfg, or "
                "spans_key of the candidate generator)"
            )
            warnings.warn(
                f"{n_gold - n_covered} of {n_gold} gold relations in the training "
                "data are not among the candidates, so they can't be learned or "
                "predicted. Check that their entities are in "
                f"{name_place(self._spans_key)}"
                f"{'' if self._spans_key else nested}, the schema, and the candidate "
                "generator's limits (max_length, unless null, must be at least "
                f"{longest} for all of them).",
                stacklevel=3,
            )

    def _warn_of_long(self, nlp: Language, examples: Iterable[Example]) -> None:
        """Warn if entities are longer than those that a `spancat` suggests."""
        limits = {
            name: settings.get("suggester", {}).get("max_size")
            for name, settings in nlp.config["components"].items()
            if settings.get("spans_key") == self._spans_key
        }
        limits = {name: limit for name, limit in limits.items() if limit is not None}
        if not limits:
            return
        golds = (example.reference for example in examples)
        groups = (gold.spans.get(self._spans_key, ()) for gold in golds)
        lengths = [len(span) for group in groups for span in group]
        for name, limit in limits.items():
            n_long = sum(length > limit for length in lengths)
            if n_long:
                warnings.warn(
                    f"{n_long} of {plural(len(lengths), 'entity', 'entities')} in the "
                    f"training data {agree(n_long, 'has', 'have')} more than {limit} "
                    f"tokens, so {name} won't find them: increase max_size in "
                    f"[components.{name}.suggester]. The longest has {max(lengths)}.",
                    stacklevel=3,
                )


def get_scores_of(
    docs: Sequence[Doc], entities: Entities, spans_keys: Sequence[str] = ()
) -> numpy.ndarray:
    """RETURNS (Floats1d): (n_entities,), float32, the scores of the component that
    predicted them; 1 for entities without a score."""
    scores = numpy.ones(len(entities), dtype="float32")
    for i, doc in enumerate(docs):
        known = get_entity_scores(doc, spans_keys)
        if not known:
            continue
        for row in range(int(entities.offsets[i]), int(entities.offsets[i + 1])):
            start, end = entities.spans[row].tolist()
            type_ = doc.vocab.strings[int(entities.types[row])]
            scores[row] = known.get((start, end, type_), 1.0)
    return scores


def read_schema(
    golds: Iterable[Doc],
    path: Optional[Union[str, Path]],
    is_learned: bool,
    symmetric: Sequence[str],
) -> Optional[Schema]:
    """Read or learn a schema, and warn if the data contradicts it.

    golds (Iterable[Doc]): the training documents.
    path (Optional[Union[str, Path]]): file of a schema.
    is_learned (bool): without a file, learn the schema from the documents.
    symmetric (Sequence[str]): symmetric labels, for learning.
    RETURNS (Optional[Schema]): None without a file if it isn't learned.
    """
    if path is None:
        return Schema.from_docs(golds, symmetric) if is_learned else None
    schema = Schema.from_path(path)
    wrong: Counter = Counter()
    broken: Counter = Counter()
    for gold in golds:
        wrong += schema.contradictions([gold])
        broken += schema.count_violations([gold])
    if wrong:
        (head, label, tail), count = wrong.most_common(1)[0]
        warnings.warn(
            f"{sum(wrong.values())} relations in the training data contradict the "
            f"schema {path} and can't be learned, most often {head} —{label}→ {tail} "
            f"({count}). Correct the data, or add the pair to the schema.",
            stacklevel=4,
        )
    if broken:
        (label, name), count = broken.most_common(1)[0]
        warnings.warn(
            f"The training data violates the constraints of the schema {path} in "
            f"{plural(broken.total(), 'case')}, most often {name} of {label} "
            f"({count}), so not all of these relations can be predicted. Correct the "
            "data, or the schema.",
            stacklevel=4,
        )
    return schema


def check_share(value: float, model: Model) -> float:
    """RETURNS (float): the value. RAISES (ValueError): if the model can't use it."""
    value = check_probability(value, "predicted_share")
    if value and not is_batch_generator(model.attrs["get_instances"]):
        raise InputError(
            "predicted_share requires rel_component.PairGenerator.v1 as "
            "get_instances: other generators don't accept entities."
        )
    return value


def check_line(label: str, line: Line) -> List[float]:
    """RETURNS (List[float]): slope and intercept. RAISES (ValueError): if they
    don't preserve the order of scores."""
    try:
        slope, intercept = map(float, line)
    except (TypeError, ValueError):
        slope = intercept = numpy.nan
    if not (0 < slope < numpy.inf and numpy.isfinite(intercept)):
        raise ValueError(
            f"calibration[{label!r}] is {line!r}; expected slope and intercept, finite "
            f"numbers, and a slope above 0."
        )
    return [slope, intercept]


def find_entity_types(examples: Iterable[Example]) -> List[str]:
    """RETURNS (List[str]): entity types of `doc.ents` and all span groups, sorted."""
    types: Set[str] = set()
    for example in examples:
        gold = example.reference
        types.update(ent.label_ for ent in gold.ents)
        types.update(span.label_ for group in gold.spans.values() for span in group)
    return sorted(types)

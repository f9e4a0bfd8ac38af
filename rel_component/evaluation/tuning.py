"""Tune thresholds and calibration on development documents."""

from pathlib import Path
from typing import Any, Dict, Iterable, List, Mapping, Optional, Sequence

from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example

from ..pipe.calibration import Line
from ..pipe.extractor import RelationExtractor
from ..pipe.loading import (
    find_extractor,
    list_entity_finders,
    load_pipeline,
    save_pipeline,
)
from ..wording import Table
from .distances import learn_max_distances
from .pair_scores import collect_pairs
from .predictions import (
    predict_end_to_end,
    predict_on_gold_entities,
    read_golds,
    read_golds_with_relations,
)
from .reliability import fit_calibration
from .tables import tabulate_settings
from .thresholds import choose_thresholds


def tune_pipeline(
    model: Path,
    dev: Path,
    output: Path,
    *,
    objective: str = "micro_f",
    method: Optional[str] = "auto",
    min_precision: float = 0.9,
    min_support: int = 5,
    train: Optional[Path] = None,
) -> Table:
    """Tune a pipeline's thresholds and calibration on development documents, and save
    it.

    model (Path): folder of the pipeline.
    dev (Path): documents not used for training, `.spacy`.
    output (Path): folder of the tuned pipeline.
    objective (str), method (Optional[str]), min_precision (float), min_support (int):
        see `tune`.
    train (Optional[Path]): training documents, `.spacy`, to learn maximum distances
        from, together with `dev`; None for no limits.
    RETURNS (Table): the threshold and the calibration of each label.
    RAISES (ValueError): if a file can't be read, `dev` has no relations of the
        pipeline, or an option is out of range.
    """
    nlp = load_pipeline(model)
    extractor = find_extractor(nlp)
    extractor.max_distances = {}
    devs = read_golds_with_relations(dev, nlp)
    chosen = tune(
        nlp,
        devs,
        objective=objective,
        method=method,
        min_precision=min_precision,
        min_support=min_support,
    )
    extractor.calibration = chosen["calibration"]
    extractor.thresholds = chosen["thresholds"]
    if train is not None:
        examples = predict_on_gold_entities(nlp, [*read_golds(train, nlp), *devs])
        thresholds = dict(zip(extractor.labels, extractor.get_thresholds().tolist()))
        predicted = (example.predicted for example in examples)
        extractor.max_distances = learn_max_distances(predicted, thresholds)
    save_pipeline(nlp, output)
    return tabulate_settings(
        extractor.labels,
        extractor.threshold,
        extractor.thresholds,
        chosen["calibration"],
    )


def tune(
    nlp: Language,
    devs: Sequence[Doc],
    *,
    objective: str = "micro_f",
    method: Optional[str] = "auto",
    min_precision: float = 0.9,
    min_support: int = 5,
) -> Dict[str, Any]:
    """Tune calibration and thresholds on development documents: calibration between
    gold entities, thresholds between those that the pipeline predicts, if it does.

    nlp (Language): a pipeline with a relation extractor, not modified.
    devs (Sequence[Doc]): documents not used for training.
    objective (str), min_precision (float), min_support (int): see `choose_thresholds`.
    method (Optional[str]): see `fit_calibration`; None for no calibration.
    RETURNS (Dict[str, Any]): `calibration` and `thresholds`, the values of the pipe's
        properties; thresholds apply to calibrated scores.
    """
    extractor = find_extractor(nlp)
    examples = predict_calibrated(nlp, extractor, devs, {})
    pairs = collect_pairs(examples, extractor.labels, extractor.symmetric)
    lines = fit_calibration(pairs, method) if method else {}
    if list_entity_finders(nlp):  # thresholds for entities that may be wrong
        examples = predict_calibrated(nlp, extractor, devs, lines, end_to_end=True)
        pairs = collect_pairs(examples, extractor.labels, extractor.symmetric)
    else:
        pairs = pairs.calibrated(lines)
    thresholds = choose_thresholds(
        pairs.best_only() if extractor.single_label else pairs,
        objective=objective,
        default=extractor.threshold,
        min_precision=min_precision,
        min_support=min_support,
    )
    return {"calibration": lines, "thresholds": thresholds}


def predict_calibrated(
    nlp: Language,
    extractor: RelationExtractor,
    golds: Iterable[Doc],
    lines: Mapping[str, Line],
    *,
    end_to_end: bool = False,
) -> List[Example]:
    """RETURNS (List[Example]): predictions with this calibration instead of the
    extractor's, between gold entities, or end to end between those that the pipeline
    predicts, whose scores multiply calibrated ones."""
    predict = predict_end_to_end if end_to_end else predict_on_gold_entities
    own = extractor.calibration
    try:
        extractor.calibration = lines
        return predict(nlp, golds)
    finally:
        extractor.calibration = own

"""Two trained pipelines as one: entities from the first, relations from the second."""

import inspect
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Dict, Iterator, List

from spacy.language import Language
from spacy.util import load_model_from_config, registry

from ..pipe.loading import (
    list_entity_finders,
    list_entity_places,
    list_finders_to_skip,
)
from ..pipe.relation_pipes import get_pipe_spans_key, list_relation_pipes
from ..wording import join_names, name_place


def assemble(ner_pipeline: Language, extractor: Language) -> Language:
    """Join a pipeline for entities and a pipeline for relations.

    Both keep their encoders and weights; the tokenizer is the first one's.

    ner_pipeline (Language): the pipeline for entities. Its relation extractor and
        relation ruler, if any, are skipped.
    extractor (Language): the pipeline for relations. Its entity components are skipped.
    RETURNS (Language): the joined pipeline.
    RAISES (ValueError): if a component is missing, or the word vectors differ.
    """
    finders = list_entity_finders(ner_pipeline)
    skipped = [x for x in list_relation_pipes(ner_pipeline) if x not in finders]
    first = [name for name in ner_pipeline.pipe_names if name not in skipped]
    skipped = list_finders_to_skip(extractor)
    second = [name for name in extractor.pipe_names if name not in skipped]
    _check(ner_pipeline, extractor)
    renamed = {n: f"relation_{n}" if n in first else n for n in second}
    parts = {
        **{n: (ner_pipeline, n) for n in first},
        **{renamed[n]: (extractor, n) for n in second},
    }
    nlp = load_model_from_config(_join_configs(ner_pipeline, extractor, first, renamed))
    for source in (ner_pipeline, extractor):
        for string in source.vocab.strings:
            nlp.vocab.strings.add(string)
    has_tables = len(ner_pipeline.vocab.lookups) > 0
    _copy_lookups(ner_pipeline if has_tables else extractor, nlp)
    has_vectors = len(extractor.vocab.vectors) > 0
    nlp.vocab.vectors = (extractor if has_vectors else ner_pipeline).vocab.vectors
    _copy_state(ner_pipeline.tokenizer, nlp.tokenizer)
    for name, (source, old_name) in parts.items():
        _copy_state(source.get_pipe(old_name), nlp.get_pipe(name))
    return nlp


def _copy_lookups(source: Language, target: Language) -> None:
    # the features of spaCy's own components depend on its norms
    with TemporaryDirectory() as folder:
        source.vocab.to_disk(folder, exclude=["strings", "vectors"])
        target.vocab.from_disk(folder, exclude=["strings", "vectors"])


def _copy_state(source: Any, target: Any) -> None:
    # as nlp.to_disk does it; EntityRuler.from_bytes loses phrases
    if hasattr(source, "to_disk"):  # a component that is a function has no state
        with TemporaryDirectory() as folder:
            source.to_disk(Path(folder, "state"), exclude=["vocab"])
            target.from_disk(Path(folder, "state"), exclude=["vocab"])


def _check(ner_pipeline: Language, extractor: Language) -> None:
    if not list_entity_finders(ner_pipeline):
        raise ValueError(
            f"The first pipeline ({', '.join(ner_pipeline.pipe_names) or 'empty'}) "
            f"doesn't predict entities; expected a component such as entity_tagger or "
            f"entity_ruler."
        )
    if not list_relation_pipes(extractor):
        raise ValueError(
            f"The second pipeline ({', '.join(extractor.pipe_names) or 'empty'}) has "
            f"no relation extractor; train one with configs/rel_tok2vec.cfg."
        )
    places = list_entity_places(ner_pipeline)
    pipes = [extractor.get_pipe(name) for name in list_relation_pipes(extractor)]
    wanted = list(dict.fromkeys(map(get_pipe_spans_key, pipes)))
    if places and not set(places) & set(wanted):
        found, needed = (join_names([*map(name_place, x)]) for x in (places, wanted))
        raise ValueError(
            f"The first pipeline writes entities to {found}, but the second takes them "
            f"from {needed}, so that the joined one would find no relations. Use the "
            "same spans_key in both, or predict with --entities-from of "
            "scripts/predict.py, which copies them."
        )
    if len(ner_pipeline.vocab.vectors) and len(extractor.vocab.vectors):
        if ner_pipeline.vocab.vectors.to_bytes() != extractor.vocab.vectors.to_bytes():
            raise ValueError(
                "Both pipelines have static word vectors, and they differ, but a "
                "pipeline can only have one table. Train both with the same vectors, "
                "or one without."
            )


def _join_configs(
    ner_pipeline: Language,
    extractor: Language,
    first: List[str],
    renamed: Dict[str, str],
) -> Dict[str, Any]:
    config = (
        ner_pipeline.config.interpolate()
    )  # variables would refer to the other pipeline
    components = {}
    for source, names in ((ner_pipeline, {n: n for n in first}), (extractor, renamed)):
        parts = source.config.interpolate()["components"]
        own = {n: parts[n] for n in names}
        encoder = _find_encoder(source, list(names))
        for name, part in own.items():
            for listener in _iterate_listeners(part):
                # by name, since "*" would include the other pipeline's encoder
                listener["upstream"] = names.get(encoder, encoder)
            components[names[name]] = part
    config["components"] = components
    created = "after_pipeline_creation"
    config["nlp"][created] = config["nlp"][created] or extractor.config["nlp"][created]
    config["nlp"]["pipeline"] = list(components)
    config["nlp"]["disabled"] = []
    return config


def _find_encoder(nlp: Language, names: List[str]) -> str:
    """Get the component that the others listen to."""
    for name in names:
        if getattr(nlp.get_pipe(name), "listener_map", None) is not None:
            return name
    return "*"


def _iterate_listeners(part: Any) -> Iterator[Dict[str, Any]]:
    """YIELDS (Dict[str, Any]): the config blocks of listeners."""
    if isinstance(part, dict):
        name = part.get("@architectures")
        make = name and registry.get("architectures", name)
        if make and "upstream" in inspect.signature(make).parameters:
            yield part
        for value in part.values():
            yield from _iterate_listeners(value)

"""Describe the model of the service."""

from importlib.metadata import version
from typing import Any, Dict

from ...about import __version__
from ...pipe.loading import list_entity_labels
from .runner import Runner
from .settings import ServiceSettings

LIMITS = (
    "max_body",
    "max_texts",
    "max_chars",
    "max_tokens",
    "max_entities",
    "max_scores",
    "timeout",
)


def describe_model(runner: Runner, settings: ServiceSettings) -> Dict[str, Any]:
    """RETURNS (Dict[str, Any]): a `ModelInfo`."""
    nlp, pipes = runner.nlp, runner.pipes
    schema, found_types = pipes.schema, list_entity_labels(nlp)
    return {
        "name": f"{nlp.meta['lang']}_{nlp.meta['name']}-{nlp.meta['version']}",
        "lang": nlp.lang,
        "pipeline": list(nlp.pipe_names),
        "labels": list(pipes.labels),
        "knows_labels": pipes.knows_labels,
        "entity_types": sorted(found_types),
        "known_types": sorted({*found_types, *pipes.entity_types}),
        "finds_entities": bool(runner.finders),
        "symmetric": sorted(pipes.symmetric),
        "schema": None if schema is None else schema.to_dict(),
        "threshold": pipes.threshold,
        "thresholds": pipes.thresholds,
        "single_label": pipes.single_label,
        "versions": {
            "rel_component": __version__,
            **{name: version(name) for name in ("spacy", "thinc", "fastapi")},
        },
        "limits": {name: getattr(settings, name) for name in LIMITS},
    }

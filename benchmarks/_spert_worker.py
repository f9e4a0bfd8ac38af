"""Times one epoch and the test sentences, for `beside_spert.py`: SpERT's code or ours.

Only processor time of this process counts; reading data, loading and scoring do not.
"""

import json
import logging
import random
import sys
from pathlib import Path
from time import process_time as clock
from typing import Any, Dict

import torch

SEED = 0


def time_spert(job: Dict[str, Any]) -> Dict[str, float]:
    """SpERT's own trainer, as its example config sets it, for one epoch."""
    import transformers

    # this optimizer is no longer there; SpERT asks for it without bias correction
    def adam_w(params: Any, correct_bias: bool = True, **options: Any) -> Any:
        return torch.optim.AdamW(params, **options)

    transformers.AdamW = adam_w
    sys.path.insert(0, job["spert"])
    from args import train_argparser
    from spert import evaluator, input_reader, spert_trainer

    seconds = {}

    def timed(name: str, function: Any) -> Any:
        def run(*args: Any, **kwargs: Any) -> Any:
            start = clock()
            result = function(*args, **kwargs)
            seconds[name] = clock() - start
            return result

        return run

    trainer_class = spert_trainer.SpERTTrainer
    for name, method in (("train", "_train_epoch"), ("predict", "_eval")):
        setattr(trainer_class, method, timed(name, getattr(trainer_class, method)))
    evaluator.Evaluator.compute_scores = lambda self: ([0] * 6, [0] * 6, [0] * 6)
    options = train_argparser().parse_args(job["options"])
    trainer = trainer_class(options)
    logging.getLogger().setLevel(logging.ERROR)
    trainer.train(
        options.train_path,
        options.valid_path,
        options.types_path,
        input_reader.JsonInputReader,
    )
    return seconds


def time_ours(job: Dict[str, Any]) -> Dict[str, float]:
    """Our pipeline of a config: every training document once, as `spacy train` does."""
    from spacy.schemas import ConfigSchemaTraining
    from spacy.training.initialize import init_nlp
    from spacy.util import load_config, registry, resolve_dot_names

    from rel_component.corpus.readers import copy_tokens, read_docs

    nlp = init_nlp(load_config(job["config"], overrides=job["overrides"]))
    config = nlp.config.interpolate()
    settings = registry.resolve(config["training"], schema=ConfigSchemaTraining)
    (corpus,) = resolve_dot_names(config, [settings["train_corpus"]])
    examples = list(corpus(nlp))
    random.shuffle(examples)
    start = clock()
    n_steps = 0
    for batch in settings["batcher"](examples):
        nlp.update(batch, drop=settings["dropout"], sgd=settings["optimizer"])
        settings["optimizer"].step_schedules()
        n_steps += 1
    train = clock() - start
    docs = [copy_tokens(doc) for doc in read_docs(Path(job["test"]), nlp)]
    start = clock()
    list(nlp.pipe(docs))
    return {"train": train, "predict": clock() - start, "steps": n_steps}


if __name__ == "__main__":
    torch.set_num_threads(1)
    torch.manual_seed(SEED)
    random.seed(SEED)
    job = json.loads(Path(sys.argv[1]).read_text(encoding="utf8"))
    figures = time_spert(job) if "spert" in job else time_ours(job)
    Path(sys.argv[2]).write_text(json.dumps(figures), encoding="utf8")

"""Measures one relation pipeline; `speed.py` runs it once for each measurement.

The same code measures the tutorial's component and ours: it imports neither. With
"scripts" in the job the tutorial's modules are imported from that directory, under an
interpreter without our package; without, spaCy finds ours through its entry points.
"""

import gc
import importlib
import json
import sys
import tracemalloc
from pathlib import Path
from time import process_time as clock  # of this process, whatever others run
from typing import Any, Dict, List, Tuple

import numpy
import spacy
from spacy.language import Language
from spacy.tokens import Doc, DocBin
from spacy.training import Example
from spacy.training.batchers import minibatch_by_words
from spacy.util import fix_random_seed, load_config, load_model_from_config, minibatch
from thinc.api import Adam

BATCH_SIZE = 256
BATCH_WORDS = 1000
DROPOUT = 0.1
# the last layer's bias: few pairs are predicted, as by a trained model
RARE = -6.0


def init(job: Dict[str, Any]) -> Dict[str, Any]:
    """Initialize the pipeline of a configuration and save it."""
    fix_random_seed(0)
    config = load_config(job["config"], overrides=job["overrides"])
    settings = config.setdefault("initialize", {}).setdefault("components", {})
    settings["relation_extractor"] = {"labels": job["labels"]}
    nlp = load_model_from_config(config, auto_fill=True)
    golds = read(nlp, job["sample"])
    nlp.initialize(lambda: [Example(copy(gold), gold) for gold in golds])
    layers = nlp.get_pipe("relation_extractor").model.walk()
    (last,) = [x for x in layers if is_linear(x, nO=len(job["labels"]))]
    last.get_param("b")[:] = RARE
    nlp.to_disk(job["model"])
    return {}


def predict(job: Dict[str, Any]) -> Dict[str, Any]:
    """Time the encoder alone, and encoder and relations together.

    The first pass is measured for memory, and timed only if it is the only one: then
    the peak is that of resident memory, which does not count what the encoder left
    free. Otherwise it is that of all allocations, which takes time to trace.
    """
    nlp = spacy.load(job["model"])
    docs = [copy(doc) for doc in read(nlp, job["docs"])]
    for batch in minibatch(docs, BATCH_SIZE):
        nlp.get_pipe("tok2vec").predict(batch)  # warms up
    if job["repeat"]:
        tracemalloc.start()
    first, extra = predict_once(nlp, docs, watch_memory=True)
    tracemalloc.stop()
    if job["scores"]:
        save_scores(docs, Path(job["scores"]))
    times = [predict_once(nlp, docs)[0] for _ in range(job["repeat"])] or [first]
    return {"times": times, "extra_mb": extra / 1e6}


def predict_once(
    nlp: Language, docs: List[Doc], watch_memory: bool = False
) -> Tuple[Tuple[float, float], float]:
    """RETURNS: seconds of the encoder and of both, and bytes that relations took."""
    encoder, relations = nlp.get_pipe("tok2vec"), nlp.get_pipe("relation_extractor")
    encoding = total = extra = 0.0
    for doc in docs:
        doc.user_data.clear()
    gc.collect()
    for batch in minibatch(docs, BATCH_SIZE):
        start = clock()
        encoder.set_annotations(batch, encoder.predict(batch))
        encoded = clock()
        before = reset_peak() if watch_memory else 0
        resumed = clock()
        relations.set_annotations(batch, relations.predict(batch))
        end = clock()
        encoding += encoded - start
        total += encoded - start + end - resumed
        if watch_memory:
            extra = max(extra, get_peak() - before)
    return (encoding, total), extra


def update(job: Dict[str, Any]) -> Dict[str, Any]:
    """Time training steps of the encoder alone, and of both."""
    fix_random_seed(0)
    nlp = spacy.load(job["model"])
    golds = read(nlp, job["docs"])
    batches = list(minibatch_by_words(golds, BATCH_WORDS))
    passes = [update_once(nlp, batches) for _ in range(job["repeat"] + 1)]
    return {"times": passes[1:]}  # the first warms up


def update_once(nlp: Language, batches: List[List[Doc]]) -> Tuple[float, float]:
    """RETURNS: seconds of the encoder's steps with a gradient given, as spaCy makes
    them for any component, and of whole steps."""
    encoder, relations = nlp.get_pipe("tok2vec"), nlp.get_pipe("relation_extractor")
    (listener,) = encoder.listeners
    optimizers = Adam(0.001), Adam(0.001)
    encoding = total = 0.0
    gc.collect()
    for batch in batches:
        examples = [Example(copy(gold), gold) for gold in batch]
        docs = [example.predicted for example in examples]
        start = clock()
        encoder.update(examples, drop=DROPOUT)
        tokvecs, backprop = listener(docs, is_train=True)
        backprop([0.001 * vectors for vectors in tokvecs])
        encoder.finish_update(optimizers[0])
        middle = clock()
        encoder.update(examples, drop=DROPOUT)
        relations.update(examples, drop=DROPOUT)
        encoder.finish_update(optimizers[1])
        relations.finish_update(optimizers[1])
        encoding += middle - start
        total += clock() - middle
    return encoding, total


def copy(gold: Doc) -> Doc:
    words = [token.text for token in gold]
    doc = Doc(gold.vocab, words, [bool(token.whitespace_) for token in gold])
    doc.ents = gold.ents
    return doc


def read(nlp: Language, path: str) -> List[Doc]:
    return list(DocBin().from_disk(path).get_docs(nlp.vocab))


def save_scores(docs: List[Doc], path: Path) -> None:
    """Save what `doc._.rel` shows, the head's and tail's starts beside the scores."""
    starts = [start for doc in docs for key in doc._.rel for start in key]
    scores = [
        score
        for doc in docs
        for cells in doc._.rel.values()
        for score in cells.values()
    ]
    numpy.savez(path, starts=starts, scores=numpy.asarray(scores, dtype="float32"))


def is_linear(layer: Any, *, nO: int) -> bool:
    return layer.name == "linear" and layer.get_dim("nO") == nO


def reset_peak() -> int:
    """Let the peak of memory begin anew; RETURNS: bytes now."""
    gc.collect()
    if tracemalloc.is_tracing():
        tracemalloc.reset_peak()
        return tracemalloc.get_traced_memory()[0]
    Path("/proc/self/clear_refs").write_text("5")
    return get_resident("VmRSS")


def get_peak() -> int:
    """RETURNS: bytes at most since `reset_peak`."""
    if tracemalloc.is_tracing():
        return tracemalloc.get_traced_memory()[1]
    return get_resident("VmHWM")


def get_resident(name: str) -> int:
    """RETURNS: bytes of resident memory, now or at most (Linux)."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(x.split()[1]) * 1024 for x in lines if x.startswith(f"{name}:"))


if __name__ == "__main__":
    task = json.loads(sys.argv[1])
    if task["scripts"]:
        sys.path.insert(0, task["scripts"])
        importlib.import_module("scripts.custom_functions")
    result = {"init": init, "predict": predict, "update": update}[task["command"]](task)
    print(json.dumps(result))

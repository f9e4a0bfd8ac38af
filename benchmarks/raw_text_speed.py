"""Words per second from raw text to relations on one core: a joint pipeline, the same
one with Thinc's matrix products, spaCy's `tok2vec + ner`, and others, in turn.

    OMP_NUM_THREADS=1 python benchmarks/raw_text_speed.py training/joint/model-best \
        data/conll04/test.spacy en_core_web_md training/joint_minilm/model-best

Tokenizing counts. The entities found are compared, not scored: see accuracy.py.
"""

import statistics
import time
from pathlib import Path
from typing import Dict, List, Optional

import spacy
import srsly
import typer
from _figures import record
from spacy.cli.init_config import init_config
from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example
from wasabi import msg

from rel_component.corpus.readers import read_docs

N_UPDATES = 30
WITH_THINC = {"nlp.after_pipeline_creation": None}


def main(
    model: Path = typer.Argument(..., help="Joint pipeline, e.g. of joint_tok2vec.cfg"),
    data: Path = typer.Argument(..., help="Annotated documents, .spacy"),
    others: Optional[List[str]] = typer.Argument(None, help="Pipelines to compare"),
    repeat: int = typer.Option(5, help="Measurements of each, in turn"),
    copies: int = typer.Option(3, help="Copies of the documents"),
    output: Optional[Path] = typer.Option(None, help="Write the figures as JSON"),
) -> None:
    """Words per second of a joint pipeline and others."""
    pipelines = {
        "joint": spacy.load(model),
        "joint, Thinc's products": spacy.load(model, config=WITH_THINC),
        "spaCy's tok2vec + ner": train_ner(list(read_docs(data, spacy.blank("en")))),
    }
    for name in others or []:
        pipelines[Path(name).name] = keep_entities(spacy.load(name))
    texts = [gold.text for gold in read_docs(data, spacy.blank("en"))] * copies
    seconds: Dict[str, List[float]] = {name: [] for name in pipelines}
    for nlp in pipelines.values():
        measure(nlp, texts[: len(texts) // copies])  # warm up
    for _ in range(repeat):
        for name, nlp in pipelines.items():
            seconds[name].append(measure(nlp, texts))
    tokenizer = spacy.blank("en").tokenizer
    n_words = sum(len(doc) for doc in tokenizer.pipe(texts))
    rows = {}
    for name, values in seconds.items():
        ratios = [a / b for a, b in zip(values, seconds["joint"])]
        speed = n_words / statistics.median(values)
        rows[name] = {"words_per_second": speed, "time": statistics.median(ratios)}
        if name == "joint":
            record("raw text: joint", speed, "words/s of CPU")
        else:
            record(f"raw text: {name}", rows[name]["time"], "× time of joint")
    table = [
        (name, f"{row['words_per_second']:,.0f}", f"{row['time']:.2f}")
        for name, row in rows.items()
    ]
    header = ("pipeline", "words/s", "time relative to joint")
    msg.table(table, header=header, divider=True, aligns=("l", "r", "r"))
    if output is not None:
        srsly.write_json(output, rows)


def keep_entities(nlp: Language) -> Language:
    """RETURNS (Language): without components that entities and relations don't need."""
    needed = ("tok2vec", "transformer", "ner", "entity_tagger", "relation_extractor")
    for name in nlp.pipe_names:
        if name not in needed:
            nlp.disable_pipe(name)
    return nlp


def train_ner(golds: List[Doc]) -> Language:
    """RETURNS (Language): the pipeline of `spacy init config --pipeline ner`, trained
    for some steps, since the time depends on the entities predicted."""
    config = init_config(pipeline=["tok2vec", "ner"], optimize="efficiency")
    nlp = spacy.util.load_model_from_config(config, auto_fill=True)
    examples = [
        Example(nlp.make_doc(x.text), Doc(nlp.vocab).from_bytes(x.to_bytes()))
        for x in golds
    ]
    optimizer = nlp.initialize(lambda: examples)
    for _ in range(N_UPDATES):
        nlp.update(examples, sgd=optimizer)
    return nlp


def measure(nlp: Language, texts: List[str]) -> float:
    """RETURNS (float): seconds of this process, whatever others run."""
    start = time.process_time()
    for _ in nlp.pipe(texts):
        pass
    return time.process_time() - start


if __name__ == "__main__":
    typer.run(main)

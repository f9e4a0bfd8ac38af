"""Many short documents, by recombination: sentences of the sample corpus and of
CoNLL04, whose entities are swapped for others of their type.

    python benchmarks/make_corpus.py data/million.jsonl --n 1000000

The same seed gives the same file; it is written as it is made, and fills no memory.
"""

import json
import random
from collections import defaultdict
from pathlib import Path
from typing import Annotated, DefaultDict, Dict, List, Sequence, Tuple

import typer
from spacy.tokens import Doc
from wasabi import msg

from rel_component.formats import Options, Report, iter_docs
from rel_component.inference.batch.rows import BREAKS

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ("assets/job_ads.json", "assets/conll04/conll04_train.json")
SHORTEST = 20
MOST_SENTENCES = 3

# text before an entity and the entity's type, and so on; the last has no type
Template = List[Tuple[str, str]]


def main(
    output: Annotated[Path, typer.Argument(help="JSON lines")],
    n: Annotated[int, typer.Option("--n", help="documents")] = 1_000_000,
    seed: Annotated[int, typer.Option()] = 0,
    source: Annotated[List[Path], typer.Option(help="annotated corpora")] = [  # noqa: B006
        ROOT / name for name in SOURCES
    ],
) -> None:
    """Write a corpus of short documents."""
    docs = list(iter_docs(source, Options(), Report()))
    templates, names = read_templates(docs)
    output.parent.mkdir(parents=True, exist_ok=True)
    rng = random.Random(seed)
    n_words = 0
    with output.open("w", encoding="utf8") as file:
        for number in range(n):
            text = make_text(rng, templates, names)
            n_words += text.count(" ") + 1
            file.write(json.dumps({"id": f"{seed}-{number}", "text": text}) + "\n")
    msg.good(
        f"{n:,} documents of {n_words / n:.1f} words on average, of "
        f"{len(templates):,} sentences, written to {output}"
    )


def read_templates(
    docs: Sequence[Doc],
) -> Tuple[List[Template], Dict[str, List[str]]]:
    """Sentences with gaps for entities, and the entities of each type."""
    templates: List[Template] = []
    names: DefaultDict[str, Dict[str, None]] = defaultdict(dict)
    for doc in docs:
        for ent in doc.ents:
            names[ent.label_].setdefault(" ".join(ent.text.split()))
        start = 0
        for match in [*BREAKS.finditer(doc.text), None]:
            end = match.start() if match else len(doc.text)
            if end - start >= SHORTEST:
                templates.append(make_template(doc, start, end))
            start = match.end() if match else end
    return templates, {label: list(texts) for label, texts in names.items()}


def make_template(doc: Doc, start: int, end: int) -> Template:
    template, last = [], start
    for ent in doc.ents:
        if ent.start_char >= last and ent.end_char <= end:
            template.append((doc.text[last : ent.start_char], ent.label_))
            last = ent.end_char
    return [*template, (doc.text[last:end], "")]


def make_text(
    rng: random.Random, templates: List[Template], names: Dict[str, List[str]]
) -> str:
    chosen = rng.choices(templates, k=rng.randint(1, MOST_SENTENCES))
    sentences = [
        "".join(
            before + (rng.choice(names[label]) if label else "")
            for before, label in template
        )
        for template in chosen
    ]
    return " ".join(sentences)


if __name__ == "__main__":
    typer.run(main)

"""Regenerate tests/data/tutorial with the code of the spaCy tutorial itself.

    python benchmarks/tutorial_fixture.py --tutorial PATH/TO/tutorials/rel_component

The tutorial is copied to a temporary directory, where the one patch that it
needs is made (the arguments of "rel_classification_layer.v1" become
Optional[int]); its parse_data.py, its training configuration and its
components are then run there, in processes of their own, on annotations.jsonl.
Nothing of rel_component is imported, and the interpreter (--python) must have
no package whose entry points would stand in for the tutorial's registered
functions. The model is trained on the CPU with one thread and a fixed seed.
"""

import argparse
import importlib
import importlib.metadata
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
DEFAULT_OUT = ROOT / "tests" / "data" / "tutorial"
CONFIG = "configs/rel_tok2vec.cfg"
TRAINING_OVERRIDES = {
    "paths.train": "data/train.spacy",
    "paths.dev": "data/dev.spacy",
    "components.tok2vec.model.width": "32",
    "components.tok2vec.model.embed_size": "200",
    "components.tok2vec.model.depth": "2",
    "training.max_steps": "60",
    "training.eval_frequency": "10",
}
PATCHES = (
    (
        "from typing import List, Tuple, Callable\n",
        "from typing import List, Tuple, Callable, Optional\n",
    ),
    (
        "nO: int = None, nI: int = None",
        "nO: Optional[int] = None, nI: Optional[int] = None",
    ),
)
TUTORIAL_NAMES = {
    "relation_extractor",
    "rel_model.v1",
    "rel_classification_layer.v1",
    "rel_instance_generator.v1",
    "rel_instance_tensor.v1",
    "Gold_ents_Corpus.v1",
}

# name, tokens separated by blanks (a token that no blank follows ends in "~"),
# entities as [first token, token after the last, label]
FAR = " ".join(["Velorin", *["then"] * 99, "Quastin", "Marnol ."])
EXTRA: tuple[tuple[str, str, list[tuple[int, int, str]]], ...] = (
    ("two", "Velorin inhibits Quastin~ .~", [(0, 1, "GGP"), (2, 3, "GGP")]),
    (
        "unseen words",
        "Zibbern~ -~ 7 and Oldrake factor 2 jointly silence Yttermol~ .~",
        [(0, 3, "GGP"), (4, 7, "GGP"), (9, 10, "GGP")],
    ),
    (
        "adjacent",
        "Ulmic Hestor Sefflin beta Pallow",
        [(0, 1, "GGP"), (1, 2, "GGP"), (2, 4, "GGP"), (4, 5, "GGP")],
    ),
    (
        "other labels",
        "Ms Odile Farran founded Brumco and sold it to Tessel & Sons~ .~",
        [(1, 3, "PERSON"), (4, 5, "ORG"), (9, 12, "ORG")],
    ),
    (
        "max_length: starts 100 apart are a candidate, 101 are not",
        FAR,
        [(0, 1, "GGP"), (100, 101, "GGP"), (101, 102, "GGP")],
    ),
    ("one entity", "Only Grenvar was found~ .~", [(1, 2, "GGP")]),
    ("no entity", "Nothing was found~ .~", []),
)


def tutorial_copy(tutorial: Path, target: Path) -> None:
    """Copy the tutorial and make the patch that it needs."""
    shutil.copytree(tutorial, target)
    path = target / "scripts" / "rel_model.py"
    source = path.read_text(encoding="utf8")
    for old, new in PATCHES:
        if old in source:
            source = source.replace(old, new)
        elif new not in source:
            raise SystemExit(f"{path.name} is not the tutorial's as it was: no {old!r}")
    path.write_text(source, encoding="utf8")


def generate(tutorial: Path, annotations: Path, out: Path, python: str) -> None:
    """Make every fixture of `annotations` in the directory `out`."""
    env = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    env.update(
        OMP_NUM_THREADS="1", PYTHONDONTWRITEBYTECODE="1", CUDA_VISIBLE_DEVICES=""
    )
    with tempfile.TemporaryDirectory() as tmp:
        work = Path(tmp) / "rel_component"
        tutorial_copy(tutorial, work)
        (work / "data").mkdir(exist_ok=True)

        def run(*args: str) -> None:
            print("$ python", *args, flush=True)
            subprocess.run([python, *args], cwd=work, env=env, check=True)

        script = str(Path(__file__).resolve())
        run(script, "--check-interpreter")
        data = [f"data/{split}.spacy" for split in ("train", "dev", "test")]
        run("scripts/parse_data.py", str(annotations.resolve()), *data)
        overrides = [x for k, v in TRAINING_OVERRIDES.items() for x in (f"--{k}", v)]
        run("-m", "spacy", "train", CONFIG, "--output", "training",
            "-c", "./scripts/custom_functions.py", *overrides)  # fmt: skip
        run(script, "--record", "expected.json")

        out.mkdir(parents=True, exist_ok=True)
        if (out / "model").exists():
            shutil.rmtree(out / "model")
        shutil.copytree(work / "training" / "model-best", out / "model")
        for name in ("data/train.spacy", "data/dev.spacy", "expected.json"):
            shutil.copy(work / name, out)


def check_interpreter() -> None:
    """Entry points win over registered functions: there must be none."""
    groups = importlib.metadata.entry_points().groups
    for group in sorted(g for g in groups if g.startswith("spacy")):
        for point in importlib.metadata.entry_points(group=group):
            if point.name in TUTORIAL_NAMES:
                raise SystemExit(
                    f"{sys.executable}: the entry point {point.name} ({point.value}) "
                    "would replace the tutorial's; give an interpreter without it as "
                    "--python"
                )


def record(path: Path) -> None:
    """Write what the tutorial's components predict. Runs in the tutorial's copy."""
    import spacy
    from spacy.tokens import Doc, DocBin

    sys.path.insert(0, os.getcwd())
    importlib.import_module("scripts.custom_functions")
    score_relations = importlib.import_module("scripts.rel_pipe").score_relations
    nlp = spacy.load("training/model-best")

    def predict(doc: Doc) -> Doc:
        for _, component in nlp.pipeline:
            doc = component(doc)
        return doc

    def as_json(doc: Doc) -> dict[str, Any]:
        return {
            "words": [t.text for t in doc],
            "spaces": [bool(t.whitespace_) for t in doc],
            "ents": [[e.start, e.end, e.label_] for e in doc.ents],
            "rel": keyed(doc._.rel),
        }

    docs = []
    scores = {}
    for split in ("dev", "test"):
        examples = []
        bin_ = DocBin(store_user_data=True).from_disk(f"data/{split}.spacy")
        for i, gold in enumerate(bin_.get_docs(nlp.vocab)):
            doc = Doc(
                nlp.vocab,
                words=[t.text for t in gold],
                spaces=[bool(t.whitespace_) for t in gold],
            )
            doc.ents = gold.ents
            predict(doc)
            examples.append(spacy.training.Example(doc, gold))
            if split == "test":
                row = {"name": f"test {i}", **as_json(doc), "gold": keyed(gold._.rel)}
                docs.append(row)
        scores[split] = {
            str(threshold): score_relations(examples, threshold)
            for threshold in (0.2, 0.35, 0.5)
        }
    for name, marked, ents in EXTRA:
        tokens = marked.split(" ")
        doc = Doc(
            nlp.vocab,
            words=[t.removesuffix("~") for t in tokens],
            spaces=[not t.endswith("~") for t in tokens],
        )
        doc.ents = [spacy.tokens.Span(doc, *ent) for ent in ents]
        docs.append({"name": name, **as_json(predict(doc))})
    pipe: Any = nlp.get_pipe("relation_extractor")
    version = importlib.metadata.version
    head = {
        "versions": {name: version(name) for name in ("spacy", "thinc")},
        "labels": list(pipe.labels),
        "threshold": pipe.threshold,
        "scores": scores,
    }
    lines = [f"{json.dumps(k)}: {json.dumps(v)}" for k, v in head.items()]
    rows = ",\n".join(json.dumps(d, ensure_ascii=False) for d in docs)
    text = "{\n" + ",\n".join([*lines, f'"docs": [\n{rows}\n]']) + "\n}\n"
    path.write_text(text, encoding="utf8")


def keyed(
    rel: Mapping[tuple[int, int], Mapping[str, Any]],
) -> dict[str, dict[str, float]]:
    """Give the relations keys that JSON can hold, "head,child"."""
    items: Iterable[tuple[tuple[int, int], Mapping[str, Any]]] = sorted(rel.items())
    return {f"{h},{t}": {k: float(p) for k, p in v.items()} for (h, t), v in items}


def main() -> None:
    description = str(__doc__).splitlines()[0]
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--tutorial", type=Path, help="tutorials/rel_component")
    parser.add_argument("--annotations", type=Path)
    parser.add_argument("--out", type=Path, default=DEFAULT_OUT)
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--check-interpreter", action="store_true")
    parser.add_argument("--record", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.check_interpreter:
        check_interpreter()
    elif args.record:
        record(args.record)
    elif args.tutorial:
        annotations = args.annotations or DEFAULT_OUT / "annotations.jsonl"
        generate(args.tutorial, annotations, args.out, args.python)
    else:
        parser.error("--tutorial is missing")


if __name__ == "__main__":
    main()

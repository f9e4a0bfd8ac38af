"""Time of the pair model and its encoder over that of the encoder alone.

    python benchmarks/pair_speed.py --data data --only "1,000 entities"
    python benchmarks/pair_speed.py --model training/model-best --docs data/dev.spacy

The tasks are those of speed.py, and so is what is measured: processor time of one core,
batch by batch in the same pass. A pipeline with maximum distances (scripts/tune.py
--max-distances) is also measured without them, and relations are compared. With
--join, the documents are joined to one with at least that many entities.
"""

import statistics
import sys
import tempfile
from pathlib import Path
from typing import Annotated, Optional

import spacy
import typer
from _figures import record
from spacy.tokens import Doc, DocBin
from speed import Bench, make_tasks
from wasabi import msg

from rel_component.evaluation.predictions import predict_on_gold_entities, read_golds
from rel_component.pipe.loading import find_extractor
from rel_component.relations import get_relation_data, get_relation_keys


def measure(bench: Bench, name: str, model: Path, docs: Path, repeat: int) -> None:
    job = {"model": model, "docs": docs, "repeat": repeat, "scores": None}
    answer = bench.run("pair", "predict", **job)
    ratios = [total / alone for alone, total in answer["times"]]
    encoder = statistics.median(alone for alone, _ in answer["times"])
    spread = f"{min(ratios):.3f} to {max(ratios):.3f}"
    ratio = statistics.median(ratios)
    record(f"pair model: {name}", ratio, "× time of the encoder alone")
    record(f"pair model: {name}", answer["extra_mb"], "MB more")
    msg.text(
        f"{name}: {ratio:.3f} ({spread}), "
        f"encoder {1e3 * encoder:.0f} ms, {answer['extra_mb']:.0f} MB"
    )


def compare_limits(bench: Bench, model: Path, docs: Path, repeat: int) -> None:
    """Measure a pipeline with and without its maximum distances."""
    nlp = spacy.load(model)
    golds, extractor = read_golds(docs, nlp), find_extractor(nlp)
    distances, every = extractor.max_distances, model
    found = []
    for limits in [{}, distances] if distances else [{}]:
        extractor.max_distances = limits
        docs_found = [x.predicted for x in predict_on_gold_entities(nlp, golds)]
        rows = [data for data in map(get_relation_data, docs_found) if data]
        msg.text(f"{sum(len(data.pairs) for data in rows)} pairs")
        found.append([set(get_relation_keys(doc)) for doc in docs_found])
    if distances:
        differ = sum(len(a ^ b) for a, b in zip(*found))
        msg.text(f"{sum(map(len, found[0]))} relations, {differ} differ")
        extractor.max_distances = {}
        every = bench.work / "without"
        nlp.to_disk(every)
        measure(bench, "without maximum distances", every, docs, repeat)
    measure(bench, model.name, model, docs, repeat)


def join(model: Path, docs: Path, n_entities: int, output: Path) -> Path:
    """RETURNS (Path): a file with the first documents joined to one."""
    golds, n_docs, n = read_golds(docs, spacy.load(model)), 0, 0
    while n < n_entities and n_docs < len(golds):
        n += len(golds[n_docs].ents)
        n_docs += 1
    joined = Doc.from_docs(golds[:n_docs], exclude=["user_data"])
    msg.text(f"{n_docs} documents, {len(joined)} tokens, {n} entities")
    DocBin(docs=[joined]).to_disk(output)
    return output


def main(
    data: Annotated[
        Optional[Path], typer.Option(help="with jobs, conll04, nerel")
    ] = None,
    only: Annotated[str, typer.Option(help="tasks whose name has this")] = "",
    model: Annotated[Optional[Path], typer.Option(help="trained pipeline")] = None,
    docs: Annotated[Optional[Path], typer.Option(help="its .spacy file")] = None,
    join_entities: Annotated[
        Optional[int], typer.Option("--join", help="entities of one long document")
    ] = None,
    repeat: Annotated[int, typer.Option(help="passes")] = 5,
    core: Annotated[Optional[int], typer.Option(help="pin processes to it")] = None,
) -> None:
    with tempfile.TemporaryDirectory() as work:
        bench = Bench(Path(work), sys.executable, core)
        if model is not None and docs is not None:
            if join_entities:
                docs = join(model, docs, join_entities, bench.work / "joined.spacy")
            compare_limits(bench, model.resolve(), docs.resolve(), repeat)
        for task in make_tasks(data, 19) if data is not None else ():
            if only in task.name:
                bench.prepare(task, kinds=["pair"])
                paths = bench.path(task, "model-pair"), bench.path(task, "docs")
                measure(bench, task.name, *paths, repeat)


if __name__ == "__main__":
    typer.run(main)

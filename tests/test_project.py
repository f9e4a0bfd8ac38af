"""The project as a user runs it: convert, train, evaluate, package, load elsewhere."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from filelock import FileLock
from spacy.util import load_config
from weasel.util.config import load_project_config

from tests.paths import ROOT

PARTS = ("project.yml", "configs", "scripts", "assets/job_ads.json")
# to make a wheel of our own package too
SOURCES = ("pyproject.toml", "README.md", "LICENSE", "rel_component")
STEPS, JOINT_STEPS = 400, 100
DONE = "done"


def run(*args: str, cwd: Path) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, *args], cwd=cwd, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project in which `all` was run, with a short training; the same for
    all processes that run tests, which leave it as it is."""
    folder = tmp_path_factory.getbasetemp()
    folder = folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder
    path = folder / "project"
    with FileLock(folder / "project.lock"):
        if not (path / DONE).exists():
            make_project(path)
            (path / DONE).touch()
    return path


def make_project(path: Path) -> None:
    for part in PARTS + SOURCES:
        (path / part).parent.mkdir(parents=True, exist_ok=True)
        copy = shutil.copytree if (ROOT / part).is_dir() else shutil.copy
        copy(ROOT / part, path / part)
    for name, steps in (("rel_tok2vec", STEPS), ("joint_tok2vec", JOINT_STEPS)):
        config = path / f"configs/{name}.cfg"
        text, n = re.subn(
            r"max_steps = \d+", f"max_steps = {steps}", config.read_text()
        )
        assert n == 1
        config.write_text(text.replace("eval_frequency = 200", "eval_frequency = 100"))
    result = run("-m", "spacy", "project", "run", "all", cwd=path)
    assert result.returncode == 0, result.stdout + result.stderr


def test_all_trains_a_model_for_raw_text_too(project: Path) -> None:
    figures = json.loads((project / "training/joint/metrics.json").read_text())
    assert figures["end_to_end"]["entities"]["ents_micro_f"] > 0.2
    assert figures["training"][-1]["step"] == JOINT_STEPS
    assert (project / "training/joint/report.html").exists()


def test_all_trains_a_model_that_finds_relations(project: Path) -> None:
    figures = json.loads((project / "training/metrics.json").read_text())
    chance = max(
        row["all_gold"]["rel_micro_f"] or 0 for row in figures["random_baseline"]
    )
    assert figures["mode"] == "gold entities"
    assert figures["documents"] >= 20
    assert figures["all_gold"]["rel_micro_f"] > max(0.75, 2 * chance)
    assert figures["all_gold"]["rel_candidate_recall"] == 1.0
    # the training kept its log, and the report has its curve
    assert figures["training"][-1]["step"] == STEPS
    for name, part in (("html", 'id="training"'), ("md", "## Training")):
        text = (project / f"training/report.{name}").read_text(encoding="utf8")
        assert part in text


def test_model_loads_from_any_directory_without_imports(
    project: Path, tmp_path: Path
) -> None:
    code = (
        "import spacy; from spacy.tokens import Span\n"
        f"nlp = spacy.load({str(project / 'training/model-best')!r})\n"
        "doc = nlp.make_doc('Wanted: 5 years of welding .')\n"
        "doc.ents = [Span(doc, 2, 4, 'EXPERIENCE'), Span(doc, 5, 6, 'SKILLS')]\n"
        "doc = nlp(doc)\n"
        "print([(r.head.text, r.label, r.tail.text) for r in doc._.relations])"
    )
    result = run("-c", code, cwd=tmp_path)
    assert "('5 years', 'EXPERIENCE_IN', 'welding')" in result.stdout, result.stderr


def test_package_names_our_distribution(project: Path, tmp_path: Path) -> None:
    project = shutil.copytree(project, tmp_path / "copy")
    result = run("-m", "spacy", "project", "run", "package", cwd=project)
    assert result.returncode == 0, result.stdout + result.stderr
    (wheel,) = project.glob("packages/*/dist/*.whl")
    target = tmp_path / "site"
    install = ("-m", "pip", "install", "--no-deps", "--target", str(target), str(wheel))
    assert run(*install, cwd=tmp_path).returncode == 0
    (metadata,) = target.glob("*.dist-info/METADATA")
    assert list(project.glob("packages/rel_component-*.whl"))
    assert "Requires-Dist: rel-component" in metadata.read_text().replace("_", "-")
    (card,) = target.glob("en_rel_job_ads/en_rel_job_ads-*/README.md")
    figures = json.loads((project / "training/metrics.json").read_text())["all_gold"]
    assert f"{100 * figures['rel_micro_f']:.1f}" in card.read_text(encoding="utf8")
    code = (
        f"import sys; sys.path.insert(0, {str(target)!r})\n"
        "import spacy; print(spacy.load('en_rel_job_ads').pipe_names)"
    )
    result = run("-c", code, cwd=tmp_path)
    assert "relation_extractor" in result.stdout, result.stderr


def test_second_run_has_nothing_to_do(project: Path) -> None:
    result = run("-m", "spacy", "project", "run", "train_cpu", cwd=project)
    assert result.returncode == 0
    assert "nothing changed" in result.stdout.lower()


def test_clean_removes_what_was_made(project: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(project, copy)
    result = run("-m", "spacy", "project", "run", "clean", cwd=copy)
    assert result.returncode == 0, result.stderr
    assert not list(copy.glob("data/*.spacy")) + list(copy.glob("training/*"))
    assert (copy / "assets/job_ads.json").is_file()


def test_details_show_each_gold_relation(project: Path) -> None:
    args = ("training/model-best", "data/test.spacy", "--details")
    result = run("scripts/evaluate.py", *args, cwd=project)
    assert result.returncode == 0, result.stderr
    assert "—EXPERIENCE_IN→" in result.stdout
    assert "found" in result.stdout


def test_an_edited_config_trains_again(project: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(project, copy)
    config = copy / "configs/rel_tok2vec.cfg"
    text = config.read_text().replace(f"max_steps = {STEPS}", "max_steps = 2")
    config.write_text(text.replace("eval_frequency = 100", "eval_frequency = 2"))
    result = run("-m", "spacy", "project", "run", "train_cpu", cwd=copy)
    assert result.returncode == 0, result.stderr
    assert "nothing changed" not in result.stdout.lower()


OTHER = {"vars.data": "data/other", "vars.model": "training/other/model-best"}


@pytest.mark.parametrize("overrides", [{}, OTHER, {"vars.training": "training/other"}])
def test_each_path_is_one(overrides: dict) -> None:
    """Variables side by side are read as one path, with a comma."""
    for command in load_project_config(ROOT, overrides=overrides)["commands"]:
        paths = [*command.get("deps", ()), *command.get("outputs", ())]
        assert [path for path in paths if "," in path or " " in path] == []


def test_another_corpus_has_its_own_folders() -> None:
    project = load_project_config(ROOT, overrides=OTHER)
    commands = {command["name"]: command for command in project["commands"]}
    evaluate = commands["evaluate"]
    folders = {Path(os.path.normpath(x)).parent.as_posix() for x in evaluate["outputs"]}
    assert folders == {"training/other"}
    (line,) = evaluate["script"]
    given = [os.path.normpath(x) for x in line.split() if "/" in x]
    of_the_other = ("data/other/", "training/other/", "scripts/")
    assert [path for path in given if not path.startswith(of_the_other)] == []
    text = (ROOT / "project.yml").read_text(encoding="utf8").split("\ncommands:")[1]
    lines = [line for line in text.splitlines() if line.startswith("      - ")]
    # no command names a folder that a variable has
    assert len(lines) > 50
    assert [x for x in lines if re.search(r"\btraining/|\bdata/\w+\.spacy", x)] == []


TRAINING = [
    command
    for command in load_project_config(ROOT)["commands"]
    if any(" spacy train " in line for line in command["script"])
]


@pytest.mark.parametrize("command", TRAINING, ids=lambda command: command["name"])
def test_a_training_command_sets_what_its_config_has(command: dict) -> None:
    """Also those for a GPU, which no other test runs."""
    (line,) = (line for line in command["script"] if " spacy train " in line)
    _, path, *options = shlex.split(line)[3:]
    config = load_config(ROOT / path)
    given = dict(zip(options[::2], options[1::2]))
    assert given.pop("--output")
    is_gpu = command["name"].endswith("gpu")
    assert given.pop("--gpu-id", None) == ("0" if is_gpu else None)
    for name in given:
        *sections, key = name.removeprefix("--").split(".")
        section = config
        for part in sections:
            section = section[part]
        assert key in section
    if is_gpu:
        assert config["training"]["gpu_allocator"] == "${system.gpu_allocator}"
        assert config["system"]["gpu_allocator"] == "pytorch"

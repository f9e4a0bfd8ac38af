"""README and docs say what the project has."""

import importlib.util
import json
import re
from types import ModuleType

import pytest

from tests.paths import DOCS, ROOT

README = (ROOT / "README.md").read_text(encoding="utf8")
PAGES = {"README.md": README}
PAGES |= {path.name: path.read_text(encoding="utf8") for path in DOCS.glob("*.md")}


def import_script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, DOCS / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_of_commands_is_made_of_project_yml(tmp_path):
    made = tmp_path / "project.md"
    import_script("document_project").document(made)
    assert made.read_text(encoding="utf8") == PAGES["project.md"]


def test_every_path_that_is_named_exists():
    named = {
        (page, path)
        for page, text in PAGES.items()
        for path in re.findall(
            r"\b((?:configs|scripts|rel_component|benchmarks)/[\w./]+\.\w+)", text
        )
    }
    assert len(named) > 30
    assert [x for x in sorted(named) if not (ROOT / x[1]).exists()] == []


def test_every_config_and_page_is_listed():
    for path in (ROOT / "configs").glob("*.cfg"):
        assert f"`{path.name}`" in PAGES["training.md"]
    index = PAGES["index.md"].split()
    for name in PAGES.keys() - {"README.md", "index.md"}:
        assert name.removesuffix(".md") in index


def test_links_between_pages_lead_somewhere():
    for page, text in PAGES.items():
        folder = ROOT if page == "README.md" else DOCS
        for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text):
            assert (folder / link).exists(), (page, link)


def test_every_module_of_the_api_reference_exists():
    text = "".join(path.read_text("utf8") for path in (DOCS / "api").glob("*.md"))
    modules = re.findall(r"automodule:: (\S+)", text)
    assert len(modules) > 30
    assert [x for x in modules if importlib.util.find_spec(x) is None] == []


def test_the_readme_is_short():
    assert len(README.encode("utf8")) <= 8000


def test_the_two_commands_are_marked_for_ci():
    for mark in ("main", "test"):
        block = README.split(f"<!-- {mark} command -->")[1].split("```")[1]
        assert block.startswith("bash\npip install") and len(block.splitlines()) == 2


def test_the_picture_is_drawn_by_todays_code():
    drawn = import_script("draw_example").draw()
    assert (DOCS / "example.svg").read_text(encoding="utf8") == drawn


def test_outputs_are_compared_with_a_tolerance():
    run_blocks = import_script("run_blocks")
    shown = "head      tail   score\n-------   ----   -----\n5 years   Go     0.97\n"
    for printed, is_same in (
        (shown, True),
        (f"\x1b[1m\x1b[38;5;2m{shown}\x1b[0m\n", True),
        (shown.replace("0.97", "0.91").replace("---   -", "-----   -"), True),
        (shown.replace("0.97", "0.7"), False),
        (shown.replace("5 years", "6 years"), False),
        (shown.replace("Go", "Java"), False),
    ):
        assert (run_blocks.compare(shown, printed) is None) is is_same
    blocks = run_blocks.list_blocks("a\n\n<!-- skip: b -->\n```bash\nls\n```\n")
    assert [tuple(block) for block in blocks] == [(4, "bash", "ls\n", "skip: b")]


def test_every_block_is_run_or_says_why_not():
    run_blocks = import_script("run_blocks")
    known = ("bash", "python", "ini", "cfg", "json", *run_blocks.SHOWN)
    for page, text in PAGES.items():
        for block in run_blocks.list_blocks(text):
            assert block.language in known, (page, block.line)
            if block.mark:
                assert re.match(
                    r"skip: \w|output$|background: http|(main|test) command", block.mark
                ), (page, block.line)


def test_the_table_of_checkpoints_is_what_is_counted():
    pytest.importorskip("transformers")
    module = import_script("count_parameters")
    rows = [module.format_row(*row) for row in module.describe()]
    assert len(rows) == len(module.CONFIGS)
    for name, row in zip(module.CONFIGS, rows):
        assert row in PAGES["checkpoints.md"]
        # and it has a licence and a config
        assert PAGES["checkpoints.md"].count(f"\n| `{name}` |") == 2


def test_notebooks_have_links_that_lead_somewhere_and_no_outputs():
    notebooks = list(DOCS.glob("*.ipynb"))
    assert notebooks
    for path in notebooks:
        assert path.stem in PAGES["index.md"].split()
        for cell in json.loads(path.read_text(encoding="utf8"))["cells"]:
            assert not cell.get("outputs")
            for link in re.findall(r"\]\(([^)#:]+)\)", "".join(cell["source"])):
                assert (DOCS / link).exists(), (path.name, link)

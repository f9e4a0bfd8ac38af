"""The README says what the project has."""

import re

import srsly

from tests.paths import ROOT

README = (ROOT / "README.md").read_text(encoding="utf8")


def test_every_command_and_workflow_is_in_the_table():
    project = srsly.read_yaml(ROOT / "project.yml")
    for command in project["commands"]:
        assert f"| `{command['name']}` | {command['help']} |" in README
    for workflow in project["workflows"]:
        assert f"| `{workflow}` |" in README


def test_every_path_that_is_named_exists():
    paths = re.findall(
        r"`((?:configs|scripts|rel_component|benchmarks)/[\w./]*)`", README
    )
    assert len(paths) > 8
    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_the_two_commands_are_marked_for_ci():
    for mark in ("main", "test"):
        block = README.split(f"<!-- {mark} command -->")[1].split("```")[1]
        assert block.startswith("bash\npip install") and len(block.splitlines()) == 2

"""What is said beside the code, about versions and Pythons, is the same everywhere."""

import json
import re
import sys

from rel_component import __version__

from .paths import ROOT

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf8"))["project"]


def find(pattern, name):
    return re.findall(pattern, (ROOT / name).read_text("utf8"), re.M)


def test_the_pythons_are_those_of_the_workflow():
    named = re.findall(r"Python :: (3\.\d+)", " ".join(PROJECT["classifiers"]))
    (matrix,) = find(r"^        python: (\[.*\])$", ".github/workflows/ci.yml")
    assert named == json.loads(matrix)
    assert PROJECT["requires-python"] == f">={named[0]}"


def test_the_citation_is_that_of_the_last_release():
    version, date = find(r"^## \[(\d\S+)\] - (\S+)$", "CHANGELOG.md")[0]
    assert find(r"^version: (.*)$", "CITATION.cff") == [version]
    assert find(r"^date-released: (.*)$", "CITATION.cff") == [date]
    assert __version__ == version


def test_the_entry_of_spacy_universe_is_about_this_project():
    entry = json.loads((ROOT / "docs" / "universe.json").read_text("utf8"))
    readme = (ROOT / "README.md").read_text("utf8")
    assert "\n".join(entry["code_example"]) in readme
    assert entry["pip"] == PROJECT["name"]
    assert PROJECT["urls"]["Repository"] == f"https://github.com/{entry['github']}"

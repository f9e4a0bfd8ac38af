from pathlib import Path

import pytest
import spacy

from rel_component.pipe.loading import load_pipeline

INIT = """
from spacy.util import load_model_from_init_py

def load(**overrides):
    return load_model_from_init_py(__file__, **overrides)
"""


def test_installed_packages_are_found_by_name(tmp_path, monkeypatch):
    nlp = spacy.blank("en", meta={"name": "probe_package", "version": "0.0.0"})
    nlp.add_pipe("sentencizer")
    package = tmp_path / "en_probe_package"
    package.mkdir()
    nlp.to_disk(package / "en_probe_package-0.0.0")
    (package / "__init__.py").write_text(INIT)
    meta = (package / "en_probe_package-0.0.0" / "meta.json").read_text()
    (package / "meta.json").write_text(meta)
    info = tmp_path / "en_probe_package-0.0.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Name: en_probe_package\nVersion: 0.0.0\n")
    with pytest.raises(ValueError, match="Pipeline en_probe_package doesn't exist"):
        load_pipeline(Path("en_probe_package"))
    monkeypatch.syspath_prepend(tmp_path)
    assert load_pipeline(Path("en_probe_package")).pipe_names == ["sentencizer"]

"""Files that are there whole or not at all."""

import os
import stat
from pathlib import Path

import pytest
import spacy

from rel_component import files
from rel_component.corpus.docbin import CorpusFile
from rel_component.files import replace_file, write_json, write_text
from rel_component.inference.batch.folder import OutputFolder


@pytest.fixture(params=[0o022, 0o027, 0o002])
def umask(request):
    old = os.umask(request.param)
    yield request.param
    os.umask(old)


def test_permissions_are_those_of_any_new_file(umask, tmp_path):
    write_json(tmp_path / "a.json", {})
    corpus = CorpusFile()
    corpus.add(spacy.blank("en")("text"))
    corpus.write(tmp_path / "a.spacy")
    folder = OutputFolder(tmp_path / "out")
    with folder.lock():
        letter = {"id": "1", "kind": "failed"}
        folder.commit(0, [], [letter], {"chunk": 0}, ["parquet", "jsonl"])
        folder.join_letters()
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(written) == 8
    modes = {stat.S_IMODE(path.stat().st_mode) for path in written}
    assert modes == {0o666 & ~umask}


def test_what_fails_leaves_the_file_as_it_was(tmp_path):
    path = tmp_path / "new" / ("a" * 250)
    with replace_file(path) as file:
        file.write(b"old")
    with pytest.raises(KeyboardInterrupt), replace_file(path) as file:
        file.write(b"new")
        raise KeyboardInterrupt
    assert path.read_bytes() == b"old"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("is_durable", [True, False])
def test_a_file_is_on_the_disk_before_it_has_its_name(
    is_durable, tmp_path, monkeypatch
):
    class Os:
        def __getattr__(self, name):
            return getattr(os, name)

        def fsync(self, handle):
            kind = "folder" if stat.S_ISDIR(os.fstat(handle).st_mode) else "file"
            size = 0 if kind == "folder" else os.fstat(handle).st_size
            said.append((kind, size))

        def replace(self, old, new):
            said.append("name")
            os.replace(old, new)

    said = []
    monkeypatch.setattr(files, "os", Os())
    with replace_file(tmp_path / "a", is_durable=is_durable) as file:
        file.write(b"four")
    expected = [("file", 4), "name", ("folder", 0)]
    assert said == (expected if is_durable else ["name"])


def test_devices_and_links_are_written_to_and_not_replaced(tmp_path):
    target, link = tmp_path / "target", tmp_path / "link"
    link.symlink_to(target)
    write_text(link, "a\n")
    assert link.is_symlink() and target.read_bytes() == b"a\n"
    write_text(Path("/dev/null"), "nothing")
    assert not Path("/dev/null").is_file()


@pytest.mark.parametrize("path", ["/dev/full", "no-folder/a"])
def test_an_error_names_the_file(path, tmp_path):
    (tmp_path / "no-folder").write_text("a file", "utf8")
    with pytest.raises(OSError) as error:
        write_text(tmp_path / path, "a" * 10)
    # the file, or the one that is in the way of its folder
    assert str(tmp_path / path).startswith(error.value.filename)
    said = files.explain(error.value)
    assert said.startswith(f"{error.value.filename}: can't be written: ")

"""Broken files: never a traceback, nothing lost in silence."""

import copy
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from .mutate import how_many
from .tools.test_prodigy import TASK
from .tools.test_ubiai import DOCUMENT
from .util import read

VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**20), 10**20),
    st.integers(-2, 50),
    st.floats(),
    st.text(max_size=4),
    st.sampled_from([[], {}, [[]], [{}], {"start": 1}, "\ud83d", "accept"]),
)


def change(data, value):
    """Replace, remove or repeat one part, wherever it is."""
    while isinstance(value, (dict, list)) and value:
        keys = list(value) if isinstance(value, dict) else list(range(len(value)))
        key = data.draw(st.sampled_from(keys))
        if not isinstance(value[key], (dict, list)) or data.draw(st.booleans()):
            break
        value = value[key]
    else:
        return
    action = data.draw(st.sampled_from(["set", "delete", "repeat"]))
    if action == "set":
        # a copy: what is drawn may be changed in turn
        value[key] = copy.deepcopy(data.draw(VALUES))
    elif action == "delete":
        del value[key]
    elif isinstance(value, list):
        value.append(copy.deepcopy(value[key]))


@pytest.mark.parametrize("format_", ["ubiai", "prodigy"])
@settings(deadline=None, max_examples=how_many(150))
@given(data=st.data())
def test_mutated_values(tmp_path_factory, format_, data):
    values = [copy.deepcopy(DOCUMENT if format_ == "ubiai" else TASK) for _ in "ab"]
    for _ in range(data.draw(st.integers(1, 4))):
        change(data, values)
    path = tmp_path_factory.getbasetemp() / f"{format_}.json"
    if format_ == "ubiai":
        path.write_text(json.dumps(values))
    else:
        path.write_text("\n".join(map(json.dumps, values)))
    options = {"repair_offsets": data.draw(st.booleans())}
    if data.draw(st.booleans()):
        options["bare_token_label"] = "TOKEN"
    read(path, **options)


@pytest.mark.parametrize("format_", ["ubiai", "prodigy"])
@settings(deadline=None, max_examples=how_many(150))
@given(data=st.data())
def test_mutated_bytes(tmp_path_factory, format_, data):
    value = [DOCUMENT, DOCUMENT] if format_ == "ubiai" else TASK
    raw = bytearray(json.dumps(value).encode() + b"\n")
    raw = raw if format_ == "ubiai" else raw * 2
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(raw)))
        end = start + data.draw(st.sampled_from([0, 1, 5, 500]))
        raw[start:end] = data.draw(st.binary(max_size=3))
    path = tmp_path_factory.getbasetemp() / f"{format_}.bin"
    path.write_bytes(bytes(raw))
    read(path)

"""What is wrong with a checkpoint is said in one sentence, to users of spaCy too."""

import builtins
import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
import srsly

from tests.paths import ROOT

pytest.importorskip("spacy_transformers")

from spacy.cli._util import app
from spacy.util import load_config, load_model_from_config
from typer.testing import CliRunner

from rel_component.model.transformer.checkpoint import (
    CheckpointError,
    OutOfMemoryError,
    describe_memory,
    explain_memory,
    is_memory_error,
    load_checkpoint,
)

from .test_architecture import make_nlp

DATA = ROOT / "tests/data/tutorial"


def fail(name, match, **settings):
    with pytest.raises(CheckpointError, match=match) as caught:
        load_checkpoint(str(name), {}, {}, **settings)
    error = caught.value
    assert "\n" not in str(error)
    # no page of causes before the sentence
    assert error.__suppress_context__ or error.__context__ is None
    return str(error)


def test_a_checkpoint_is_loaded(checkpoint):
    found = load_checkpoint(str(checkpoint), {"use_fast": True}, {})
    assert found.transformer.config.hidden_size == 12


def test_invalid_folders(tmp_path, checkpoint):
    fail(
        tmp_path / "missing", "The folder .*missing doesn't exist; expected the output"
    )
    fail("./missing", "The folder ./missing doesn't exist")
    fail(tmp_path, "has no config.json .found: nothing.; expected the output")
    (tmp_path / "model.bin").write_text("x")
    fail(tmp_path, "found: model.bin")
    fail(tmp_path / "model.bin", "is a file; expected the output")


@pytest.mark.parametrize(
    "config,match",
    [
        ({"model_type": "t5", "is_encoder_decoder": True}, "an encoder-decoder"),
        ({"model_type": "nothing"}, "is unknown to the installed"),
        ({}, "is unknown to the installed"),
        ({"model_type": "luke"}, "For LUKE, use configs/rel_luke.cfg"),
        ({"model_type": "clip"}, "without hidden_size in its config.json; expected"),
        ({"model_type": "bert"}, "has no weights .found: config.json.; expected the"),
    ],
)
def test_unsupported_architectures(tmp_path, config, match):
    srsly.write_json(tmp_path / "config.json", config)
    fail(tmp_path, match)


def test_a_folder_without_tokenizer(tmp_path, checkpoint):
    for name in ("config.json", "model.safetensors"):
        (tmp_path / name).write_bytes((checkpoint / name).read_bytes())
    fail(tmp_path, "has no tokenizer .found: config.json, model.safetensors.")


def test_luke_is_expected(checkpoint):
    fail(checkpoint, "type 'bert'; expected 'luke', such as", model_type="luke")


def test_damaged_weights(tmp_path, checkpoint):
    for file in checkpoint.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / "model.safetensors").write_bytes(b"x" * 100)
    fail(tmp_path, "can't be used as a transformer .*Download it again")


def test_no_fast_tokenizer(tmp_path, checkpoint, monkeypatch):
    from transformers import BertTokenizer

    for file in checkpoint.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    monkeypatch.setattr(
        "transformers.AutoTokenizer.from_pretrained",
        lambda *args, **kwargs: BertTokenizer(str(checkpoint / "vocab.txt")),
    )
    fail(tmp_path, "has a BertTokenizer, which is not a fast tokenizer")
    found = load_checkpoint(str(tmp_path), {"use_fast": False}, {})
    assert not found.tokenizer.is_fast


def test_no_padding_token(tmp_path, checkpoint):
    for file in checkpoint.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    settings = srsly.read_json(tmp_path / "tokenizer_config.json")
    srsly.write_json(
        tmp_path / "tokenizer_config.json", {**settings, "pad_token": None}
    )
    special = tmp_path / "special_tokens_map.json"
    special.write_text(json.dumps({"unk_token": "[UNK]"}))
    fail(tmp_path, "without a padding token")


def test_name_not_in_cache(tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    fail("nobody/nothing", "nobody/nothing is not in the cache .*HF_HUB_OFFLINE")
    fail("two words", "Model 'two words' not found on the Hugging Face hub")


class Hub(BaseHTTPRequestHandler):
    """Answers as the hub does for repositories that there are not."""

    def do_HEAD(self):
        self.send_response(404)
        self.send_header("X-Error-Code", "RepoNotFound")
        self.end_headers()

    do_GET = do_HEAD

    def log_message(self, *args):
        pass


@pytest.fixture
def hub(monkeypatch, tmp_path):
    """Address of a hub that has nothing, for a process that may download."""
    from huggingface_hub import constants
    from huggingface_hub.utils import reset_sessions

    server = HTTPServer(("127.0.0.1", 0), Hub)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    url = f"http://127.0.0.1:{server.server_port}"
    template = constants.HUGGINGFACE_CO_URL_TEMPLATE.replace(constants.ENDPOINT, url)
    monkeypatch.setattr(constants, "ENDPOINT", url)
    target = "huggingface_hub.file_download.HUGGINGFACE_CO_URL_TEMPLATE"
    monkeypatch.setattr(target, template)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr("transformers.utils.hub._is_offline_mode", False)
    # between attempts to reach it
    monkeypatch.setattr("huggingface_hub.utils._http.time.sleep", lambda seconds: None)
    reset_sessions()

    def stop():
        server.shutdown()
        server.server_close()
        thread.join()

    yield stop
    stop()
    reset_sessions()


def test_name_unknown_to_hub(hub):
    fail("nobody/nothing", "Model 'nobody/nothing' not found on the Hugging Face hub")


def test_unreachable_hub(hub):
    hub()
    fail("nobody/nothing", "not in the cache .*the Hugging Face hub can't be reached")


@pytest.mark.parametrize("module", ["torch", "transformers", "spacy_transformers"])
def test_missing_library(module, monkeypatch):
    original = builtins.__import__

    def do_import(name, *args, **kwargs):
        if name == module:
            raise ImportError(f"No module named '{name}'")
        return original(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", do_import)
    said = fail("roberta-base", "can't be imported")
    assert module.replace("_", "-") in said
    assert "pip install -e '.[trf]'" in said


@pytest.mark.parametrize(
    "config",
    [x for x in (ROOT / "configs").glob("*.cfg") if "transformer" in x.read_text()],
    ids=lambda path: path.stem,
)
def test_configs_report_missing_packages(config, monkeypatch):
    """Before spaCy misses the factory."""
    monkeypatch.setitem(sys.modules, "spacy_transformers", None)
    loaded = load_config(config)
    with pytest.raises(
        CheckpointError, match="Transformers require spacy-transformers"
    ):
        load_model_from_config(loaded, auto_fill=True)


MEMORY = [
    (MemoryError(), "in this machine"),
    (
        RuntimeError(
            "[enforce fail at alloc_cpu.cpp:119] . DefaultCPUAllocator: can't allocate "
            "memory: you tried to allocate 999 bytes. Error code 12"
        ),
        "in this machine",
    ),
    (
        RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has"),
        "on the GPU",
    ),
]


@pytest.mark.parametrize("error,where", MEMORY)
def test_insufficient_memory(error, where):
    with pytest.raises(OutOfMemoryError, match=f"Not enough memory {where} for x"):
        with explain_memory("x"):
            raise error
    assert "docs/checkpoints.md" in describe_memory("x", error)
    assert issubclass(OutOfMemoryError, MemoryError)


def test_memory_errors_of_torch_are_recognized():
    import torch

    with pytest.raises(RuntimeError) as caught:
        torch.empty(2**60)
    assert is_memory_error(caught.value)
    assert is_memory_error(torch.OutOfMemoryError("x"))
    assert not is_memory_error(RuntimeError("shapes do not match"))
    with pytest.raises(RuntimeError, match="shapes"):
        with explain_memory("x"):
            raise RuntimeError("shapes do not match")


@pytest.mark.parametrize("at", ["loading", "forward", "backward"])
def test_insufficient_memory_for_a_transformer(checkpoint, monkeypatch, at):
    import torch

    def raise_error(*args, **kwargs):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")

    if at == "loading":
        target = "transformers.AutoModel.from_pretrained"
        monkeypatch.setattr(target, raise_error)
        with pytest.raises(OutOfMemoryError, match="on the GPU for"):
            make_nlp(checkpoint)
        return
    nlp = make_nlp(checkpoint)
    model = nlp.get_pipe("transformer").model
    docs = [nlp.make_doc("ann works")]
    output, backprop = model.begin_update(docs)
    if at == "backward":
        monkeypatch.setattr("torch.autograd.backward", raise_error)
        with pytest.raises(OutOfMemoryError, match="on the GPU for"):
            backprop(output)
        return
    target = "transformers.models.bert.modeling_bert.BertEncoder.forward"
    monkeypatch.setattr(target, raise_error)
    with pytest.raises(OutOfMemoryError, match="on the GPU for"):
        model.predict(docs)


@pytest.mark.parametrize("config", ["rel_trf.cfg", "rel_luke.cfg", "rel_markers.cfg"])
def test_spacy_train_only_prints_the_message(tmp_path, config):
    name = "components.transformer.model.name"
    if config != "rel_trf.cfg":
        name = "components.relation_extractor.model.name"
    arguments = [
        "train",
        str(ROOT / "configs" / config),
        "--paths.train",
        str(DATA / "train.spacy"),
        "--paths.dev",
        str(DATA / "dev.spacy"),
        f"--{name}",
        str(tmp_path / "missing"),
    ]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 1
    shown = " ".join(result.stderr.replace("│", " ").split())
    assert "Traceback" not in result.output
    assert "Usage" not in result.output
    assert "doesn't exist" in shown
    assert "for names and sizes)." in shown[-100:]
